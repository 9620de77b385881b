"""weir key: credentials of the vault set, rotated, validated, removed and listed, with a gateway and without one."""
import json
import subprocess
import threading

import pytest

from weirlib import BINARY, Weir, chat, environment, http, poll, provider

SECRET = "sk-Zq7-of-the-Vault-0042"
NEXT = "sk-Zq7-the-Next-One-0043"


def key(weir, *arguments, stdin="", **env):
    if getattr(weir, "process", None) and weir.process.poll() is None and weir.port:
        env = {"WEIR_URL": f"http://127.0.0.1:{weir.port}", "WEIR_ADMIN_KEY": weir.admin_key, **env}
    return subprocess.run([BINARY, "key", *arguments, "-c", str(weir.path)], input=stdin, capture_output=True,
                          text=True, timeout=30, cwd=weir.folder, env=environment(**env))


def done(weir, *arguments, stdin="", **env):
    run = key(weir, *arguments, stdin=stdin, **env)
    assert run.returncode == 0, run
    assert not stdin or stdin.strip() not in run.stdout + run.stderr
    return run.stdout


def listed(weir, **env):
    return {c["name"]: c for c in json.loads(done(weir, "list", **env))["credentials"]}


def ask(weir, method, path="", body=None):
    return http(weir.port, method, "/admin/v1/credentials" + path, body, {"Authorization": f"Bearer {weir.admin_key}"})


def sent(mock):
    return mock.last()["headers"]["authorization"].removeprefix("Bearer ")


def held(folder, secret):
    part = secret.encode()[4:-4]
    return [str(p) for p in folder.rglob("*") if p.is_file() and not p.is_symlink() and part in p.read_bytes()]


@pytest.fixture
def named(start_mock, tmp_path):
    """(weir, mock): provider `one` has vault:one, set before the first start."""
    mock = start_mock()
    config = {"workers": 4, "providers": {"one": {**provider(mock), "api_key": "vault:one"}}}
    weir = Weir.__new__(Weir)
    weir.folder, weir.path = tmp_path, tmp_path / "weir.yaml"
    weir.path.write_text(json.dumps({"listen": "127.0.0.1:0", "state_dir": str(tmp_path / "state"), **config}))
    refused = subprocess.run([BINARY, "serve", "-c", str(weir.path)], capture_output=True, text=True, timeout=30,
                             cwd=tmp_path, env=environment())
    assert refused.returncode == 2 and "the vault has no entry `one`: weir key set one" in refused.stderr
    assert done(weir, "set", "one", stdin=SECRET + "\n") == "one is in the vault\n"
    weir = Weir(tmp_path, config)
    yield weir, mock
    if weir.process.poll() is None:
        weir.stop()


def test_a_key_set_before_the_first_start_serves_and_stands_nowhere_in_clear(named):
    weir, mock = named
    chat(weir.port)
    assert sent(mock) == SECRET
    assert held(weir.folder, SECRET) == [] and SECRET not in "\n".join(weir.err)
    assert (weir.state_dir / "master.key").stat().st_mode & 0o777 == 0o600
    one = listed(weir)["one"]
    assert one["state"] == "good" and one["last_four"] == "0042" and one["provider"] == "one" and one["age_days"] == 0
    assert one["origin"].startswith("http://127.0.0.1:") and one["runtime"] is False


def test_a_key_set_anew_is_sent_at_once_by_every_loop(named):
    weir, mock = named
    chat(weir.port)
    done(weir, "set", "one", stdin=NEXT)
    for _ in range(16):  # each on a connection of its own, and so on any of the four loops
        chat(weir.port)
        assert sent(mock) == NEXT
    event = poll(lambda: weir.log("credential_changed"))
    assert "one" in str(event) and NEXT not in "\n".join(weir.err)


def test_both_keys_are_valid_for_the_time_of_grace_and_then_the_old_one_is_gone(named):
    weir, mock = named
    chat(weir.port)
    done(weir, "rotate", "one", "--grace-seconds", "3600", stdin=NEXT)
    chat(weir.port)
    assert sent(mock) == NEXT  # the new one, as long as it is not refused
    one = listed(weir)["one"]
    assert one["last_four"] == "0043" and one["previous_last_four"] == "0042" and one["previous_until"]
    mock.fault("status=401", 1)
    assert chat(weir.port).status == 200  # refused: the one before stands by
    assert sent(mock) == SECRET
    reply = ask(weir, "POST", "/one/rotate", {"secret": NEXT + "-more", "grace_seconds": 1})
    assert reply.status == 200 and reply.json["previous_last_four"] == "0043"
    poll(lambda: "previous_until" not in listed(weir)["one"])
    assert {k: v for k, v in listed(weir)["one"].items() if k.startswith("previous")} == {}
    chat(weir.port)
    assert sent(mock) == NEXT + "-more"


def test_uses_are_counted_first_and_last_and_are_there_after_a_restart(named):
    weir, mock = named
    before = listed(weir)["one"]["uses"]  # of probes
    for _ in range(5):
        chat(weir.port)
    one = listed(weir)["one"]
    assert one["uses"] >= before + 5 and one["first_used"] <= one["last_used"]
    weir.stop()
    again = Weir(weir.folder, weir.path.read_text())
    after = listed(again)["one"]
    assert after["uses"] >= one["uses"] and after["first_used"] == one["first_used"]
    again.stop()


def test_a_key_is_validated_by_asking_the_provider_with_it(named):
    weir, mock = named
    assert "one is valid (status 200)" in done(weir, "validate", "one")
    assert sent(mock) == SECRET
    mock.fault("status=401", 1)
    run = key(weir, "validate", "one")
    assert run.returncode == 1 and "is refused by the provider (status 401)" in run.stdout
    run = key(weir, "validate", "two")
    assert run.returncode == 1 and "vault:NAME" in run.stderr


def test_secrets_that_wait_are_listed_and_are_not_sent(named):
    weir, mock = named
    assert done(weir, "next", "one", stdin=NEXT) == "one has one more secret that waits for its turn\n"
    assert ask(weir, "POST", "/one/next", {"secret": NEXT + "-2"}).status == 200
    found = listed(weir)
    assert [n for n in found if found[n]["waits"]] == ["one/.next.1", "one/.next.2"]
    chat(weir.port)
    assert sent(mock) == SECRET and held(weir.folder, NEXT) == []
    done(weir, "rotate", "one", stdin=SECRET + "-by-hand")  # the provider's name still means its one entry
    done(weir, "remove", "one/.next.1")


def test_what_is_in_use_is_not_removed_and_what_is_not_is(named):
    weir, _ = named
    run = key(weir, "remove", "one")
    assert run.returncode == 1 and "is in use" in run.stderr
    done(weir, "set", "one/spare", stdin=NEXT)
    assert set(listed(weir)) == {"one", "one/spare"}
    assert done(weir, "remove", "one/spare") == "one/spare is removed\n"
    assert set(listed(weir)) == {"one"}
    assert key(weir, "remove", "one/spare").returncode == 1


@pytest.mark.parametrize("running", [True, False])
def test_the_master_key_is_changed_with_a_gateway_and_without(named, running):
    weir, mock = named
    before = (weir.state_dir / "master.key").read_bytes()
    if not running:
        weir.stop()
    assert "(file)" in done(weir, "rekey")
    assert (weir.state_dir / "master.key").read_bytes() != before
    assert "(passphrase)" in done(weir, "rekey", "--passphrase", stdin="correct horse battery")
    assert not (weir.state_dir / "master.key").exists() and held(weir.folder, "correct horse battery") == []
    if running:
        chat(weir.port)
        done(weir, "set", "one", stdin=NEXT)  # what runs has the new one already
        chat(weir.port)
        assert sent(mock) == NEXT
        weir.stop()
    env = environment(WEIR_MASTER_PASSPHRASE="correct horse battery")
    again = Weir(weir.folder, weir.path.read_text(), env=env)
    chat(again.port)
    assert sent(mock) == (NEXT if running else SECRET)
    again.stop()


def test_without_a_gateway_the_folder_is_changed_and_listed(named):
    weir, mock = named
    weir.stop()
    done(weir, "rotate", "one", "--grace-seconds", "0", stdin=NEXT)
    assert listed(weir)["one"]["last_four"] == "0043"
    assert key(weir, "validate", "one").returncode == 1
    again = Weir(weir.folder, weir.path.read_text())
    chat(again.port)
    assert sent(mock) == NEXT
    again.stop()


def test_a_provider_that_moves_does_not_take_the_key_along(named, start_mock):
    weir, mock = named
    other = start_mock()
    weir.path.write_text(weir.path.read_text().replace(mock.base_url, other.base_url))
    reply = http(weir.port, "POST", "/admin/v1/reload", None, {"Authorization": f"Bearer {weir.admin_key}"})
    assert reply.status != 200 and "opens for nothing else" in reply.text
    chat(weir.port)
    assert sent(mock) == SECRET and not [r for r in other.requests() if "Vault" in str(r)]
    run = key(weir, "set", "one", stdin=NEXT)  # for where the file leads now
    assert run.returncode == 0 and "from the next reload on" in run.stderr
    reply = http(weir.port, "POST", "/admin/v1/reload", None, {"Authorization": f"Bearer {weir.admin_key}"})
    assert reply.status == 200, reply.text
    chat(weir.port)
    assert sent(other) == NEXT


def test_whose_the_folder_is_is_found_out(start_mock, tmp_path):
    """No URL is given: the gateway that has the folder is asked, at the address of the configuration."""
    mock = start_mock()
    socket = f"unix:{tmp_path}/s"
    weir = Weir(tmp_path, {"listen": ["127.0.0.1:0", socket], "providers": {"one": provider(mock)}})
    weir.path.write_text(weir.path.read_text().replace('"127.0.0.1:0",', ""))
    port, weir.port = weir.port, 0
    done(weir, "set", "one", stdin=SECRET)
    assert poll(lambda: weir.log("credential_changed"))  # it was the gateway that did it
    assert listed(weir)["one"]["uses"] == 0  # and not by a key that it sends
    run = key(weir, "set", "one", stdin=NEXT)
    assert "it is sent where the configuration says vault:one" in run.stderr
    assert http(port, "GET", "/admin/v1/credentials").status == 401
    weir.stop()
    assert "uses" not in listed(weir)["one"] and listed(weir)["one"]["last_four"] == "0043"


@pytest.mark.parametrize("path, method, body, status, words", [
    ("/one", "PUT", {}, 400, "secret"),
    ("/one", "PUT", {"secret": "two words"}, 400, "blank"),
    ("/one", "PUT", {"secret": "s", "days": 3}, 400, "unknown member `days`"),
    ("/one", "PUT", {"secret": "s", "rotate_after_days": -1}, 400, "rotate_after_days"),
    ("/nobody", "PUT", {"secret": "s"}, 404, "There is no provider `nobody`"),
    ("/one/two/three", "PUT", {"secret": "s"}, 404, "is no name"),
    ("/none", "DELETE", None, 404, "no entry `none`"),
    ("/one/rotate", "POST", {"secret": SECRET}, 400, "has already"),
    ("/none/rotate", "POST", {"secret": "s"}, 404, "no entry"),
    ("/one/turn", "POST", {"secret": "s"}, 404, "NAME/rotate"),
    ("/rekey", "POST", {"passphrase": "short"}, 400, "at least 8"),
    ("/rekey", "POST", {"master_key": "xy"}, 400, "64 hexadecimal"),
])
def test_what_is_asked_wrongly_is_told_and_changes_nothing(named, path, method, body, status, words):
    weir, mock = named
    before = (weir.state_dir / "vault").read_bytes()
    reply = ask(weir, method, path, body)
    assert reply.status == status and words in reply.text, reply
    assert (weir.state_dir / "vault").read_bytes() == before
    chat(weir.port)
    assert sent(mock) == SECRET


def test_every_body_is_taken_or_refused_at_its_bounds(named):
    weir, mock = named
    days = "`rotate_after_days` is a whole number from 0 to 3650."
    grace = "`grace_seconds` is a whole number from 0 to 7776000."
    holds = 'The body must hold the secret: {"secret": "..."}.'
    path = "POST /admin/v1/credentials/ takes NAME/rotate, NAME/next, NAME/validate and rekey."
    rows = [  # what is refused; status 400 but for paths
        ("PUT", "/one", None, "The body must be a JSON object."),
        ("PUT", "/one", [], "The body must be a JSON object."),
        ("PUT", "/one", {"secret": ""}, holds),
        ("PUT", "/one", {"secret": 1}, holds),
        ("PUT", "/one", {"secret": NEXT, "rotate_after_days": 3651}, days),
        ("PUT", "/one", {"secret": NEXT, "rotate_after_days": 1.5}, days),
        ("PUT", "/one", {"secret": NEXT, "rotate_after_days": None}, days),
        ("PUT", "/one", {"secret": NEXT, "grace_seconds": 1}, "unknown member `grace_seconds`"),
        ("PUT", "/one", {"grace_seconds": 1, "secret": NEXT}, "unknown member `grace_seconds`"),
        ("PUT", "/one", {"secret": NEXT, "x" * 70: 1}, "unknown member `%s`" % ("x" * 64)),
        ("POST", "/one/rotate", {"secret": NEXT, "grace_seconds": -1}, grace),
        ("POST", "/one/rotate", {"secret": NEXT, "grace_seconds": 7776001}, grace),
        ("POST", "/one/rotate", {"secret": NEXT, "grace_seconds": "1"}, grace),
        ("POST", "/one/rotate", {"secret": NEXT, "rotate_after_days": 1}, "unknown member `rotate_after_days`"),
        ("POST", "/one/rotate", {"secret": NEXT, "master_key": 1}, "unknown member `master_key`"),
        ("POST", "/one/next", {"secret": NEXT, "grace_seconds": 1}, "unknown member `grace_seconds`"),
        ("POST", "/one/next", {}, holds),
        ("POST", "/rekey", [], "The body must be a JSON object."),
        ("POST", "/rekey", {"secret": NEXT}, "unknown member `secret`"),
        ("POST", "/rekey", {"passphrase": "long enough", "master_key": "5f" * 32},
         "Give `passphrase` or `master_key`, not both."),
        ("POST", "/one", {"secret": NEXT}, path),
        ("POST", "/one/", {"secret": NEXT}, path),
        ("POST", "/rotate", {"secret": NEXT}, path),
        ("POST", "/next", {"secret": NEXT}, path),
        ("POST", "/validate", None, path),
        ("POST", "/one/rekey", {"passphrase": "long enough"}, path),
    ]
    before = (weir.state_dir / "vault").read_bytes()
    for method, where, body, words in rows:
        reply = ask(weir, method, where, body)
        assert reply.status == (404 if words == path else 400) and reply.error["message"] == words, (where, body, reply)
        assert (weir.state_dir / "vault").read_bytes() == before, (where, body)
    for method, where, body in [  # and what is taken, at the same bounds
            ("PUT", "/one", {"secret": SECRET + "0", "rotate_after_days": 3650}),
            ("PUT", "/one", {"rotate_after_days": 0, "secret": SECRET + "1"}),
            ("POST", "/one/next", {"secret": SECRET + "2"}),
            ("POST", "/one/rotate", {"secret": SECRET + "3", "grace_seconds": 7776000}),
            ("POST", "/one/rotate", {"secret": SECRET + "4", "grace_seconds": 0}),
            ("POST", "/one/rotate", {"secret": SECRET + "5"}),
            ("POST", "/rekey", {"passphrase": "", "master_key": "5f" * 32})]:
        assert ask(weir, method, where, body).status == 200, (where, body)
    chat(weir.port)
    assert sent(mock) == SECRET + "5"


def test_no_secret_is_taken_from_an_argument(named):
    weir, _ = named
    run = key(weir, "set", "one", "sk-in-the-arguments")
    assert run.returncode == 2 and run.stderr.startswith("usage: ")
    assert "the secret" in key(weir, "set", "one").stderr  # nothing came on standard input


def test_keys_change_under_load_and_no_request_is_hurt(named):
    weir, mock = named
    over, bad = threading.Event(), []

    def load():
        while not over.is_set():
            reply = chat(weir.port)
            if reply.status != 200:
                bad.append(reply)

    threads = [threading.Thread(target=load) for _ in range(3)]
    for thread in threads:
        thread.start()
    for i in range(12):
        assert ask(weir, "POST", "/one/rotate", {"secret": f"{SECRET}-{i}", "grace_seconds": i % 2}).status == 200
    over.set()
    for thread in threads:
        thread.join()
    assert bad == []
    chat(weir.port)
    assert sent(mock) == f"{SECRET}-11"

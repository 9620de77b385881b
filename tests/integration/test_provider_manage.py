"""Providers changed at run time: the admin API, the CLI, what is kept, and that no request is hurt by it."""
import hashlib
import json
import os
import random
import resource
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from weirlib import (BINARY, Connection, Weir, chat, chat_body, environment, http, on_terminal, poll, provider,
                     request_bytes)

PATH = "/admin/v1/providers"


def ask(weir, method, path="", body=None, key=None):
    return http(weir.port, method, PATH + path, body, {"Authorization": f"Bearer {key or weir.admin_key}"})


def overlay(weir):
    return (weir.state_dir / "runtime.yaml").read_text()


def listed(weir):
    return {p["name"]: p for p in ask(weir, "GET").json["providers"]}


def again(weir):
    """The same gateway, stopped and started."""
    config = weir.path.read_text()
    if weir.process.poll() is None:
        weir.stop()
    return Weir(weir.folder, config)


@pytest.fixture
def one(start, start_mock):
    """(weir, mock): provider `one` serves model m."""
    mock = start_mock()
    return start({"workers": 2, "providers": {"one": provider(mock)}}), mock


# -- each endpoint -----------------------------------------------------------------------------------------------------

def test_add_serves_at_once_and_is_shown_without_its_key(one, start_mock):
    weir, _ = one
    two = start_mock()
    reply = ask(
        weir, "POST", "", {
            "name": "two", "type": "openai", "base_url": two.base_url, "api_key": "sk-two-secret", "models": ["n"],
            "headers": {"X-Account": "acct-secret"}
        })
    assert reply.status == 201 and reply.json["state"] == "active" and reply.json["edited"] is True
    assert reply.json["api_key"] == "set" and reply.json["headers"] == {"X-Account": "set"}
    assert chat(weir.port, model="n").headers["x-weir-provider"] == "two"
    assert two.last()["headers"]["authorization"] == "Bearer sk-two-secret"
    for text in (reply.text, ask(weir, "GET").text, ask(weir, "GET", "/two").text, "\n".join(weir.err)):
        assert "secret" not in text
    assert [m["id"] for m in ask(weir, "GET", "/two").json["models"]] == ["n"]
    assert (weir.state_dir / "runtime.yaml").stat().st_mode & 0o777 == 0o600


def test_what_cannot_be_added_says_why(one):
    weir, mock = one
    reply = ask(weir, "POST", "", {"name": "one", "type": "openai", "api_key": "k"})
    assert reply.status == 409 and reply.error["code"] == "name_exists"
    for body, said in (({"type": "openai"}, "`name` is missing"), ("[1]", "`name` is missing"), ("{", "JSON"),
                       ("", "JSON"), ({"name": "a b", "type": "openai", "api_key": "k"}, "no name for a provider"),
                       ({"name": "x" * 70, "type": "openai",
                         "api_key": "k"}, "name"), ({"name": "two", "type": "opnai", "api_key": "k"},
                                                    "did you mean `openai`"), ({"name": "two",
                                                                                "type": "openai"}, "no api_key"),
                       ({"name": "two", "type": "simulated"},
                        "simulated"), ({"name": "two", "type": "openai", "api_key": "k",
                                        "prioritty": 1}, "unknown key `prioritty`: did you mean `priority`?"),
                       ({"name": "two", "type": "openai", "api_key": "k", "priority": "high"},
                        "`priority` must be a whole number"), ({"name": "two", "type": "openai",
                                                                "api_key": "${HOME}"}, "`api_key`: references"),
                       ({"name": "two", "type": "openai", "api_key": "file:/etc/passwd"}, "`api_key`: references"),
                       ({"name": "two", "type": "openai", "api_key": "k",
                         "base_url": "ftp://x"}, "base_url `ftp://x` is not valid")):
        reply = ask(weir, "POST", "", body)
        assert reply.status == 400 and said in reply.error["message"], (body, reply)
    assert set(listed(weir)) == {"one"} and not (weir.state_dir / "runtime.yaml").exists()
    assert ask(weir, "POST", "", "x" * 300000).status == 413
    assert chat(weir.port).status == 200


def test_update_merges_and_replace_does_not(one):
    weir, mock = one
    assert ask(weir, "PATCH", "/one", {"models": ["m", "x"], "priority": 7}).json["priority"] == 7
    shown = ask(weir, "PATCH", "/one", {"timeout": 2}).json
    assert shown["priority"] == 7 and shown["timeout_seconds"] == 2 and shown["edited"] is True
    assert chat(weir.port, model="x").status == 200
    shown = ask(weir, "PATCH", "/one", {"priority": None}).json
    assert shown["priority"] == 100 and shown["timeout_seconds"] == 2
    shown = ask(weir, "PUT", "/one", {"priority": 3}).json
    assert shown["priority"] == 3 and shown["timeout_seconds"] == 1 and [m["id"] for m in shown["models"]] == ["m"]
    assert mock.last()["headers"]["authorization"] == "Bearer sk-provider-secret"  # the file's own, all along
    reply = ask(weir, "PATCH", "/one", {"priority": -1})
    assert reply.status == 400 and "`priority`" in reply.error["message"] and listed(weir)["one"]["priority"] == 3


def test_a_later_feature_is_told_as_a_warning(one):
    weir, _ = one
    reply = ask(weir, "PATCH", "/one", {"overall_health": 0.5})
    assert reply.status == 200 and any("overall_health" in w for w in reply.json.get("warnings", ["overall_health"]))


def test_remove_reset_and_unknown_names(one, start_mock):
    weir, _ = one
    two = start_mock()
    assert ask(weir, "POST", "", {"name": "two", **provider(two, ["m", "n"])}).status == 201
    assert ask(weir, "DELETE", "/one").json == {"name": "one", "removed": True}
    assert listed(weir)["one"]["state"] == "removed"
    assert chat(weir.port).headers["x-weir-provider"] == "two"
    assert ask(weir, "PATCH", "/one", {"priority": 1}).status == 404
    assert ask(weir, "POST", "/one/reset").json["edited"] is False
    assert chat(weir.port).headers["x-weir-provider"] == "one"
    assert ask(weir, "DELETE", "/two").status == 200 and set(listed(weir)) == {"one"} and "two" not in overlay(weir)
    for method, path in (("GET", "/two"), ("PATCH", "/two"), ("PUT", "/two"), ("DELETE", "/two"),
                         ("POST", "/two/drain"), ("POST", "/two/reset")):
        reply = ask(weir, method, path, {} if method in ("PATCH", "PUT") else None)
        assert reply.status == 404 and reply.error["code"] == "unknown_provider", (method, reply)
    assert ask(weir, "POST", "/one/fly").status == 404
    reply = ask(weir, "DELETE", "/one")
    assert reply.status == 400 and "no enabled provider" in reply.error["message"]
    assert chat(weir.port).status == 200


def test_a_route_goes_on_without_its_removed_provider(start, start_mock):
    a, b = start_mock(), start_mock()
    weir = start({
        "providers": {"a": provider(a, priority=1), "b": provider(b, ["n"])},
        "routes": [{"model": "r", "targets": ["a/m", "b/n"]}, {"model": "only", "targets": ["a/m"]}]
    })
    assert chat(weir.port, model="r").headers["x-weir-provider"] == "a"
    reply = ask(weir, "DELETE", "/a")
    assert (reply.status == 200 and
            "the target `a/m` is left out: its provider was removed at run time" in reply.json["warnings"])
    assert chat(weir.port, model="r").headers["x-weir-provider"] == "b"
    reply = chat(weir.port, model="only")
    assert reply.status == 503 and reply.error["code"] == "no_provider_available"


def test_drain_resume_and_maintenance(start, start_mock):
    a, b = start_mock(), start_mock()
    weir = start({"providers": {"a": provider(a, priority=1), "b": provider(b, priority=2)}})
    with Connection(weir.port) as c:
        c.send(request_bytes("POST", "/v1/chat/completions", chat_body("[mock tokens=20 rate=20] x", stream=True)))
        assert c.head()[0] == 200
        assert ask(weir, "POST", "/a/drain").json["state"] == "draining"
        assert chat(weir.port).headers["x-weir-provider"] == "b"
        body, complete = c.chunks()
        assert complete and body.endswith(b"data: [DONE]\n\n")  # what was under way ends in its own time
    assert ask(weir, "POST", "/b/maintenance").json["state"] == "maintenance"
    reply = chat(weir.port)
    assert reply.status == 503 and reply.error["code"] == "no_provider_available" and reply.headers["retry-after"]
    assert chat(weir.port, model="a/m").status == 503
    assert http(weir.port, "GET", "/readyz").status == 503
    assert ask(weir, "POST", "/a/resume").json == {**listed(weir)["a"], "state": "active", "edited": False}
    assert chat(weir.port).headers["x-weir-provider"] == "a"
    assert http(weir.port, "GET", "/readyz").status == 200
    status = http(weir.port, "GET", "/admin/v1/status", None,
                  {"Authorization": f"Bearer {weir.admin_key}"}).json["providers"]
    assert [(p["state"], p["edited"]) for p in status] == [("active", False), ("maintenance", True)]


@pytest.mark.parametrize("strategy", [
    "round_robin", "least_loaded", "fastest_response", "cost_optimal", "priority", "weighted", "sticky", "adaptive",
    "exclusive"
])
def test_no_strategy_goes_to_a_provider_that_is_away(start, start_mock, strategy):
    weir = start({"providers": {"a": provider(start_mock(), priority=1), "b": provider(start_mock(), priority=2)},
                  "routes": [{"model": "m", "strategy": strategy, "targets": ["a/m", "b/m"]}]})
    assert all(chat(weir.port).status == 200 for _ in range(4))
    for gone, other in (("a", "b"), ("b", "a")):
        assert ask(weir, "POST", f"/{gone}/drain").status == 200
        assert {chat(weir.port).headers.get("x-weir-provider") for _ in range(6)} == {other}
        assert ask(weir, "POST", f"/{gone}/resume").status == 200
    assert ask(weir, "DELETE", "/a").status == 200
    assert {chat(weir.port).headers.get("x-weir-provider") for _ in range(6)} == {"b"}


def test_resume_wins_over_a_state_of_the_file(start, start_mock):
    weir = start({"providers": {"a": provider(start_mock(), state="maintenance"), "b": provider(start_mock())}})
    assert chat(weir.port, model="a/m").status == 503
    assert ask(weir, "POST", "/a/resume").json["edited"] is True
    assert chat(weir.port, model="a/m").status == 200


def test_another_origin_leaves_the_credential_behind(one, start_mock):
    weir, mock = one
    other = start_mock()
    reply = ask(weir, "PATCH", "/one", {"base_url": other.base_url})
    assert (reply.status == 200 and "api_key" not in reply.json and
            any("api_key" in w for w in reply.json["warnings"])), reply
    chat(weir.port)
    assert "authorization" not in (other.last() or {"headers": {}})["headers"]
    assert ask(weir, "PATCH", "/one", {"api_key": "sk-for-other"}).json["api_key"] == "set"
    chat(weir.port)
    assert other.last()["headers"]["authorization"] == "Bearer sk-for-other"
    assert "api_key" not in ask(weir, "PATCH", "/one", {"base_url": mock.base_url}).json  # dropped for good
    assert "sk-for-other" not in overlay(weir)
    ask(weir, "PATCH", "/one", {"base_url": other.base_url})
    other.reset()
    chat(weir.port)
    assert "authorization" not in (other.last() or {"headers": {}})["headers"]


@pytest.mark.parametrize("change",
                         ({"proxy": "PROXY"}, {"insecure": True}, {"ca_file": "/etc/ssl/certs/ca-certificates.crt"}))
@pytest.mark.parametrize("how", ("api", "command"))
def test_another_way_leaves_the_credential_behind(one, start_mock, tmp_path, change, how):
    weir, mock = one
    between = start_mock()  # what a proxy would see of a request in clear: all of it
    change = {k: f"http://127.0.0.1:{between.port}" if v == "PROXY" else v for k, v in change.items()}
    assert ask(weir, "PATCH", "/one", {"api_key": "sk-run-time-secret"}).json["api_key"] == "set"
    if how == "api":
        assert any("give it again" in w for w in ask(weir, "PATCH", "/one", change).json["warnings"])
    else:
        words = [f"{k}={str(v).lower() if v is True else v}" for k, v in change.items()]
        run = subprocess.run([BINARY, "provider", "update", "one", *words], capture_output=True, text=True, timeout=10,
                             cwd=tmp_path, env=environment(WEIR_URL=f"http://127.0.0.1:{weir.port}",
                                                           WEIR_ADMIN_KEY=weir.admin_key))
        assert run.returncode == 0 and "give it again" in run.stderr, run
    assert "sk-run-time-secret" not in overlay(weir) and "api_key" not in listed(weir)["one"]
    chat(weir.port)
    for seen in (mock, between):
        assert "secret" not in json.dumps(seen.requests())
    assert ask(weir, "PATCH", "/one", {"api_key": "sk-for-this-way"}).json["api_key"] == "set"


def test_credentials_stand_in_the_vault_and_the_overlay_names_them(one):
    weir, mock = one
    assert not ask(weir, "PATCH", "/one", {"api_key": "sk-run-time-secret"}).json.get("warnings")
    assert "sk-run-time-secret" not in overlay(weir) and '"vault": {"api_key": "one/rt-' in overlay(weir)
    assert chat(weir.port).status == 200 and mock.last()["headers"]["authorization"] == "Bearer sk-run-time-secret"
    assert b"one/rt-" in (weir.state_dir / "vault").read_bytes()
    assert ask(weir, "PATCH", "/one", {"api_key": None}).status == 200
    assert "vault" not in overlay(weir).split("providers:")[1]
    assert b"one/rt-" not in (weir.state_dir / "vault").read_bytes()  # what nothing names goes


def test_a_switched_off_provider_does_not_carry_its_key_elsewhere(one, start_mock):
    weir, mock = one
    other = start_mock()
    assert ask(weir, "POST", "", {"name": "two", **provider(mock, ["n"]), "enabled": False}).json["state"] == "disabled"
    assert ask(weir, "PATCH", "/two", {"base_url": other.base_url}).status == 200
    assert ask(weir, "PATCH", "/two", {"enabled": True}).status == 200
    chat(weir.port, model="n")
    assert "authorization" not in (other.last() or {"headers": {}})["headers"]


def test_roles(start, start_mock):
    def client(name, role):
        return {"name": name, "key_hash": hashlib.sha256(name.encode()).hexdigest(), "role": role}

    weir = start({
        "providers": {"one": provider(start_mock())},
        "clients": [client("u", "user"), client("o", "operator"),
                    client("a", "admin")]
    })
    changes = [("POST", "", {"name": "x", "type": "openai", "api_key": "k"}), ("PATCH", "/one", {"priority": 5}),
               ("PUT", "/one", {}), ("DELETE", "/one", None), ("POST", "/one/drain", None),
               ("POST", "/one/resume", None), ("POST", "/one/maintenance", None), ("POST", "/one/reset", None)]
    for method, path, body in changes:
        assert [ask(weir, method, path, body, key).status for key in ("u", "o", "nobody")] == [403, 403, 401], path
        assert http(weir.port, method, PATH + path, body).status == 401
    for path in ("", "/one"):
        assert [ask(weir, "GET", path, None, key).status for key in ("u", "o", "a", "nobody")] == [403, 200, 200, 401]
    assert not (weir.state_dir / "runtime.yaml").exists()
    assert ask(weir, "PATCH", "/one", {"priority": 5, "api_key": "sk-new-secret"}, "a").status == 200
    line = poll(lambda: weir.log("provider_changed"))[-1]
    assert (line["by"], line["provider"], line["change"], line["keys"]) == ("a", "one", "update", "priority, api_key")
    assert line["request_id"].startswith("req_") and "secret" not in "\n".join(weir.err)
    ask(weir, "POST", "/one/drain")
    line = poll(lambda: [x for x in weir.log("provider_changed") if x["change"] == "state"])[-1]
    assert (line["by"], line["state"]) == ("admin key", "draining")
    assert "own_id" not in line
    for _ in range(2):  # an id that the caller chose, twice: weir's own tells them apart
        http(weir.port, "POST", PATH + "/one/resume", None,
             {"Authorization": f"Bearer {weir.admin_key}", "x-weir-request-id": "mine"})
    lines = poll(
        lambda: len(found := [x for x in weir.log("provider_changed") if x["request_id"] == "mine"]) == 2 and found)
    assert all(x["own_id"].startswith("req_") for x in lines) and lines[0]["own_id"] != lines[1]["own_id"]


# -- what is kept ------------------------------------------------------------------------------------------------------

BROKEN = ("", "providers: [", "providers:\n  one:\n    typ: openai\n", "providers: {x: {type: nobody-knows-this}}\n",
          None)


def test_an_edit_is_of_what_is_in_force_and_not_of_the_file(start, start_mock, certificates, tmp_path):
    """At night, with a half-written file on the disk, a provider must be drained; and a file that nobody has reloaded
    yet comes not into force by the back door."""
    mock, two = start_mock(), start_mock()
    key, ca = tmp_path / "key", tmp_path / "ca.pem"
    key.write_text("sk-of-the-file\n")
    ca.write_bytes(Path(certificates.ca).read_bytes())
    good = {
        "providers": {
            "one": {**provider(mock), "api_key": f"file:{key}"},
            "away": {**provider("https://localhost:1/v1", ["far"]), "ca_file": str(ca)}
        }
    }
    weir = start(good)
    assert chat(weir.port).status == 200

    def status():
        return http(weir.port, "GET", "/admin/v1/status",
                    headers={"Authorization": f"Bearer {weir.admin_key}"}).json["configuration"]

    assert status() == {"file": str(weir.path), "in_force": True}
    key.unlink()
    ca.write_text("half of a certif")
    for number, text in enumerate(BROKEN):
        weir.path.unlink() if text is None else weir.path.write_text(text)
        for method, path, body in (("POST", "/one/maintenance", None), ("POST", "/one/resume", None),
                                   ("PATCH", "/one", {"priority": 5 + number}), ("POST", "/one/drain", None),
                                   ("POST", "", {"name": f"n{number}", **provider(two, [f"n{number}"])
                                                 }), ("DELETE", f"/n{number}", None), ("POST", "/one/reset", None)):
            reply = ask(weir, method, path, body)
            assert reply.status in (200, 201), (text, method, path, reply)
            assert any("is not in force: mend it and reload" in w for w in reply.json["warnings"]), reply
        assert status()["in_force"] is False and str(weir.path) in status()["said"]
        assert chat(weir.port).status == 200
    assert mock.last()["headers"]["authorization"] == "Bearer sk-of-the-file"
    reply = ask(weir, "PATCH", "/one", {"ca_file": str(ca), "base_url": "https://localhost:1/v1", "api_key": "k" * 20})
    assert reply.status == 200, reply  # these authorities are in force, as they were read
    assert ask(weir, "PATCH", "/one", {"ca_file": str(tmp_path / "other.pem")}).status == 400
    assert ask(weir, "POST", "/one/reset").status == 200
    ca.write_bytes(Path(certificates.ca).read_bytes())
    key.write_text("sk-of-another\n")
    weir.write({"providers": {"one": {**provider(mock, ["m", "later"]), "api_key": f"file:{key}"}}})
    reply = ask(weir, "PATCH", "/one", {"priority": 9})
    assert reply.status == 200 and any("is not in force: reload to take it" in w for w in reply.json["warnings"]), reply
    assert chat(weir.port, model="later").status == 404 and chat(weir.port).status == 200
    assert mock.last()["headers"]["authorization"] == "Bearer sk-of-the-file"
    assert http(weir.port, "POST", "/admin/v1/reload", "", {"Authorization": f"Bearer {weir.admin_key}"}).status == 200
    assert (chat(weir.port, model="later").status == 200 and
            mock.last()["headers"]["authorization"] == "Bearer sk-of-another")
    assert (status()["in_force"] is True and
            not any("in force" in w for w in ask(weir, "PATCH", "/one", {"priority": 3}).json.get("warnings", [])))


def test_edits_survive_a_restart_and_a_reload(one, start_mock):
    weir, mock = one
    two = start_mock()
    ask(weir, "POST", "", {"name": "two", **provider(two, ["n"])})
    ask(weir, "POST", "/one/drain")
    before = listed(weir)
    assert http(weir.port, "POST", "/admin/v1/reload", "", {"Authorization": f"Bearer {weir.admin_key}"}).status == 200
    assert listed(weir) == before
    weir.write({"workers": 2, "providers": {"one": provider(mock, ["m", "more"])}})
    weir.process.send_signal(signal.SIGHUP)
    poll(lambda: len(listed(weir)["one"]["models"]) == 2)
    assert listed(weir)["one"]["state"] == "draining" and chat(weir.port, model="n").status == 200
    weir = again(weir)
    try:
        assert listed(weir)["one"]["state"] == "draining" and listed(weir)["two"]["edited"] is True
        assert chat(weir.port, model="n").headers["x-weir-provider"] == "two"
        assert two.last()["headers"]["authorization"] == "Bearer sk-provider-secret"
    finally:
        weir.stop()


def test_an_environment_only_start_keeps_edits_too(tmp_path, start_mock):
    mock = start_mock()
    env = environment(WEIR_LISTEN="127.0.0.1:0", WEIR_STATE_DIR=str(tmp_path / "state"), OPENAI_API_KEY="sk-env",
                      WEIR_LOG="info")

    class FromEnvironment(Weir):
        def __init__(self):
            self.folder, self.state_dir = tmp_path, tmp_path / "state"
            super(Weir, self).__init__(["serve"], cwd=tmp_path, env=env)
            self.port = json.loads(self.line(self.err, '"ready"'))["port"]
    weir = FromEnvironment()
    assert ask(weir, "POST", "", {"name": "mine", **provider(mock, ["only-mine"])}).status == 201
    assert ask(weir, "POST", "/openai/drain").json["state"] == "draining"
    weir.stop()
    weir = FromEnvironment()
    assert chat(weir.port, model="only-mine").headers["x-weir-provider"] == "mine"
    assert listed(weir)["openai"]["state"] == "draining"
    weir.stop()


def test_a_bad_overlay_stops_a_start_with_its_own_place(one):
    weir, _ = one
    weir.stop()
    (weir.state_dir / "runtime.yaml").write_text("providers:\n  one:\n    prioritty: 1\n")
    refused = subprocess.run([BINARY, "serve", "-c", str(weir.path)], capture_output=True, text=True, timeout=10,
                             env=environment())
    assert refused.returncode == 2 and f"{weir.state_dir}/runtime.yaml:3:5: unknown key `prioritty`" in refused.stderr
    checked = subprocess.run([BINARY, "check", "-c", str(weir.path)], capture_output=True, text=True, timeout=10,
                             env=environment())
    assert checked.returncode == 2 and "runtime.yaml:3:5" in checked.stdout


@pytest.mark.parametrize("failing, said", [("refuse", "recorded in the audit"), ("serve", "File too large")])
def test_what_cannot_be_written_changes_nothing(start, start_mock, failing, said):
    weir = start({"providers": {"one": provider(start_mock())}, "on_ledger_failure": failing})
    assert ask(weir, "PATCH", "/one", {"priority": 5}).status == 200
    before = overlay(weir)
    (weir.state_dir / "runtime.yaml.tmp").mkdir()
    reply = ask(weir, "PATCH", "/one", {"priority": 6})
    assert reply.status == 500 and reply.error["code"] == "storage_failed" and "runtime.yaml" in reply.error["message"]
    assert overlay(weir) == before and listed(weir)["one"]["priority"] == 5
    (weir.state_dir / "runtime.yaml.tmp").rmdir()
    resource.prlimit(weir.process.pid, resource.RLIMIT_FSIZE, (64, 64))  # as good as a full disk
    reply = ask(weir, "PATCH", "/one", {"priority": 7})
    assert reply.status == 500 and said in reply.error["message"]
    assert overlay(weir) == before and listed(weir)["one"]["priority"] == 5 and chat(weir.port).status == 200
    there = {name for name in os.listdir(weir.state_dir) if not name.startswith(("ledger.db", "journal"))}
    assert there == {"admin.key", "lock", "marks", "runtime.yaml", "runtime.yaml.lock", "value.secret"}


def test_killed_in_mid_write_it_is_the_old_or_the_new(one):
    weir, _ = one
    draw = random.Random(7)
    for round_ in range(6):
        last = [0]

        def edit():
            try:
                for i in range(1, 400):
                    if (ask(weir, "PATCH", "/one",
                            {"priority": i, "weight": i, "models": ["m"] + [f"model-{i}"] * 200}).status == 200):
                        last[0] = i
            except (OSError, AssertionError, TypeError, ValueError):
                pass
        thread = threading.Thread(target=edit)
        thread.start()
        poll(lambda: last[0] > 0)
        time.sleep(draw.uniform(0, 0.03))
        weir.process.kill()
        weir.wait()
        thread.join(10)
        done = last[0]
        weir = again(weir)
        shown = listed(weir)["one"]
        assert (shown["priority"] == shown["weight"] and
                shown["priority"] in (done, done + 1)), (round_, done, shown["priority"])
        assert ask(weir, "POST", "/one/reset").status == 200
    weir.stop()


# -- under load --------------------------------------------------------------------------------------------------------

def test_no_request_is_lost_while_providers_come_and_go(start, start_mock):
    """10,000 requests on eight connections; `stays` is always there, all else is added, changed, drained and
    removed."""
    mocks = [start_mock() for _ in range(3)]
    weir = start({
        "workers": 2,
        "providers": {"stays": provider(mocks[0], timeout_seconds=20, reply_timeout_seconds=20, priority=9)}
    })
    wrong, counts, ended = [], [0] * 8, threading.Event()
    seen = set()

    def call(n):
        with Connection(weir.port) as c:
            for i in range(1250):
                c.send(request_bytes("POST", "/v1/chat/completions", chat_body("x", stream=i % 5 == 0)))
                reply = c.reply()
                seen.add(reply.headers.get("x-weir-provider"))
                if reply.status != 200 or reply.content != "You said: x":
                    wrong.append(reply)
                counts[n] += 1

    def edit():
        i = 0
        while not ended.is_set():
            i += 1
            name, settings = (f"p{i % 4}",
                              provider(mocks[1 + i % 2], timeout_seconds=20, reply_timeout_seconds=20,
                                       priority=1 + i % 8))
            for reply in (ask(weir, "POST", "",
                              {"name": name, **settings}), ask(weir, "PATCH", f"/{name}", {"priority": 1 + i % 3}),
                          ask(weir, "POST", f"/{name}/drain"), ask(weir, "POST", f"/{name}/resume"),
                          ask(weir, "POST", f"/{name}/maintenance"), ask(weir, "DELETE", f"/{name}")):
                if reply.status not in (200, 201):
                    wrong.append(reply)
        edits.append(i * 6)
    edits = []
    threads = [threading.Thread(target=call, args=(n,)) for n in range(8)]
    editor = threading.Thread(target=edit)
    editor.start()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(50)
    ended.set()
    editor.join(10)
    assert sum(counts) == 10000 and not wrong, (counts, wrong[:3])
    assert edits and edits[0] >= 30 and len(seen) > 1, (edits, seen)


def test_edits_from_many_sides_come_one_after_the_other(one):
    weir, mock = one
    statuses = []

    def edit(n):
        for i in range(5):
            statuses.append(ask(weir, "POST", "", {"name": f"p{n}-{i}", **provider(mock, [f"x{n}-{i}"])}).status)
            statuses.append(ask(weir, "PATCH", f"/p{n}-{i}", {"priority": n + 1}).status)
    threads = [threading.Thread(target=edit, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(set(statuses)) == [200, 201] and len(statuses) == 60
    shown = listed(weir)
    assert len(shown) == 31 and all(shown[f"p{n}-{i}"]["priority"] == n + 1 for n in range(6) for i in range(5))


# -- the command line --------------------------------------------------------------------------------------------------

def run(weir, *arguments, stdin=""):
    return subprocess.run([BINARY, "provider", *arguments, "--url", f"http://127.0.0.1:{weir.port}"], input=stdin,
                          capture_output=True, text=True, timeout=10, env=environment(WEIR_ADMIN_KEY=weir.admin_key))


def test_the_command_line_does_it_all(one, start_mock):
    weir, _ = one
    two = start_mock()
    done = run(weir, "add", "two", "type=openai", f"base_url={two.base_url}", "models=n,o", "api_key=-", "priority=4",
               "headers.X-Org=org", stdin="sk-from-stdin\n")
    assert done.returncode == 0 and done.stdout == "two added\n", done
    chat(weir.port, model="o")
    assert two.last()["headers"]["authorization"] == "Bearer sk-from-stdin" and two.last()["headers"]["x-org"] == "org"
    assert run(weir, "update", "two", "priority=9", "insecure=yes").returncode == 0
    assert listed(weir)["two"]["priority"] == 9
    for key, number in (("priority", 1), ("priority", 10), ("rate_limit_rpm", 0), ("cost_per_token", 0.5)):
        assert run(weir, "update", "two", f"{key}={number}").returncode == 0, (key, number)
        assert listed(weir)["two"].get(key, number) == number
    assert run(weir, "update", "two", "priority=").returncode == 0 and listed(weir)["two"]["priority"] == 100
    for action, state in (("drain", "draining"), ("maintenance", "maintenance"), ("resume", "active")):
        assert run(weir, action, "two").returncode == 0 and listed(weir)["two"]["state"] == state
    shown = json.loads(run(weir, "list").stdout)["providers"]
    assert [p["name"] for p in shown] == ["one", "two"]
    assert json.loads(run(weir, "list", "two", "--json").stdout)["name"] == "two"
    assert json.loads(run(weir, "drain", "two", "--json").stdout)["state"] == "draining"
    assert run(weir, "remove", "two").returncode == 0 and run(weir, "reset", "one").returncode == 0
    assert set(listed(weir)) == {"one"}


def test_the_command_line_refuses_what_it_should(one):
    weir, _ = one
    for arguments, status, said in ((("add", "x", "type=openai", "api_key=sk-in-argv"), 2, "standard input"),
                                    (("add", "x", "type=openai", "headers.Authorization=Bearer x"), 2,
                                     "standard input"), (("update", "one", "proxy=http://u:p@h:1"), 2,
                                                         "standard input"), (("add", "x", "type=openai", "api_key=-"),
                                                                             2, "standard input"),
                                    (("add", "x", "typo"), 2, "not key=value"), (("update", "one"), 2, "usage"),
                                    (("fly", "one"), 2, "usage"), ((), 2, "usage"), (("drain", "a/b"), 2, "no name"),
                                    (("drain", "nobody"), 1, "There is no provider `nobody`"),
                                    (("update", "one", "prioritty=1"), 1,
                                     "did you mean `priority`"), (("update", "one", "priority=high"), 1,
                                                                  "`priority` must be a whole number")):
        done = run(weir, *arguments)
        assert done.returncode == status and said in done.stderr and "sk-in-argv" not in done.stderr, (arguments, done)
    unknown = subprocess.run([BINARY, "provider", "list", "--url", f"http://127.0.0.1:{weir.port}"],
                             capture_output=True, text=True, timeout=10, env=environment(WEIR_ADMIN_KEY="wrong"))
    assert unknown.returncode == 1 and "401" in unknown.stderr and "WEIR_ADMIN_KEY" in unknown.stderr


def test_a_table_on_a_terminal(one):
    weir, mock = one
    for name, more, state in (("two", {"type": "ollama", "models": ["a", "b", "c"], "priority": 7}, "drain"),
                              ("three", {"type": "openai", "api_key": "k", "models": ["d"]}, "maintenance")):
        assert ask(weir, "POST", "", {"name": name, **more}).status == 201
        assert ask(weir, "POST", f"/{name}/{state}").status == 200
    env = {"WEIR_URL": f"http://127.0.0.1:{weir.port}", "WEIR_ADMIN_KEY": weir.admin_key}
    code, shown = on_terminal("provider", "list", NO_COLOR="1", **env)
    head, *rows = shown.splitlines()
    assert code == 0 and head.split() == ["provider", "type", "state", "priority", "models", "key", "edited", "base",
                                          "URL"]
    assert {row.split()[0]: row.split()[1:] for row in rows} == {
        "one": ["openai", "active", "100", "1", "set", "-", mock.base_url],
        "two": ["ollama", "draining", "7", "3", "-", "runtime", "http://localhost:11434/v1"],
        "three": ["openai", "maintenance", "100", "1", "set", "runtime", "https://api.openai.com/v1"]}
    _, coloured = on_terminal("provider", "list", **env)
    for state, colour in (("active", 32), ("draining", 33), ("maintenance", 31)):
        assert f"\033[{colour}m{state:12}\033[0m" in coloured
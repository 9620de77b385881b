"""Routes, strategies, rules, owners, templates and budgets changed while the gateway runs: in force at once on every
loop, there after a kill, refused in the configuration's own words, and never in the way of a start."""
import concurrent.futures
import contextlib
import hashlib
import json
import signal
import sqlite3
import subprocess

import pytest

from weirlib import BINARY, Connection, chat_body, environment, http, on_terminal, poll, provider, request_bytes

PRICES = {"m": {"input": 1000.0, "output": 10000.0}}  # USD a million tokens
KEY = "wk-file"


@pytest.fixture
def run(folder, mocks):
    """run(...) -> a gateway with the providers a and b, in the one state folder of this test."""
    for mock in mocks:
        mock.reset()

    def begin(wait=True, **top):
        each = {"prices": PRICES, "timeout_seconds": 8, "reply_timeout_seconds": 8}
        config = {"providers": {"a": provider(mocks[0], ["m"], **each), "b": provider(mocks[1], ["m"], **each)},
                  "routes": [{"model": "fast", "strategy": "priority", "targets": ["a/m", "b/m"]}], **top}
        return folder(config, wait=wait)
    return begin


def in_file(name="file", key=KEY, **more):
    return {"name": name, "key_hash": hashlib.sha256(key.encode()).hexdigest(), **more}


def admin(weir, method, path, body=None):
    text = None if body is None else json.dumps(body)
    return http(weir.port, method, "/admin/v1/" + path, text, {"authorization": f"Bearer {weir.admin_key}"})


def done(reply, status=200):
    assert reply.status == status, reply
    return reply.json


def ask(weir, model="fast", key=None, **more):
    headers = {"authorization": f"Bearer {key}"} if key else {}
    body = chat_body("hi", **{"max_tokens": 10, "model": model, **more})
    return http(weir.port, "POST", "/v1/chat/completions", body, headers)


def served(weir, model="fast", key=None, count=24):
    """By whom, each asked on a connection of its own, which any loop may get."""
    replies = [ask(weir, model, key) for _ in range(count)]
    assert {reply.status for reply in replies} == {200}, replies
    return {reply.headers["x-weir-provider"] for reply in replies}


def changes(weir):
    status = done(admin(weir, "GET", "status"))
    return {(one["kind"], one["name"]): (one["how"], one["changed"]) for one in status["changed_at_run_time"]}


def rows(weir):
    return [(row["action"], row["subject"], row["detail"], row["outcome"])
            for row in done(admin(weir, "GET", "audit"))["rows"]]


def command(weir, *arguments, status=0):
    ended = subprocess.run([BINARY, *arguments, "--url", f"http://127.0.0.1:{weir.port}", "--admin-key",
                            weir.admin_key], capture_output=True, text=True, env=environment(), timeout=30)
    assert ended.returncode == status, ended
    return ended


def kill(weir):
    weir.stop(signal.SIGKILL, status=-signal.SIGKILL)


def test_a_strategy_is_changed_on_every_loop_and_stays_over_a_kill(run):
    weir = run(workers=4)
    assert served(weir) == {"a"}
    shown = done(admin(weir, "PATCH", "routes/fast", {"strategy": "round_robin"}))
    assert shown["edited"] and shown["changed"] == ["strategy"] and shown["from"] == "file"
    assert shown["settings"]["strategy"] == "round_robin" and shown["settings"]["targets"] == ["a/m", "b/m"]
    assert served(weir) == {"a", "b"}
    assert changes(weir) == {("route", "fast"): ("changed", ["strategy"])}
    kill(weir)
    weir = run(workers=4)
    assert served(weir) == {"a", "b"} and changes(weir) == {("route", "fast"): ("changed", ["strategy"])}
    done(admin(weir, "POST", "reload"))
    assert served(weir) == {"a", "b"}
    assert done(admin(weir, "POST", "routes/fast/reset"))["edited"] is False
    assert served(weir) == {"a"} and changes(weir) == {}


# Of each kind: what the file has, another one, a change, and the keys that it names.
KINDS = {
    "route": ("routes", "fast", "openai/gpt-4*", {"targets": ["b/m"]}, {"strategy": "weighted"}),
    "rule": ("rules", "images", "long ones", {"when": {"prompt_tokens_over": 5}, "targets": ["b/m"]},
             {"when": {"streaming": True}}),
    "owner": ("owners", "acme", "search", {"in": "acme", "daily_budget": 2}, {"rate_limit_rpm": 7}),
    "template": ("templates", "intern", "guest", {"rate_limit_rpm": 3}, {"daily_budget": 1.5}),
    "budget": ("budgets", "shared", "other", {"usd": 3, "window": "hour"}, {"usd": 9}),
}
FILE = {"rules": [{"name": "images", "when": {"has_image": True}, "targets": ["b/m"]}],
        "owners": [{"name": "acme", "daily_budget": 5}], "templates": {"intern": {"rate_limit_rpm": 100}},
        "budgets": {"shared": {"usd": 5, "window": "day"}}}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_added_changed_removed_and_reset_over_a_kill(run, kind):
    plural, of_file, other, settings, change = KINDS[kind]
    key = "model" if kind == "route" else "name"
    back = "revert" if kind == "budget" else "reset"
    path = f"{plural}/{other.replace('/', '%2F').replace(' ', '%20').replace('*', '%2A')}"
    weir = run(**FILE)
    before = done(admin(weir, "GET", f"{plural}/{of_file}"))
    assert before["from"] == "file" and not before["edited"] and before["changed"] == []
    done(admin(weir, "POST", plural, {key: other, **settings}), 201)
    assert admin(weir, "POST", plural, {key: other, **settings}).status == 409
    assert admin(weir, "POST", plural, {key: of_file, **settings}).status == 409
    done(admin(weir, "PATCH", path, change))
    done(admin(weir, "PATCH", f"{plural}/{of_file}", change))
    kill(weir)
    weir = run(**FILE)
    added, changed = done(admin(weir, "GET", path)), done(admin(weir, "GET", f"{plural}/{of_file}"))
    assert added["from"] == "runtime" and {**settings, **change}.items() >= {
        name: value for name, value in added["settings"].items() if name != "when"}.items()
    assert changed["changed"] == list(change) and changed["settings"].keys() >= before["settings"].keys()
    assert changes(weir) == {(kind, of_file): ("changed", list(change)),
                             (kind, other): ("added", sorted(added["settings"], key=list(added["settings"]).index))}
    if kind == "rule":  # maps are laid over each other too
        assert changed["settings"]["when"] == {"has_image": True, "streaming": True}
    assert admin(weir, "POST", f"{path}/{back}").status == 400  # there is nothing to go back to
    done(admin(weir, "DELETE", path))
    assert admin(weir, "GET", path).status == 404 and admin(weir, "PATCH", path, change).status == 404
    gone = done(admin(weir, "DELETE", f"{plural}/{of_file}"))
    assert gone["removed"] and gone["from"] == "file"
    assert admin(weir, "PATCH", f"{plural}/{of_file}", change).status == 404
    assert admin(weir, "POST", plural, {key: of_file, **settings}).status == 409  # reset brings it back
    kill(weir)
    weir = run(**FILE)
    assert changes(weir) == {(kind, of_file): ("removed", [])}
    assert done(admin(weir, "POST", f"{plural}/{of_file}/{back}")) == before
    assert changes(weir) == {}
    assert [(row[0], row[3]) for row in rows(weir) if row[0].startswith(kind)] == [
        (f"{kind}.{what}", "ok") for what in ("add", "change", "change", "remove", "remove", back)]
    assert (f"{kind}.change", of_file, ",".join(change), "ok") in rows(weir)  # keys, never values


def test_a_rule_and_a_route_made_at_run_time_serve_at_once(run):
    weir = run(workers=4)
    assert ask(weir, "new").status == 404
    done(admin(weir, "POST", "routes", {"model": "new", "targets": ["b/m"]}), 201)
    assert served(weir, "new") == {"b"}
    done(admin(weir, "POST", "rules", {"name": "all", "when": {"model": "fast"}, "targets": ["b/m"]}), 201)
    assert served(weir) == {"b"}
    done(admin(weir, "PATCH", "rules/all", {"enabled": False}))
    assert served(weir) == {"a"}


@pytest.mark.parametrize("method, path, body, said", [
    ("PATCH", "routes/fast", {"strategy": "fastest"}, "routes/fast/strategy: `strategy` cannot be `fastest`"),
    ("PATCH", "routes/fast", {"targets": ["a/m", "c/m"]}, "routes/fast/targets/1: "),
    ("PATCH", "routes/fast", {"startegy": "weighted"}, "routes/fast/startegy: unknown key `startegy`: did you mean"),
    ("PATCH", "routes/fast", {"model": "slow"}, "`model` cannot be changed"),
    ("PATCH", "routes/fast", {"targets": [{"target": "a/m", "params": {"temperature": 3}}]},
     "routes/fast/targets/0/params/temperature: "),
    ("PATCH", "routes/fast", {"targets": ["${HOME}/m"]}, "routes/fast/targets/0: references"),
    ("PATCH", "routes/fast", {"strategy": "foo"}, "`strategy` cannot be `foo`: it is one of priority|"),
    ("PATCH", "routes/fast", [1], "JSON object"),
    ("POST", "routes", {"model": "new"}, "has no targets"),
    ("POST", "routes", {"targets": ["a/m"]}, "a `model`"),
    ("POST", "routes", {"model": "loop", "targets": [{"route": "loop"}]}, "loop"),
    ("POST", "rules", {"name": "r", "when": {"has_image": "maybe"}, "targets": ["a/m"]}, "rules/r/when/has_image: "),
    ("POST", "owners", {"name": "o", "in": "nobody"}, "owners/o/in: there is no owner `nobody`"),
    ("PATCH", "owners/acme", {"budgets": [{"usd": 1, "window": "fortnight"}]}, "owners/acme/budgets/0/window: "),
    ("POST", "templates", {"name": "t", "rate_limit_rpm": "x"}, "templates/t/rate_limit_rpm: "),
    ("POST", "budgets", {"name": "b", "usd": 1}, "needs `usd`, and a `window`"),
    ("DELETE", "owners/acme", None, "there is no owner `acme`"),
    ("DELETE", "templates/intern", None, "there is no template `intern`"),
    ("PATCH", "routes/none", {"strategy": "weighted"}, "There is no route `none`"),
    ("POST", "owners/acme/rest", None, "takes reset"),
    ("POST", "owners/acme/reset", None, "nothing of it was changed"),
])
def test_what_check_would_refuse_is_refused_in_its_words_and_changes_nothing(run, method, path, body, said):
    weir = run(**FILE, clients=[in_file(**{"in": "acme", "template": "intern"})])
    before = rows(weir)
    reply = admin(weir, method, path, body)
    assert reply.status in (400, 404) and said in reply.error["message"], reply
    assert changes(weir) == {} and rows(weir) == before
    assert served(weir, key=KEY, count=2) == {"a"}


def test_all_that_is_wrong_with_a_change_is_told_at_its_place(run):
    weir = run(**FILE)
    message = admin(weir, "PATCH", "owners/acme", {"rate_limit_rpm": "x", "rate_limit_tpm": "y"}).error["message"]
    said = message.split("; ")
    assert len(said) == 2 and said[0].startswith("owners/acme/rate_limit_rpm: ")
    assert said[1].startswith("owners/acme/rate_limit_tpm: "), message


def test_a_budget_that_is_changed_goes_on_with_what_was_spent_of_it(run):
    owners = [{"name": "acme", "budgets": [{"usd": 1, "window": "day"}, "shared"]}]
    weir = run(owners=owners, budgets={"shared": {"usd": 5, "window": "day"}}, clients=[in_file(**{"in": "acme"})])

    def spent():
        listed = done(admin(weir, "GET", "budgets"))["budgets"]
        return {one["name"]: (float(one["spent_usd"]), float(one["limit_usd"])) for one in listed}
    assert ask(weir, key=KEY).status == 200
    first = poll(lambda: spent()["day"][0] or None)
    done(admin(weir, "PATCH", "budgets/shared", {"usd": first / 2, "mode": "soft"}))
    assert spent()["shared"] == (first, pytest.approx(first / 2))
    assert ask(weir, key=KEY).status == 429
    done(admin(weir, "PATCH", "owners/acme", {"budgets": [{"usd": 2, "window": "day"}]}))
    assert spent()["day"] == (first, 2.0)
    assert ask(weir, key=KEY).status == 200
    second = poll(lambda: spent()["day"][0] > first and spent()["day"][0])
    done(admin(weir, "POST", "owners/acme/reset"))
    done(admin(weir, "POST", "budgets/shared/revert"))
    assert spent() == {"day": (second, 1.0), "shared": (first, 5.0)}
    kill(weir)
    weir = run(owners=owners, budgets={"shared": {"usd": 5, "window": "day"}}, clients=[in_file(**{"in": "acme"})])
    assert spent() == {"day": (second, 1.0), "shared": (first, 5.0)}


def test_what_was_spent_of_a_budget_that_was_away_over_a_restart_counts_when_it_is_back(run):
    top = {"owners": [{"name": "acme", "daily_budget": 5}, {"name": "other"}], "clients": [in_file(**{"in": "acme"})]}
    weir = run(**top)

    def spent():
        return {one["owner"]: float(one["spent_usd"]) for one in done(admin(weir, "GET", "budgets"))["budgets"]}
    assert ask(weir, key=KEY).status == 200
    first = poll(lambda: spent()["team acme"] or None)
    weir.stop()
    weir = run(**{**top, "owners": [{"name": "acme"}, {"name": "other"}]})
    assert spent() == {}
    done(admin(weir, "PATCH", "owners/acme", {"daily_budget": 4}))
    assert spent() == {"team acme": first}


def test_clients_made_at_run_time_follow_their_template_and_keep_their_owner(run):
    weir = run(**FILE)
    key = done(admin(weir, "POST", "clients", {"name": "app", "in": "acme", "template": "intern"}), 201)["key"]
    assert ask(weir, key=key).status == 200
    done(admin(weir, "PATCH", "templates/intern", {"rate_limit_rpm": 1, "burst_allowance": 1}))
    assert {ask(weir, key=key).status for _ in range(4)} >= {429}
    for path in ("owners/acme", "templates/intern"):
        reply = admin(weir, "DELETE", path)
        assert reply.status == 400 and "The client `app`, made at run time, would not fit" in reply.error["message"]
    done(admin(weir, "DELETE", "clients/app"))
    done(admin(weir, "DELETE", "owners/acme"))
    done(admin(weir, "DELETE", "templates/intern"))


def test_what_hangs_on_another_change_keeps_it(run):
    weir = run(**FILE)
    done(admin(weir, "POST", "owners", {"name": "top"}), 201)
    done(admin(weir, "POST", "owners", {"name": "below", "in": "top"}), 201)
    done(admin(weir, "PATCH", "owners/top", {"rate_limit_rpm": 10}))  # younger now than what hangs on it
    reply = admin(weir, "DELETE", "owners/top")
    assert reply.status == 400 and "`below` hangs on it" in reply.error["message"]
    kill(weir)
    weir = run(**FILE)
    assert set(changes(weir)) == {("owner", "top"), ("owner", "below")}
    done(admin(weir, "DELETE", "owners/below"))
    done(admin(weir, "DELETE", "owners/top"))


def test_a_change_that_fits_no_more_is_said_left_out_and_no_reason_not_to_start(run):
    weir = run(**FILE)
    done(admin(weir, "PATCH", "routes/fast", {"targets": ["b/m"]}))
    done(admin(weir, "PATCH", "templates/intern", {"rate_limit_rpm": 7}))
    done(admin(weir, "POST", "rules", {"name": "r", "when": {"has_tools": True}, "targets": ["b/m"]}), 201)
    done(admin(weir, "PATCH", "owners/acme", {"daily_budget": 3}))
    weir.stop()
    weir = run(**{**FILE, "owners": [{"name": "someone"}]})
    assert changes(weir)[("owner", "acme")] == ("left out", [])
    assert changes(weir)[("template", "intern")] == ("changed", ["rate_limit_rpm"])
    line = poll(lambda: weir.log("change_left_out"))[0]
    assert (line["kind"], line["name"], line["level"]) == ("owner", "acme", "error")
    assert "does not have it any more" in line["why"]
    shown = done(admin(weir, "GET", "owners/acme"))
    assert "does not have it any more" in shown["problem"]
    # Edits go on beside it, and a reload of the file that brings it back takes it in again.
    done(admin(weir, "PATCH", "routes/fast", {"strategy": "weighted"}))
    checked = subprocess.run([BINARY, "check", "-c", str(weir.path)], capture_output=True, text=True,
                             env=environment(), timeout=30, cwd=weir.folder)
    assert checked.returncode == 0 and "`weir owner reset acme` drops it" in checked.stdout + checked.stderr, checked
    text = weir.path.read_text()
    weir.path.write_text(text.replace("someone", "acme"))
    done(admin(weir, "POST", "reload"))
    assert changes(weir)[("owner", "acme")] == ("changed", ["daily_budget"])
    weir.path.write_text(text)
    done(admin(weir, "POST", "reload"))
    assert changes(weir)[("owner", "acme")] == ("left out", [])
    done(admin(weir, "POST", "owners/acme/reset"))
    assert ("owner", "acme") not in changes(weir)


def test_a_target_that_the_file_took_away_leaves_out_only_what_names_it(run):
    weir = run()
    for name in ("one", "two", "three", "four"):
        target = "b/m" if name in ("two", "four") else "a/m"
        done(admin(weir, "POST", "routes", {"model": name, "targets": [target]}), 201)
    done(admin(weir, "PATCH", "routes/fast", {"strategy": "weighted"}))
    weir.stop()
    config = json.loads(weir.path.read_text())
    weir = run(providers={"a": config["providers"]["a"]}, routes=[{"model": "fast", "targets": ["a/m"]}])
    assert {name: how for (_, name), (how, _) in changes(weir).items()} == {
        "one": "added", "three": "added", "two": "left out", "four": "left out", "fast": "changed"}
    assert served(weir, "three", count=3) == {"a"}


def test_two_admins_at_once_lose_nothing(run):
    weir = run(workers=2)
    keys = {"strategy": "weighted", "resume_streams": True, "failover_after": 5, "on_filtered": "next",
            "unsupported": "drop", "strict": True}

    def change(each):
        name, value = each
        for _ in range(3):
            assert admin(weir, "PATCH", "routes/fast", {name: value}).status == 200
            assert admin(weir, "POST", "routes", {"model": f"r-{name}-{_}", "targets": ["a/m"]}).status == 201
    with concurrent.futures.ThreadPoolExecutor(len(keys)) as pool:
        list(pool.map(change, keys.items()))
    assert set(changes(weir)[("route", "fast")][1]) == set(keys)
    assert len(changes(weir)) == 1 + 3 * len(keys)
    assert done(admin(weir, "GET", "audit/verify"))["good"]


def test_a_stream_goes_on_through_changes(folder, start_mock):
    slow = provider(start_mock("--rate", "40", "--tokens", "60"), ["m"], timeout_seconds=8, stall_timeout_seconds=8)
    weir = folder({"providers": {"a": slow}, "routes": [{"model": "fast", "targets": ["a/m"]}], "workers": 2})
    with Connection(weir.port) as caller:
        caller.send(request_bytes("POST", "/v1/chat/completions", chat_body("hi", model="fast", stream=True)))
        caller.read_until(b"data: ")
        for strategy in ("weighted", "round_robin", "priority"):
            done(admin(weir, "PATCH", "routes/fast", {"strategy": strategy}))
        done(admin(weir, "DELETE", "routes/fast"))
        assert b"data: [DONE]" not in caller.buffer
        assert caller.read_until(b"data: [DONE]")
    assert ask(weir).status == 404


def test_what_cannot_be_written_changes_nothing(run):
    weir = run()
    with contextlib.closing(sqlite3.connect(weir.state_dir / "ledger.db")) as ledger:
        ledger.execute("CREATE TRIGGER deaf BEFORE INSERT ON entries BEGIN SELECT RAISE(ABORT, 'disk I/O error'); END")
        ledger.commit()
    reply = admin(weir, "PATCH", "routes/fast", {"strategy": "weighted"})
    assert reply.status == 500 and "disk I/O error" in reply.error["message"]
    assert changes(weir) == {} and [row[3] for row in rows(weir)[-2:]] == ["ok", "failed"]


def test_a_key_that_is_set_to_nothing_is_the_files_again(run):
    weir = run(**FILE)
    done(admin(weir, "PATCH", "rules/images", {"when": {"streaming": True}, "priority": 3, "targets": ["a/m"]}))
    done(admin(weir, "PATCH", "rules/images", {"when": {"streaming": None}, "targets": None}))
    shown = done(admin(weir, "GET", "rules/images"))
    assert shown["changed"] == ["priority"] and shown["settings"] == {
        "when": {"has_image": True}, "targets": ["b/m"], "priority": 3}
    done(admin(weir, "PATCH", "rules/images", {"provider": "a/m"}))  # puts the file's targets out
    assert done(admin(weir, "GET", "rules/images"))["settings"]["provider"] == "a/m"
    done(admin(weir, "PATCH", "rules/images", {"provider": None, "priority": None}))
    assert changes(weir) == {}


@pytest.mark.parametrize("on_failure", ["refuse", "serve"])
def test_a_ledger_that_cannot_be_read_is_no_file_alone_unless_that_is_asked_for(run, on_failure):
    weir = run(on_ledger_failure=on_failure)
    done(admin(weir, "PATCH", "routes/fast", {"targets": ["b/m"]}))
    weir.stop()
    for name in ("ledger.db-wal", "ledger.db-shm"):
        (weir.state_dir / name).unlink(missing_ok=True)
    (weir.state_dir / "ledger.db").write_bytes(b"no database at all " * 400)
    weir = run(wait=on_failure == "serve", on_ledger_failure=on_failure)
    if on_failure == "refuse":
        assert weir.wait() == 2
        said = "\n".join(weir.err)
        assert "changed at run time" in said and "not a database" in said and "bring back a copy" in said
        return
    assert any("warning: what was changed at run time" in line for line in weir.err) and served(weir) == {"a"}


def test_the_command_line_does_all_of_it(run):
    weir = run(**FILE)
    assert "fast is changed" in command(weir, "route", "change", "fast", "strategy=weighted", "targets=b/m").stdout
    assert served(weir) == {"b"}
    assert "is added" in command(weir, "route", "add", "my/route*", "targets=a/m,b/m", "failover_after=4").stdout
    shown = json.loads(command(weir, "route", "show", "my/route*").stdout)
    assert shown["settings"] == {"targets": ["a/m", "b/m"], "failover_after": 4}
    command(weir, "rule", "add", "night", "when.has_image=yes", "when.model=gpt-*", "targets=a/m", "priority=7")
    shown = json.loads(command(weir, "rule", "show", "night").stdout)
    assert shown["settings"] == {"when": {"has_image": True, "model": "gpt-*"}, "targets": ["a/m"], "priority": 7}
    command(weir, "owner", "set", "acme", "daily_budget=7", 'budgets=[{"usd": 1, "window": "hour"}, "shared"]')
    command(weir, "template", "add", "guest", "rate_limit_rpm=3")
    command(weir, "budget", "add", "pot", "usd=0.5", "window=week")
    command(weir, "budget", "change", "shared", "usd=8")
    names = [one["name"] for one in json.loads(command(weir, "template", "list").stdout)["templates"]]
    assert names == ["intern", "guest"]
    assert {"kind": "budget", "name": "pot", "how": "added", "changed": ["usd", "window"]} in \
        json.loads(command(weir, "status").stdout)["changed_at_run_time"]
    there = ("--url", f"http://127.0.0.1:{weir.port}", "--admin-key", weir.admin_key)
    status, listed = on_terminal("route", "list", *there)
    assert status == 0 and "strategy,targets" in listed and "my/route*" in listed
    status, shown = on_terminal("status", *there)
    assert status == 0 and "changed " in shown and "pot" in shown
    for words in (("route", "reset", "fast"), ("route", "remove", "my/route*"), ("rule", "remove", "night"),
                  ("owner", "reset", "acme"), ("template", "remove", "guest"), ("budget", "remove", "pot"),
                  ("budget", "revert", "shared")):
        command(weir, *words)
    assert changes(weir) == {}
    assert "did you mean" in command(weir, "route", "change", "fast", "stategy=weighted", status=1).stderr
    for words in (("route", "change", "fast"), ("rule", "drop", "x"), ("owner",), ("template", "add", "t", "novalue"),
                  ("owner", "add", "")):
        assert command(weir, *words, status=2).stderr
    assert json.loads(command(weir, "route", "fast").stdout)  # what would be chosen, as before


def test_an_operator_reads_and_does_not_change(run):
    weir = run(clients=[in_file(role="operator"), in_file("user", "wk-user")])
    own = {"authorization": f"Bearer {KEY}"}
    assert http(weir.port, "GET", "/admin/v1/routes", headers=own).status == 200
    assert http(weir.port, "PATCH", "/admin/v1/routes/fast", '{"strategy":"weighted"}', own).status == 403
    assert http(weir.port, "GET", "/admin/v1/routes", headers={"authorization": "Bearer wk-user"}).status == 403


def test_a_provider_that_a_route_of_run_time_names_is_not_removed_by_accident(run):
    weir = run()
    done(admin(weir, "POST", "providers", {"name": "extra", "type": "openai", "base_url": "http://127.0.0.1:9/v1",
                                           "api_key": "k", "models": ["m9"]}), 201)
    done(admin(weir, "POST", "routes", {"model": "late", "targets": ["extra/m9"]}), 201)
    refused = admin(weir, "DELETE", "providers/extra")
    assert refused.status == 409 and refused.error["code"] == "in_use", refused
    assert "the route `late` hangs on it" in refused.error["message"] and "`force`" in refused.error["message"]
    assert admin(weir, "GET", "providers/extra").status == 200
    assert "problem" not in done(admin(weir, "GET", "routes/late"))
    assert "hangs on it" in command(weir, "provider", "remove", "extra", status=1).stderr
    command(weir, "provider", "drain", "extra", "--force", status=2)
    said = command(weir, "provider", "remove", "extra", "--force")
    assert "weir route reset late" in said.stdout + said.stderr
    assert admin(weir, "GET", "providers/extra").status == 404
    assert "does not exist" in done(admin(weir, "GET", "routes/late"))["problem"]
    done(admin(weir, "DELETE", "routes/late"))
    done(admin(weir, "POST", "providers", {"name": "extra", "type": "openai", "base_url": "http://127.0.0.1:9/v1",
                                           "api_key": "k", "models": ["m9"]}), 201)
    done(admin(weir, "DELETE", "providers/extra"))

"""Clients made and changed while the gateway runs: by the command line and the admin API, in force at once on every
loop, there after a kill, and worth nothing to whoever wants another's money or key."""
import concurrent.futures
import contextlib
import hashlib
import json
import os
import pathlib
import re
import signal
import sqlite3
import subprocess
import threading
import time

import pytest

from weirlib import BINARY, Connection, chat_body, environment, http, poll, provider, request_bytes

PRICES = {"m": {"input": 1000.0, "output": 10000.0}}  # USD a million tokens
FILE_KEY = "wk-file"


def in_file(name="file", key=FILE_KEY, **more):
    return {"name": name, "key_hash": hashlib.sha256(key.encode()).hexdigest(), **more}


@pytest.fixture
def run(folder, mocks):
    """run(...) -> a gateway in the one state folder of this test."""
    for mock in mocks:
        mock.reset()

    def begin(of_provider=None, wait=True, **top):
        one = provider(mocks[0], ["m", "m2"], prices=PRICES, **{"timeout_seconds": 8, "reply_timeout_seconds": 8,
                                                               **(of_provider or {})})
        return folder({"providers": {"p": one}, **top}, wait=wait)
    return begin


def admin(weir, method, path, body=None, key=None):
    text = None if body is None else json.dumps(body)
    return http(weir.port, method, "/admin/v1/" + path, text, {"authorization": f"Bearer {key or weir.admin_key}"})


def ask(weir, key, **more):
    body = chat_body("hi", **{"max_tokens": 10, **more})
    return http(weir.port, "POST", "/v1/chat/completions", body, {"authorization": f"Bearer {key}"})


def add(weir, name, **settings):
    reply = admin(weir, "POST", "clients", {"name": name, **settings})
    assert reply.status == 201, reply
    return reply.json["key"]


def command(weir, *arguments):
    return subprocess.run([BINARY, "client", *arguments, "--url", f"http://127.0.0.1:{weir.port}", "--admin-key",
                           weir.admin_key], capture_output=True, text=True, env=environment(), timeout=30)


def kill(weir):
    weir.stop(signal.SIGKILL, status=-signal.SIGKILL)


def spent(weir, key):
    own = http(weir.port, "GET", "/v1/key", headers={"authorization": f"Bearer {key}"})
    assert own.status == 200, own
    return {budget["name"]: budget["spent_usd"] for budget in own.json["budgets"]}


def test_a_client_made_at_run_time_is_let_in_at_once_on_every_loop(run):
    weir = run(workers=4, clients=[in_file()])
    key = add(weir, "app", rate_limit_rpm=1000, tags={"team": "search"})
    assert len(key) == 69 and key.startswith("weir-")
    for _ in range(40):  # each on a connection of its own, which any loop may get
        assert ask(weir, key).status == 200
    assert ask(weir, "weir-" + "0" * 64).status == 401
    assert ask(weir, FILE_KEY).status == 200
    shown = admin(weir, "GET", "clients/app").json
    assert shown["from"] == "runtime" and shown["state"] == "active" and shown["uses"] == 40 and "key" not in shown
    assert shown["settings"] == {"rate_limit_rpm": 1000, "tags": {"team": "search"}} and len(shown["id"]) == 32
    assert shown["now"]["limits"]["rate_limit_rpm"]["limit"] == 1000 and shown["last_used_at"].startswith("20")
    listed = admin(weir, "GET", "clients").json
    assert [c["name"] for c in listed["clients"]] == ["file", "app"] and listed["total"] == 2
    status = admin(weir, "GET", "status").json
    assert (status["clients"], status["clients_at_run_time"], status["clients_edited"]) == (2, 1, 0)


def test_a_key_stands_nowhere_in_clear(run):
    weir = run()
    key = add(weir, "app")
    next_key = admin(weir, "POST", "clients/app/rotate").json["key"]
    for path in ("clients", "clients/app", "status"):
        text = admin(weir, "GET", path).text
        assert key not in text and next_key not in text
    assert ask(weir, key).status == 200 and ask(weir, next_key).status == 200
    weir.stop()
    for one in (key, next_key):
        forms = [one.encode(), one[5:].encode(), bytes.fromhex(one[5:]), hashlib.sha256(one.encode()).digest(),
                 hashlib.sha256(one.encode()).hexdigest().encode()]
        for file in weir.state_dir.rglob("*"):
            content = file.read_bytes() if file.is_file() else b""
            assert not any(form in content for form in forms), file
        assert not any(one in line for line in list(weir.err) + list(weir.out))
    assert (weir.state_dir / "client.key").stat().st_mode & 0o777 == 0o600


def test_what_was_done_is_there_after_a_kill(run):
    weir = run(clients=[in_file()])
    kept, gone, off, turned = (add(weir, name) for name in ("kept", "gone", "off", "turned"))
    assert admin(weir, "DELETE", "clients/gone").status == 200
    assert admin(weir, "POST", "clients/off/disable").status == 200
    assert admin(weir, "PATCH", "clients/kept", {"models": ["other"]}).status == 200
    next_key = admin(weir, "POST", "clients/turned/rotate").json["key"]
    kill(weir)
    weir = run(clients=[in_file()])
    assert ask(weir, kept).status == 403
    assert ask(weir, gone).status == 401 and "revoked" in ask(weir, gone).error["message"]
    assert ask(weir, off).status == 401 and "disabled" in ask(weir, off).error["message"]
    assert ask(weir, turned).status == 200 and ask(weir, next_key).status == 200
    assert admin(weir, "POST", "clients/off/enable").status == 200
    assert ask(weir, off).status == 200
    assert [c["state"] for c in admin(weir, "GET", "clients").json["clients"]] == [
        "active", "active", "revoked", "active", "active"]


def test_from_the_first_client_on_a_key_is_wanted_and_the_last_one_leaves_it_closed(run):
    weir = run(workers=2)
    assert http(weir.port, "POST", "/v1/chat/completions", chat_body("hi")).status == 200
    key = add(weir, "app")
    for _ in range(10):
        assert http(weir.port, "POST", "/v1/chat/completions", chat_body("hi")).status == 401
    assert ask(weir, key).status == 200
    kill(weir)
    weir = run(workers=2)
    assert ask(weir, key).status == 200
    assert http(weir.port, "POST", "/v1/chat/completions", chat_body("hi")).status == 401
    assert admin(weir, "DELETE", "clients/app").status == 200
    assert http(weir.port, "POST", "/v1/chat/completions", chat_body("hi")).status == 401


def test_clients_made_at_run_time_are_enough_to_listen_to_others(run):
    weir = run()
    add(weir, "app")
    weir.stop()
    listening = json.loads(weir.path.read_text())
    listening["listen"] = "0.0.0.0:0"
    weir.write(listening)
    checked = subprocess.run([BINARY, "check", "-c", str(weir.path)], capture_output=True, text=True, env=environment())
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("settings, said", [
    ({"rate_limit": 1}, "unknown key `rate_limit`"),
    ({"in": "nobody"}, "there is no owner `nobody`"),
    ({"template": "none"}, "there is no template `none`"),
    ({"budgets": ["missing"]}, "there is no budget `missing`"),
    ({"models": ["${HOME}"]}, "references"),
    ({"in": "file:/etc/passwd"}, "references"),
    ({"role": "god"}, "role"),
    ({"key_hash": "0" * 64}, "weir makes the key itself"),
    ({"expires_at": "soon"}, "`soon` is no moment"),
    ({"quota": {"requests_per_day": 1}}, "not available yet"),
    ({"rate_limit_rpm": -1}, "rate_limit_rpm"),
    ({"budgets": [{"usd": 1, "window": "day", "timezone": "Mars/Olympus"}]}, "no time zone"),
    ({"tags": {"a": {"b": 1}}}, "tags"),
    ({"models": ["x" * 40000]}, "too large"),
])
def test_settings_that_are_not_good_make_nothing(run, settings, said):
    weir = run(clients=[in_file()])
    reply = admin(weir, "POST", "clients", {"name": "app", **settings})
    assert reply.status == 400 and said in reply.error["message"], reply.text
    assert admin(weir, "GET", "clients/app").status == 404
    key = add(weir, "app", rate_limit_rpm=7)
    reply = admin(weir, "PATCH", "clients/app", settings)
    assert reply.status == 400 and said in reply.error["message"], reply.text
    assert admin(weir, "GET", "clients/app").json["settings"] == {"rate_limit_rpm": 7}
    assert ask(weir, key).status == 200


def test_history_is_for_the_files_clients_and_elsewhere_an_error_that_says_so(run):
    from_history = {"budgets": [{"usd": 5, "window": "day", "start": "history"}]}
    weir = run(clients=[in_file()], templates={"each": from_history})
    key = add(weir, "app")
    for method, path, body in (("PATCH", "clients/app", from_history),
                               ("POST", "clients", {"name": "other", **from_history})):
        reply = admin(weir, method, path, body)
        assert reply.status == 400 and "`start: history` is for budgets of the configuration" in reply.error["message"]
    assert admin(weir, "GET", "clients/other").status == 404
    assert admin(weir, "PATCH", "clients/app", {"template": "each"}).status == 200
    assert ask(weir, key).status == 200 and ask(weir, FILE_KEY).status == 200
    before = http(weir.port, "GET", "/v1/key", headers={"authorization": f"Bearer {FILE_KEY}"}).json
    assert before["budgets"] == []
    assert admin(weir, "PATCH", "clients/file", from_history).status == 200
    told, = http(weir.port, "GET", "/v1/key", headers={"authorization": f"Bearer {FILE_KEY}"}).json["budgets"]
    assert float(told["spent_usd"]) > 0, told


def test_a_change_lays_settings_over_those_there_are_and_null_takes_one_out(run):
    weir = run(owners=[{"name": "acme"}])
    key = add(weir, "app", rate_limit_rpm=60, models=["m"], tags={"a": "1", "b": "2"})
    reply = admin(weir, "PATCH", "clients/app", {"rate_limit_rpm": None, "in": "acme", "tags": {"a": None, "c": "3"},
                                                 "max_concurrent": 3, "models": ["m2"]})
    assert reply.status == 200 and reply.json["settings"] == {
        "in": "acme", "tags": {"b": "2", "c": "3"}, "max_concurrent": 3, "models": ["m2"]}
    assert ask(weir, key).status == 403 and ask(weir, key, model="m2").status == 200
    own = http(weir.port, "GET", "/v1/key", headers={"authorization": f"Bearer {key}"}).json
    assert own["owners"][0]["name"] == "acme" and own["limits"]["max_concurrent"]["limit"] == 3


def test_spend_stays_with_the_client_over_rotation_change_and_kill(run):
    weir = run(clients=[in_file()], owners=[{"name": "acme", "budgets": [{"usd": 50, "window": "month"}]}],
               templates={"intern": {"budgets": [{"usd": 40, "window": "week"}]}})
    key = add(weir, "app", **{"in": "acme", "template": "intern", "daily_budget": 1.5,
                              "budgets": [{"usd": 30, "window": "24h", "rolling": True}]})
    assert ask(weir, key).status == 200
    before = spent(weir, key)
    assert set(before) == {"day", "24h", "week", "month"} and len(set(before.values())) == 1
    assert float(before["day"]) > 0
    key = admin(weir, "POST", "clients/app/rotate", {"grace_seconds": 0}).json["key"]
    assert spent(weir, key) == before
    assert admin(weir, "PATCH", "clients/app", {"daily_budget": 2.5}).status == 200
    assert spent(weir, key) == before
    kill(weir)
    weir = run(clients=[in_file()], owners=[{"name": "acme", "budgets": [{"usd": 50, "window": "month"}]}],
               templates={"intern": {"budgets": [{"usd": 40, "window": "week"}]}})
    assert spent(weir, key) == before
    replies = [ask(weir, key) for _ in range(40)]
    assert replies[-1].status == 429 and replies[-1].error["code"] == "budget_exhausted"
    assert "client app" in replies[-1].error["message"]
    after = spent(weir, key)
    assert float(after["day"]) <= 2.5
    weir.stop()
    weir = run(clients=[in_file()], owners=[{"name": "acme", "budgets": [{"usd": 50, "window": "month"}]}],
               templates={"intern": {"budgets": [{"usd": 40, "window": "week"}]}})
    assert spent(weir, key) == after
    assert ask(weir, key).status == 429


def test_a_raise_of_a_clients_budget_is_there_after_a_kill(run):
    weir = run(clients=[in_file()])
    key = add(weir, "app", daily_budget=1)
    for _ in range(40):
        last = ask(weir, key)
    assert last.status == 429 and last.error["code"] == "budget_exhausted"
    raised = admin(weir, "POST", "budgets/raise", {"budget": "day", "usd": "5", "owner": "client app"})
    assert raised.status == 200, raised.text
    assert ask(weir, key).status == 200
    assert admin(weir, "POST", "budgets/raise", {"budget": "day", "usd": "5", "owner": "client nobody"}).status == 400
    before = spent(weir, key)
    kill(weir)
    weir = run(clients=[in_file()])
    assert admin(weir, "POST", "reload").status == 200
    assert ask(weir, key).status == 200 and float(spent(weir, key)["day"]) > float(before["day"])
    assert admin(weir, "POST", "budgets/reset", {"budget": "day", "owner": "client app"}).status == 200
    assert float(spent(weir, key)["day"]) == 0


def test_a_key_that_was_rotated_holds_for_its_grace(run):
    weir = run(workers=2)
    first = add(weir, "app")
    assert ask(weir, first).status == 200
    second = admin(weir, "POST", "clients/app/rotate", {"grace_seconds": 3}).json["key"]
    assert "previous_key_until" in admin(weir, "GET", "clients/app").json
    assert ask(weir, first).status == 200 and ask(weir, second).status == 200
    poll(lambda: ask(weir, first).status == 401)
    assert ask(weir, second).status == 200
    third = admin(weir, "POST", "clients/app/rotate", {"grace_seconds": 0}).json["key"]
    assert ask(weir, second).status == 401 and ask(weir, third).status == 200
    for grace in (-1, 90 * 86400 + 1, "1", None, 1.5):
        assert admin(weir, "POST", "clients/app/rotate", {"grace_seconds": grace}).status == 400
    assert ask(weir, third).status == 200


def test_an_expired_key_is_told_so_and_more_time_brings_it_back(run):
    weir = run()
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 4))
    key = add(weir, "app", expires_at=soon)
    assert ask(weir, key).status == 200
    poll(lambda: ask(weir, key).status == 401)
    assert "has expired" in ask(weir, key).error["message"]
    assert admin(weir, "GET", "clients/app").json["state"] == "expired"
    assert admin(weir, "PATCH", "clients/app", {"expires_at": "2999-12-31"}).status == 200
    assert ask(weir, key).status == 200
    assert ask(weir, add(weir, "old", expires_at="2020-01-01")).status == 401


def waiting(weir, count):
    def look():
        return admin(weir, "GET", "status").json["providers"][0].get("waiting", 0) == count
    return look


@pytest.mark.parametrize("of_file", [False, True])
@pytest.mark.parametrize("how", [("DELETE", ""), ("POST", "/disable")])
def test_what_waits_in_line_is_refused_when_its_key_is_revoked(run, mocks, of_file, how):
    weir = run({"max_concurrent": 1, "queue": {"max": 10, "wait_ms": 30000}}, clients=[in_file(), in_file("app", "wk")])
    other = add(weir, "other")
    name, key = ("app", "wk") if of_file else ("mine", add(weir, "mine"))
    mocks[0].fault("hang", count=1)
    before, body = mocks[0].requests()["count"], json.dumps(chat_body("hi"))
    with concurrent.futures.ThreadPoolExecutor(1) as pool, Connection(weir.port) as first:
        first.send(request_bytes("POST", "/v1/chat/completions", body, {"authorization": f"Bearer {other}"}))
        poll(lambda: mocks[0].requests()["count"] == before + 1)
        second = pool.submit(ask, weir, key)
        poll(waiting(weir, 1))
        assert admin(weir, how[0], f"clients/{name}{how[1]}").status == 200
        first.reset()  # its place is free
        reply = second.result()
    assert reply.status == 401 and reply.error["code"] == "invalid_client_key", reply.text
    assert mocks[0].requests()["count"] == before + 1
    assert ask(weir, key).status == 401


def test_a_stored_response_is_its_makers_alone(run):
    weir = run({"type": "groq"}, clients=[in_file()])
    one, two = add(weir, "one"), add(weir, "two")
    made = http(weir.port, "POST", "/v1/responses", json.dumps({"model": "m", "input": "hi", "store": True}),
                {"authorization": f"Bearer {one}"})
    assert made.status == 200, made.text
    path = f"/v1/responses/{made.json['id']}"
    for key, status in ((one, 200), (two, 404), (FILE_KEY, 404)):
        assert http(weir.port, "GET", path, headers={"authorization": f"Bearer {key}"}).status == status
    assert http(weir.port, "DELETE", path, headers={"authorization": f"Bearer {two}"}).status == 404
    # Nobody comes to it by taking the name of who is gone.
    assert admin(weir, "DELETE", "clients/one").status == 200
    reply = admin(weir, "POST", "clients", {"name": "one"})
    assert reply.status == 409 and "revoked" in reply.error["message"]


def test_a_name_is_ones_alone_also_where_two_admins_ask_at_once(run):
    weir = run(workers=2, clients=[in_file()])
    assert admin(weir, "POST", "clients", {"name": "file"}).status == 409
    for name in ("", "a b", "../x", "x" * 65, "ü"):
        assert admin(weir, "POST", "clients", {"name": name}).status == 400, name
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: admin(weir, "POST", "clients", {"name": "app"}), range(8)))
    assert sorted(reply.status for reply in replies) == [201] + [409] * 7
    key = next(reply.json["key"] for reply in replies if reply.status == 201)
    assert ask(weir, key).status == 200
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda _: admin(weir, "POST", "clients/app/rotate", {"grace_seconds": 0}).json["key"],
                             range(8)))
    assert sorted(ask(weir, one).status for one in keys) == [200] + [401] * 7


@pytest.mark.parametrize("change", ("revoke", "disable", "role", "rotate"))
@pytest.mark.parametrize("method", ("POST", "DELETE"))
def test_what_an_admin_began_is_not_done_where_he_is_none_any_more_at_its_end(run, change, method):
    weir = run(workers=2)
    add(weir, "kept")
    boss = add(weir, "boss", role="admin")
    path, body = ("/admin/v1/clients/kept", "{}") if method == "DELETE" else (
        "/admin/v1/clients", '{"name": "mine", "role": "admin"}')
    whole = request_bytes(method, path, body, {"authorization": f"Bearer {boss}"})
    with Connection(weir.port) as begun, Connection(weir.port) as other:
        begun.send(whole[:-1])
        assert http(weir.port, "GET", "/v1/key", headers={"authorization": f"Bearer {boss}"}).status == 200
        changed = (admin(weir, "DELETE", "clients/boss") if change == "revoke" else
                   admin(weir, "PATCH", "clients/boss", {"role": "operator"}) if change == "role" else
                   admin(weir, "POST", f"clients/boss/{change}", {"grace_seconds": 0} if change == "rotate" else None))
        assert changed.status == 200, changed
        begun.send(whole[-1:])
        assert begun.reply(method).status == 401
        other.send(request_bytes(method, path, body, {"authorization": f"Bearer {weir.admin_key}"}))
        assert other.reply(method).status in (200, 201)  # nobody has been before it


def test_changes_and_requests_at_once_never_let_in_whom_they_should_not(run):
    weir = run(workers=4, clients=[in_file()])
    keys = {f"c{i}": add(weir, f"c{i}") for i in range(6)}
    over = threading.Event()
    wrong = []

    def use(name):
        while not over.is_set():
            status = ask(weir, keys[name]).status
            if status not in (200, 401, 403):
                wrong.append((name, status))

    threads = [threading.Thread(target=use, args=(name,)) for name in keys]
    for thread in threads:
        thread.start()
    for i in range(30):
        name = f"c{i % 6}"
        assert admin(weir, "PATCH", f"clients/{name}", {"models": ["m" if i % 2 else "m2"]}).status == 200
        assert admin(weir, "POST", f"clients/{name}/" + ("disable" if i % 3 else "enable")).status == 200
        add(weir, f"more{i}")
        if i % 10 == 9:
            assert admin(weir, "POST", "reload").status == 200
    assert admin(weir, "DELETE", "clients/c0").status == 200
    for _ in range(20):
        assert ask(weir, keys["c0"]).status == 401
    over.set()
    for thread in threads:
        thread.join()
    assert not wrong


# -- clients of the file --


def test_what_the_file_says_is_overlaid_at_run_time_and_reset_drops_that(run):
    weir = run(workers=2, clients=[in_file(rate_limit_rpm=1000, models=["m"]), in_file("other", "wk-other")])
    assert admin(weir, "PATCH", "clients/file", {"models": ["m2"], "max_concurrent": 5}).status == 200
    assert ask(weir, FILE_KEY).status == 403 and ask(weir, FILE_KEY, model="m2").status == 200
    own = http(weir.port, "GET", "/v1/key", headers={"authorization": f"Bearer {FILE_KEY}"}).json
    assert own["limits"]["rate_limit_rpm"]["limit"] == 1000 and own["limits"]["max_concurrent"]["limit"] == 5
    assert admin(weir, "GET", "status").json["clients_edited"] == 1
    assert admin(weir, "GET", "clients/file").json["edited"] is True
    kill(weir)
    weir = run(workers=2, clients=[in_file(rate_limit_rpm=1000, models=["m"]), in_file("other", "wk-other")])
    assert ask(weir, FILE_KEY).status == 403 and ask(weir, FILE_KEY, model="m2").status == 200
    assert admin(weir, "POST", "reload").status == 200
    assert ask(weir, FILE_KEY, model="m2").status == 200
    assert admin(weir, "DELETE", "clients/file").status == 200
    assert ask(weir, FILE_KEY, model="m2").status == 401 and ask(weir, "wk-other").status == 200
    assert admin(weir, "POST", "clients/file/reset").status == 200
    assert ask(weir, FILE_KEY).status == 200 and ask(weir, FILE_KEY, model="m2").status == 403
    assert admin(weir, "GET", "clients/file").json["edited"] is False
    reply = admin(weir, "POST", "clients/file/rotate")
    assert reply.status == 400 and "key_hash" in reply.error["message"]
    reply = admin(weir, "PATCH", "clients/file", {"in": "nobody"})
    assert reply.status == 400 and "no owner `nobody`" in reply.error["message"]
    assert ask(weir, FILE_KEY).status == 200


def test_the_file_can_disable_and_end_a_key_too(run):
    weir = run(clients=[in_file(enabled=False), in_file("old", "wk-old", expires_at="2020-01-01"),
                        in_file("good", "wk-good", expires_at="2999-01-01T00:00:00Z")])
    assert ask(weir, FILE_KEY).status == 401 and "disabled" in ask(weir, FILE_KEY).error["message"]
    assert ask(weir, "wk-old").status == 401 and "expired" in ask(weir, "wk-old").error["message"]
    assert ask(weir, "wk-good").status == 200


def test_a_reload_keeps_clients_and_one_that_does_not_fit_any_more_is_let_in_no_more(run):
    weir = run(clients=[in_file()], owners=[{"name": "acme"}])
    key, free = add(weir, "app", **{"in": "acme"}), add(weir, "free")
    assert ask(weir, key).status == 200
    weir.write({"providers": {"p": provider(weir_mock(weir), prices=PRICES)}, "clients": [in_file()]})
    assert admin(weir, "POST", "reload").status == 200
    reply = ask(weir, key)
    assert reply.status == 403 and "does not fit" in reply.error["message"]
    assert "there is no owner `acme`" in admin(weir, "GET", "clients/app").json["problem"]
    assert ask(weir, free).status == 200
    assert admin(weir, "PATCH", "clients/app", {"in": None}).status == 200
    assert ask(weir, key).status == 200


def weir_mock(weir):
    return json.loads(weir.path.read_text())["providers"]["p"]["base_url"]


def test_a_client_that_the_file_has_too_keeps_both_keys_and_one_spend(run):
    weir = run(clients=[in_file()])
    key = add(weir, "app", daily_budget=5)
    assert ask(weir, key).status == 200
    before = spent(weir, key)
    both = {"providers": {"p": provider(weir_mock(weir), prices=PRICES)},
            "clients": [in_file(), in_file("app", "wk-app", daily_budget=7)]}
    weir.write(both)
    assert admin(weir, "POST", "reload").status == 200
    assert spent(weir, key) == spent(weir, "wk-app") == before
    assert admin(weir, "DELETE", "clients/app").status == 200
    assert ask(weir, key).status == 401 and ask(weir, "wk-app").status == 200


# -- the state folder --


@pytest.mark.parametrize("what", ["missing", "another", "damaged"])
def test_without_the_key_that_sealed_them_it_does_not_start(run, what):
    weir = run(clients=[in_file()])
    key = add(weir, "app")
    weir.stop()
    path = weir.state_dir / "client.key"
    good = path.read_text()
    if what == "missing":
        path.unlink()
    else:
        path.write_text("0" * 64 + "\n" if what == "another" else "x")
    again = run(clients=[in_file()], wait=False)
    assert again.wait() == 2
    assert any("client.key" in line and "copy" in line for line in again.err), again.err
    path.write_text(good)
    weir = run(clients=[in_file()])
    assert ask(weir, key).status == 200


def test_rows_that_cannot_be_read_let_nobody_in(run):
    weir = run(clients=[in_file()])
    add(weir, "app")
    weir.stop()
    with sqlite3.connect(weir.state_dir / "ledger.db") as ledger:
        ledger.execute("UPDATE clients SET digest = x'00'")
    again = run(clients=[in_file()], wait=False)
    assert again.wait() == 2
    assert any("clients made at run time cannot be read" in line for line in again.err), again.err


# -- roles --


def test_roles_of_clients_made_at_run_time(run):
    weir = run(clients=[in_file()])
    keys = {role: add(weir, role, role=role) for role in ("admin", "operator", "user")}
    for role, read, change in (("admin", 200, 201), ("operator", 200, 403), ("user", 403, 403)):
        assert admin(weir, "GET", "status", key=keys[role]).status == read
        assert admin(weir, "GET", "clients", key=keys[role]).status == read
        assert admin(weir, "POST", "clients", {"name": f"of-{role}"}, key=keys[role]).status == change
        assert admin(weir, "PATCH", f"clients/{role}", {"role": "admin"}, key=keys[role]).status == (
            200 if role == "admin" else 403)
        assert admin(weir, "POST", "clients/admin/rotate", key=keys[role]).status == (200 if role == "admin" else 403)
    assert admin(weir, "POST", "clients/admin/disable").status == 200
    assert admin(weir, "GET", "status", key=keys["admin"]).status == 401


def admin_paths():
    """Every path of the admin API with its methods, as the page of the paths has them."""
    page = (pathlib.Path(os.environ["WEIR_SOURCE_ROOT"]) / "docs/http.md").read_text()
    found = re.findall(r"`(GET|POST|PUT|PATCH|DELETE) (/admin/v1/[^`?]*)", page)
    assert len(found) > 25
    return sorted({(method, path.replace("{name}", "none").replace("{route}", "none").replace("{id}", "none")
                    .replace("{model}", "none")) for method, path in found})


def test_each_path_of_the_admin_api_wants_its_role(run):
    weir = run(clients=[in_file()])
    keys = {role: add(weir, role, role=role) for role in ("operator", "user")}
    for method, path in admin_paths():
        if path.endswith("/drain") and "providers" not in path:
            continue  # nobody may but the admin, and then it is over
        words = path == "/admin/v1/export" or path.startswith("/admin/v1/conversations/")  # callers' own: admins' alone
        reads = method == "GET" and not words or (method, path) == ("POST", "/admin/v1/route")  # which sends nothing
        for who, key in (*keys.items(), ("nobody", None)):
            headers = {"authorization": f"Bearer {key}"} if key else {}
            body = None if method == "GET" else "{}"
            asks = "HEAD" if path == "/admin/v1/events" else method  # its body has no end
            status = http(weir.port, asks, path, body, headers).status
            if who == "operator" and reads:
                assert status not in (401, 403), (method, path, status)
            else:
                assert status == (401 if who == "nobody" else 403), (method, path, who, status)
    assert http(weir.port, "POST", "/admin/v1/drain", "", {"authorization": f"Bearer {keys['operator']}"}).status == 403


# -- the disk --


def fill(folder):
    path = folder / "full"
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"x" * 4096) == 4096:
            pass
    return path


def test_on_a_full_disk_no_key_is_handed_out(run, tmp_path):
    folder = tmp_path / "state"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m,mode=700", "tmpfs", str(folder)],
                      capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        weir = run(clients=[in_file()], on_ledger_failure="serve")
        key = add(weir, "app")
        full = fill(folder)
        refused = []
        for i in range(200):  # what SQLite has reserved is used up
            reply = admin(weir, "POST", "clients", {"name": f"c{i}"})
            if reply.status != 201:
                refused.append((f"c{i}", reply))
        assert len(refused) > 20
        for name, reply in refused:
            assert reply.status == 500 and "key" not in reply.json, reply.text
            assert admin(weir, "GET", f"clients/{name}").status == 404
        changed = admin(weir, "PATCH", "clients/app", {"models": ["none"]})
        turned = admin(weir, "POST", "clients/app/rotate", {"grace_seconds": 0})
        assert changed.status == turned.status == 500
        assert ask(weir, key).status == 200
        full.unlink()
        listed = [c["name"] for c in admin(weir, "GET", "clients").json["clients"]]
        again = add(weir, refused[0][0])
        kill(weir)
        weir = run(clients=[in_file()], on_ledger_failure="serve")
        assert [c["name"] for c in admin(weir, "GET", "clients").json["clients"]] == listed + [refused[0][0]]
        assert ask(weir, key).status == ask(weir, again).status == 200
        weir.stop()
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_each_change_is_in_the_audit_without_a_value(run):
    weir = run(clients=[in_file()])
    add(weir, "app", models=["secret-model"], rate_limit_rpm=5)
    admin(weir, "PATCH", "clients/app", {"rate_limit_rpm": 6})
    admin(weir, "POST", "clients/app/rotate", {"grace_seconds": 60})
    for action in ("disable", "enable"):
        admin(weir, "POST", f"clients/app/{action}")
    admin(weir, "DELETE", "clients/app")
    admin(weir, "POST", "clients/file/disable")
    admin(weir, "POST", "clients/file/reset")
    reply = admin(weir, "GET", "audit")
    rows = [(row["action"], row["subject"], row.get("detail", "")) for row in reply.json["rows"]
            if row["action"].startswith("client.")]
    assert rows == [("client.add", "app", "models,rate_limit_rpm"), ("client.change", "app", "rate_limit_rpm"),
                    ("client.rotate", "app", "grace 60 s"), ("client.disable", "app", ""), ("client.enable", "app", ""),
                    ("client.revoke", "app", ""), ("client.disable", "file", ""), ("client.reset", "file", "")], rows
    assert "secret-model" not in reply.text


# -- the command line --


def test_the_command_line_makes_shows_and_changes_clients(run):
    weir = run(clients=[in_file()], owners=[{"name": "acme"}])
    made = command(weir, "create", "app", "in=acme", "models=m,gpt-*", "rate_limit_rpm=60", "tags.team=search",
                   "expires_at=2999-01-01", "budgets=[{\"usd\":5,\"window\":\"day\"}]")
    assert made.returncode == 0, made.stderr
    key = made.stdout.strip()
    assert key.startswith("weir-") and len(key) == 69 and key not in made.stderr
    assert ask(weir, key).status == 200
    shown = json.loads(command(weir, "show", "app").stdout)
    assert shown["settings"] == {"in": "acme", "models": ["m", "gpt-*"], "rate_limit_rpm": 60,
                                 "expires_at": "2999-01-01", "budgets": [{"usd": 5, "window": "day"}],
                                 "tags": {"team": "search"}}
    assert command(weir, "change", "app", "rate_limit_rpm=", "tags.team=", "tags.a=b").returncode == 0
    assert json.loads(command(weir, "show", "app").stdout)["settings"]["tags"] == {"a": "b"}
    turned = command(weir, "rotate", "app", "--grace-seconds", "0")
    assert turned.returncode == 0 and ask(weir, key).status == 401 and ask(weir, turned.stdout.strip()).status == 200
    for action in ("disable", "enable"):
        done = command(weir, action, "app")
        assert done.returncode == 0 and done.stdout.startswith("app is "), done
    assert command(weir, "add", "more").returncode == 0
    listed = json.loads(command(weir, "list", "--limit", "1").stdout)
    assert [c["name"] for c in listed["clients"]] == ["file"] and listed["next"] == "file"
    listed = json.loads(command(weir, "list", "--after", "file", "--limit", "5").stdout)
    assert [c["name"] for c in listed["clients"]] == ["app", "more"] and "next" not in listed
    assert command(weir, "revoke", "app").returncode == 0
    again = command(weir, "add", "app")
    assert again.returncode == 1 and "revoked" in again.stderr and again.stdout == ""
    for edit in (("change", "app", "rate_limit_rpm=5"), ("rotate", "app"), ("disable", "app"), ("enable", "app")):
        done = command(weir, *edit)
        assert done.returncode == 1 and "is revoked, which is for good: add another client" in done.stderr, (edit, done)
    assert command(weir, "reset", "more").returncode == 1
    assert command(weir, "disable", "file").returncode == 0 and ask(weir, FILE_KEY).status == 401
    assert command(weir, "reset", "file").returncode == 0 and ask(weir, FILE_KEY).status == 200
    for wrong in (("add",), ("show",), ("change", "app"), ("revoke", "app", "x=1"), ("list", "x"), ("nothing", "app"),
                  ("add", "a/b"), ("add", "x", "y"), ("disable", "more", "--grace-seconds", "1")):
        assert command(weir, *wrong).returncode == 2, wrong

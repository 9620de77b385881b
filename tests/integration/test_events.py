"""/admin/v1/events: what happens is told as it happens, once, in order, to everybody who listens; a slow or lost
listener is told how many it has missed; it ends with its key and with the gateway."""
import hashlib
import json
import re
import signal
import subprocess
import threading

import pytest

from listener import Listener
from weirlib import BINARY, ROOT, Connection, chat, environment, http, poll, provider, request_bytes

EXCLUSIVE = [{"model": "one-at-a-time", "strategy": "exclusive", "failover_after": 1, "targets": ["one/m", "two/m"]}]


@pytest.fixture
def run(folder, mocks):
    for mock in mocks:
        mock.reset()

    def begin(**top):
        breaker = {"failure_threshold": 1, "timeout_seconds": 60}
        return folder({"providers": {"one": provider(mocks[0], circuit_breaker=breaker), "two": provider(mocks[1])},
                       "routes": EXCLUSIVE, "workers": 2, "health_check_interval": 1000, **top})
    return begin


def admin(weir, method, path, body=None, key=None):
    text = None if body is None else json.dumps(body)
    return http(weir.port, method, "/admin/v1/" + path, text, {"authorization": f"Bearer {key or weir.admin_key}"})


def test_what_happens_is_told_to_everybody_who_listens(run, mocks):
    weir = run(alerts={"budget": [0.5]}, owners=[{"name": "acme"}])
    listeners = [Listener(weir) for _ in range(3)]
    assert listeners[0].status == 200 and listeners[0].headers["content-type"] == "text/event-stream"
    assert admin(weir, "PATCH", "owners/acme", {"rate_limit_rpm": 60}).status == 200
    assert admin(weir, "POST", "providers/two/drain").status == 200
    assert admin(weir, "POST", "providers/two/resume").status == 200
    assert chat(weir.port, model="one-at-a-time").status == 200
    poll(lambda: admin(weir, "GET", "lock").json["locks"][0]["holder"] == "one/m")
    mocks[0].fault("status=503")
    assert chat(weir.port, model="one-at-a-time").status == 200  # by the next one: the lock moves
    for listener in listeners:
        change = poll(lambda: listener.of("change"))[0]
        assert (change["action"], change["subject"], change["detail"]) == ("owner.change", "acme", "rate_limit_rpm")
        assert change["actor"] == "admin key" and change["outcome"] == "ok" and change["time_ms"] > 1.6e12
        assert poll(lambda: listener.of("configuration"))[0]["generation"] >= 1
        lock = poll(lambda: listener.of("lock"))[0]
        assert (lock["route"], lock["from"], lock["to"]) == ("one-at-a-time", "one/m", "two/m")
        breaker = poll(lambda: [one for one in listener.of("provider") if one["changed"] == "breaker"])[0]
        assert (breaker["provider"], breaker["from"], breaker["to"]) == ("one", "closed", "open")
        alert = poll(lambda: [one for one in listener.of("alert") if one["kind"] == "breaker_open"])[0]
        assert alert["event"] == "raised" and alert["subject"] == "provider one"
    assert admin(weir, "POST", "providers/one/resume").status == 200
    poll(lambda: [one for one in listeners[0].of("alert") if (one["event"], one["kind"]) == ("ended", "breaker_open")])
    ids = [[int(id) for id, _, _ in listener.events] for listener in listeners]
    assert all(one == sorted(set(one)) for one in ids)
    weir.stop()


def test_budgets_over_their_shares_are_told(run, mocks):
    weir = run(providers={"one": provider(mocks[0], prices={"m": {"input": 1000.0, "output": 10000.0}})}, routes=[],
               owners=[{"name": "acme", "budgets": [{"usd": 2, "window": "day"}]}], alerts={"budget": [0.01]},
               clients=[{"name": "app", "in": "acme", "key_hash": hashlib.sha256(b"wk-app").hexdigest()}])
    listener = Listener(weir)
    assert chat(weir.port, headers={"authorization": "Bearer wk-app"}).status == 200
    alert = poll(lambda: [one for one in listener.of("alert") if one["kind"] == "budget"])[0]
    assert alert["event"] == "raised" and alert["subject"] == "team acme budget day"


def test_a_listener_goes_on_where_it_was_and_is_told_what_it_has_missed(run):
    weir = run(owners=[{"name": "acme"}])
    first = Listener(weir)
    for rpm in range(1, 6):
        assert admin(weir, "PATCH", "owners/acme", {"rate_limit_rpm": rpm}).status == 200
    poll(lambda: len(first.of("change")) == 5)
    ids = [id for id, _, _ in first.events]
    first.leave()
    again, by_query = Listener(weir, last=ids[3]), Listener(weir, query=f"?after={ids[3]}")
    for listener in (again, by_query):
        poll(lambda: len(listener.events) >= len(ids) - 4)
        assert [id for id, _, _ in listener.events][:len(ids) - 4] == ids[4:]
    weir.stop()
    weir = run(owners=[{"name": "acme"}])
    later = Listener(weir, last=ids[3])
    gap = poll(lambda: later.of("gap"))[0]  # the gateway of then is gone, and what it held
    assert gap == {"missed": None, "restarted": True}
    assert poll(lambda: later.of("change"))[0]["action"] == "gateway.start"
    fresh = Listener(weir)
    assert admin(weir, "PATCH", "owners/acme", {"rate_limit_rpm": 9}).status == 200
    assert poll(lambda: fresh.of("change"))[0]["action"] == "owner.change"


def test_one_that_does_not_read_holds_nobody_up_and_is_told_how_many_it_has_missed(run):
    weir = run()
    deaf = Connection(weir.port)
    deaf.send(request_bytes("GET", "/admin/v1/events", headers={"authorization": f"Bearer {weir.admin_key}"}))
    deaf.read_until(b"\n\n")
    started = Listener(weir)
    for count in range(560):  # two each
        state = ("drain", "resume")[count % 2]
        assert admin(weir, "POST", f"providers/two/{state}").status == 200
    poll(lambda: len(started.of("change")) == 560 and len(started.of("configuration")) == 560)
    assert not started.of("gap")
    late = Listener(weir, last=str(int(started.events[0][0])))
    gap = poll(lambda: late.of("gap"))[0]
    assert gap["missed"] >= 90
    poll(lambda: late.events[-1][0] == started.events[-1][0])
    ids = [int(id) for id, event, _ in late.events if event != "gap"]
    assert ids == list(range(ids[0], ids[-1] + 1)) and len(ids) >= 1024  # all that the ring held
    assert ids[0] - int(started.events[0][0]) - 1 == gap["missed"]
    weir.stop()  # also with one that does not read


def test_it_ends_at_a_drain_and_with_its_key(run):
    keys = {name: f"wk-{name}" for name in ("operator", "user")}
    weir = run(clients=[{"name": name, "role": name, "key_hash": hashlib.sha256(key.encode()).hexdigest()}
                        for name, key in keys.items()])
    assert admin(weir, "GET", "events", key=keys["user"]).status == 403
    assert http(weir.port, "GET", "/admin/v1/events").status == 401
    assert admin(weir, "GET", "events?since=1").status == 400
    own, other = Listener(weir, key=keys["operator"]), Listener(weir)
    assert admin(weir, "POST", "clients/operator/disable").status == 200
    poll(lambda: own.ended)
    assert own.events[-1][1] == "end" and not other.ended
    poll(lambda: "keepalive" in other.comments, 60)
    weir.process.send_signal(signal.SIGTERM)
    poll(lambda: other.ended)
    assert other.events[-1][1] == "end"
    assert weir.wait() == 0


def test_it_ends_when_its_key_may_listen_no_more(run):
    """Also where the key is not barred: another role, another key of the same client, no such client any more."""
    def client(name, key, role="operator"):
        return {"name": name, "role": role, "key_hash": hashlib.sha256(key.encode()).hexdigest()}

    def of_file(*clients):
        config.update(clients=[client("kept", "wk-kept"), *clients])
        weir.write(config)
        assert admin(weir, "POST", "reload").status == 200

    def ends(key, how, *args):
        listener = Listener(weir, key=key)
        assert listener.status == 200
        how(*args)
        poll(lambda: listener.ended)
        assert listener.events[-1][1] == "end"
        assert admin(weir, "GET", "events", key=key).status in (401, 403)
    weir = run(clients=[client("kept", "wk-kept")])
    config = json.loads(weir.path.read_text())
    key = admin(weir, "POST", "clients", {"name": "made", "role": "operator"}).json["key"]
    kept, uses = Listener(weir, key="wk-kept"), admin(weir, "GET", "clients/made").json["uses"]
    ends(key, admin, weir, "PATCH", "clients/made", {"role": "user"})
    assert admin(weir, "GET", "clients/made").json["uses"] <= uses + 2  # who listens is counted once
    assert admin(weir, "PATCH", "clients/made", {"role": "operator"}).status == 200
    ends(key, admin, weir, "POST", "clients/made/rotate", {"grace_seconds": 0})
    for after in ([client("file", "wk-file", "user")], [client("file", "wk-next")], []):
        of_file(client("file", "wk-file"))
        ends("wk-file", of_file, *after)
    assert not kept.ended


def test_at_most_64_listen_and_a_place_is_free_when_one_has_gone(run):
    weir = run()
    listeners = [Listener(weir) for _ in range(64)]
    assert {listener.status for listener in listeners} == {200}
    refused = admin(weir, "GET", "events")
    assert refused.status == 503 and "at most 64" in refused.error["message"]
    listeners.pop().leave()
    assert poll(lambda: Listener(weir).status == 200)


def test_the_command_follows_it(run):
    weir = run()
    process = subprocess.Popen([BINARY, "events", "--json", "--url", f"http://127.0.0.1:{weir.port}", "--admin-key",
                                weir.admin_key, "--after", "1"], stdout=subprocess.PIPE, text=True, env=environment())
    lines = []
    reader = threading.Thread(target=lambda: lines.extend(process.stdout), daemon=True)
    reader.start()
    assert admin(weir, "POST", "providers/two/drain").status == 200
    told = poll(lambda: [json.loads(line) for line in lines if "provider.state" in line])[0]
    assert told["event"] == "change" and told["data"]["detail"] == "draining"
    weir.stop()
    assert process.wait(20) == 0
    reader.join(20)
    assert json.loads(lines[0])["event"] == "gap" and json.loads(lines[-1])["event"] == "end"
    ids = [json.loads(line)["id"] for line in lines if json.loads(line)["event"] == "change"]
    assert ids == sorted(set(ids)) and ids[0] > 1, "what --after goes on behind"
    ended = subprocess.run([BINARY, "events", "--url", "http://127.0.0.1:1", "--admin-key", "x"], capture_output=True,
                           text=True, timeout=20, env=environment())
    assert ended.returncode == 1 and "no gateway answers" in ended.stderr


def test_the_page_of_events_is_the_table():
    header = (ROOT / "src/observe/notices.h").read_text().replace("\\\n", " ")
    table = re.findall(r'X\((\w+), "([^"]*)",\s*"([^"]*)"\)', re.sub(r'"\s+"', "", header))
    page = (ROOT / "docs/events.md").read_text()
    told = [line for line in page.split("\n") if line.startswith("| `")]
    assert [f"| `{name}` | {members} | {when} |" for name, members, when in table] == told[:-3]
    assert [line.split("`")[1] for line in told[-3:]] == ["gap", "request_gap", "end"]

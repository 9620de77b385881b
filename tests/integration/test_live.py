"""/admin/v1/events?requests=true: requests as they happen, to those who ask for them and to nobody else; at most so
many a second, and no other event is pushed out by them."""
import hashlib
import json
import os
import subprocess
import threading

import pytest

from listener import Listener
from weirlib import BINARY, Connection, RawProvider, chat, chat_body, environment, good_reply, http, poll, \
    provider, request_bytes

LIVE_RATE = 100  # src/observe/live.h
FAILOVER = [{"model": "both", "strategy": "priority", "targets": ["one/m", "two/m"]},
            {"model": "second", "targets": ["two/m"]}]


@pytest.fixture
def run(folder, mocks):
    for mock in mocks:
        mock.reset()

    def begin(**top):
        prices = {"m": {"input": 1.0, "output": 10.0}}
        providers = {"one": provider(mocks[0], max_retries=0), "two": provider(mocks[1], prices=prices)}
        return folder({"providers": providers, "routes": FAILOVER, "workers": 2, "health_check_interval": 1000,
                       **top})
    return begin


def admin(weir, method, path, body=None, key=None):
    text = None if body is None else json.dumps(body)
    return http(weir.port, method, "/admin/v1/" + path, text, {"authorization": f"Bearer {key or weir.admin_key}"})


def watch(weir, **more):
    listener = Listener(weir, query="?requests=true", **more)
    assert listener.status == 200
    return listener


def ended(listener, count=1):
    return poll(lambda: len(listener.of("request")) >= count and listener.of("request"))


def client(name, **more):
    return {"name": name, "key_hash": hashlib.sha256(f"wk-{name}".encode()).hexdigest(), **more}


def test_a_failover_is_two_attempts_and_a_request(run, mocks):
    weir = run(clients=[client("app", role="user")])
    watching = watch(weir)
    mocks[0].fault("status=503")
    reply = chat(weir.port, model="both", headers={"authorization": "Bearer wk-app", "x-weir-session": "a walk"})
    assert reply.status == 200
    told, id = ended(watching)[0], reply.headers["x-weir-request-id"]
    attempts = watching.of("attempt")
    assert [(one["attempt"], one["provider"], one.get("outcome"), one.get("status")) for one in attempts] == [
        (0, "one", None, None), (0, "one", "overloaded", 503), (1, "two", None, None), (1, "two", "ok", 200)]
    for one in attempts:
        assert (one["id"], one["client"], one["asked"], one["route"]) == (id, "app", "both", "both")
        assert (one["endpoint"], one["model"]) == ("chat", "m")
        assert one["time_ms"] > 1.6e12 and one.get("failover", False) == (one["attempt"] == 1)
    assert (told["id"], told["status"], told["attempts"], told["provider"], told["model"]) == (id, 200, 2, "two", "m")
    assert (told["client"], told["asked"], told["route"], told["session"]) == ("app", "both", "both", "a walk")
    # What the request log has of the same attempts is the same, but for the moments.
    rows = admin(weir, "GET", f"requests?id={id}").json["rows"]
    assert len(rows) == 2
    for row, one in zip(rows, [one for one in attempts if "outcome" in one]):
        same = set(one) - {"time_ms"}
        assert same <= set(row) and {name: row[name] for name in same} == {name: one[name] for name in same}
    assert told["cost_usd"] == rows[1]["cost_usd"] and told["duration_us"] >= rows[1]["duration_us"]
    for name in ("input_tokens", "output_tokens"):
        assert told[name] == rows[1][name]
    assert all(id is None for id, event, _ in watching.events if event in ("attempt", "request"))


def test_what_is_under_way_shows(run):
    release = threading.Event()

    def waits(connection, head, body):
        release.wait(20)
        connection.sendall(good_reply())
    with RawProvider(waits) as slow:
        patient = {"timeout_seconds": 20, "reply_timeout_seconds": 20, "stall_timeout_seconds": 20}
        weir = run(providers={"slow": provider(slow, **patient)}, routes=[])
        watching = watch(weir)
        caller = threading.Thread(target=chat, args=(weir.port,), kwargs={"model": "m"})
        caller.start()
        begun = poll(lambda: watching.of("attempt"))[0]
        assert "outcome" not in begun and begun["provider"] == "slow" and not watching.of("request")
        late = watch(weir)  # one that comes in the middle is told of the rest
        release.set()
        caller.join(20)
        for listener in (watching, late):
            assert ended(listener)[0]["id"] == begun["id"]
            assert listener.of("attempt")[-1]["outcome"] == "ok"


def test_who_does_not_ask_hears_nothing_of_them(run):
    weir = run()
    plain, declined, watching = Listener(weir), Listener(weir, query="?requests=false"), watch(weir)
    assert chat(weir.port, model="both").status == 200
    assert admin(weir, "POST", "providers/two/drain").status == 200
    ended(watching)
    for listener in (plain, declined, watching):
        poll(lambda: listener.of("change"))
    assert not {"attempt", "request", "request_gap"} & {event for _, event, _ in plain.events + declined.events}
    assert admin(weir, "GET", "events?requests=yes").status == 400
    again = Listener(weir, query=f"?requests=true&after={plain.events[0][0]}")  # what is held of the others
    poll(lambda: again.events)
    assert {event for _, event, _ in again.events} <= {"change", "configuration", "provider"}


def test_what_has_no_attempt_shows_as_far_as_it_is_a_request(run):
    poor = client("poor", budgets=[{"usd": 0.000001, "window": "day"}])
    weir = run(clients=[client("app", role="user", rate_limit_rpm=2), poor],
               cache={"enabled": True, "mode": "all"})
    watching = watch(weir)

    def ask(key, **more):
        return chat(weir.port, headers={"authorization": f"Bearer {key}"}, **more).status
    assert [ask("wk-app", model="both"), ask("wk-app", model="both"), ask("wk-app", model="both")] == [200, 200, 429]
    assert ask("wk-poor", model="second") == 429 and ask("wk-none", model="both") == 401
    told = {(one["client"], one["status"], one.get("cache"), one.get("error"), one["attempts"])
            for one in ended(watching, 4)}
    assert told == {("app", 200, "miss", None, 1), ("app", 200, "hit", None, 0), ("app", 429, None, "rate_limited", 0),
                    ("poor", 429, "miss", "budget_exhausted", 0)}
    assert not [one for one in watching.of("request") if one["status"] == 401]


def test_who_may_listen_and_for_how_long(run):
    weir = run(clients=[client("user", role="user"), client("operator", role="operator")])
    assert admin(weir, "GET", "events?requests=true", key="wk-user").status == 403
    assert http(weir.port, "GET", "/admin/v1/events?requests=true").status == 401
    own, other = watch(weir, key="wk-operator"), watch(weir)
    assert chat(weir.port, model="both", headers={"authorization": "Bearer wk-user"}).status == 200
    ended(own)
    assert admin(weir, "POST", "clients/operator/disable").status == 200
    poll(lambda: own.ended)
    assert own.events[-1][1] == "end"
    assert chat(weir.port, model="both", headers={"authorization": "Bearer wk-user"}).status == 200
    assert len(ended(other, 2)) == 2 and len(own.of("request")) == 1
    weir.stop()
    poll(lambda: other.ended)
    assert other.events[-1][1] == "end"


def burst(weir, count, connections=32, model="two/m", status=200):
    """So many requests as fast as they go; how many were answered."""
    answered = []

    def send(times):
        with Connection(weir.port) as connection:
            for _ in range(times):
                connection.send(request_bytes("POST", "/v1/chat/completions", chat_body(model=model)))
                answered.append(connection.reply().status)
    threads = [threading.Thread(target=send, args=(count // connections,)) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert set(answered) == {status}
    return len(answered)


def test_a_burst_is_bounded_and_pushes_out_no_other_event(run):
    weir = run()
    plain = Listener(weir)
    assert admin(weir, "POST", "providers/one/drain").status == 200
    first = poll(lambda: plain.of("change")) and plain.events[0][0]
    listeners = [watch(weir) for _ in range(40)]
    deaf, killed = Connection(weir.port), Connection(weir.port)
    for one in (deaf, killed):
        key = {"authorization": f"Bearer {weir.admin_key}"}
        one.send(request_bytes("GET", "/admin/v1/events?requests=true", headers=key))
        one.read_until(b"\n\n")
    killed.reset()  # and the other one does not read
    count = burst(weir, 3200)
    for listener in listeners:
        # Each is told, or counted as left out.
        poll(lambda: len(listener.of("request")) + sum(gap["requests"] for gap in listener.of("request_gap")) == count)
        assert sum(gap["events"] for gap in listener.of("request_gap")) == 0
        by_second = {}
        for one in listener.of("request"):
            second = one["time_ms"] // 1000
            by_second[second] = by_second.get(second, 0) + 1
        assert max(by_second.values()) <= 2 * LIVE_RATE + 32  # of two seconds of the other clock, and those under way
        assert len(listener.of("request")) <= LIVE_RATE * (len(by_second) + 2)
        begun = [one["id"] for one in listener.of("attempt") if "outcome" not in one]
        assert sorted(begun) == sorted(one["id"] for one in listener.of("request"))  # each of them whole
    late = Listener(weir, last=str(int(first) - 1))
    poll(lambda: late.of("change"))
    assert not late.of("gap") and late.of("change")[0]["action"].startswith("provider.")
    weir.stop()  # also with one that does not read


def test_a_flood_of_refusals_hides_nobody_who_is_served(run):
    weir = run()
    watching = watch(weir)
    flood = threading.Thread(target=burst, args=(weir, 3200), kwargs={"model": "no-such", "status": 404})
    flood.start()
    poll(lambda: watching.of("request_gap"))
    served = []
    while flood.is_alive():
        served.append(chat(weir.port, model="both").headers["x-weir-request-id"])
        flood.join(0.05)
    poll(lambda: set(served) <= {one["id"] for one in watching.of("request") if one["status"] == 200})
    assert served
    poll(lambda: len(watching.of("request")) + sum(gap["requests"] for gap in watching.of("request_gap")) ==
         3200 + len(served))


def test_a_reload_changes_nothing_for_who_watches(run):
    weir = run()
    watching = watch(weir)
    assert admin(weir, "POST", "reload").status == 200
    assert chat(weir.port, model="both").status == 200
    assert ended(watching)[0]["status"] == 200


def test_nothing_that_the_log_hides_is_told(run):
    weir = run(log={"redact_patterns": ["[a-z]+@example\\.com"]})
    watching = watch(weir)
    secret = "sk-" + "a1b2c3d4" * 6
    reply = chat(weir.port, model="both", headers={"x-weir-session": f"of kim@example.com {secret}",
                                                   "x-weir-request-id": "from-joe@example.com"})
    assert reply.status == 200
    told = ended(watching)[0]
    assert "example.com" not in json.dumps(watching.events) and secret not in json.dumps(watching.events)
    assert told["session"].startswith("of ***")
    assert chat(weir.port, model="\u202e\x1b[2J" + "m" * 200).status == 404
    long = ended(watching, 2)[1]
    assert long["error"] == "model_not_found"
    assert long["asked"].startswith("\u202e\x1b[2Jm") and long["asked"].endswith("m...")
    assert len(long["asked"].encode()) == 163


def test_a_purge_takes_what_is_held(run):
    weir = run(clients=[client("app", role="user"), client("rest")])
    watching = watch(weir)
    assert chat(weir.port, model="both", headers={"authorization": "Bearer wk-app"}).status == 200
    ended(watching)
    assert admin(weir, "POST", "purge", {"client": "app"}).status == 200
    assert chat(weir.port, model="both", headers={"authorization": "Bearer wk-rest"}).status == 200
    assert ended(watching, 2)[1]["client"] == "rest"
    assert not watching.of("request_gap")


def follow(weir, *options, **how):
    command = [BINARY, "events", "--requests", "--url", f"http://127.0.0.1:{weir.port}", "--admin-key", weir.admin_key]
    process = subprocess.Popen([*command, *options], text=True, env=environment(), **how)
    lines = []
    reader = threading.Thread(target=lambda: lines.extend(process.stdout or []), daemon=True)
    reader.start()
    return process, lines, reader


def test_the_command_tells_of_them(run):
    weir = run()
    process, lines, reader = follow(weir, "--json", stdout=subprocess.PIPE)

    def told():
        assert chat(weir.port, model="\x1b[2J both").status == 404
        return [json.loads(line) for line in lines if '"event":"request"' in line]
    one = poll(told, every_s=0.2)[0]
    assert one["id"] is None and one["data"]["status"] == 404 and one["data"]["asked"] == "\x1b[2J both"
    weir.stop()
    assert process.wait(20) == 0
    reader.join(20)
    assert "\x1b" not in "".join(lines)


def test_on_a_terminal_nothing_steers_it(run):
    weir = run()
    screen, terminal = os.openpty()
    process, _, _ = follow(weir, stdout=terminal)
    os.close(terminal)
    os.set_blocking(screen, False)
    shown = b""

    def told():
        nonlocal shown
        assert chat(weir.port, model="\x1b[2J both").status == 404
        try:
            shown += os.read(screen, 65536)
        except BlockingIOError:
            return False
        return b"\n" in shown
    poll(told, every_s=0.2)
    weir.stop()
    assert process.wait(20) == 0
    os.close(screen)
    assert b" request " in shown and b"error=model_not_found" in shown and b"asked=_[2J both" in shown
    assert b"\x1b" not in shown

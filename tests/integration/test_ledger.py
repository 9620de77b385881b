"""What was spent: in the ledger once, told apart by who and what, there after a restart and after every kill."""
import contextlib
import hashlib
import json
import os
import random
import signal
import socket
import sqlite3
import subprocess
import threading

import pytest

from weirlib import Connection, chat, chat_body, http, on_terminal, poll, provider, request_bytes

PRICES = {"m": {"input": 1.0, "output": 2.0}}  # USD a million tokens


@pytest.fixture
def run(folder, mocks):
    mocks[0].reset()

    def begin(wait=True, more=None, **top):
        return folder({"providers": {"one": provider(mocks[0], prices=PRICES, **(more or {}))}, **top}, wait=wait)
    return begin


def ask(weir, query=""):
    return http(weir.port, "GET", "/admin/v1/usage" + query, headers={"authorization": f"Bearer {weir.admin_key}"})


def usage(weir, query=""):
    reply = ask(weir, query)
    assert reply.status == 200, reply
    return reply.json


def attempts(weir):
    """Every attempt as the file has it."""
    with sqlite3.connect(weir.state_dir / "ledger.db") as ledger:
        ledger.row_factory = sqlite3.Row
        return [dict(row) for row in ledger.execute(
            "SELECT attempts.*, (SELECT name FROM names WHERE id = outcome) AS ended FROM attempts ORDER BY time_ms")]


def cost(tokens_in, tokens_out):
    return f"{(tokens_in * 1000 + tokens_out * 2000) / 1e9:.9f}"


def test_what_was_answered_is_in_the_ledger_at_once_and_after_a_restart(run):
    weir = run()
    replies = [chat(weir.port) for _ in range(3)]
    tokens_in = sum(reply.json["usage"]["prompt_tokens"] for reply in replies)
    tokens_out = sum(reply.json["usage"]["completion_tokens"] for reply in replies)
    for _ in range(2):
        told = usage(weir, "?by=provider,model")
        row = told["rows"][0]
        assert len(told["rows"]) == 1 and (row["provider"], row["model"]) == ("one", "m")
        assert (row["requests"], row["attempts"], row["errors"]) == (3, 3, 0)
        assert (row["input_tokens"], row["output_tokens"]) == (tokens_in, tokens_out)
        assert row["cost_usd"] == told["total"]["cost_usd"] == cost(tokens_in, tokens_out)
        assert 0 < row["latency_ms"]["p50"] <= row["latency_ms"]["p99"]
        assert (weir.state_dir / "ledger.db").stat().st_mode & 0o777 == 0o600
        weir.stop()
        assert not list((weir.state_dir / "journal").iterdir())  # all of it is in the ledger
        weir = run()


def test_it_is_told_apart_by_client_and_time(run):
    keys = {name: f"weir-{name}-key" for name in ("app", "other")}
    hashes = {name: hashlib.sha256(key.encode()).hexdigest() for name, key in keys.items()}
    weir = run(clients=[{"name": name, "key_hash": key_hash} for name, key_hash in hashes.items()])
    for name, count in (("app", 2), ("other", 1)):
        for _ in range(count):
            assert chat(weir.port, headers={"authorization": f"Bearer {keys[name]}"}).status == 200
    assert {row["client"]: row["requests"] for row in usage(weir, "?by=client")["rows"]} == {"app": 2, "other": 1}
    assert usage(weir, "?client=app")["total"]["requests"] == 2
    assert usage(weir, "?since=2020-01-01&until=2020-01-02")["total"]["requests"] == 0
    days = usage(weir, "?by=day&since=7d")["rows"]
    assert [row["requests"] for row in days] == [3] and len(days[0]["day"]) == 10
    table = ask(weir, "?by=client,model&format=csv")
    assert table.headers["content-type"].startswith("text/csv")
    assert table.text.startswith("client,model,requests,attempts,errors,") and '\r\n"app","m",2,2,0,' in table.text
    assert http(weir.port, "GET", "/admin/v1/usage", headers={"authorization": f"Bearer {keys['app']}"}).status == 403


@pytest.mark.parametrize("query, says", [
    ("?by=tenant", "provider, model, client, route, owner, rule, asked, tag, session, day and hour"),
    ("?by=day,day", "twice"), ("?limit=0", "1 to 4000"), ("?compare=yes", "true or false"),
    ("?since=yesterday", "24h"), ("?since=2026-13-01", "2026-11-01"), ("?format=xml", "json or csv"),
    ("?provider=", "must be a name"), ("?until=" + "9" * 30 + "d", "24h"), ("?what=1", "is not understood"),
    ("?client=" + "x" * 600, "too long"), ("?client=%00", "no text"),
])
def test_a_question_that_is_not_understood_says_what_is(run, query, says):
    reply = ask(run(), query)
    assert reply.status == 400 and says in reply.error["message"]


def test_the_command_shows_a_table_and_gives_json_and_csv(run):
    weir = run()
    chat(weir.port)
    where = ["--config", str(weir.path), "--url", f"http://127.0.0.1:{weir.port}"]
    status, shown = on_terminal("usage", *where)
    assert status == 0 and "requests" in shown and "one" in shown and "total" in shown and "####" in shown
    status, shown = on_terminal("usage", "--json", "--by", "model", *where)
    assert status == 0 and json.loads(shown)["rows"][0]["model"] == "m"
    status, shown = on_terminal("usage", "--csv", "--since", "1h", *where)
    assert status == 0 and shown.startswith("provider,requests,")
    status, shown = on_terminal("usage", "--by", "tenant", *where)
    assert status == 1


def test_failures_and_what_nobody_waited_for_are_told_as_what_they_were(run, mocks):
    weir = run(retry={"max_retries": 0})
    mocks[0].fault("status=500")
    assert chat(weir.port).status >= 500
    mocks[0].fault("hang")
    with Connection(weir.port) as caller:
        caller.send(request_bytes("POST", "/v1/chat/completions", chat_body()))
        poll(lambda: len(mocks[0].requests()["requests"]) == 2)
    poll(lambda: usage(weir)["total"]["attempts"] == 2)
    total = usage(weir)["total"]
    assert (total["requests"], total["errors"], total["cancelled"], total["estimated"]) == (2, 1, 1, 1)
    assert [row["ended"] for row in attempts(weir)] == ["server_error", "caller_gone"]


def test_a_stream_that_was_under_way_when_it_was_killed_is_charged_what_was_delivered(run, mocks):
    weir = run()
    with Connection(weir.port) as caller:
        mocks[0].fault("stall-mid-stream=12")
        caller.send(request_bytes("POST", "/v1/chat/completions", chat_body("word " * 200, stream=True)))
        for _ in range(10):
            caller.read_until(b"\n\n")
        weir.stop(signal.SIGKILL, status=-signal.SIGKILL)
    weir = run()
    assert weir.log("journal_replayed")[0]["lost"] == 1
    lost, = attempts(weir)
    total = usage(weir)["total"]
    assert lost["ended"] == "lost" and total["lost"] == total["estimated"] == 1
    assert lost["input_tokens"] > 100 and lost["output_tokens"] >= 5
    assert lost["cost_nano_usd"] == lost["input_tokens"] * 1000 + lost["output_tokens"] * 2000


def load(weir, got, stop, draw):
    """Asks until it is stopped; notes the id of each answer that came whole."""
    while not stop.is_set():
        try:
            reply = chat(weir.port, stream=draw.random() < 0.3)
        except (OSError, AssertionError):
            continue
        if reply.status == 200 and reply.complete and (b"[DONE]" in reply.body or b"usage" in reply.body):
            got.append(reply.headers["x-weir-request-id"])


def test_what_a_provider_got_before_a_kill_is_kept_whatever_the_moment(folder):
    """Many are sent in one turn of the loop, and the first of them to arrive kills weir."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    config = {"providers": {"one": {"type": "openai", "api_key": "k", "models": ["m"], "prices": PRICES,
                                    "base_url": f"http://127.0.0.1:{listener.getsockname()[1]}/v1"}}}
    weir = folder(config)
    body = chat_body()
    callers = [socket.create_connection(("127.0.0.1", weir.port)) for _ in range(60)]
    request = request_bytes("POST", "/v1/chat/completions", body)
    for caller in callers: caller.sendall(request[:-1])
    for caller in callers: caller.sendall(request[-1:])
    calls = [listener.accept()[0]]
    assert calls[0].recv(1)
    weir.stop(signal.SIGKILL, status=-signal.SIGKILL)
    got = 1
    listener.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True: calls.append(listener.accept()[0])
    for call in calls[1:]:
        with contextlib.suppress(ConnectionError): got += bool(call.recv(1))
    kept = attempts(folder(config))
    assert got <= len(kept) <= 60 and {row["ended"] for row in kept} == {"lost"}


def test_twenty_kills_under_load_lose_and_double_nothing(run):
    draw, answered = random.Random(), []
    more = {"budgets": [{"usd": 100000, "window": "lifetime"}, {"usd": 100000, "window": "30d", "rolling": True}]}
    for _ in range(int(os.environ.get("WEIR_KILLS", 20))):
        weir = run(workers=2, more=more)
        stop = threading.Event()
        callers = [threading.Thread(target=load, args=(weir, answered, stop, draw), daemon=True) for _ in range(4)]
        for caller in callers:
            caller.start()
        seen, wanted = len(answered), draw.randrange(1, 60)
        try:
            poll(lambda: len(answered) >= seen + wanted)
            weir.stop(signal.SIGKILL, status=-signal.SIGKILL)
        finally:
            stop.set()
        for caller in callers:
            caller.join()
    weir = run(workers=2, more=more)
    kept = attempts(weir)
    ids = [row["request_id"] for row in kept if row["ended"] == "ok"]
    assert len(ids) == len(set(ids)) == len([row for row in kept if row["ended"] == "ok"])
    missing = set(answered) - set(ids)
    assert not missing, f"{len(missing)} of {len(answered)} answers are not in the ledger"
    total = usage(weir, "?since=2d")["total"]
    assert total["attempts"] == len(kept)
    assert total["cost_usd"] == f"{sum(row['cost_nano_usd'] or 0 for row in kept) / 1e9:.9f}"
    assert not weir.log("journal_damaged")
    of_provider = http(weir.port, "GET", "/admin/v1/budgets", headers={"authorization": f"Bearer {weir.admin_key}"})
    told = {budget["spent_usd"] for budget in of_provider.json["budgets"]}
    assert told == {total["cost_usd"]}, of_provider.json


BUDGET_KEY = "weir-budget-key"


def spent(weir):
    reply = http(weir.port, "GET", "/v1/key", headers={"authorization": f"Bearer {BUDGET_KEY}"})
    return {budget["window"]: (budget["spent_usd"], budget["reserved_usd"]) for budget in reply.json["budgets"]}


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_what_was_spent_of_a_budget_counts_after_a_restart_to_the_nano_dollar(run, how):
    owners = [{"name": "acme", "kind": "organization", "budgets": [{"usd": 100, "window": "lifetime"}]}]
    clients = [{"name": "app", "in": "acme", "key_hash": hashlib.sha256(BUDGET_KEY.encode()).hexdigest(),
                "budgets": [{"usd": 50, "window": "month"}, {"usd": 50, "window": "30d", "rolling": True}]}]
    weir = run(owners=owners, clients=clients)
    for _ in range(3):
        assert chat(weir.port, headers={"authorization": f"Bearer {BUDGET_KEY}"}).status == 200
    before = spent(weir)
    assert len(before) == 3 and all(float(told) > 0 for told, _ in before.values())
    weir.stop(how, status=0 if how == signal.SIGTERM else -how)
    weir = run(owners=owners, clients=clients)
    assert spent(weir) == before
    assert usage(weir)["total"]["cost_usd"] == before["lifetime"][0]


# -- what cannot be written --------------------------------------------------------------------------------------------


def test_a_damaged_ledger_is_said_at_the_start_and_nothing_begins(run):
    weir = run()
    weir.stop()
    path = weir.state_dir / "ledger.db"
    path.write_bytes(b"no database" * 1000)
    weir = run(wait=False)
    assert weir.wait() != 0
    said = "\n".join(weir.err)
    assert "ledger.db" in said and "not a database" in said and "bring back a copy" in said
    assert path.read_bytes() == b"no database" * 1000


def test_with_serve_it_goes_on_and_what_waited_goes_into_the_mended_ledger(run):
    weir = run()
    weir.stop()
    path = weir.state_dir / "ledger.db"
    path.write_bytes(b"no database" * 1000)
    weir = run(on_ledger_failure="serve")
    assert chat(weir.port).status == 200
    assert weir.log("ledger_failed")
    assert ask(weir).status == 500
    path.unlink()
    poll(lambda: weir.log("ledger_works"))
    assert usage(weir)["total"]["requests"] == 1


def test_a_state_folder_that_takes_no_journal_says_so(run):
    weir = run()
    weir.stop()
    (weir.state_dir / "journal").rmdir()
    (weir.state_dir / "journal").write_text("")
    weir = run(wait=False)
    assert weir.wait() != 0
    assert "What is spent cannot be kept" in "\n".join(weir.err) and "journal" in "\n".join(weir.err)


@pytest.fixture
def small_disk(tmp_path):
    """A state folder on a file system of its own, of 6 MB."""
    folder = tmp_path / "state"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m,mode=700", "tmpfs", str(folder)],
                      capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def ask_many(weir, count, statuses):
    with Connection(weir.port) as caller:
        for _ in range(count):
            caller.send(request_bytes("POST", "/v1/chat/completions", chat_body()))
            reply = caller.reply()
            statuses.append((reply.status, reply.error["code"] if reply.status != 200 else ""))
            if reply.status != 200:
                break


@pytest.mark.parametrize("on_failure", ["refuse", "serve"])
def test_on_a_full_disk_nothing_that_was_answered_is_lost(run, small_disk, on_failure):
    weir = run(on_ledger_failure=on_failure)
    assert chat(weir.port).status == 200
    full = small_disk / "full"
    with full.open("wb", buffering=0) as file:
        with contextlib.suppress(OSError):
            while file.write(b"x" * 4096) == 4096:
                pass
    statuses = []
    callers = [threading.Thread(target=ask_many, args=(weir, 3500, statuses), daemon=True) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(60)
    answered = 1 + sum(status == 200 for status, _ in statuses)
    assert weir.log("journal_failed") or weir.log("ledger_failed")
    if on_failure == "serve":
        assert answered == 14001 and weir.log("ledger_failed")
    else:
        assert answered < 14001 and (503, "usage_unrecorded") in statuses
    full.unlink()
    poll(lambda: weir.log("ledger_works"))

    def lost():
        return sum(line["attempts"] for line in weir.log("usage_lost"))

    def alerted():
        told = http(weir.port, "GET", "/admin/v1/alerts", headers={"authorization": f"Bearer {weir.admin_key}"}).json
        return {alert["kind"]: alert["active"] for alert in told["alerts"]}
    if weir.log("ledger_failed"):
        assert poll(lambda: alerted().get("ledger_failed") is False)
    if lost():
        assert poll(lambda: alerted().get("usage_unrecorded"))

    poll(lambda: usage(weir)["total"]["attempts"] == answered - lost())
    assert on_failure == "serve" or lost() == 0
    poll(lambda: chat(weir.port).status == 200)

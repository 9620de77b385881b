"""weir usage recost: past attempts priced anew, beside what they did cost; nothing else changes, and twice is once."""
import json
import sqlite3
import subprocess

import pytest

from weirlib import BINARY, RawProvider, chat, environment, good_reply, http, poll, provider

PRICES = {"m": {"input": 1.0, "output": 2.0, "cached_input": 0.1}}  # USD a million tokens
DEARER = {"m": {"input": 10.0, "output": 20.0, "cached_input": 1.0}}
GO = {"cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
SAID = [  # all that a price of Anthropic's depends on
    {"input_tokens": 1000, "output_tokens": 50, "cache_read_input_tokens": 300, "cache_creation_input_tokens": 400,
     "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 300}},
    {"input_tokens": 10, "output_tokens": 5, "inference_geo": "us", "speed": "fast"},
    {"input_tokens": 10, "output_tokens": 5, "service_tier": "batch", "server_tool_use": {"web_search_requests": 3}},
    {"input_tokens": 10, "output_tokens": 2, "iterations": [
        {"type": "message", "input_tokens": 10, "output_tokens": 2, **GO},
        {"type": "compaction", "input_tokens": 1000, "output_tokens": 100, **GO},
        {"type": "advisor_message", "model": "claude-sonnet-4-0", "input_tokens": 30, "output_tokens": 3, **GO}]},
]


def recost(weir, *more, config=None, status=0):
    done = subprocess.run([BINARY, "usage", "recost", "--since", "24h", "--config", str(config or weir.path), "--json",
                           "--url", f"http://127.0.0.1:{weir.port}", *more],
                          capture_output=True, text=True, timeout=40, env=environment())
    assert done.returncode == status, done
    return json.loads(done.stdout) if status == 0 else done.stderr


def usage(weir, query=""):
    reply = http(weir.port, "GET", "/admin/v1/usage" + query, headers={"authorization": f"Bearer {weir.admin_key}"})
    assert reply.status == 200, reply
    return reply.json


def other(weir, tmp_path, **changes):
    """The gateway's configuration with other providers' settings."""
    config = json.loads(weir.path.read_text())
    for name, change in changes.items():
        if change is None:
            del config["providers"][name]
        else:
            config["providers"][name].update(change)
    path = tmp_path / "other.yaml"
    path.write_text(json.dumps(config))
    return path


def ledger(weir, sql):
    with sqlite3.connect(weir.state_dir / "ledger.db") as database:
        return database.execute(sql).fetchall()


@pytest.fixture
def run(folder, mocks):
    mocks[0].reset()
    mocks[1].reset()
    return lambda **top: folder({"providers": {"one": provider(mocks[0], prices=PRICES),
                                               "two": provider(mocks[1], ["unpriced"])},
                                 "budgets": {"all": {"usd": 5, "window": "day"}}, **top})


def test_what_came_later_stands_beside_what_it_did_cost_and_twice_is_once(run, tmp_path):
    weir = run()
    for _ in range(3):
        assert chat(weir.port).status == 200
    assert chat(weir.port, model="unpriced").status == 200
    before = usage(weir, "?by=model&recosted=true")
    assert before["total"]["recosted_usd"] == before["total"]["cost_usd"] > "0.000000000"
    assert before["total"]["recosted_attempts"] == 0 and before["total"]["recosted_unpriced"] == 1
    attempts = ledger(weir, "SELECT * FROM attempts")
    budgets = ledger(weir, "SELECT * FROM budgets")
    path = other(weir, tmp_path, one={"prices": DEARER}, two={"prices": {"unpriced": {"input": 5, "output": 5}}})
    dry = recost(weir, "--dry-run", config=path)
    assert (dry["changed"], dry["newly_priced"], dry["written"]) == (4, 1, 0)
    assert not ledger(weir, "SELECT * FROM recosted")
    first = recost(weir, config=path)
    assert (first["attempts"], first["priced"], first["changed"], first["newly_priced"]) == (4, 4, 4, 1)
    assert first["written"] == 4
    for query in ("", "?by=model", "?by=hour", "?by=client", "?by=owner", "?by=day&since=7d"):
        total = usage(weir, query + ("&" if query else "?") + "recosted=true")["total"]
        assert total["cost_usd"] == before["total"]["cost_usd"], query
        assert (total["recosted_attempts"], total["recosted_unpriced"], total["unpriced"]) == (4, 0, 1), query
    rows = {row["model"]: row for row in usage(weir, "?by=model&recosted=true")["rows"]}
    assert round(float(rows["m"]["recosted_usd"]) / float(rows["m"]["cost_usd"]), 6) == 10
    assert float(rows["unpriced"]["recosted_usd"]) > 0 and rows["unpriced"]["cost_usd"] == "0.000000000"
    again = recost(weir, config=path)
    assert again["changed"] == 4 and again["written"] == 0  # beside what they did cost; nothing is new
    assert ledger(weir, "SELECT * FROM attempts") == attempts and ledger(weir, "SELECT * FROM budgets") == budgets
    back = recost(weir)  # by the prices of then: but for what had none
    assert back["changed"] == 0 and back["written"] == 3
    assert usage(weir, "?recosted=true")["total"]["recosted_attempts"] == 1
    names = {line[0] for line in ledger(weir, "SELECT price FROM prices")}
    assert len(names) == 2 and all(name.startswith("20") for name in names)  # the catalogue's day, and a hash
    actions = ledger(weir, "SELECT count(*) FROM audit WHERE action = 'usage.recost'")
    assert actions == [(2,)]


def test_a_person_is_told_the_sum_of_what_is_another_and_none_where_nothing_is(run, tmp_path):
    weir = run()
    assert chat(weir.port).status == 200
    assert poll(lambda: usage(weir)["total"]["cost_usd"]) > "0.000000000"

    def said(config):
        return subprocess.run([BINARY, "usage", "recost", "--since", "24h", "--dry-run", "--config", str(config)],
                              capture_output=True, text=True, timeout=40, env=environment()).stdout

    assert said(weir.path) == ("1 attempt: 1 priced, 0 of them otherwise than then, 0 for the first time; "
                               "0 would be written\n")
    last = said(other(weir, tmp_path, one={"prices": DEARER})).splitlines()[-1]
    was = usage(weir)["total"]["cost_usd"]
    assert last.startswith(f"1 attempt: 1 priced, 1 of them otherwise than then (these: {was} USD then, "), last


def test_what_the_configuration_cannot_price_is_listed_and_stays(run, tmp_path):
    weir = run()
    assert chat(weir.port).status == 200 and chat(weir.port, model="unpriced").status == 200
    usage(weir)
    told = recost(weir, config=other(weir, tmp_path, one=None))
    models = {row["model"]: row for row in told["models"]}
    assert models["m"]["no_provider"] == 1 and models["unpriced"]["no_price"] == 1
    assert told["priced"] == told["written"] == 0
    shown = subprocess.run([BINARY, "usage", "recost", "--since", "24h", "--config", str(tmp_path / "other.yaml"),
                            "--url", f"http://127.0.0.1:{weir.port}"], capture_output=True, text=True, timeout=40,
                           env=environment()).stdout
    assert "one/m, 1 attempt: the configuration has no such provider" in shown


@pytest.mark.parametrize("stream", [False, True])
def test_the_prices_of_then_give_the_cost_of_then_whatever_a_reply_said_of_its_bill(folder, stream):
    answers = iter(SAID)

    def answer(connection, head, body):
        said = next(answers)
        message = {"id": "i", "type": "message", "role": "assistant", "model": "claude-opus-5-5", "content": [],
                   "stop_reason": None, "stop_sequence": None, "usage": dict(said, output_tokens=1)}
        if not stream:
            whole = dict(message, content=[{"type": "text", "text": "w"}], stop_reason="end_turn", usage=said)
            connection.sendall(good_reply(json.dumps(whole).encode()))
            return
        events = [{"type": "message_start", "message": message},
                  {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
                  {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "w"}},
                  {"type": "content_block_stop", "index": 0},
                  {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": said},
                  {"type": "message_stop"}]
        text = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n" +
                           text.encode())
        connection.close()
    with RawProvider(answer) as far:
        weir = folder({"providers": {"claude": provider(far.base_url[:-3], ["claude-opus-5-5", "claude-sonnet-4-0"],
                                                        type="anthropic", discount=[{"share": 0.15}])}})
        for _ in SAID:
            reply = http(weir.port, "POST", "/v1/messages", {
                "model": "claude-opus-5-5", "max_tokens": 99, "stream": stream,
                "messages": [{"role": "user", "content": "x"}]})
            assert reply.status == 200, reply
        total = usage(weir)["total"]
        kept = [row[0] for row in ledger(weir, "SELECT metered FROM attempts ORDER BY id")]
        assert all(kept) and total["tools_usd"] > "0.000000000"
        told = recost(weir)
        assert (told["attempts"], told["priced"], told["changed"], told["written"]) == (4, 4, 0, 0)
        weir.stop()
        with sqlite3.connect(weir.state_dir / "ledger.db") as database:  # as an earlier version left them
            database.execute("UPDATE attempts SET metered = NULL")
        alone = recost(weir)  # no gateway: on the state folder itself
        model, = alone["models"]
        assert model["unmetered"] == 1 and alone["priced"] == 3


def test_it_goes_on_while_a_gateway_serves_and_without_one(run, tmp_path):
    weir = run()
    assert chat(weir.port).status == 200
    usage(weir)
    path = other(weir, tmp_path, one={"prices": DEARER})
    weir.stop()
    told = recost(weir, config=path)
    assert told["written"] == 1
    assert ledger(weir, "SELECT count(*) FROM recosted") == [(1,)]
    assert ledger(weir, "SELECT count(*) FROM audit WHERE action = 'usage.recost'") == [(1,)]
    weir = run()
    assert poll(lambda: usage(weir, "?recosted=true")["total"]["recosted_attempts"]) == 1


@pytest.mark.parametrize("body", [
    {}, {"prices": [], "rows": [[1, 2, 0]]}, {"prices": ["p"], "rows": [[1, -2, 0]]},
    {"prices": ["p"], "rows": [[1, 2]]}, {"prices": ["p"], "rows": [[1, 2, 1]]}, {"prices": ["p" * 65], "rows": []},
    {"prices": ["p"], "rows": [[1, 2.5, 0]]}, {"prices": ["p"], "rows": [[1, 2, 0, 0]]},
    {"prices": ["p"], "rows": [[1, 2, 0]] * 1001}, [], "x"])
def test_what_is_no_price_of_an_attempt_is_refused(shared, body):
    reply = http(shared.port, "POST", "/admin/v1/usage/recost", body,
                 {"authorization": f"Bearer {shared.admin_key}"})
    assert reply.status == 400, reply
    assert http(shared.port, "POST", "/admin/v1/usage/recost", {"prices": [], "rows": []}).status == 401

"""What is told of spending: whose it was, for what, in which session; and what an earlier version left is read on."""
import hashlib
import json
import pathlib
import shutil
import signal
import sqlite3

import pytest

from weirlib import Connection, chat, chat_body, http, poll, provider, request_bytes

PRICES = {"m": {"input": 1.0, "output": 2.0, "cached_input": 0.1}}  # USD a million tokens
KEYS = {"app": "weir-app-key", "other": "weir-other-key", "boss": "weir-boss-key"}
OWNERS = [{"name": "acme", "kind": "organization"}, {"name": "search", "kind": "team", "in": "acme"}]


def bearer(name):
    return {"authorization": f"Bearer {KEYS[name]}"}


def clients(**more):
    every = {"app": {"in": "search", "tags": {"env": "prod"}}, "other": {}, "boss": {"role": "operator"}}
    return [{"name": name, "key_hash": hashlib.sha256(KEYS[name].encode()).hexdigest(), **every[name],
             **more.get(name, {})} for name in every]


@pytest.fixture
def run(folder, mocks):
    mocks[0].reset()

    def begin(**top):
        top = {"owners": OWNERS, "clients": clients(), **top}
        return folder({"providers": {"one": provider(mocks[0], prices=PRICES)}, **top})
    return begin


def usage(weir, query=""):
    reply = http(weir.port, "GET", "/admin/v1/usage" + query, headers={"authorization": f"Bearer {weir.admin_key}"})
    assert reply.status == 200, reply
    return reply.json


def told(weir, key, query=""):
    return {row[key]: row["requests"] for row in usage(weir, f"?by={key}{query}")["rows"]}


def attempts(weir):
    """Every attempt as the file has it, with texts for numbers."""
    with sqlite3.connect(weir.state_dir / "ledger.db") as ledger:
        ledger.row_factory = sqlite3.Row
        texts = {table: dict(ledger.execute(f"SELECT * FROM {table}").fetchall()) if table == "names" else
                 {row[0]: row[1] for row in ledger.execute(f"SELECT id, word FROM {table}")}
                 for table in ("names", "words")}
        rows = [dict(row) for row in ledger.execute("SELECT * FROM attempts ORDER BY time_ms, id")]
    for row in rows:
        for key in ("provider", "model", "client", "route", "owner", "rule", "outcome", "endpoint"):
            row[key] = texts["names"].get(row[key])
        for key in ("asked", "session", "tags"):
            row[key] = texts["words"].get(row[key])
    return rows


def test_a_record_says_whose_and_what_for_and_what_its_parts_cost(run):
    rule = {"name": "pictures", "when": {"has_image": True}, "targets": ["one/m"]}
    weir = run(routes=[{"model": "fast", "targets": ["one/m"]}], rules=[rule])
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    body = {"model": "fast", "max_tokens": 50, "response_format": {"type": "json_object"},
            "messages": [{"role": "user", "content": [{"type": "text", "text": "JSON"}, picture]}]}
    reply = http(weir.port, "POST", "/v1/chat/completions", body, bearer("app") | {"x-weir-request-id": "mine-1"})
    assert reply.status == 200, reply
    chat(weir.port, model="fast", headers=bearer("other"), stream=True)
    usage(weir)
    one, other = attempts(weir)
    assert (one["owner"], one["client"], one["rule"], one["asked"]) == ("search|acme", "app", "pictures", "fast")
    assert (one["tags"], one["session"], one["caller_id"]) == ("env=prod", None, "mine-1")
    assert one["request_id"] != "mine-1" and one["output_cap"] == 50 and one["prompt_tokens"] > 0
    assert one["generation"] == 0 and one["flags"] & (128 | 512) == 128 | 512 and not one["flags"] & 1
    count = reply.json["usage"]
    assert one["input_nano_usd"] == count["prompt_tokens"] * 1000
    assert one["output_nano_usd"] == count["completion_tokens"] * 2000
    assert one["input_nano_usd"] + one["output_nano_usd"] + one["cached_nano_usd"] == one["cost_nano_usd"]
    assert (other["owner"], other["rule"], other["tags"], other["caller_id"]) == (None, None, None, None)
    assert other["flags"] & 1 and other["output_cap"] is None and other["route"] == "fast"


def test_spending_is_told_by_owner_rule_name_asked_for_and_tag(run):
    weir = run(routes=[{"model": "fast", "targets": ["one/m"]}])
    for name, model in (("app", "fast"), ("app", "m"), ("other", "fast")):
        assert chat(weir.port, model=model, headers=bearer(name)).status == 200
    assert told(weir, "owner") == {"search": 2, "acme": 2, "": 1}
    assert told(weir, "asked") == {"fast": 2, "m": 1}
    assert told(weir, "tag") == {"env=prod": 2, "": 1}
    assert told(weir, "rule") == {"": 3}
    assert usage(weir, "?owner=acme")["total"]["requests"] == 2
    assert usage(weir, "?tag=env%3Dprod&asked=fast")["total"]["requests"] == 1
    assert usage(weir, "?owner=nobody")["total"]["requests"] == 0
    row = usage(weir, "?by=owner,client")["rows"]
    assert {(r["owner"], r["client"]) for r in row} == {("search", "app"), ("acme", "app"), ("", "other")}
    total = usage(weir)["total"]
    parts = sum(round(float(total[k]) * 1e9) for k in ("input_usd", "output_usd", "cached_usd", "cache_write_usd",
                                                       "tools_usd", "fees_usd"))
    assert parts == round(float(total["cost_usd"]) * 1e9) > 0


@pytest.mark.parametrize("headers, body, session", [
    ({"x-weir-session": "s-1", "session_id": "codex", "traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01"},
     {"prompt_cache_key": "k"}, "s-1"),
    ({"X-Claude-Code-Session-Id": "cc-7"}, {}, "cc-7"),
    ({"session_id": "cx-1"}, {"prompt_cache_key": "k"}, "cx-1"),
    ({"Session-Id": "cx-2"}, {}, "cx-2"),
    ({"conversation_id": "cx-3"}, {}, "cx-3"),
    ({"traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01"}, {"prompt_cache_key": "k-9"}, "k-9"),
    ({"traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01"}, {}, "a" * 32),
    ({"traceparent": "00-" + "0" * 32 + "-" + "b" * 16 + "-01"}, {}, None),
    ({"traceparent": "nonsense"}, {}, None),
    ({"x-weir-session": "x" * 300}, {}, "x" * 256),
])
@pytest.mark.parametrize("stream", [False, True])
def test_a_session_is_what_the_caller_or_its_agent_says(run, headers, body, session, stream):
    weir = run()
    assert chat(weir.port, headers=bearer("app") | headers, stream=stream, **body).status == 200
    usage(weir)
    assert [row["session"] for row in attempts(weir)] == [session]
    assert told(weir, "session") == ({session: 1} if session else {})


def test_a_session_of_the_responses_api_is_found_in_its_body(run):
    weir = run()
    reply = http(weir.port, "POST", "/v1/responses", {"model": "m", "input": "x", "prompt_cache_key": "thread-4"},
                 bearer("app"))
    assert reply.status == 200, reply
    assert told(weir, "session") == {"thread-4": 1}


def test_two_clients_sessions_of_one_name_are_two(run):
    weir = run()
    for name in ("app", "other", "other"):
        chat(weir.port, headers=bearer(name) | {"x-weir-session": "1"})
    rows = usage(weir, "?by=session")["rows"]
    assert {(row["session"], row["client"]): row["requests"] for row in rows} == {("1", "app"): 1, ("1", "other"): 2}
    assert usage(weir, "?session=1&client=app")["total"]["requests"] == 1


@pytest.mark.parametrize("trusted", [False, True])
def test_the_callers_tags_count_only_where_they_are_trusted(run, trusted):
    weir = run(trust_tags=trusted)
    for name in ("app", "other"):
        chat(weir.port, headers=bearer(name) | {"x-weir-tags": "job = nightly, env=prod, alone"})
    if trusted:
        assert told(weir, "tag") == {"env=prod": 2, "job=nightly": 2, "alone": 2}
    else:
        assert told(weir, "tag") == {"env=prod": 1, "": 1}


def test_what_a_caller_calls_things_is_data(run):
    weir = run(trust_tags=True)
    evil = "'); DROP TABLE usage; -- \"<b>"
    chat(weir.port, headers=bearer("app") | {"x-weir-session": evil, "x-weir-tags": evil})
    assert told(weir, "session") == {evil: 1}
    reply = http(weir.port, "GET", "/admin/v1/usage?by=tag&format=csv", headers=bearer("boss"))
    assert reply.status == 200 and "DROP TABLE" in reply.text


def test_after_a_kill_what_was_under_way_has_its_session_and_owner(run, mocks):
    weir = run()
    mocks[0].fault("hang")
    waiting = Connection(weir.port)
    waiting.send(request_bytes("POST", "/v1/chat/completions", chat_body(), bearer("app") | {"x-weir-session": "long"}))
    poll(lambda: mocks[0].count() if hasattr(mocks[0], "count") else mocks[0].last())
    mocks[0].reset()
    assert chat(weir.port, headers=bearer("app") | {"x-weir-session": "short"}).status == 200
    weir.process.send_signal(signal.SIGKILL)
    weir.process.wait()
    weir = run()
    assert told(weir, "session") == {"short": 1, "long": 1}
    lost = [row for row in attempts(weir) if row["flags"] & 16]
    assert [(row["session"], row["owner"], row["tags"]) for row in lost] == [("long", "search|acme", "env=prod")]
    assert lost[0]["input_nano_usd"] + lost[0]["output_nano_usd"] == lost[0]["cost_nano_usd"] > 0


def test_a_state_folder_of_each_earlier_version_is_read_on(run, tmp_path):
    """Its ledger, what its journal had not yet handed over, and what was under way when it died."""
    source = pathlib.Path(__file__).parent.parent / "state"
    assert [folder.name for folder in source.iterdir()] == ["1"]
    state = tmp_path / "state"
    shutil.copytree(source / "1", state)
    state.chmod(0o700)
    with sqlite3.connect(state / "ledger.db") as ledger:
        ledger.executescript((state / "ledger.sql").read_text())
    (state / "ledger.sql").unlink()
    weir = run(owners=[OWNERS[0] | {"budgets": [{"usd": 5, "window": "lifetime"}]}, OWNERS[1]],
               clients=clients(app={"in": "acme"}))
    row = usage(weir, "?since=2026-11-01&by=client")["rows"][0]
    assert (row["client"], row["requests"], row["attempts"], row["errors"], row["lost"]) == ("app", 7, 10, 5, 1)
    assert chat(weir.port, headers=bearer("app")).status == 200
    row = usage(weir, "?since=2026-11-01&by=client")["rows"][0]
    assert row["requests"] == 8 and float(row["cost_usd"]) > 0
    key = http(weir.port, "GET", "/v1/key", headers=bearer("app")).json
    spent = [budget["spent_usd"] for budget in key["budgets"]]
    assert spent == [row["cost_usd"]], (key, row)
    assert json.dumps(usage(weir, "?by=owner&since=2026-11-01"))

"""weir usage replay: past requests under another configuration, routed by what routes real ones and priced exactly."""
import hashlib
import json
import signal
import subprocess

import pytest

from weirlib import BINARY, chat, environment, http, provider

PRICES = {"m": {"input": 1.0, "output": 2.0}, "big": {"input": 7.0, "output": 9.0}}
DEAR = {"m": {"input": 3.0, "output": 5.0}, "big": {"input": 30.0, "output": 50.0}}
KEYS = {"app": "weir-app-key", "other": "weir-other-key"}
CLIENTS = [{"name": name, "key_hash": hashlib.sha256(key.encode()).hexdigest(), "tags": {"env": name}}
           for name, key in KEYS.items()]
PICTURE = [{"type": "text", "text": "what is it"},
           {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}


def of(name, **more):
    return {"authorization": f"Bearer {KEYS[name]}", **more}


def replay(path, state_dir, *more, status=0):
    done = subprocess.run([BINARY, "usage", "replay", "--config", str(path), "--state-dir", str(state_dir), "--json",
                           *more], capture_output=True, text=True, timeout=40, env=environment())
    assert done.returncode == status, done
    return json.loads(done.stdout) if status == 0 else done.stderr


def usage(weir, by):
    reply = http(weir.port, "GET", f"/admin/v1/usage?by={by}", headers={"authorization": f"Bearer {weir.admin_key}"})
    assert reply.status == 200, reply
    return reply.json


def ask_all(weir):
    """What a replay has to go by: names, clients, tags, sessions, pictures, tools, JSON, streams, caps."""
    answers = []
    for name in KEYS:
        for session in ("s-1", "s-2", "s-3", "s-4", "s-5"):
            answers.append(chat(weir.port, model="stuck", headers=of(name, **{"x-weir-session": session})))
        answers.append(chat(weir.port, model="cheap", headers=of(name), max_tokens=30))
        answers.append(chat(weir.port, model="cheap", headers=of(name), stream=True))
        answers.append(chat(weir.port, model="m", headers=of(name), tools=[TOOL]))
        answers.append(chat(weir.port, model="m", headers=of(name), text="x" * 9000))
        answers.append(chat(weir.port, model="m", headers=of(name), response_format={"type": "json_object"},
                            text="JSON"))
        body = {"model": "m", "messages": [{"role": "user", "content": PICTURE}]}
        answers.append(http(weir.port, "POST", "/v1/chat/completions", body, of(name)))
        answers.append(http(weir.port, "POST", "/v1/messages", {"model": "m", "max_tokens": 50, "messages": [
            {"role": "user", "content": "hello"}]}, of(name)))
        for _ in range(4):
            answers.append(chat(weir.port, model="turns", headers=of(name)))
    assert all(reply.status == 200 for reply in answers), answers


def config(mocks, prices, **top):
    return {"clients": CLIENTS, "providers": {
        "one": provider(mocks[0], ["m", "big"], prices=prices[0], priority=1),
        "two": provider(mocks[1], ["m", "big"], prices=prices[1], priority=2)},
        "routes": [{"model": "stuck", "targets": ["one/m", "two/m"]}, {"model": "cheap", "targets": ["one/m", "two/m"]},
                   {"model": "turns", "targets": ["one/m", "two/m"]}], **top}


def test_what_it_says_is_what_a_gateway_with_that_configuration_does(start, mocks, tmp_path):
    for mock in mocks:
        mock.reset()
    then = start(config(mocks, (PRICES, DEAR)))
    ask_all(then)
    was = usage(then, "provider,model")
    later = config(mocks, (DEAR, PRICES), routes=[
        {"model": "stuck", "strategy": "sticky", "targets": ["one/m", "two/m"]},
        {"model": "cheap", "strategy": "cost_optimal", "targets": ["one/m", "two/m"]},
        {"model": "turns", "strategy": "round_robin", "targets": ["one/m", "two/m"]}], rules=[
        {"name": "pictures", "when": {"has_image": True}, "targets": ["two/big"]},
        {"name": "tools", "when": {"has_tools": True, "tags": {"env": "other"}}, "targets": ["one/big"]},
        {"name": "long", "when": {"prompt_tokens_over": 2000}, "targets": ["two/m"]}])
    now = start(later)
    ask_all(now)
    real = usage(now, "provider,model")
    told = replay(now.path, then.state_dir)
    assert told["refused"] == told["unrouted"] == told["unpriced"] == told["replayed_unpriced"] == 0
    assert told["moved"] > 5 and told["shown_as_priority"] == "" and told["unknown_clients"] == 0
    for key, side, rows in (("attempts", "cost_usd", was), ("replayed_attempts", "replayed_usd", real)):
        wanted = {f"{row['provider']}/{row['model']}": (row["attempts"], row["cost_usd"]) for row in rows["rows"]}
        assert {row["name"]: (row[key], row[side]) for row in told["model"] if row[key]} == wanted, told["model"]
    by_client = {row["client"]: row["cost_usd"] for row in usage(now, "client")["rows"]}
    assert {row["name"]: row["replayed_usd"] for row in told["client"]} == by_client
    assert told["total"]["replayed_usd"] == real["total"]["cost_usd"]
    assert told["total"]["cost_usd"] == was["total"]["cost_usd"]


def test_failures_are_as_they_were_and_who_looks_at_load_is_shown_as_priority(start, mocks, tmp_path):
    for mock in mocks:
        mock.reset()
    weir = start(config(mocks, (PRICES, DEAR)))
    mocks[0].fault("status=500", 1)
    assert chat(weir.port, model="cheap", headers=of("app")).headers["x-weir-provider"] == "two"
    usage(weir, "provider")
    later = config(mocks, (PRICES, DEAR), routes=[{"model": "cheap", "strategy": "adaptive",
                                                   "targets": ["two/m", "one/m"]}])
    later["providers"]["one"]["priority"] = 3
    path = tmp_path / "other.yaml"
    path.write_text(json.dumps({"listen": "127.0.0.1:0", "state_dir": str(tmp_path / "elsewhere"), **later}))
    told = replay(path, weir.state_dir)
    assert told["shown_as_priority"] == "adaptive"
    rows = {row["name"]: row for row in told["provider"]}
    assert (rows["one"]["attempts"], rows["two"]["attempts"]) == (1, 1)
    assert (rows["one"]["replayed_attempts"], rows["two"]["replayed_attempts"]) == (1, 1)  # two fails, one serves
    assert float(rows["one"]["replayed_usd"]) > 0 == float(rows["two"]["replayed_usd"])
    assert float(rows["two"]["cost_usd"]) > 0
    shown = subprocess.run([BINARY, "usage", "replay", "--config", str(path), "--state-dir", str(weir.state_dir)],
                           capture_output=True, text=True, timeout=40, env=environment()).stdout
    assert "shown as priority, as they look at what was under way: adaptive" in shown
    assert "Tokens, times and failures are as they were" in shown


def test_what_would_be_refused_is_told_and_nothing_is_written(start, mocks, tmp_path):
    for mock in mocks:
        mock.reset()
    weir = start(config(mocks, (PRICES, DEAR)))
    assert chat(weir.port, model="cheap", headers=of("app")).status == 200
    assert chat(weir.port, model="m", headers=of("other")).status == 200
    usage(weir, "provider")
    weir.stop(signal.SIGTERM)
    before = (weir.state_dir / "ledger.db").read_bytes()
    later = {"providers": {"two": provider(mocks[1], ["m"], prices=DEAR)}, "clients": CLIENTS[:1]}
    path = tmp_path / "other.yaml"
    path.write_text(json.dumps({"listen": "127.0.0.1:0", "state_dir": str(tmp_path / "elsewhere"), **later}))
    told = replay(path, weir.state_dir)
    assert (told["requests"], told["refused"], told["moved"], told["unknown_clients"]) == (2, 1, 1, 1)
    assert "cheap" in told["refused_why"]
    assert (weir.state_dir / "ledger.db").read_bytes() == before
    assert "there is no ledger" in replay(path, tmp_path / "nowhere", status=2)
    path.write_text("providers: 7")
    assert "other.yaml" in replay(path, weir.state_dir, status=2)
    badly = subprocess.run([BINARY, "usage", "replay"], capture_output=True, timeout=20, env=environment())
    assert badly.returncode == 2

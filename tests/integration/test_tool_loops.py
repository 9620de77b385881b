"""Agents that go round in circles: warned of, then refused, until a person says something; and nobody else is read."""
import hashlib
import json

import pytest

from weirlib import http, poll, provider

KEYS = {"app": "weir-app-key", "free": "weir-free-key"}


def client(name, **more):
    return {"name": name, "key_hash": hashlib.sha256(KEYS[name].encode()).hexdigest(), **more}


def chat(calls, more=()):
    turns = [{"role": "user", "content": "go"}]
    for i in range(calls):
        turns += [{"role": "assistant", "content": None, "tool_calls": [
            {"id": f"c{i}", "type": "function", "function": {"name": "run", "arguments": '{"cmd": "make"}'}}]},
            {"role": "tool", "tool_call_id": f"c{i}", "content": "failed"}]
    return "/v1/chat/completions", {"model": "m", "messages": turns + list(more)}


def messages(calls, more=()):
    turns = [{"role": "user", "content": "go"}]
    for i in range(calls):
        turns += [{"role": "assistant", "content": [{"type": "tool_use", "id": f"c{i}", "name": "run",
                                                     "input": {"cmd": "make"}}]},
                  {"role": "user", "content": [{"type": "tool_result", "tool_use_id": f"c{i}", "content": "failed"}]}]
    tools = [{"name": "run", "input_schema": {"type": "object"}}]
    return "/v1/messages", {"model": "m", "max_tokens": 9, "tools": tools, "messages": turns + list(more)}


def responses(calls, more=()):
    items = [{"role": "user", "content": "go"}]
    for i in range(calls):
        items += [{"type": "function_call", "call_id": f"c{i}", "name": "run", "arguments": "{}"},
                  {"type": "function_call_output", "call_id": f"c{i}", "output": "failed"}]
    return "/v1/responses", {"model": "m", "store": False, "input": items + list(more)}


def ask(weir, made, name="app"):
    path, body = made
    return http(weir.port, "POST", path, body, {"authorization": f"Bearer {KEYS[name]}"})


@pytest.mark.parametrize("make", [chat, messages, responses])
def test_it_warns_then_refuses_until_a_person_speaks(start, start_mock, make):
    mock = start_mock()
    weir = start({"providers": {"one": provider(mock)}, "clients": [
        client("app", loop_guard={"warn": 2, "refuse": 3}), client("free")]})
    assert "x-weir-tool-loop" not in (once := ask(weir, make(1))).headers and once.status == 200, once
    assert ask(weir, make(2)).headers["x-weir-tool-loop"] == "2"
    refused = ask(weir, make(3))
    assert refused.status == 403 and refused.headers["x-should-retry"] == "false", refused
    said = refused.json["error"]["message"]
    assert "`run` was called 3 times with the same arguments" in said and "client app" in said
    assert refused.headers["x-weir-error"] == "configuration/tool_loop"
    spoken = ask(weir, make(3, [{"role": "user", "content": "try something else"}]))
    assert spoken.status == 200 and "x-weir-tool-loop" not in spoken.headers
    assert "x-weir-tool-loop" not in ask(weir, make(9), "free").headers
    assert mock.requests()["count"] == 4
    lines = poll(lambda: (found := weir.log("tool_loop")) and len(found) == 2 and found, 5)
    assert [(line["tool"], line["calls"], line["refused"]) for line in lines] == [("run", 2, False), ("run", 3, True)]
    assert weir.metric("weir_tool_loops_total") == 2


def test_owners_and_templates_say_it_too_and_the_least_holds(start, mocks):
    weir = start({
        "providers": {"one": provider(mocks[0])},
        "owners": [{"name": "acme", "loop_guard": {"refuse": 4}}],
        "templates": {"agents": {"loop_guard": {"warn": 3, "refuse": 9}}},
        "clients": [client("app", template="agents", **{"in": "acme"}), client("free", template="agents")]})
    assert ask(weir, chat(3)).headers["x-weir-tool-loop"] == "3"
    assert "team acme" in ask(weir, chat(4)).error["message"]
    assert ask(weir, chat(8), "free").status == 200 and ask(weir, chat(9), "free").status == 403


def test_check_says_what_is_wrong(start, mocks, tmp_path):
    import subprocess
    from weirlib import BINARY
    path = tmp_path / "weir.yaml"
    path.write_text(json.dumps({"clients": [client("app", loop_guard={"warn": 1}, sessions={"calls": 0, "usd": 0})]}))
    checked = subprocess.run([BINARY, "check", "-c", str(path)], capture_output=True, text=True, timeout=20)
    assert checked.returncode == 2
    for key in ("warn", "calls", "usd"):
        assert f"`{key}`" in checked.stdout + checked.stderr, checked

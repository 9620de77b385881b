"""Stored responses: conversations that go on from an id, at another provider too, and after a restart; who sees
them."""
import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import threading
import time

import pytest

from weirlib import Connection, RawProvider, Weir, chat, good_reply, http, poll, provider, request_bytes

KEYS = {"one": "key-one", "two": "key-two"}


def clients():
    return [{"name": name, "key_hash": hashlib.sha256(key.encode()).hexdigest()} for name, key in KEYS.items()]


def auth(name):
    return {"authorization": f"Bearer {KEYS[name]}"} if name else {}


def config(mock, **more):
    base = f"http://127.0.0.1:{mock.port}"
    kinds = {"openai": f"{base}/v1", "anthropic": base, "gemini": f"{base}/v1beta"}
    types = {"openai": "groq"}  # which has the chat API only
    return {
        "providers": {kind: provider(url, type=types.get(kind, kind)) for kind, url in kinds.items()},
        "routes": [{"model": kind, "targets": [f"{kind}/m"]} for kind in kinds], **more
    }


def ask(weir, text, model="openai", previous=None, client=None, **more):
    body = {"model": model, "input": text, **({"previous_response_id": previous} if previous else {}), **more}
    return http(weir.port, "POST", "/v1/responses", body, auth(client))


def said(reply):
    assert reply.status == 200, reply
    return reply.json["output"][-1]["content"][0]["text"]


def get(weir, path, client=None, method="GET"):
    return http(weir.port, method, f"/v1/responses/{path}", None, auth(client))


def test_a_conversation_goes_on_at_another_provider(start, start_mock):
    mock = start_mock()
    weir = start(config(mock))
    first = ask(weir, "My name is Ada", instructions="Be short.")
    assert first.json["store"] is True and first.json["previous_response_id"] is None
    second = ask(weir, [{"role": "user", "content": "What is my name?"}], "anthropic", first.json["id"])
    assert second.json["previous_response_id"] == first.json["id"]
    sent = json.loads(mock.last()["body"])
    assert [m["role"] for m in sent["messages"]] == ["user", "assistant", "user"]
    assert ("Ada" in json.dumps(sent["messages"][0]) and said(first) in json.dumps(sent["messages"][1]) and
            "What is my name?" in json.dumps(sent["messages"][2]))
    assert "Be short." not in mock.last()["body"]  # instructions are each request's own
    said(ask(weir, "And now?", "gemini", second.json["id"]))
    sent = json.loads(mock.last()["body"])
    assert [c["role"] for c in sent["contents"]] == ["user", "model", "user", "model", "user"]
    branch = ask(weir, "Another way", "openai", first.json["id"])  # a conversation may fork
    assert branch.status == 200 and len(json.loads(mock.last()["body"])["messages"]) == 3


def test_streams_are_stored_too(start, start_mock):
    mock = start_mock()
    weir = start(config(mock))
    stream = ask(weir, "Count to three", stream=True)
    events = [json.loads(e) if isinstance(e, str) else e for e in stream.events]
    whole = events[-1]["response"]
    assert whole["status"] == "completed" and whole["store"] is True
    assert get(weir, whole["id"]).json == whole
    again = ask(weir, "Go on", "anthropic", whole["id"], stream=True)
    assert again.complete and "Count to three" in mock.last()["body"]


def test_tools_and_their_results(start, start_mock):
    mock = start_mock()
    weir = start(config(mock))
    tool = {
        "type": "function", "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    }
    first = ask(weir, "What is the weather?", tools=[tool], tool_choice="required")
    call = next(item for item in first.json["output"] if item["type"] == "function_call")
    result = [{"type": "function_call_output", "call_id": call["call_id"], "output": "sunny"}]
    said(ask(weir, result, "anthropic", first.json["id"], tools=[tool]))
    sent = json.loads(mock.last()["body"])["messages"]
    assert sent[1]["content"][-1]["type"] == "tool_use" and sent[1]["content"][-1]["id"] == call["call_id"]
    assert sent[2]["content"][0]["tool_use_id"] == call["call_id"]


def test_got_listed_deleted(start, start_mock):
    weir = start(config(start_mock()))
    first = ask(weir, [{"role": "user", "content": f"line {i}"}
                       for i in range(5)] + [{"id": "msg_own", "type": "message", "role": "user", "content": "last"}])
    name = first.json["id"]
    assert get(weir, name).json == first.json
    items = get(weir, f"{name}/input_items").json
    assert (items["object"] == "list" and len(items["data"]) == 6 and items["data"][0]["id"] == "msg_own" and
            not items["has_more"])
    page = get(weir, f"{name}/input_items?limit=2&order=asc").json
    assert ([i["content"] for i in page["data"]] == ["line 0", "line 1"] and page["has_more"] and
            page["last_id"] == page["data"][-1]["id"])
    page = get(weir, f"{name}/input_items?limit=2&order=asc&after={page['last_id']}").json
    assert [i["content"] for i in page["data"]] == ["line 2", "line 3"]
    assert get(weir, f"{name}/input_items?limit=0").status == 400
    assert http(weir.port, "POST", f"/v1/responses/{name}/cancel", {}).status == 400
    assert get(weir, name, method="DELETE").json == {"id": name, "object": "response", "deleted": True}
    for method, path in (("GET", name), ("DELETE", name), ("GET", f"{name}/input_items"), ("POST", f"{name}/cancel"),
                         ("GET", "x" * 300)):
        missing = get(weir, path, method=method)
        assert missing.status == 404 and missing.error["type"] == "invalid_request_error", (method, path, missing)
    gone = ask(weir, "Go on", previous=name)
    assert gone.status == 400 and gone.error["param"] == "previous_response_id" and name in gone.error["message"]


def test_a_long_list_comes_in_pages(start, start_mock):
    weir = start(config(start_mock()))
    lines = [f"line {i}" for i in range(101)]
    name = ask(weir, [{"role": "user", "content": line} for line in lines]).json["id"]

    def page(query=""):
        return get(weir, f"{name}/input_items{query}")

    def contents(query=""):
        return [item["content"] for item in page(query).json["data"]]
    assert contents() == lines[:-21:-1] and page().json["has_more"]
    assert contents("?limit=1") == lines[-1:]
    assert contents("?order=desc&limit=100") == lines[:0:-1] and page("?limit=100").json["has_more"]
    for wrong in ("0", "101", "-1", "x", ""):
        refused = page(f"?limit={wrong}")
        assert refused.status == 400 and refused.error["message"] == "`limit` must be 1 to 100.", (wrong, refused)
    seen, after = [], ""
    while True:
        told = page(f"?limit=25&order=asc{after}").json
        seen += [item["content"] for item in told["data"]]
        assert (told["first_id"], told["last_id"]) == (told["data"][0]["id"], told["data"][-1]["id"])
        if not told["has_more"]:
            break
        after = f"&after={told['last_id']}"
    assert seen == lines
    assert page("?after=nobody").json == {
        "object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False
    }


def test_what_is_no_stored_response_says_what_to_do(start, start_mock):
    weir = start(config(start_mock()))
    name = ask(weir, "Hello").json["id"]
    refused = http(weir.port, "POST", f"/v1/responses/{name}", {})
    assert refused.status == 404 and "can be got, deleted, or cancelled" in refused.error["message"], refused
    streamed = get(weir, f"{name}?stream=true")
    assert streamed.status == 400 and "leave `stream` out" in streamed.error["message"]
    assert get(weir, f"{name}?stream=false").json["id"] == name
    for missing in ("resp_unheard", f"{name}x", "x" * 64, "x" * 65, "x" * 500):
        reply = get(weir, missing)
        assert reply.status == 404, (missing, reply)
    assert get(weir, "resp_unheard").error["message"] == "Response with id 'resp_unheard' not found."


def test_a_gap_in_a_conversation_is_told(start, start_mock):
    weir = start(config(start_mock()))
    first = ask(weir, "one")
    second = ask(weir, "two", previous=first.json["id"])
    get(weir, first.json["id"], method="DELETE")
    assert ask(weir, "three", previous=second.json["id"]).status == 400


def test_each_client_sees_its_own(start, start_mock):
    weir = start(config(start_mock(), clients=clients()))
    first = ask(weir, "secret", client="one")
    name = first.json["id"]
    assert get(weir, name, "one").status == 200
    for reply in (get(weir, name, "two"), get(weir, f"{name}/input_items", "two"), get(weir, name, "two", "DELETE")):
        assert reply.status == 404
    assert ask(weir, "go on", previous=name, client="two").status == 400
    assert ask(weir, "go on", previous=name, client="one").status == 200
    assert get(weir, name).status == 401


def test_two_clients_may_choose_the_same_request_id(start, start_mock):
    weir = start(config(start_mock(), clients=clients()))
    for client in KEYS:
        http(weir.port, "POST", "/v1/responses", {"model": "openai", "input": f"from {client}"},
             {**auth(client), "x-weir-request-id": "same"})
    for client in KEYS:
        items = get(weir, "resp_same/input_items", client).json["data"]
        assert items[0]["content"][0]["text"] == f"from {client}"


def test_what_is_not_to_be_stored_is_not(start, start_mock):
    mock = start_mock()
    weir = start(config(mock))
    reply = ask(weir, "forget this", store=False)
    assert reply.json["store"] is False and get(weir, reply.json["id"]).status == 404
    broken = ask(weir, "x", model="nobody")
    assert broken.status == 404
    off = start(config(mock, responses={"store": False}))
    reply = ask(off, "forget this too")
    assert reply.status == 200 and reply.json["store"] is False and get(off, reply.json["id"]).status == 404
    refused = ask(off, "go on", previous="resp_x")
    assert refused.status == 400 and refused.error["param"] == "previous_response_id"


def test_it_survives_a_restart_and_a_kill(start, start_mock, tmp_path):
    mock = start_mock()
    shared = config(mock, state_dir=str(tmp_path / "state"))
    weir = start(shared)
    first = ask(weir, "My name is Ada")
    assert get(weir, first.json["id"]).status == 200  # it has been written
    assert oct(os.stat(tmp_path / "state" / "responses.db").st_mode & 0o777) == "0o600"
    weir.stop()
    weir = start(shared)
    second = ask(weir, "Remember me?", "anthropic", first.json["id"])
    assert "Ada" in mock.last()["body"]
    assert get(weir, second.json["id"]).status == 200  # it has been written
    weir.process.send_signal(signal.SIGKILL)
    weir.process.wait()
    weir = start(shared)
    said(ask(weir, "And now?", "gemini", second.json["id"]))
    assert "Ada" in mock.last()["body"] and "Remember me?" in mock.last()["body"]


def test_old_ones_are_forgotten(start, start_mock, tmp_path):
    shared = config(start_mock(), state_dir=str(tmp_path / "state"), responses={"keep_days": 1})
    weir = start(shared)
    old = ask(weir, "old").json["id"]
    assert get(weir, old).status == 200
    weir.stop()
    with sqlite3.connect(tmp_path / "state" / "responses.db") as db:
        db.execute("UPDATE responses SET created_s = created_s - 90000")
    db.close()
    weir = start(shared)
    new = ask(weir, "new").json["id"]
    assert get(weir, new).status == 200 and get(weir, old).status == 404


def test_a_store_that_cannot_be_written_is_told_and_the_answer_given(start, start_mock, tmp_path):
    (tmp_path / "state").mkdir(0o700)
    (tmp_path / "state" / "marks").write_text("weir marks 1\n")  # else nobody could tell whether there were clients
    (tmp_path / "state" / "responses.db").write_bytes(b"this is no database, and long enough to be seen as none" * 20)
    weir = start(config(start_mock(), state_dir=str(tmp_path / "state")))
    assert ask(weir, "x").status == 200
    poll(lambda: any("responses_store_failed" in line for line in list(weir.err)))
    assert ask(weir, "y", previous="resp_x").status == 500
    assert get(weir, "resp_x").status == 500


def test_it_ends_in_time_while_another_process_keeps_the_file(start, start_mock, tmp_path):
    weir = start(config(start_mock(), workers=2, state_dir=str(tmp_path / "state"), drain_seconds=1))
    name = ask(weir, "hi").json["id"]
    assert get(weir, name).status == 200
    other = sqlite3.connect(tmp_path / "state" / "responses.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for i in range(6):
        said(ask(weir, f"more {i}"))  # each waits to be written
    callers = [Connection(weir.port) for _ in range(6)]
    for i, caller in enumerate(callers):
        caller.send(
            request_bytes(*(("GET", f"/v1/responses/{name}", None), ("DELETE", "/v1/responses/nobody", None),
                            ("POST", "/v1/responses",
                             {"model": "anthropic", "input": "x", "previous_response_id": name}))[i % 3]))
    time.sleep(0.3)
    for caller in callers[:3]:
        caller.socket.close()  # nobody to answer: not even the gate, once it has gone
    weir.stop()  # in time: five seconds are spent on the lock once, and not for each
    other.close()


def test_nobody_waits_for_a_conversation_longer_than_for_an_answer(start, start_mock, tmp_path):
    weir = start(config(start_mock(), workers=2, state_dir=str(tmp_path / "state"), request_timeout_seconds=1))
    name = ask(weir, "hi").json["id"]
    assert get(weir, name).status == 200
    other = sqlite3.connect(tmp_path / "state" / "responses.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with Connection(weir.port) as caller:
        caller.send(request_bytes("DELETE", "/v1/responses/nobody"))  # waits for the lock, and all behind it
        time.sleep(0.2)
        late = ask(weir, "go on", "anthropic", name)
        assert late.error["code"] == "request_timeout", late
        other.close()
        assert caller.reply().status == 404
    assert ask(weir, "go on", "anthropic", name).status == 200


def test_many_at_once(start, start_mock):
    weir = start(config(start_mock(), workers=2))
    failed = []

    def converse(number):
        previous = None
        for turn in range(8):
            reply = ask(weir, f"talk {number} turn {turn}", ["openai", "anthropic", "gemini"][turn % 3], previous,
                        stream=turn % 2 == 1)
            if reply.status != 200:
                failed.append(reply)
                return
            whole = (reply.json if turn %
                     2 == 0 else [json.loads(e) if isinstance(e, str) else e for e in reply.events][-1]["response"])
            previous = whole["id"]
            stored = get(weir, previous)  # at once, perhaps on another worker
            if stored.status != 200:
                failed.append(stored)
    threads = [threading.Thread(target=converse, args=(n,)) for n in range(8)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert not failed, failed[0]


NATIVE = {
    "id": "resp_native", "object": "response", "created_at": 1, "status": "completed", "model": "m", "output": [{
        "id": "msg_1", "type": "message", "role": "assistant", "status": "completed",
        "content": [{"type": "output_text", "text": "native words", "annotations": []}]
    }], "usage": {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}
}


@pytest.fixture
def native(start, tmp_path):
    """A provider that has the Responses API itself."""
    (tmp_path /
     "c.jsonl").write_text('{"extends":"built-in"}\n{"provider":"openai","endpoints":["chat","responses"]}\n')

    def answer(connection, head, body):
        connection.sendall(good_reply(json.dumps(NATIVE).encode()))
    with RawProvider(answer) as far:
        weir = start({"catalog": str(tmp_path / "c.jsonl"), "providers": {"one": provider(far.base_url)}})
        yield weir, far


def test_a_provider_that_has_the_api_itself(native):
    weir, far = native
    first = ask(weir, "hello", "m")
    assert first.body == json.dumps(NATIVE).encode()  # byte for byte
    assert (far.heads[-1].startswith("POST /v1/responses ") and
            json.loads(far.bodies[-1]) == {"model": "m", "input": "hello"})
    ask(weir, "again", "m", "resp_native")
    sent = json.loads(far.bodies[-1])
    assert "previous_response_id" not in sent and [i["role"] for i in sent["input"]] == ["user", "assistant", "user"]
    ask(weir, "unknown here", "m", "resp_theirs")  # made before weir stood between: the provider may know it
    assert json.loads(far.bodies[-1])["previous_response_id"] == "resp_theirs"
    ask(weir, "x", "m", conversation="conv_1")  # as nobody else's lie there
    assert json.loads(far.bodies[-1])["conversation"] == "conv_1"


def test_what_lies_at_the_provider_is_not_for_other_clients(start, tmp_path):
    (tmp_path /
     "c.jsonl").write_text('{"extends":"built-in"}\n{"provider":"openai","endpoints":["chat","responses"]}\n')

    def answer(connection, head, body):
        connection.sendall(good_reply(json.dumps(NATIVE).encode()))
    with RawProvider(answer) as far:
        weir = start(
            {"catalog": str(tmp_path / "c.jsonl"), "providers": {"one": provider(far.base_url)}, "clients": clients()})
        assert ask(weir, "mine", "m", client="one").status == 200
        theirs = ask(weir, "go on", "m", "resp_native", client="two")
        assert theirs.status == 400 and theirs.error["param"] == "previous_response_id"
        assert ask(weir, "x", "m", client="two", conversation="conv_1").status == 403
        for item in ({"type": "item_reference", "id": "msg_1"}, {"id": "msg_1"}, {"type": None, "id": "msg_1"},
                     {"type": "reasoning", "type ": "x", "id": "rs_1",
                      "Type": "item_reference"}, {"type": "message", "role": "assistant", "id": "msg_1",
                                                  "content": []}, {"type": "image_generation_call", "id": "ig_1"},
                     {"type": "compaction", "id": "c_1"}, {"type": "file_search_call", "id": "fs_1", "queries": ["x"]}):
            reply = ask(weir, [{"role": "user", "content": "repeat that"}, item], "m", client="two")
            assert reply.status == 403 and reply.error["param"] == "input", (item, reply)
        for item in ({"type": "item_reference", "id": "msg_1"}, {"type": "reasoning", "id": "rs_1", "summary": []}):
            assert ask(weir, item, "m", client="two").status == 403, "and no list around it"
        again = b'{"model":"m","input":"x","inp\\u0075t":[{"type":"item_reference","id":"msg_1"}]}'
        assert (http(weir.port, "POST", "/v1/responses", again,
                     {**auth("two"), "content-type": "application/json"}).status == 403)
        for keys in ('"previous_response_id":"","previous_response_id":"resp_native"',
                     '"previous_response_id":null,"Previous_Response_Id":"resp_native"',
                     '"conversation":null,"conversation":"conv_1"',
                     '"previous_response_id":null,"previous\\u005fresponse_id":"resp_native"', '"model":"m"',
                     '"Model":"dear"'):
            reply = http(weir.port, "POST", "/v1/responses", ('{"model":"m","input":"go on",%s}' % keys).encode(),
                         {**auth("two"), "content-type": "application/json"})
            assert reply.status == (403 if "conv_1" in keys else 400), (keys, reply)
        twice = (
            b'{"model":"m","input":[{"type":"message","role":"user","content":"x","type":"item_reference",'
            b'"id":"msg_1"}]}'
        )
        assert (http(weir.port, "POST", "/v1/responses", twice,
                     {**auth("two"), "content-type": "application/json"}).status == 403)
        assert len(far.heads) == 1
        own = ask(weir, [{"role": "user", "content": "x", "id": "msg_2"}, {
            "type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"
        }, {"type": "function_call", "id": "fc_1", "call_id": "c", "name": "f", "arguments": "{}"},
                         {"type": "function_call_output", "call_id": "c", "output": "1"}], "m", client="two")
        assert own.status == 200  # items that say what they hold
        sent = json.loads(far.bodies[-1])["input"]
        # no id goes up that may be another's
        assert ([item.get("id") for item in sent] == [None] * 4 and sent[1]["encrypted_content"] == "x" and
                sent[2]["call_id"] == "c")
        assert ask(weir, "go on", "m", "resp_native", client="one").status == 200


@pytest.mark.parametrize("stream", (False, True))
def test_reasoning_that_holds_nothing_is_left_out_and_named(start, start_mock, tmp_path, stream):
    """What a client replays that sends back all it got, and did not ask for encrypted reasoning."""
    (tmp_path /
     "c.jsonl").write_text('{"extends":"built-in"}\n{"provider":"openai","endpoints":["chat","responses"]}\n')
    events = b"".join(b"event: %b\ndata: %b\n\n" % (e["type"].encode(), json.dumps(e).encode()) for e in ({
        "type": "response.output_text.delta", "item_id": "msg_1", "output_index": 0, "content_index": 0,
        "delta": "native words", "sequence_number": 0
    }, {"type": "response.completed", "sequence_number": 1, "response": NATIVE}))

    def answer(connection, head, body):
        connection.sendall(
            good_reply(events).replace(b"application/json", b"text/event-stream"
                                       ) if stream else good_reply(json.dumps(NATIVE).encode()))

    bare = ({"type": "reasoning", "id": "rs_1", "summary": []}, {
        "type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": None, "content": [],
        "status": "completed"
    }, {"type": "reasoning", "ID": "rs_3", "encrypted_content": ""})
    user, says = ({"role": "user", "content": "x"}, {
        "type": "message", "id": "msg_1", "role": "assistant",
        "content": [{"type": "output_text", "text": "y", "annotations": []}]
    })
    full = {"type": "reasoning", "id": "rs_4", "summary": [], "encrypted_content": "sealed"}
    with RawProvider(answer) as far:
        weir = start(
            {"catalog": str(tmp_path / "c.jsonl"), "providers": {"one": provider(far.base_url)}, "clients": clients()})
        reply = ask(weir, [user, bare[0], full, says, *bare[1:]], "m", client="two", stream=stream)
        assert reply.status == 200 and reply.headers["x-weir-dropped"] == "reasoning_history", reply
        sent = json.loads(far.bodies[-1])["input"]
        assert ([item.get("type") for item in sent] == [None, "reasoning", "message"] and
                "rs_" not in json.dumps(sent) and sent[1]["encrypted_content"] == "sealed")
        reply = ask(weir, [user, full], "m", client="two", stream=stream)
        assert reply.status == 200 and "x-weir-dropped" not in reply.headers
        plain = start({"catalog": str(tmp_path / "c.jsonl"), "providers": {"one": provider(far.base_url)}})
        assert ("x-weir-dropped" not in ask(plain, [user, bare[0]], "m",
                                            stream=stream).headers), "who may name it, names it"
        assert json.loads(far.bodies[-1])["input"][1] == bare[0]
    weir = start(config(start_mock(), clients=clients()))
    assert ask(weir, [user, bare[0]], "anthropic", client="two").headers["x-weir-dropped"] == "reasoning_history"
    assert (ask(weir, [user, bare[0], full], "openai",
                client="two").headers["x-weir-dropped"] == "reasoning_history"), "once"


@pytest.mark.parametrize("size", (200_000, 300_000, 4_000_000))
def test_a_long_answer_is_stored_like_any_other(start, tmp_path, size):
    (tmp_path /
     "c.jsonl").write_text('{"extends":"built-in"}\n{"provider":"openai","endpoints":["chat","responses"]}\n')
    whole = json.dumps({
        **NATIVE, "output": [
            {**NATIVE["output"][0], "content": [{"type": "output_text", "text": "w" * size, "annotations": []}]}
        ]
    }).encode()
    with RawProvider(lambda connection, head, body: connection.sendall(good_reply(whole))) as far:
        weir = start({"catalog": str(tmp_path / "c.jsonl"), "providers": {"one": provider(far.base_url)}})
        reply = ask(weir, "hello", "m")
        assert reply.body == whole and "x-weir-stored" not in reply.headers
        assert get(weir, "resp_native").json["output"][0]["content"][0]["text"] == "w" * size
        ask(weir, "again", "m", "resp_native")
        assert [item["role"] for item in json.loads(far.bodies[-1])["input"]] == ["user", "assistant", "user"]


def test_an_answer_that_is_too_long_to_store_says_so_and_comes_whole(start, tmp_path):
    (tmp_path /
     "c.jsonl").write_text('{"extends":"built-in"}\n{"provider":"openai","endpoints":["chat","responses"]}\n')
    whole = json.dumps({
        **NATIVE, "output": [
            {**NATIVE["output"][0], "content": [{"type": "output_text", "text": "w" * 17_000_000, "annotations": []}]}
        ]
    }).encode()
    with RawProvider(lambda connection, head, body: connection.sendall(
            good_reply(nameless if b"nameless" in body else whole))) as far:
        nameless = json.dumps({**NATIVE, "id": "r" * 300}).encode()
        patient = {"timeout_seconds": 30, "reply_timeout_seconds": 30}
        providers = {"catalog": str(tmp_path / "c.jsonl"), "providers": {"one": provider(far.base_url, **patient)}}
        for more in ({}, {"responses": {"max_bytes_per_client": 300_000}}):
            weir = start({**providers, **more})
            reply = ask(weir, "hello", "m")
            assert reply.body == whole and reply.headers["x-weir-stored"] == "false"
            assert get(weir, "resp_native").status == 404
        assert "x-weir-stored" not in ask(weir, "hello", "m", store=False).headers
        assert ask(weir, "nameless", "m").headers["x-weir-stored"] == "false", "one whose id is no id"


def test_what_is_stored_is_bounded_for_a_client_and_in_all_the_oldest_first_out(start, start_mock):
    clients = [{"name": name, "key_hash": hashlib.sha256(key.encode()).hexdigest()} for name, key in KEYS.items()]
    mock = start_mock()
    weir = start(config(mock, clients=clients, responses={"max_bytes_per_client": 20000, "max_bytes": 30000}))
    names = list(KEYS)
    text = "word " * 600  # input, output and the whole response: some 10 KB each

    def known(reply, client):
        return http(weir.port, "GET", "/v1/responses/" + reply.json["id"], headers=auth(client)).status == 200
    others = ask(weir, text, client=names[1])
    mine = [ask(weir, f"{i} {text}", client=names[0]) for i in range(4)]
    assert [r.status for r in (others, *mine)] == [200] * 5
    assert known(mine[3], names[0]) and not known(mine[0], names[0]), "its own oldest went"
    assert known(others, names[1]), "and nobody else's"
    gone = ask(weir, "and then?", previous=mine[0].json["id"], client=names[0])
    assert gone.status == 400 and "There is no stored response" in gone.error["message"]
    asked = len(mock.requests()["requests"])
    refused = ask(weir, "word " * 5000, client=names[0])
    assert (refused.status == 400 and "store: false" in refused.error["message"] and
            "max_bytes_per_client" in refused.error["message"])
    assert len(mock.requests()["requests"]) == asked, "before a provider is asked"
    assert ask(weir, "word " * 5000, client=names[0], store=False).status == 200
    large = ask(weir, "word " * 3000, client=names[0])  # fits going in, and not with what came out
    assert large.headers["x-weir-stored"] == "false" and "x-weir-stored" not in mine[3].headers
    assert (large.status == 200 and not known(large, names[0]) and
            known(mine[3], names[0])), "nothing was driven out for it"
    assert poll(lambda: [e for e in weir.log("responses_store_failed") if "max_bytes_per_client" in e["problem"]])

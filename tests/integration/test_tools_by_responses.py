"""Models from GPT-5.6 on refuse chats with tools: such requests, whatever their caller speaks, go to the provider's
/responses and come back in the caller's words; what the model has thought is kept between its turns."""
import hashlib
import json

import pytest

from weirlib import RawProvider, http, provider

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def chat(messages, stream):
    return "/v1/chat/completions", {
        "model": "gpt-6-sol", "stream": stream, "messages": messages,
        "tools": [{"type": "function", "function": {"name": "weather", "description": "d", "parameters": SCHEMA}}]
    }


def chat_call(reply):
    if isinstance(reply, list):
        calls = [c for e in reply if e != "[DONE]" for ch in e["choices"] for c in ch["delta"].get("tool_calls", [])]
        return calls[0]["id"], calls[0]["function"]["name"], "".join(c["function"].get("arguments", "") for c in calls)
    call = reply["choices"][0]["message"]["tool_calls"][0]
    return call["id"], call["function"]["name"], call["function"]["arguments"]


def chat_turns(call=None):
    turns = [{"role": "system", "content": "Be short."}, {"role": "user", "content": "What is the weather in Paris?"}]
    if call:
        turns += [{"role": "assistant", "content": None, "tool_calls": [
            {"id": call[0], "type": "function", "function": {"name": call[1], "arguments": call[2]}}]},
                  {"role": "tool", "tool_call_id": call[0], "content": "sunny"}]
    return turns


def messages(turns, stream):
    return "/v1/messages", {
        "model": "gpt-6-sol", "stream": stream, "max_tokens": 500, "system": "Be short.", "messages": turns,
        "tools": [{"name": "weather", "description": "d", "input_schema": SCHEMA}]
    }


def messages_call(reply):
    if isinstance(reply, list):
        block = next(e["content_block"] for e in reply if e["type"] == "content_block_start" and
                     e["content_block"]["type"] == "tool_use")
        said = "".join(e["delta"]["partial_json"] for e in reply if e["type"] == "content_block_delta" and
                       e["delta"]["type"] == "input_json_delta")
        return block["id"], block["name"], said
    block = next(b for b in reply["content"] if b["type"] == "tool_use")
    return block["id"], block["name"], json.dumps(block["input"])


def messages_turns(call=None):
    turns = [{"role": "user", "content": "What is the weather in Paris?"}]
    if call:
        turns += [{"role": "assistant", "content": [
            {"type": "tool_use", "id": call[0], "name": call[1], "input": json.loads(call[2])}]},
                  {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call[0], "content": "sunny"}]}]
    return turns


def gemini(turns, stream):
    verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
    return f"/v1beta/models/gpt-6-sol:{verb}", {
        "contents": turns, "systemInstruction": {"parts": [{"text": "Be short."}]},
        "tools": [{"functionDeclarations": [{"name": "weather", "description": "d", "parametersJsonSchema": SCHEMA}]}]
    }


def gemini_call(reply):
    parts = [p for e in (reply if isinstance(reply, list) else [reply]) for p in
             e["candidates"][0].get("content", {}).get("parts", [])]
    call = next(p["functionCall"] for p in parts if "functionCall" in p)
    return call.get("id"), call["name"], json.dumps(call["args"])


def gemini_turns(call=None):
    turns = [{"role": "user", "parts": [{"text": "What is the weather in Paris?"}]}]
    if call:
        turns += [{"role": "model", "parts": [
            {"functionCall": {"id": call[0], "name": call[1], "args": json.loads(call[2])}}]},
                  {"role": "user", "parts": [
                      {"functionResponse": {"id": call[0], "name": call[1], "response": {"result": "sunny"}}}]}]
    return turns


CALLERS = {"chat": (chat, chat_turns, chat_call), "messages": (messages, messages_turns, messages_call),
           "gemini": (gemini, gemini_turns, gemini_call)}


def ask(weir, caller, stream, call=None, headers=None, **more):
    make, turns, read = CALLERS[caller]
    path, body = make(turns(call), stream)
    reply = http(weir.port, "POST", path, {**body, **more}, headers)
    assert reply.status == 200, reply
    return reply, (reply.events if stream else reply.json)


def gateway(start, base, **more):
    return start({"providers": {"openai": provider(base, ["gpt-6-sol", "gpt-4o"], type="openai", **more)}})


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("caller", CALLERS)
def test_a_call_and_its_result_in_the_callers_words(start, start_mock, caller, stream):
    mock = start_mock()
    weir = gateway(start, mock.base_url)
    read = CALLERS[caller][2]
    reply, said = ask(weir, caller, stream)
    assert mock.last()["path"] == "/v1/responses", mock.last()
    sent = json.loads(mock.last()["body"])
    assert sent["tools"] == [{"type": "function", "name": "weather", "description": "d", "parameters": SCHEMA,
                              "strict": False}]
    assert sent["store"] is False and sent["include"] == ["reasoning.encrypted_content"]
    assert sent["input"][0]["role"] in ("system", "developer") and "instructions" not in sent
    call = read(said)
    assert call[1] == "weather" and "city" in json.loads(call[2]), call
    reply, said = ask(weir, caller, stream, call)
    sent = json.loads(mock.last()["body"])["input"]
    assert [item["type"] for item in sent[-2:]] == ["function_call", "function_call_output"]
    assert sent[-2]["call_id"] == sent[-1]["call_id"] and sent[-1]["output"] in ("sunny", '{"result":"sunny"}')
    assert "sunny" in reply.text


def test_what_the_chat_api_takes_goes_there(start, start_mock):
    mock = start_mock()
    weir = gateway(start, mock.base_url)
    path, body = chat(chat_turns(), False)

    def asked(**changes):
        changed = {k: v for k, v in {**body, **changes}.items() if v is not None}
        assert http(weir.port, "POST", path, changed).status == 200
        return mock.last()["path"]
    assert asked() == "/v1/responses"
    assert asked(reasoning_effort="high") == "/v1/responses"
    assert asked(reasoning_effort="none") == "/v1/chat/completions"
    assert asked(tools=None) == "/v1/chat/completions"
    assert asked(tools=[]) == "/v1/chat/completions"
    assert asked(model="gpt-4o") == "/v1/chat/completions"


@pytest.mark.parametrize("api,paths", [("chat", ["chat/completions"] * 3), ("responses", ["responses"] * 3),
                                       ("auto", ["responses", "chat/completions", "responses"])])
def test_the_api_may_be_said(start, start_mock, api, paths):
    mock = start_mock("--lenient") if api == "chat" else start_mock()
    weir = gateway(start, mock.base_url, api=api)
    plain = {"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}]}
    asked = [chat(chat_turns(), False), ("/v1/chat/completions", plain),
             ("/v1/responses", {"model": "gpt-4o", "input": "x"})]
    for (path, body), wanted in zip(asked, paths):
        http(weir.port, "POST", path, body)
        assert mock.last()["path"] == f"/v1/{wanted}"


def test_the_newest_model_of_the_vendor_is_asked_as_the_latest_known(start, start_mock):
    mock = start_mock()
    weir = start({"providers": {"openai": provider(mock.base_url, ["gpt-6.9-nova"], type="openai"),
                                "other": provider(mock.base_url, ["gpt-7-own"], type="groq")}})
    path, body = chat(chat_turns(), False)
    assert http(weir.port, "POST", path, {**body, "model": "gpt-6.9-nova"}).status == 200
    assert mock.last()["path"] == "/v1/responses"
    assert http(weir.port, "POST", path, {**body, "model": "gpt-7-own"}).status == 200
    assert mock.last()["path"] == "/v1/chat/completions"


def test_a_provider_of_another_dialect_has_no_such_key(start):
    weir = start({"providers": {"a": provider("http://127.0.0.1:9", ["m"], type="anthropic", api="chat")}}, wait=False)
    assert weir.wait() != 0 and any("`api`" in line for line in weir.err)


# -- what the model has thought ----------------------------------------------------------------------------------------

SEALED = "gAAAA-sealed"


def answer_of(number, stream):
    """Reasoning and a call; streamed or whole."""
    items = [{"type": "reasoning", "id": f"rs_{number}", "summary": [], "encrypted_content": f"{SEALED}-{number}"},
             {"type": "function_call", "id": f"fc_{number}", "call_id": f"call_{number}", "name": "weather",
              "arguments": '{"city":"Paris"}', "status": "completed"}]
    whole = {"id": f"resp_{number}", "object": "response", "created_at": 1, "status": "completed", "model": "gpt-6-sol",
             "output": items, "usage": {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}}
    if not stream:
        body, kind = json.dumps(whole).encode(), b"application/json"
    else:
        events = [{"type": "response.created", "response": {**whole, "status": "in_progress", "output": []}}]
        for place, item in enumerate(items):
            events += [{"type": "response.output_item.added", "output_index": place, "item": {
                **item, **({"arguments": ""} if "arguments" in item else {"encrypted_content": None})}}]
            if "arguments" in item:
                events += [{"type": "response.function_call_arguments.delta", "output_index": place,
                            "item_id": item["id"], "delta": item["arguments"]}]
            events += [{"type": "response.output_item.done", "output_index": place, "item": item}]
        events += [{"type": "response.completed", "response": whole}]
        body = b"".join(b"event: %s\ndata: %s\n\n" % (e["type"].encode(), json.dumps(
            {**e, "sequence_number": n}).encode()) for n, e in enumerate(events))
        kind = b"text/event-stream"
    return b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s" % (kind, len(body), body)


@pytest.fixture
def thinker():
    numbers = iter(range(1, 1000))

    def answer(connection, head, body):
        connection.sendall(answer_of(next(numbers), b'"stream":true' in body.replace(b" ", b"")))
    with RawProvider(answer) as far:
        yield far


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("caller", CALLERS)
def test_what_was_thought_comes_back_with_its_call(start, thinker, caller, stream):
    weir = gateway(start, thinker.base_url)
    read = CALLERS[caller][2]
    reply, said = ask(weir, caller, stream)
    assert SEALED not in reply.text, "nothing for a caller whose dialect has no place for it"
    call = read(said)
    reply, _ = ask(weir, caller, stream, call)
    sent = json.loads(thinker.bodies[-1])["input"]
    assert [item["type"] for item in sent[-3:]] == ["reasoning", "function_call", "function_call_output"]
    assert sent[-3] == {"type": "reasoning", "summary": [], "encrypted_content": f"{SEALED}-1"}
    assert "x-weir-dropped" not in reply.headers


def test_what_is_gone_is_left_out_and_named(start, thinker):
    weir = gateway(start, thinker.base_url)
    reply, _ = ask(weir, "chat", False, ("call_elsewhere", "weather", "{}"))
    assert reply.headers["x-weir-dropped"] == "reasoning_history"
    assert [item["type"] for item in json.loads(thinker.bodies[-1])["input"][-2:]] == ["function_call",
                                                                                       "function_call_output"]


def test_no_client_gets_what_was_thought_for_another(start, thinker):
    keys = {"one": "key-one", "two": "key-two"}
    weir = start({
        "providers": {"openai": provider(thinker.base_url, ["gpt-6-sol"], type="openai")},
        "clients": [{"name": n, "key_hash": hashlib.sha256(k.encode()).hexdigest()} for n, k in keys.items()]
    })
    _, said = ask(weir, "chat", False, headers={"authorization": "Bearer key-one"})
    call = chat_call(said)
    for key, kept in (("key-two", False), ("key-one", True)):
        ask(weir, "chat", False, call, {"authorization": f"Bearer {key}"})
        assert (SEALED in thinker.bodies[-1].decode()) is kept


def test_no_provider_gets_what_another_sealed(start, thinker):
    with RawProvider(lambda c, head, body: c.sendall(answer_of(7, False))) as second:
        weir = start({
            "providers": {"openai": provider(thinker.base_url, ["gpt-6-sol"], type="openai"),
                          "azure": provider(second.base_url, ["gpt-6-sol"], type="openai")},
            "routes": [{"model": "one", "targets": ["openai/gpt-6-sol"]},
                       {"model": "two", "targets": ["azure/gpt-6-sol"]}]
        })
        _, said = ask(weir, "chat", False, model="one")
        reply, _ = ask(weir, "chat", False, chat_call(said), model="two")
        assert SEALED not in second.bodies[-1].decode() and reply.headers["x-weir-dropped"] == "reasoning_history"

"""Errors that come in a stream, from a provider of each dialect to a caller of each: by codes that the caller's SDK or
weir's own table has, never by a word of another vendor, and with the number that is next where events are numbered."""
import json
import re
import threading

import pytest

from weirlib import RawProvider, ROOT, http

WORD = "word_of_another_vendor"
SENTENCE = "the machine room is on fire"


def sse(*events):
    return "".join(
        (f"event: {e['type']}\n" if "type" in e and "choices" not in e else "") + f"data: {json.dumps(e)}\n\n"
        for e in events)


def chunk(text):
    return {
        "id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
        "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]
    }


def responses_begin():
    item = {"id": "msg_1", "type": "message", "status": "in_progress", "role": "assistant", "content": []}
    delta = {
        "type": "response.output_text.delta", "item_id": "msg_1", "output_index": 0, "content_index": 0, "delta": "Hel",
        "logprobs": [], "sequence_number": 8
    }
    return sse(
        {"type": "response.created", "response": {"id": "resp_1", "model": "m", "output": []}, "sequence_number": 0},
        {"type": "response.output_item.added", "output_index": 0, "item": item, "sequence_number": 7}, delta)


# By provider: what stands before the error, and the error with that word.
BEFORE = {
    "openai": sse(chunk("Hel")),
    "groq": sse(chunk("Hel")),
    "responses": responses_begin(),
    "anthropic": sse(
        {
            "type": "message_start", "message": {
                "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [],
                "usage": {"input_tokens": 3, "output_tokens": 1}
            }
        }, {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hel"}}),
    "gemini": sse(
        {"candidates": [{"content": {"role": "model", "parts": [{"text": "Hel"}]}, "index": 0}], "modelVersion": "m"}),
    "ollama-native": json.dumps({
        "model": "m", "created_at": "2026-11-21T00:00:00Z", "message": {"role": "assistant", "content": "Hel"},
        "done": False
    }) + "\n",
    "cloudflare-native": sse({"response": "Hel"}),
    "huggingface-native": 'data:{"index":1,"token":{"id":1,"text":"Hel","logprob":0,"special":false},'
                          '"generated_text":null,"details":null}\n\n',
}
ERRORS = {
    "openai": lambda w: "data: " + json.dumps({"error": {"message": SENTENCE, "type": w, "param": None, "code": w}}) +
    "\n\n",
    "groq": lambda w: "data: " + json.dumps({"error": {"message": SENTENCE, "type": w}}) + "\n\n",
    "responses": lambda w: sse({"type": "error", "code": w, "message": SENTENCE, "param": None, "sequence_number": 9}),
    "anthropic": lambda w: sse({"type": "error", "error": {"type": w, "message": SENTENCE}}),
    "gemini": lambda w: "data: " + json.dumps({"error": {"code": 503, "message": SENTENCE, "status": w}}) + "\n\n",
    "ollama-native": lambda w: json.dumps({"error": SENTENCE}) + "\n",
    "cloudflare-native": lambda w: "data: " + json.dumps(
        {"result": None, "success": False, "errors": [{"code": w, "message": SENTENCE}], "messages": []}) + "\n\n",
    "huggingface-native": lambda w: "data:" + json.dumps({"error": SENTENCE, "error_type": w}) + "\n\n",
}
OWN = {
    "openai": "server_error", "groq": "server_error", "responses": "server_error", "anthropic": "overloaded_error",
    "gemini": "UNAVAILABLE", "cloudflare-native": 3040, "huggingface-native": "incomplete_generation"
}
SAME = {("chat", "openai"), ("chat", "groq"), ("completions", "openai"), ("responses", "responses"),
        ("messages", "anthropic"), ("google", "gemini")}
# about weir's key: none of the caller's business
KEYS = {
    "chat": "invalid_api_key", "completions": "invalid_api_key", "responses": "invalid_api_key",
    "messages": "authentication_error"
}
CODES = set(re.findall(r"X\((\w+), \d{3}", (ROOT / "src/base/error.h").read_text()))
TYPES = {"invalid_request_error", "permission_error", "rate_limit_error", "insufficient_quota", "api_error"}
OPENAIS = {"server_error"}
ANTHROPICS = {"api_error", "overloaded_error", "rate_limit_error", "timeout_error"}
GOOGLES = {"UNAVAILABLE", "INTERNAL", "RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED"}


def chat_of(port, model):
    return http(port, "POST", "/v1/chat/completions",
                {"model": model, "stream": True, "messages": [{"role": "user", "content": "x"}]})


def completions_of(port, model):
    return http(port, "POST", "/v1/completions", {"model": model, "stream": True, "prompt": "x"})


def responses_of(port, model):
    return http(port, "POST", "/v1/responses", {"model": model, "stream": True, "input": "x"})


def messages_of(port, model):
    return http(port, "POST", "/v1/messages",
                {"model": model, "stream": True, "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]})


def google_of(port, model, alt="?alt=sse"):
    return http(port, "POST", f"/v1beta/models/{model}:streamGenerateContent{alt}",
                {"contents": [{"role": "user", "parts": [{"text": "x"}]}]})


def array_of(port, model):
    return google_of(port, model, "")


def check_openai(reply, own):
    error = reply.events[-1]["error"]
    assert ((error.get("code") in CODES and error["type"] in TYPES) or
            (own and {error.get("code"), error["type"]} <= OPENAIS | {None})), error
    return error["message"]


def check_responses(reply, own):
    error, before = reply.events[-1], reply.events[:-1]
    assert error["type"] == "error" and (error["code"] in CODES or error["code"] in OPENAIS), error
    assert error["sequence_number"] == before[-1]["sequence_number"] + 1, reply.events
    return error["message"]


def check_messages(reply, own):
    assert reply.events[-1]["type"] == "error" and reply.events[-1]["error"]["type"] in ANTHROPICS, reply.events[-1]
    return reply.events[-1]["error"]["message"]


def check_google(reply, own):
    error = (json.loads(reply.text) if reply.text.startswith("[") else reply.events)[-1]["error"]
    assert error["status"] in GOOGLES and isinstance(error["code"], int), error
    return error["message"]


CALLERS = {
    "chat": (chat_of, check_openai), "completions": (completions_of, check_openai),
    "responses": (responses_of, check_responses), "messages": (messages_of, check_messages),
    "google": (google_of, check_google), "google_array": (array_of, check_google)
}


@pytest.fixture
def world(start, tmp_path):
    """A provider of each kind whose stream ends as `script[kind]` says, after its first words."""
    script, providers, raws = {}, {}, []
    for kind in BEFORE:
        def handle(connection, head, body, kind=kind):
            content = "application/x-ndjson" if kind == "ollama-native" else "text/event-stream"
            data = (BEFORE[kind] + script[kind]).encode()
            connection.sendall(
                f"HTTP/1.1 200 OK\r\nContent-Type: {content}\r\nTransfer-Encoding: chunked\r\n\r\n{len(data):x}\r\n".
                encode() + data + b"\r\n0\r\n\r\n")
        raw = RawProvider(handle)
        raws.append(raw)
        base = (f"http://127.0.0.1:{raw.port}" +
                {"openai": "/v1", "groq": "/v1", "responses": "/v1", "gemini": "/v1beta"}.get(kind, ""))
        providers[kind] = {
            "type": "openai" if kind == "responses" else kind, "base_url": base, "api_key": "k" * 20, "models": ["m"],
            "circuit_breaker": {"failure_threshold": 1000}, "timeout_seconds": 5, "stall_timeout_seconds": 5
        }
        if kind == "cloudflare-native":
            providers[kind]["account"] = "acct"
    (tmp_path / "c.jsonl"
     ).write_text('{"extends":"built-in"}\n{"provider":"openai","endpoints":["chat","completions","responses"]}\n')
    weir = start({
        "catalog": str(tmp_path / "c.jsonl"), "providers": providers, "retry": {"max_retries": 0},
        "routes": [{"model": kind, "targets": [f"{kind}/m"]} for kind in BEFORE]
    })
    yield weir, script
    for raw in raws:
        raw.__exit__()


@pytest.mark.parametrize("caller", CALLERS)
def test_no_word_of_another_vendor_reaches_a_caller(world, caller):
    weir, script = world
    ask, check = CALLERS[caller]
    for kind in BEFORE:
        if kind == ("openai" if caller == "responses" else "responses"):
            continue  # OpenAI is asked by each in its own of the two
        for word in (WORD, "INTERNAL", "incomplete_generation", "invalid_api_key", "authentication_error", 500,
                     OWN.get(kind, "")):
            script[kind] = ERRORS[kind](word)
            reply = ask(weir.port, kind)
            own = word == OWN.get(kind)
            assert reply.status == 200 and reply.complete, (kind, word, reply)
            if (caller, kind) in SAME and word != KEYS.get(caller):  # the provider's own words, as they came
                assert ERRORS[kind](word).strip() in reply.text and "[DONE]" not in reply.text, (kind, word, reply.text)
                continue
            assert "Hel" in reply.text and SENTENCE in check(reply, own), (kind, word, reply.text)
            assert (WORD not in reply.text and "invalid_api_key" not in reply.text and
                    "[DONE]" not in reply.text), (kind, reply.text)
            if caller in ("chat", "completions", "responses"):
                assert "INTERNAL" not in reply.text and "incomplete_generation" not in reply.text, (kind, reply.text)


@pytest.mark.parametrize("caller", CALLERS)
def test_a_stream_that_is_cut_ends_by_weirs_own_code(world, caller):
    weir, script = world
    ask, check = CALLERS[caller]
    for kind in BEFORE:
        if kind == ("openai" if caller == "responses" else "responses"):
            continue
        script[kind] = ""
        reply = ask(weir.port, kind)
        assert reply.status == 200 and "cut off" in check(reply, False), (kind, reply.text)
        if caller == "responses":
            assert reply.events[-1]["code"] == "provider_error"


@pytest.mark.parametrize("caller", CALLERS)
def test_a_hedged_stream_that_is_cut_ends_as_the_attempt_that_answered_had_begun(start, caller):
    """The one that lost was asked last: what it had written, nothing, is not what the caller has read."""
    ask, check = CALLERS[caller]
    asked = threading.Event()

    def first(connection, head, body):
        assert asked.wait(10)
        data = BEFORE["anthropic"].encode()
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n" +
                           f"{len(data):x}\r\n".encode() + data + b"\r\n0\r\n\r\n")

    def second(connection, head, body):
        asked.set()
        return connection.recv(1) != b""  # until weir gives it up

    with RawProvider(first) as one, RawProvider(second) as two:
        block = {"type": "anthropic", "api_key": "k" * 20, "models": ["m"]}
        weir = start({
            "providers": {
                "one": {**block, "base_url": f"http://127.0.0.1:{one.port}"},
                "two": {**block, "base_url": f"http://127.0.0.1:{two.port}"}
            }, "routes": [{
                "model": "m", "strategy": "priority", "targets": ["one/m", "two/m"],
                "hedge": {"after": "20ms", "max_share": 1}
            }]
        })
        reply = ask(weir.port, "m")
        assert reply.headers["x-weir-provider"] == "one" and two.connections == 1, reply
        assert "cut off" in check(reply, False), reply.text

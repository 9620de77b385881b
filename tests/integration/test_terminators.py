"""A stream whose answer was said whole, finish reason and all, ends as its caller's dialect ends one, however its
provider leaves: no SDK takes a whole answer for half of one. One that was not said whole never ends so."""
import json
import threading

import pytest

from weirlib import Connection, RawProvider, chat_body, http, poll, provider, request_bytes


def data(*objects):
    return b"".join(b"data: " + json.dumps(o).encode() + b"\n\n" for o in objects)


def chunk(delta, finish=None, index=0):
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
            "choices": [{"index": index, "delta": delta, "finish_reason": finish}]}


def named(*events):
    return b"".join(b"event: " + e["type"].encode() + b"\n" + data(e) for e in events)


# Of each provider's dialect: what it says without an end, and its finish.
SAID = {
    "openai": (data(chunk({"role": "assistant", "content": "whole words"})), data(chunk({}, "stop"))),
    "anthropic": (named({"type": "message_start", "message": {
        "id": "i", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": None,
        "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1}}},
                        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
                        {"type": "content_block_delta", "index": 0,
                         "delta": {"type": "text_delta", "text": "whole words"}},
                        {"type": "content_block_stop", "index": 0}),
                  named({"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None},
                         "usage": {"output_tokens": 2}}))
}
ASKED = {
    "openai": ("/v1/chat/completions", chat_body(stream=True)),
    "completions": ("/v1/completions", {"model": "m", "prompt": "x", "stream": True}),
    "anthropic": ("/v1/messages", {"model": "m", "max_tokens": 9, "stream": True,
                                   "messages": [{"role": "user", "content": "x"}]}),
    "gemini": ("/v1beta/models/m:streamGenerateContent?alt=sse", {"contents": [{"role": "user",
                                                                                "parts": [{"text": "x"}]}]}),
    "responses": ("/v1/responses", {"model": "m", "input": "x", "stream": True})
}
ENDS = {
    "openai": "data: [DONE]\n\n", "completions": "data: [DONE]\n\n", "anthropic": '{"type":"message_stop"}\n\n',
    "gemini": '"finishReason":"STOP"', "responses": '"type":"response.completed"'
}
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


def chunked(body):
    return b"%x\r\n%s\r\n" % (len(body), body)


def leave(connection, how, body):
    """Says it and goes in one of the ways; False: the connection is closed."""
    if how == "whole":
        connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        return True
    if how == "close":
        connection.sendall(HEAD + b"Connection: close\r\n\r\n" + body)
        return False
    connection.sendall(CHUNKED + chunked(body))
    if how == "half a frame":
        connection.sendall(chunked(b"data: [DO"))
    if how == "malformed":
        connection.sendall(b"zz\r\n")
    if how == "silence":
        connection.recv(1)  # until weir goes
    return False


LEAVES = ["whole", "close", "cut", "half a frame", "malformed", "silence"]


def ask(start, kind, how, asked, finished=True, **more):
    said, finish = SAID[kind]
    with RawProvider(lambda c, head, body: leave(c, how, said + (finish if finished else b""))) as far:
        base = far.base_url if kind == "openai" else far.base_url[:-3]
        weir = start({"providers": {"p": provider(base, type="groq" if kind == "openai" else kind,
                                                  stall_timeout_seconds=0.5)}})
        path, body = ASKED[asked]
        return http(weir.port, "POST", path, {**body, **more})


@pytest.mark.parametrize("how", LEAVES)
@pytest.mark.parametrize("kind", SAID)
@pytest.mark.parametrize("asked", ASKED)
def test_a_stream_that_was_said_whole_is_ended(start, kind, how, asked):
    if asked == "completions" and kind == "openai":
        pytest.skip("passed through, with chunks of another form")
    reply = ask(start, kind, how, asked)
    assert reply.status == 200 and reply.complete, reply
    assert "whole words" in reply.text and "error" not in reply.text.replace('"error":null', ""), reply
    assert reply.text.count(ENDS[asked]) == 1 and ENDS[asked] in reply.text[-4000:], reply
    if asked != "gemini" and asked != "responses":
        assert reply.text.endswith(ENDS[asked]), reply


@pytest.mark.parametrize("how", LEAVES)
@pytest.mark.parametrize("kind", SAID)
@pytest.mark.parametrize("asked", ["openai", "anthropic", "responses", "gemini"])
def test_one_that_was_not_is_never_ended(start, kind, how, asked):
    reply = ask(start, kind, how, asked, finished=False)
    assert ENDS[asked] not in reply.text and "error" in reply.text, reply


@pytest.mark.parametrize("how", ["whole", "cut"])
def test_of_several_answers_all_must_be_said(start, how):
    frames = [chunk({"content": "one"}, None, 0), chunk({"content": "two"}, None, 1), chunk({}, "stop", 0)]
    last = {**chunk({}, "stop", 0), "choices": [chunk({}, "stop", n)["choices"][0] for n in (0, 1)]}
    for more, ended in (([], False), ([chunk({}, "stop", 1)], True)):
        with RawProvider(lambda c, head, body: leave(c, how, data(*frames, *more))) as far:
            weir = start({"providers": {"p": provider(far.base_url, type="openrouter")}})
            reply = http(weir.port, "POST", "/v1/chat/completions", chat_body(stream=True, n=2))
            assert reply.text.endswith("data: [DONE]\n\n") is ended, reply
    with RawProvider(lambda c, head, body: leave(c, how, data(*frames[:2], last))) as far:
        weir = start({"providers": {"p": provider(far.base_url, type="openrouter")}})
        reply = http(weir.port, "POST", "/v1/chat/completions", chat_body(stream=True, n=2))
        assert reply.text.endswith("data: [DONE]\n\n"), reply


def test_no_stream_is_counted_without_its_request(start, start_mock):
    """Callers that hang up, that read nothing, whose provider cuts: whenever no request is in flight, no stream is."""
    mock = start_mock()
    weir = start({"workers": 2, "providers": {"p": provider(mock, stall_timeout_seconds=0.3)}})
    faults = ["reset-mid-stream=3", "end-mid-stream=3", "stall-mid-stream=2", "error-in-stream=2", "none"]

    def one(number):
        for place in range(6):
            fault = faults[(number + place) % len(faults)]
            said = f"[mock {'' if fault == 'none' else 'fault=' + fault + ' '}tokens=40 rate=400] x"
            with Connection(weir.port) as c:
                c.send(request_bytes("POST", "/v1/chat/completions", chat_body(said, stream=True)))
                if (number + place) % 3 == 0:
                    c.head()  # and gone
                else:
                    c.reply()
    threads = [threading.Thread(target=one, args=(n,)) for n in range(10)]
    for thread in threads:
        thread.start()
    with Connection(weir.port) as c:  # one that has been open for long enough to be seen, and is left
        c.send(request_bytes("POST", "/v1/chat/completions", chat_body("[mock tokens=900 rate=50] x", stream=True)))
        poll(lambda: not any(thread.is_alive() for thread in threads) and weir.metric("weir_streams_open") == 1)
    quiet = 0
    while quiet < 3:
        seen = http(weir.port, "GET", "/metrics").text
        lines = [line.split() for line in seen.splitlines() if line.startswith(("weir_requests_in_", "weir_streams_"))]
        values = {name: float(value) for name, value in lines}
        if values["weir_requests_in_flight"] == 0:
            quiet += 1
            assert values["weir_streams_open"] == 0, values
    poll(lambda: weir.metric("weir_upstream_connections", state="busy") == 0)

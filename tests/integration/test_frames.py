"""Streams whose events come many to a read: whoever asks, whoever answers, however many there are, the answer is
whole."""
import pytest

from weirlib import RawProvider, Weir, chat_body, http, provider

KINDS = {"openai": "/v1", "anthropic": "", "gemini": "/v1beta", "ollama-native": ""}
COUNTS = (1, 61, 62, 63, 64, 65, 129, 1500)
CALLERS = {
    "chat": ("/v1/chat/completions", lambda m, t: chat_body(t, m, stream=True), b"data: [DONE]\n\n"),
    "responses": ("/v1/responses", lambda m, t: {"model": m, "input": t, "stream": True},
                  b"event: response.completed\n"),
    "anthropic": (
        "/v1/messages",
        lambda m, t: {"model": m, "max_tokens": 4096, "stream": True, "messages": [{"role": "user", "content": t}]},
        b"event: message_stop\n"),
    "gemini": ("/v1beta/models/{m}:streamGenerateContent?alt=sse",
               lambda m, t: {"contents": [{"role": "user", "parts": [{"text": t}]}]}, b'"finishReason":"STOP"'),
    "gemini array": ("/v1beta/models/{m}:streamGenerateContent",
                     lambda m, t: {"contents": [{"role": "user", "parts": [{"text": t}]}]}, b'"finishReason":"STOP"'),
}
SSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"


def at_once(mock):
    """The mock's answers, each in one write."""
    def answer(connection, head, body):
        method, path = head.decode("latin-1").split(" ")[:2]
        reply = http(mock.port, method, path, body)
        kind = reply.headers["content-type"].encode()
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: " + kind +
                           b"\r\nContent-Length: %d\r\n\r\n" % len(reply.body) + reply.body)
    return answer


@pytest.fixture(scope="module")
def gateway(mocks, tmp_path_factory):
    raw = RawProvider(at_once(mocks[0]))
    providers = {
        kind: {
            **provider(f"http://127.0.0.1:{raw.port}{path}", [f"m-{kind}"]), "type": kind, "timeout_seconds": 10,
            "stall_timeout_seconds": 10
        } for kind, path in KINDS.items()
    }
    weir = Weir(tmp_path_factory.mktemp("frames"), {"providers": providers})
    yield weir
    weir.stop()


def words_of(caller, reply):
    """How many words of the answer arrived."""
    if caller == "gemini array":
        events = reply.json
    else:
        events = [e for e in reply.events if e != "[DONE]"]
    if caller == "chat":
        text = "".join(c["delta"].get("content") or "" for e in events for c in e["choices"])
    elif caller == "responses":
        text = "".join(e["delta"] for e in events if e["type"] == "response.output_text.delta")
    elif caller == "anthropic":
        text = "".join(e["delta"].get("text", "") for e in events if e["type"] == "content_block_delta")
    else:
        text = "".join(
            p.get("text", "") for e in events for c in e.get("candidates", [])
            for p in c.get("content", {}).get("parts", []))
    return len(text.split())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("caller", CALLERS)
def test_any_number_of_events_in_a_read_is_passed_on_whole(gateway, caller, kind):
    path, body, end = CALLERS[caller]
    for count in COUNTS:
        model = f"m-{kind}"
        reply = http(gateway.port, "POST", path.replace("{m}", model), body(model, f"[mock tokens={count} rate=0] go"))
        assert reply.status == 200 and reply.complete, (count, reply)
        assert end in reply.body.replace(b" ", b"") or end in reply.body, (count, reply.body[-600:])
        assert words_of(caller, reply) == count, (count, reply)


def test_unreadable_events_between_good_ones_and_an_error_behind_leave_an_honest_end(start):
    """Each good event is a range of its own, as what stands between them is left out."""
    good = b'data: {"id":"1","choices":[{"index":0,"delta":{"content":"w "},"finish_reason":null}]}\n\n'
    stream = (good + b"data: {garbage\n\n") * 64 + b'data: {"error":{"message":"overloaded","type":"server_error"}}\n\n'
    for resume in (True, False):
        raw = RawProvider(SSE + stream)
        weir = start({
            "providers": {"a": provider(raw.base_url, ["x"])},
            "routes": [{"model": "m", "targets": ["a/x"], "resume_streams": resume}]
        })
        reply = http(weir.port, "POST", "/v1/chat/completions", chat_body("Hi", "m", stream=True))
        assert reply.status == 200 and reply.complete and b"[DONE]" not in reply.body, reply
        assert reply.content == "w " * 64 and "error" in reply.events[-1], reply.body[-500:]
        assert reply.events[-1]["error"]["message"], reply.events[-1]

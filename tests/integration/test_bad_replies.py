"""Malformed replies of a provider: a failover, or a clean 502; never half a reply taken for a whole, never a hang."""
import pytest

from weirlib import GOOD_BODY, RawProvider, chat, good_reply, provider

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
SSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"

REPLIES = {
    "nothing": b"",
    "garbage": b"\x00\x01\x02\r\n\r\n",
    "HTTP/0.9": GOOD_BODY,
    "HTTP/2 settings": b"\x00\x00\x12\x04\x00\x00\x00\x00\x00",
    "status 99": good_reply().replace(b"200 OK", b"99 Odd"),
    "status of four digits": good_reply().replace(b"200", b"2000"),
    "status 101": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
    "no end of the head": b"HTTP/1.1 200 OK\r\nContent-Type: app",
    "negative length": HEAD + b"Content-Length: -1\r\n\r\n" + GOOD_BODY,
    "two lengths": HEAD + b"Content-Length: 5\r\nContent-Length: 9\r\n\r\n" + GOOD_BODY,
    "length and chunked": HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n",
    "chunked twice": HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "NUL in a header": HEAD + b"X-A: a\x00b\r\nContent-Length: 2\r\n\r\n{}",
    "too many headers": HEAD + b"".join(b"X-%d: a\r\n" % i for i in range(300)) + b"Content-Length: 2\r\n\r\n{}",
    "chunk size over 64 bits": HEAD + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nabc",
    "cut in a chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\n50\r\nabc",
    "cut before the last chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(GOOD_BODY) + GOOD_BODY +
    b"\r\n",
    "not JSON": good_reply(b"<html>"),
    "an array": good_reply(b"[]"),
    "half a JSON": good_reply(GOOD_BODY[:50]),
    "two JSONs": good_reply(GOOD_BODY * 2),
    "bad UTF-8": good_reply(b'{"choices":["\xff"]}'),
    "deep JSON": good_reply(b"[" * 5000 + b"]" * 5000),
    "cut until close": HEAD + b"\r\n" + GOOD_BODY[:40],
    "interim replies without end": b"HTTP/1.1 100 Continue\r\n\r\n" * 500,
    "gzip": good_reply(b"\x1f\x8b\x08\x00" + b"x" * 50, "Content-Encoding: gzip\r\n"),
}
STREAMS = {
    "no events": SSE + b"0\r\n\r\n",
    "only comments": SSE + b"8\r\n: ping\n\n\r\n0\r\n\r\n",
    "done at once": SSE + b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n",
    "not events": SSE + b"6\r\nhello\n\r\n0\r\n\r\n",
    "one event, cut": SSE + b"12\r\ndata: {\"choices\":[\r\n",
    "an endless line": SSE + b"100000\r\n" + b"data: " + b"x" * (0x100000 - 6) + b"\r\n100000\r\n" + b"x" * 0x100000 +
    b"\r\n0\r\n\r\n",
}


@pytest.fixture
def gateway(start, start_mock):
    def run(reply):
        raw = RawProvider(reply)
        return start({
            "providers": {
                "bad": provider(raw.base_url, ["m", "alone"], priority=1), "good": provider(start_mock(), priority=2)
            }
        })
    return run


@pytest.mark.parametrize("name", REPLIES)
def test_a_bad_reply_fails_over_and_alone_is_a_502(gateway, name):
    weir = gateway(REPLIES[name])
    reply = chat(weir.port)
    assert reply.status == 200 and reply.headers["x-weir-provider"] == "good", reply
    alone = chat(weir.port, model="alone")
    assert alone.status == 502 and alone.error["code"] in ("provider_error", "upstream_unreachable"), alone


@pytest.mark.parametrize("name", STREAMS)
def test_a_bad_stream_fails_over_and_alone_is_a_502(gateway, name):
    weir = gateway(STREAMS[name])
    reply = chat(weir.port, "Hi", stream=True)
    assert reply.content == "You said: Hi" and reply.headers["x-weir-provider"] == "good", reply
    alone = chat(weir.port, model="alone", stream=True)
    assert alone.status == 502 and alone.error["code"] == "provider_error", alone


def test_line_ends_of_every_kind_in_a_stream(gateway):
    event = b'data: {"choices":[{"index":0,"delta":{"content":"%s"}}]}'
    parts = [
        b"\xef\xbb\xbf" + event % b"a" + b"\r\n\r\n", b": ping\r\r", event % b"b" + b"\r\r",
        b"id: 1\nevent: message\n" + event % b"c" + b"\n\n",
        b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n', b"data: [DONE]\n\n"
    ]
    body = b"".join(parts)
    weir = gateway(SSE + b"".join(b"1\r\n%s\r\n" % body[i:i + 1] for i in range(len(body))) + b"0\r\n\r\n")
    reply = chat(weir.port, model="alone", stream=True)
    assert reply.status == 200 and reply.complete
    for text in (b'"content":"a"', b'"content":"b"', b'"content":"c"', b"[DONE]"):
        assert text in reply.body, reply


def test_a_redirect_is_not_followed(gateway):
    weir = gateway(b"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")
    assert chat(weir.port, model="alone").status == 502 and chat(weir.port).headers["x-weir-provider"] == "good"

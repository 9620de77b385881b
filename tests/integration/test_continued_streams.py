"""A stream that broke and is to go on at another target: whatever that target sends instead, the caller gets an honest
end and the gateway goes on."""
import pytest

from weirlib import RawProvider, chat_body, good_reply, http, provider

WORDS = (b'data: {"id":"c1","object":"chat.completion.chunk","choices":[{"index":0,'
         b'"delta":{"content":"Once upon a time"},"finish_reason":null}]}\n\n')


def breaks_off(connection, head, body):
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
                       b"%x\r\n%s\r\n" % (len(WORDS), WORDS))
    return False


def replies(kind):
    body = good_reply()
    return {
        "whole": body,
        "without a type": body.replace(b"Content-Type: application/json\r\n", b""),
        "audio": b"HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\nContent-Length: 3\r\n\r\nabc",
        "error": b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
    }[kind]


@pytest.mark.parametrize("kind", ["whole", "without a type", "audio", "error"])
def test_a_reply_that_is_no_stream_continues_none(start, kind):
    with RawProvider(breaks_off) as first, RawProvider(replies(kind)) as second:
        weir = start({"providers": {"a": provider(first.base_url, max_retries=0),
                                    "b": provider(second.base_url, max_retries=0)},
                      "routes": [{"model": "r", "targets": ["a/m", "b/m"], "resume_streams": True}]})
        reply = http(weir.port, "POST", "/v1/chat/completions", chat_body("x", "r", stream=True))
        assert reply.status == 200 and b"Once upon a time" in reply.body and second.heads
        assert b'"error"' in reply.body and b"[DONE]" not in reply.body
        assert http(weir.port, "GET", "/healthz").status == 200


def test_no_file_is_fetched_for_a_target_that_cannot_continue(start):
    """Its provider speaks another dialect, and has a line to wait in."""
    with RawProvider(breaks_off) as first, RawProvider(good_reply()) as second:
        weir = start({"providers": {"a": provider(first.base_url, max_retries=0),
                                    "b": provider(second.base_url, type="gemini", queue={"max": 1})},
                      "routes": [{"model": "r", "targets": ["a/m", "b/m"], "resume_streams": True}]})
        words = [{"type": "image_url", "image_url": {"url": "http://127.0.0.1:1/x.png"}}]
        reply = http(weir.port, "POST", "/v1/chat/completions", chat_body(words, "r", stream=True))
        assert reply.status == 200 and b'"error"' in reply.body and b"[DONE]" not in reply.body
        assert http(weir.port, "GET", "/healthz").status == 200 and not second.heads

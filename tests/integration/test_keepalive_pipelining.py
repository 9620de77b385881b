"""Connections: kept alive, pipelined, split and joined in every way; and the pool towards providers."""
import socket

import pytest

from weirlib import Connection, RawProvider, answers_well, chat, chat_body, good_reply, poll, provider, request_bytes

REQUEST = request_bytes("POST", "/v1/chat/completions", chat_body())


def test_one_connection_serves_many_requests(pair):
    weir, _, _ = pair
    with Connection(weir.port) as c:
        for _ in range(50):
            c.send(REQUEST)
            assert c.reply().content == "You said: Hello"


def test_pipelined_requests_are_answered_in_order(pair):
    weir, _, _ = pair
    with Connection(weir.port) as c:
        c.send(b"".join(request_bytes("POST", "/v1/chat/completions", chat_body(f"number {i}")) for i in range(20)))
        for i in range(20):
            assert c.reply().content == f"You said: number {i}"


def test_pipelined_behind_a_stream(pair):
    weir, _, _ = pair
    with Connection(weir.port) as c:
        c.send(
            request_bytes("POST", "/v1/chat/completions", chat_body("a", stream=True)) + REQUEST +
            request_bytes("GET", "/v1/models"))
        assert c.reply().events[-1] == "[DONE]" and c.reply().status == 200 and c.reply().json["object"] == "list"


def test_a_request_byte_by_byte(pair):
    weir, _, _ = pair
    with Connection(weir.port) as c:
        c.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for i in range(len(REQUEST)):
            c.send(REQUEST[i:i + 1])
        assert c.reply().status == 200


def test_a_chunked_request(pair):
    weir, one, _ = pair
    body = request_bytes("POST", "/", chat_body()).split(b"\r\n\r\n", 1)[1]
    chunks = (b"".join(b"%x;ext=1\r\n%s\r\n" % (len(body[i:i + 7]), body[i:i + 7])
                       for i in range(0, len(body), 7)) + b"0\r\nx-trailer: y\r\n\r\n")
    with Connection(weir.port) as c:
        c.send(b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks +
               REQUEST)
        assert c.reply().status == 200 and c.reply().status == 200
    assert one.requests()["requests"][0]["body"].encode() == body


def test_expect_100_continue(pair):
    weir, _, _ = pair
    head, body = request_bytes("POST", "/v1/chat/completions", chat_body(),
                               {"Expect": "100-continue"}).split(b"\r\n\r\n", 1)
    with Connection(weir.port) as c:
        c.send(head + b"\r\n\r\n")
        assert c.head()[0] == 100
        c.send(body)
        assert c.reply().status == 200


def test_http_1_0_and_connection_close(pair):
    weir, _, _ = pair
    body = request_bytes("POST", "/", chat_body()).split(b"\r\n\r\n", 1)[1]
    for head in (b"POST /v1/chat/completions HTTP/1.0\r\nHost: 127.0.0.1\r\n",
                 b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"):
        with Connection(weir.port) as c:
            c.send(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
            assert c.reply().status == 200 and c.is_closed()
    with Connection(weir.port) as c:
        c.send(b"POST /v1/chat/completions HTTP/1.0\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" %
               (len(body) + 14) + body[:-1] + b',"stream":true}')
        reply = c.reply()
        assert "transfer-encoding" not in reply.headers and reply.events[-1] == "[DONE]"


def test_head_has_the_headers_and_no_body(pair):
    weir, _, _ = pair
    with Connection(weir.port) as c:
        c.send(request_bytes("HEAD", "/v1/models") + request_bytes("GET", "/healthz"))
        assert int(c.reply("HEAD").headers["content-length"]) > 0 and c.reply().text == "ok\n"


def test_an_idle_connection_is_closed_in_time(start, start_mock):
    weir = start({"idle_timeout_seconds": 0.3, "providers": {"p": provider(start_mock())}})
    with Connection(weir.port) as c:
        c.send(REQUEST)
        assert c.reply().status == 200 and c.is_closed(3)


def test_connections_to_providers_are_used_again(start):
    with RawProvider(answers_well) as raw:
        weir = start({"providers": {"p": provider(raw.base_url)}})
        for _ in range(10):
            assert chat(weir.port).content == "fine"
        assert raw.connections == 1


@pytest.mark.parametrize("extra", ["Connection: close\r\n", ""])
def test_a_provider_that_ends_each_connection(start, extra):
    with RawProvider(good_reply(extra=extra)) as raw:
        weir = start({"providers": {"p": provider(raw.base_url)}})
        for _ in range(5):
            assert chat(weir.port).status == 200
        poll(lambda: raw.connections >= 5)

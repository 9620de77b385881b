"""What a stranger can send, and how slowly: everything has its limit."""
import os
import resource
import socket
import time

import pytest

from weirlib import Connection, RawProvider, chat, chat_body, http, poll, provider, readable, request_bytes

REQUEST = request_bytes("POST", "/v1/chat/completions", chat_body())
SANITIZED = os.environ.get("WEIR_BINARY", "").find("san") >= 0


def test_a_body_over_the_limit_is_a_413(start, start_mock):
    mock = start_mock()
    weir = start({"max_body_bytes": 2000, "providers": {"p": provider(mock)}})
    fits = http(weir.port, "POST", "/v1/chat/completions", chat_body("x" * 1900))
    assert fits.status == 200
    big = http(weir.port, "POST", "/v1/chat/completions", chat_body("x" * 3000))
    assert big.status == 413 and big.error["code"] == "body_too_large" and big.closed
    with Connection(weir.port) as c:  # chunked: nobody said how large
        c.send(b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(4):
            c.send(b"400\r\n" + b"x" * 0x400 + b"\r\n")
        reply = c.reply()
        assert reply.status == 413 and reply.closed
    with Connection(weir.port) as c:  # Expect: no 100 for what is refused anyway
        c.send(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nExpect: 100-continue\r\nContent-Length: "
            b"99999\r\n\r\n"
        )
        assert c.head()[0] == 413
    assert mock.requests()["count"] == 1


@pytest.mark.parametrize("sent",
                         [b"", b"POST /v1/chat/com", b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A"])
def test_a_head_that_does_not_come_is_given_up(start, start_mock, sent):
    weir = start({
        "header_timeout_seconds": 0.4, "body_timeout_seconds": 0.4, "idle_timeout_seconds": 0.4,
        "providers": {"p": provider(start_mock())}
    })
    with Connection(weir.port) as c:
        c.send(sent)
        if sent:
            reply = c.reply()
            assert reply.status == 408 and reply.error["code"] == "request_timeout"
        assert c.is_closed(4)


def test_a_head_that_comes_byte_by_byte_is_given_up_too(start, start_mock):
    weir = start({"header_timeout_seconds": 0.5, "providers": {"p": provider(start_mock())}})
    with Connection(weir.port) as c:
        begun = time.monotonic()
        for byte in REQUEST:
            c.send(bytes([byte]))
            if readable([c.socket], 0.05):
                break
        assert c.reply().status == 408 and time.monotonic() - begun < 3


def test_a_body_that_stops_is_given_up(start, start_mock):
    mock = start_mock()
    weir = start({"body_timeout_seconds": 0.4, "providers": {"p": provider(mock)}})
    with Connection(weir.port) as c:
        c.send(REQUEST[:-5])
        assert c.reply().status == 408 and c.is_closed(4)
    assert mock.requests()["count"] == 0


def test_too_many_connections_get_a_503(start, start_mock):
    weir = start({"max_connections": 4, "providers": {"p": provider(start_mock())}})
    held = [Connection(weir.port) for _ in range(4)]
    for c in held:
        c.send(request_bytes("GET", "/healthz"))
        assert c.reply().status == 200
    with Connection(weir.port) as c:
        assert c.reply().status == 503 and c.is_closed()
    for c in held:
        c.socket.close()

    def served():
        with Connection(weir.port) as c:
            c.send(request_bytes("GET", "/healthz"))
            return c.reply().status == 200
    poll(served, 3)


def test_without_descriptors_it_waits_and_accepts_again(start, start_mock):
    """EMFILE: who comes then stands in the kernel's line until a descriptor is free."""
    weir = start({"providers": {"p": provider(start_mock())}})
    before = resource.prlimit(weir.process.pid, resource.RLIMIT_NOFILE)
    room = max(int(name) for name in os.listdir(f"/proc/{weir.process.pid}/fd")) + 3
    resource.prlimit(weir.process.pid, resource.RLIMIT_NOFILE, (room, before[1]))
    connections = [Connection(weir.port) for _ in range(12)]
    for c in connections:
        c.send(request_bytes("GET", "/healthz"))
    served, rounds = set(), 0
    while len(served) < len(connections):  # each that is answered goes, and another takes its place
        ready = readable([c.socket for c in connections if c not in served], 10)
        assert ready, f"{len(served)} of {len(connections)} were served"
        assert len(ready) < len(connections), "there were descriptors for all"
        rounds += 1
        for c in [c for c in connections if c.socket in ready]:
            assert c.reply().status == 200
            c.socket.close()
            served.add(c)
    assert rounds > 1
    resource.prlimit(weir.process.pid, resource.RLIMIT_NOFILE, before)
    assert chat(weir.port).status == 200


def test_a_slow_reader_is_not_buffered_for(start, start_mock):
    """A caller that does not read stops the reading upstream: memory stays, and the stream is whole when it reads
    on."""
    mock = start_mock()
    weir = start({"providers": {"p": provider(mock, stall_timeout_seconds=30, timeout_seconds=30)}})
    assert chat(weir.port).status == 200
    before = weir.rss_bytes()
    tokens, readers = 150000, 6  # more than the kernel holds on the way
    connections = []
    for _ in range(readers):
        c = Connection(weir.port)
        c.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        c.send(request_bytes("POST", "/v1/chat/completions", chat_body(f"[mock tokens={tokens}] x", stream=True)))
        connections.append(c)
    for c in connections:
        assert c.head()[0] == 200

    before_last, last = -1, 0
    while before_last != last:  # until nothing moves any more
        time.sleep(0.3)
        before_last, last = last, weir.rss_bytes()
    assert mock.requests()["open"] == readers, "the provider's whole stream was taken in"
    grown = weir.rss_bytes() - before
    assert SANITIZED or grown < readers * 1_500_000, f"{grown} bytes for {readers} streams of {tokens * 190}"
    connections[0].socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    body, complete = connections[0].chunks()
    assert complete and body.endswith(b"data: [DONE]\n\n") and body.count(b"\n\n") >= tokens
    for c in connections:
        c.reset()
    poll(lambda: mock.requests()["open"] == 0)


def test_a_reader_that_reads_nothing_is_given_up(start, start_mock):
    mock = start_mock()
    weir = start({"write_timeout_seconds": 0.5, "providers": {"p": provider(mock, stall_timeout_seconds=30)}})
    c = Connection(weir.port)
    c.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    c.send(request_bytes("POST", "/v1/chat/completions", chat_body("[mock tokens=100000] x", stream=True)))
    poll(lambda: mock.requests()["aborted"] == 1, 8)
    c.socket.close()


def test_a_slow_provider_is_read_as_it_comes(start):
    """A whole reply of several megabytes in small pieces."""
    body = b'{"choices":[],"x":"' + b"y" * 2_000_000 + b'"}'

    def slowly(connection, head, request):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" %
                           len(body))
        for i in range(0, len(body), 10000):
            connection.sendall(body[i:i + 10000])
    with RawProvider(slowly) as raw:
        weir = start({"providers": {"p": provider(raw.base_url)}})
        reply = chat(weir.port)
        assert reply.complete and reply.body == body


def test_two_hundred_streams_at_once(start, start_mock):
    mock = start_mock()
    weir = start({"providers": {"p": provider(mock, timeout_seconds=20)}})
    connections = [Connection(weir.port, timeout=30) for _ in range(200)]
    for i, c in enumerate(connections):
        c.send(request_bytes("POST", "/v1/chat/completions", chat_body(f"[mock tokens=20 rate=40] n{i}", stream=True)))
    for i, c in enumerate(connections):
        reply = c.reply()
        assert reply.events[-1] == "[DONE]" and reply.content.startswith(f"You said: n{i} "), reply
        c.socket.close()

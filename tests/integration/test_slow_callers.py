"""Callers that read slowly, or not at all: progress is what counts, not a level, and an answer that its caller did not
get is not called a good one."""
import json
import socket
import threading
import time

import pytest

from weirlib import Connection, RawProvider, chat_body, poll, provider, request_bytes

LARGE = 5_000_000


def openai_reply():
    return json.dumps({"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "y" * LARGE}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 1, "total_tokens": 6}}).encode()


def anthropic_reply():
    return json.dumps({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m",
        "content": [{"type": "text",
                     "text": "y" * LARGE}], "stop_reason": "end_turn", "usage": {"input_tokens": 5, "output_tokens": 1}
    }).encode()


def answers(body):
    def answer(connection, head, request):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" %
                           len(body) + body)
    return answer


def small_window(port, **more):
    """A connection whose kernel holds little: what the reader does not take, weir keeps."""
    c = Connection.__new__(Connection)
    c.socket = socket.socket()
    c.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32768)
    c.socket.settimeout(20)
    c.socket.connect(("127.0.0.1", port))
    c.buffer, c.ended = b"", False
    if more.get("tls"):
        c.socket = more["tls"].wrap_socket(c.socket, server_hostname="localhost")
    return c


def read_steadily(c, a_second):
    """Reads evenly to the end of a body; the bytes that came."""
    status, headers = c.head()
    assert status == 200
    wanted, got, begun = int(headers["content-length"]), len(c.buffer), time.monotonic()
    while got < wanted:
        piece = c.socket.recv(min(a_second // 20, 65536))
        if not piece:
            break
        got += len(piece)
        ahead_s = got / a_second - (time.monotonic() - begun)
        if ahead_s > 0:
            threading.Event().wait(ahead_s)
    return got, wanted


@pytest.mark.parametrize("kind, reply", [("openai", openai_reply), ("anthropic", anthropic_reply)])
@pytest.mark.parametrize("over_tls", [False, True])
def test_a_reader_that_reads_steadily_gets_all_of_it(start, certificates, kind, reply, over_tls):
    """A whole answer takes many times the write timeout; bytes leave all the time."""
    tls = ({"listen": [{"address": "127.0.0.1:0", "tls": {"cert": certificates.cert, "key": certificates.key}}]}
           if over_tls else {})
    with RawProvider(answers(reply())) as raw:
        weir = start({
            **tls, "write_timeout_seconds": 0.5, "providers": {
                "p": provider(
                    raw.base_url.replace("/v1", "") if kind == "anthropic" else raw.base_url, type=kind,
                    reply_timeout_seconds=30, stall_timeout_seconds=30)
            }
        })
        c = small_window(weir.port, tls=certificates.client() if over_tls else None)
        c.send(request_bytes("POST", "/v1/chat/completions", chat_body()))
        got, wanted = read_steadily(c, 1_500_000)
        assert got == wanted, f"cut off after {got} of {wanted} bytes"
        c.socket.close()
        poll(lambda: weir.log("request_done"))
        assert [(line["status"], line["caller_gone"]) for line in weir.log("request_done")] == [(200, False)]


@pytest.mark.parametrize("kind, reply", [("openai", openai_reply), ("anthropic", anthropic_reply)])
def test_a_reader_that_hangs_up_on_a_finished_answer_is_not_a_good_200(start, kind, reply):
    with RawProvider(answers(reply())) as raw:
        weir = start({
            "write_timeout_seconds": 30, "providers": {
                "p": provider(
                    raw.base_url.replace("/v1", "") if kind == "anthropic" else raw.base_url, type=kind,
                    reply_timeout_seconds=30, stall_timeout_seconds=30)
            }
        })
        c = small_window(weir.port)
        c.send(request_bytes("POST", "/v1/chat/completions", chat_body()))
        assert c.head()[0] == 200
        c.reset()
        poll(lambda: weir.log("request_done"))
        assert [line["caller_gone"] for line in weir.log("request_done")] == [True]
        assert not weir.metric("weir_requests_in_flight")


def test_a_reader_that_stops_is_given_up_and_told_of(start):
    """The whole answer waits in weir, so nothing of the provider's can tell."""
    with RawProvider(answers(anthropic_reply())) as raw:
        weir = start({
            "write_timeout_seconds": 0.4,
            "providers": {"p": provider(raw.base_url.replace("/v1", ""), type="anthropic", reply_timeout_seconds=30)}
        })
        c = small_window(weir.port)
        c.send(request_bytes("POST", "/v1/chat/completions", chat_body()))
        assert c.head()[0] == 200
        poll(lambda: weir.log("request_done"))
        assert [line["caller_gone"] for line in weir.log("request_done")] == [True]
        c.socket.close()

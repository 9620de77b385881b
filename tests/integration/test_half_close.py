"""Callers that say their last (FIN) and read on: `printf 'GET ..' | nc`, and programs that shut their writing side
down. A finished answer is always sent, then FIN; an answer that is still being made is not awaited."""
import socket

import pytest

from test_slow_callers import LARGE, anthropic_reply, answers, small_window
from weirlib import Connection, RawProvider, chat, chat_body, poll, provider, request_bytes

HEALTH = request_bytes("GET", "/healthz")


def ends_well(c):
    """FIN, and no reset."""
    while True:
        piece = c.socket.recv(65536)  # a reset raises
        if not piece:
            return True
        c.buffer += piece


def test_what_was_asked_before_the_end_is_answered(pair):
    weir, _, _ = pair
    with Connection(weir.port) as c:
        c.send(HEALTH)
        c.socket.shutdown(socket.SHUT_WR)
        assert c.reply().text == "ok\n" and ends_well(c) and c.buffer == b""


@pytest.mark.parametrize("count", [2, 5, 50, 1500])
def test_everything_pipelined_before_the_end_is_answered(pair, count):
    weir, _, _ = pair
    with Connection(weir.port) as c:
        c.send(HEALTH * count)
        c.socket.shutdown(socket.SHUT_WR)
        for _ in range(count):
            assert c.reply().text == "ok\n"
        assert ends_well(c) and c.buffer == b""


def test_half_a_request_behind_answered_ones_takes_nothing_from_them(pair):
    weir, _, _ = pair
    for rest in (b"GE", request_bytes("POST", "/v1/chat/completions", chat_body())[:-3]):
        with Connection(weir.port) as c:
            c.send(HEALTH * 3 + rest)
            c.socket.shutdown(socket.SHUT_WR)
            for _ in range(3):
                assert c.reply().text == "ok\n"
            assert ends_well(c)


def test_the_rest_of_a_finished_answer_is_sent(start):
    """All of it has been made, most of it has not left, and the caller has said its last."""
    with RawProvider(answers(anthropic_reply())) as raw:
        weir = start(
            {"providers": {"p": provider(raw.base_url.replace("/v1", ""), type="anthropic", reply_timeout_seconds=30)}})
        c = small_window(weir.port)
        c.send(request_bytes("POST", "/v1/chat/completions", chat_body()) + HEALTH * 3)
        status, headers = c.head()
        assert status == 200
        c.socket.shutdown(socket.SHUT_WR)
        body = c.read_exactly(int(headers["content-length"]))
        assert len(body) == int(headers["content-length"]) > LARGE, f"cut off after {len(body)} bytes"
        for _ in range(3):
            assert c.reply().text == "ok\n"
        assert ends_well(c)
        c.socket.close()
        poll(lambda: weir.log("request_done"))
        assert weir.log("request_done")[0]["caller_gone"] is False


def test_an_answer_that_is_still_being_made_is_not_awaited(pair):
    weir, one, two = pair
    c = Connection(weir.port)
    c.send(HEALTH + request_bytes("POST", "/v1/chat/completions", chat_body("[mock latency=8000] x")))
    assert c.reply().text == "ok\n"
    poll(lambda: one.last())
    c.socket.shutdown(socket.SHUT_WR)
    assert ends_well(c)
    c.socket.close()
    poll(lambda: one.last()["outcome"] == "aborted", 3)
    assert two.last() is None


@pytest.mark.parametrize("how", ["reset", "end"])
def test_who_pipelines_more_than_is_read_and_leaves_is_found_gone(pair, how):
    """What nobody reads hides the end behind it: a provider would work on for nobody."""
    weir, one, two = pair
    c = Connection(weir.port)
    c.send(request_bytes("POST", "/v1/chat/completions", chat_body("[mock latency=8000] x")) + HEALTH * 2000)
    poll(lambda: one.last())
    c.reset() if how == "reset" else c.socket.close()
    poll(lambda: one.last()["outcome"] == "aborted", 4)
    assert two.last() is None


def test_after_the_end_nothing_new_is_begun(pair):
    """A request that a provider would have to work for, behind the caller's last word: nobody may be there to read
    it."""
    weir, one, _ = pair
    with Connection(weir.port) as c:
        c.send(HEALTH * 40 + request_bytes("POST", "/v1/chat/completions", chat_body("[mock latency=8000] x")))
        c.socket.shutdown(socket.SHUT_WR)
        for _ in range(40):
            assert c.reply().text == "ok\n"
        assert ends_well(c)
    poll(lambda: one.requests()["open"] == 0, 3)
    assert chat(weir.port).status == 200


def test_a_refusal_is_sent_to_its_end(pair):
    weir, _, _ = pair
    with Connection(weir.port) as c:
        c.send(HEALTH + b"BREW / HTTP/1.1\r\nHost: a\r\n\r\n" + b"x" * 300_000)
        c.socket.shutdown(socket.SHUT_WR)
        assert c.reply().text == "ok\n"
        assert c.reply().status == 400 and ends_well(c)


def test_what_follows_a_last_answer_does_not_reset_it(pair):
    """`Connection: close`, and more behind it that is never read as a request."""
    weir, _, _ = pair
    with Connection(weir.port) as c:
        c.send(request_bytes("GET", "/healthz", headers={"Connection": "close"}) + b"x" * 500_000)
        assert c.reply().text == "ok\n" and ends_well(c)


def test_half_closed_over_tls(start, start_mock, certificates):
    weir = start({
        "listen": [{"address": "127.0.0.1:0", "tls": {"cert": certificates.cert, "key": certificates.key}}],
        "providers": {"p": provider(start_mock())}
    })
    with Connection(weir.port, tls=certificates.client()) as c:
        c.send(HEALTH * 200)
        socket.socket.shutdown(c.socket, socket.SHUT_WR)
        for _ in range(200):
            assert c.reply().text == "ok\n"
        assert not c.more()

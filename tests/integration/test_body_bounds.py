"""What a stranger can make weir hold: bodies that nobody reads are kept by nobody, the whole of a body has its time,
and all that is held in all has one bound."""
import os
import time

import pytest

from test_auth import bearer
from test_slow_callers import LARGE, anthropic_reply, answers, small_window
from weirlib import Connection, RawProvider, chat_body, http, poll, provider, request_bytes

SANITIZED = os.environ.get("WEIR_BINARY", "").find("san") >= 0
OPEN = ["/healthz", "/readyz", "/", "/metrics", "/v1/models", "/v1/models/m"]


@pytest.mark.parametrize("path", OPEN)
def test_a_body_that_nobody_reads_is_let_pass_or_refused(pair, path):
    weir, _, _ = pair
    with Connection(weir.port) as c:
        for _ in range(3):  # a small one: the connection goes on
            c.send(request_bytes("GET", path, b"x" * 1000))
            assert c.reply("GET").status == 200
        c.send(request_bytes("GET", path, b"x" * 300_000))
        assert c.reply("GET").status == 413
    with Connection(weir.port) as c:  # nobody said how large
        c.send(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            for _ in range(64):
                c.send(b"1000\r\n" + b"x" * 4096 + b"\r\n")
        except OSError:
            pass
        assert c.reply("GET").status == 413


@pytest.mark.parametrize("method, path", [("POST", "/v1/chat/completions"), ("GET", "/healthz"),
                                          ("POST", "/admin/v1/providers"), ("POST", "/providers/p/files")])
def test_a_body_that_comes_evenly_and_never_whole_is_given_up(start, start_mock, method, path):
    """Each pause is short; the whole has its time all the same."""
    mock = start_mock()
    weir = start({"request_timeout_seconds": 0.8, "body_timeout_seconds": 5, "providers": {"p": provider(mock)}})
    with Connection(weir.port) as c:
        c.send(
            request_bytes(method, path, None,
                          {**bearer(weir.admin_key), "Content-Length": "10000", "Content-Type": "application/json"}))
        begun = time.monotonic()

        def answered():
            try:
                c.send(b" ")
            except OSError:
                return True
            c.socket.settimeout(0.05)
            try:
                c.more()
            except TimeoutError:
                pass
            c.socket.settimeout(10)
            return c.buffer or c.ended
        poll(answered)
        reply = c.reply(method)
        assert reply.status == 408 and reply.error["code"] == "request_timeout"
        assert time.monotonic() - begun < 5
    assert mock.requests()["count"] == 0


def test_bodies_that_nobody_reads_take_no_memory(start, start_mock):
    weir = start({"providers": {"p": provider(start_mock())}})
    assert http(weir.port, "GET", "/healthz").status == 200
    before = weir.rss_bytes()
    held = [Connection(weir.port) for _ in range(200)]
    for c in held:
        c.send(request_bytes("GET", "/healthz", None, {"Content-Length": "16000"}) + b"x" * 15_000)
    poll(lambda: (weir.metric("weir_caller_connections") or 0) >= 200 or weir.rss_bytes() > before, 5)
    assert SANITIZED or weir.rss_bytes() - before < 200 * 20_000
    for c in held:
        c.send(b"x" * 1000)
        assert c.reply("GET").text == "ok\n"
        c.socket.close()


@pytest.mark.parametrize("over_tls", [False, True])
def test_answers_that_nobody_reads_stay_within_the_bound(start, certificates, over_tls):
    """Many callers at once whose answers wait in weir: what does not fit is refused or broken, nothing grows, and all
    of it is given back."""
    tls = ({"listen": [{"address": "127.0.0.1:0", "tls": {"cert": certificates.cert, "key": certificates.key}}]}
           if over_tls else {})
    bound, callers = 40_000_000, 30
    with RawProvider(answers(anthropic_reply())) as raw:
        weir = start({
            **tls, "max_memory_bytes": bound, "write_timeout_seconds": 30, "retry": {"max_retries": 0}, "providers": {
                "p": provider(raw.base_url.replace("/v1", ""), type="anthropic", reply_timeout_seconds=30,
                              timeout_seconds=30)
            }
        })
        client = certificates.client() if over_tls else None
        assert len(chat_whole(weir, client)) > LARGE
        before = weir.rss_bytes()
        held = [small_window(weir.port, tls=client) for _ in range(callers)]
        for c in held:
            c.send(request_bytes("POST", "/v1/chat/completions", chat_body()))
        statuses = [c.head()[0] for c in held]
        assert set(statuses) <= {200, 502, 503, None} and 200 in statuses, statuses
        poll(lambda: [line for line in weir.log("request_done") if line["caller_gone"] or line["status"] != 200])
        assert SANITIZED or weir.rss_bytes() - before < bound + 12_000_000, f"{weir.rss_bytes() - before} bytes"
        for c in held:
            c.reset()
        poll(lambda: not metric(weir, client))
        for _ in range(3):  # everything was given back
            assert len(chat_whole(weir, client)) > LARGE


def metric(weir, tls):
    text = http(weir.port, "GET", "/metrics", tls=tls).text
    return sum(float(line.split()[1]) for line in text.splitlines() if line.startswith("weir_requests_in_flight "))


def chat_whole(weir, tls):
    reply = http(weir.port, "POST", "/v1/chat/completions", chat_body(), tls=tls)
    assert reply.status == 200 and reply.complete, reply
    return reply.body

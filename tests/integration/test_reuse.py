"""Connections with providers that are kept: what one did with a request is never guessed, and nothing is sent twice
unseen."""
import json
import socket
import threading

import pytest

from weirlib import GOOD_BODY, RawProvider, chat, good_reply, http, poll, provider

PRICES = {"prices": {"m": {"input": 1000, "output": 2000}}}


def explain(weir, reply):
    path = f"/admin/v1/requests/{reply.headers['x-weir-request-id']}"
    return poll(lambda: (r := http(weir.port, "GET", path, headers={"Authorization": f"Bearer {weir.admin_key}"})).
                status == 200 and r).json


def hangs_up_on(*numbers, reset=True):
    """A provider that reads every request, works, and breaks those of these numbers; from 1."""
    seen = []

    def answer(connection, head, body):
        seen.append(body)
        if len(seen) not in numbers:
            connection.sendall(good_reply())
            return True
        if reset:
            connection.setsockopt(1, 13, b"\x01\x00\x00\x00\x00\x00\x00\x00")  # SO_LINGER 0: RST
        return False
    return answer


@pytest.mark.parametrize("reset", [True, False])
def test_work_on_a_kept_connection_is_never_sent_twice(start, reset):
    with RawProvider(hangs_up_on(2, reset=reset)) as raw:
        weir = start({"retry": {"max_retries": 0}, "providers": {"p": provider(raw.base_url, **PRICES)}})
        assert chat(weir.port).status == 200
        reply = chat(weir.port, "count me once")
        assert (reply.status == 502 and reply.error["code"] == "upstream_unreachable" and
                "kept" in reply.error["message"]), reply
        assert len(raw.heads) == 2 and raw.connections == 1
        story = explain(weir, reply)
        assert [(a["outcome"], a["usage_estimated"]) for a in story["attempts"]] == [("reset_reused", True)]
        assert (story["attempts"][0]["input_tokens"] > 0 and
                float(story["attempts"][0]["cost_usd"]) > 0), "work that may be billed is counted"
        assert poll(lambda: weir.log("attempt_failed"))[0]["failure"] == "reset_reused"
        assert weir.metric("weir_attempt_failures_total", kind="reset_reused") == 1
        assert chat(weir.port).status == 200


def test_a_repeat_is_the_retry_rules_and_counted(start):
    with RawProvider(hangs_up_on(2)) as raw:
        weir = start(
            {"retry": {"max_retries": 1, "base_ms": 1, "max_ms": 2}, "providers": {"p": provider(raw.base_url)}})
        assert chat(weir.port).headers["x-weir-attempts"] == "1"
        reply = chat(weir.port)
        assert reply.status == 200 and reply.headers["x-weir-attempts"] == "2" and len(raw.heads) == 3
        assert [a["outcome"] for a in explain(weir, reply)["attempts"]] == ["reset_reused", "ok"]


def test_the_provider_says_how_often_it_is_asked(start):
    with RawProvider(hangs_up_on(2)) as raw:
        weir = start(
            {"retry": {"max_retries": 3, "base_ms": 1}, "providers": {"p": provider(raw.base_url, max_retries=0)}})
        assert [chat(weir.port).status for _ in range(2)] == [200, 502] and len(raw.heads) == 2


def test_another_target_takes_over(start):
    with RawProvider(hangs_up_on(2)) as raw, RawProvider(lambda c, h, b: c.sendall(good_reply())) as other:
        weir = start(
            {"providers": {"p": provider(raw.base_url, priority=1), "q": provider(other.base_url, priority=2)}})
        assert chat(weir.port).headers["x-weir-provider"] == "p"
        reply = chat(weir.port)
        assert (reply.status == 200 and reply.headers["x-weir-provider"] == "q" and
                reply.headers["x-weir-attempts"] == "2")
        assert len(raw.heads) == 2 and len(other.heads) == 1


def test_a_connection_that_was_closed_while_it_rested_is_replaced_unseen(start):
    closed = threading.Semaphore(0)

    class Closes(RawProvider):
        def _serve(self, connection):
            super()._serve(connection)
            closed.release()

    with Closes(lambda c, h, b: (c.sendall(good_reply()), False)[1]) as raw:
        weir = start({"retry": {"max_retries": 0}, "providers": {"p": provider(raw.base_url)}})
        for n in range(1, 6):
            reply = chat(weir.port)
            assert reply.status == 200 and reply.headers["x-weir-attempts"] == "1", reply
            assert closed.acquire(timeout=10) and raw.connections == n


def test_a_close_that_meets_the_request_is_one_attempt_and_not_two(pair):
    """The mock closes right after its reply: before the next request is sent, or as it is. Each request arrives at most
    once a counted attempt."""
    weir, one, two = pair
    one.fault("close-idle")
    attempts = 0
    for _ in range(10):
        reply = chat(weir.port)
        assert reply.status == 200, reply
        attempts += int(reply.headers["x-weir-attempts"])
    arrived = sum(m.requests()["paths"].get("/v1/chat/completions", 0) for m in (one, two))
    assert 10 <= arrived <= attempts


def together(connection, *pieces):
    """One segment; over TLS a record for each piece."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
    for piece in pieces:
        connection.sendall(piece)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)


LATE = good_reply(GOOD_BODY.replace(b"fine", b"late words"))
PATIENT = {f"{what}_seconds": 20 for what in ("timeout", "reply_timeout", "connect_timeout")}


def far_away(raw, certificates, tls, models=("m",), **keys):
    if not tls:
        return provider(raw.base_url, models, **keys)
    return provider(raw.base_url.replace("127.0.0.1", "localhost"), models, ca_file=certificates.ca, **keys)


@pytest.mark.parametrize("tls", [True, False])
def test_late_words_do_not_answer_the_call_that_waits_in_line(start, certificates, tls):
    asked, second_waits, replies = [], threading.Event(), {}

    def answer(connection, head, body):
        asked.append(json.loads(body)["messages"][0]["content"])
        if asked[-1] == "second":
            connection.sendall(good_reply())
        else:
            assert second_waits.wait(20)
            together(connection, good_reply(), LATE)

    with RawProvider(answer, tls=certificates.server() if tls else None) as raw:
        weir = start({"providers": {"p": far_away(raw, certificates, tls, pool={"max_connections": 1}, **PATIENT)}})
        calls = [
            threading.Thread(target=lambda text=text: replies.update({text: chat(weir.port, text)}))
            for text in ("first", "second")
        ]
        calls[0].start()
        poll(lambda: asked)
        calls[1].start()
        poll(lambda: weir.metric("weir_requests_in_flight") == 2)
        second_waits.set()
        for call in calls:
            call.join()
        assert [replies[text].content for text in ("first", "second")] == ["fine", "fine"]
        assert asked == ["first", "second"] and raw.connections == 2


@pytest.mark.parametrize("tls", [True, False])
def test_late_words_do_not_answer_the_next_target(start, certificates, tls):
    asked = []

    def answer(connection, head, body):
        asked.append(json.loads(body)["model"])
        if asked[-1] == "m2":
            connection.sendall(good_reply())
        else:
            together(connection,
                     b"HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}", LATE)

    with RawProvider(answer, tls=certificates.server() if tls else None) as raw:
        weir = start({
            "providers": {"p": far_away(raw, certificates, tls, ("m1", "m2"))},
            "routes": [{"model": "r", "targets": ["p/m1", "p/m2"]}]
        })
        reply = chat(weir.port, model="r")
        assert reply.content == "fine" and reply.headers["x-weir-attempts"] == "2"
        assert asked == ["m1", "m2"] and raw.connections == 2

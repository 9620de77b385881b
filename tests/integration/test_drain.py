"""SIGTERM: no new connections, what is in flight finishes, and the process ends with 0."""
import json
import signal
import time

import pytest

from weirlib import Connection, chat_body, http, poll, provider, request_bytes


def begin(weir, text, **more):
    c = Connection(weir.port)
    c.send(request_bytes("POST", "/v1/chat/completions", chat_body(text, **more)))
    return c


@pytest.mark.parametrize("workers", [1, 3])
def test_what_is_in_flight_finishes(start, start_mock, workers):
    weir = start({"workers": workers, "providers": {"p": provider(start_mock())}})
    streams = [begin(weir, "[mock tokens=20 rate=25] x", stream=True) for _ in range(6)]
    whole = begin(weir, "[mock latency=700] y")
    for c in streams:
        assert c.head()[0] == 200
    idle = Connection(weir.port)
    idle.send(request_bytes("GET", "/healthz"))
    assert idle.reply().status == 200
    weir.process.send_signal(signal.SIGTERM)
    assert idle.is_closed(), "an idle connection was kept"
    with pytest.raises(OSError):
        poll(lambda: Connection(weir.port).socket.close(), 3)
    for c in streams:
        body, complete = c.chunks()
        assert complete and body.endswith(b"data: [DONE]\n\n")
        assert c.is_closed()
    reply = whole.reply()
    assert reply.status == 200 and reply.closed
    assert weir.wait(5) == 0
    weir.check_output()
    assert weir.log("draining") and weir.log("stopped")


def test_readyz_fails_while_draining(start, start_mock):
    weir = start({"providers": {"p": provider(start_mock())}})
    assert http(weir.port, "GET", "/readyz").status == 200
    held = begin(weir, "[mock latency=900] y")
    with Connection(weir.port) as c:
        c.send(
            request_bytes("POST", "/v1/chat/completions", chat_body("[mock latency=400] z")) +
            request_bytes("GET", "/readyz"))
        poll(lambda: weir.metric("weir_requests_in_flight") == 2)
        weir.process.send_signal(signal.SIGTERM)
        first = c.reply()
        assert first.status == 200
        status, _ = c.head()
        assert status in (None, 503), "a draining gateway said that it is ready"
    assert held.reply().status == 200
    assert weir.wait(5) == 0


def test_a_drain_ends_at_its_limit(start, start_mock):
    weir = start(
        {"drain_seconds": 0.5, "providers": {"p": provider(start_mock("--fault", "hang"), reply_timeout_seconds=60)}})
    held = begin(weir, "never")
    poll(lambda: weir.metric("weir_requests_in_flight") == 1)
    begun = time.monotonic()
    weir.process.send_signal(signal.SIGTERM)
    assert weir.wait(5) == 0 and 0.3 < time.monotonic() - begun < 4
    assert held.is_closed()
    weir.check_output()


@pytest.mark.parametrize("path, body, ending", [
    ("/v1/chat/completions", {"messages": [{"role": "user", "content": "[mock tokens=500 rate=5] x"}]}, b"data: {"),
    ("/v1/messages", {"max_tokens": 999, "messages": [{"role": "user", "content": "[mock tokens=500 rate=5] x"}]},
     b"event: error"),
    ("/v1/responses", {"input": "[mock tokens=500 rate=5] x"}, b"event: error"),
])
def test_a_drain_that_runs_out_of_time_ends_streams_by_an_error_event(start, start_mock, path, body, ending):
    weir = start({"drain_seconds": 0.5, "providers": {"p": provider(start_mock(), stall_timeout_seconds=60)}})
    with Connection(weir.port) as c:
        c.send(request_bytes("POST", path, json.dumps({"model": "m", "stream": True, **body})))
        assert c.head()[0] == 200
        weir.process.send_signal(signal.SIGTERM)
        streamed, complete = c.chunks()
        last = [event for event in streamed.split(b"\n\n") if event][-1]
        assert complete and last.startswith(ending) and b"error" in last and b"[DONE]" not in streamed, streamed[-400:]
        assert b"the gateway ended" in last or b"shutting down" in last, last
    assert weir.wait(5) == 0
    weir.check_output()


def test_a_drain_that_runs_out_of_time_answers_whole_requests_with_503(start, start_mock):
    weir = start({"drain_seconds": 0.5,
                  "providers": {"p": provider(start_mock("--fault", "hang"), reply_timeout_seconds=60)}})
    held = begin(weir, "never")
    poll(lambda: weir.metric("weir_requests_in_flight") == 1)
    weir.process.send_signal(signal.SIGTERM)
    reply = held.reply()
    assert reply.status == 503 and reply.error["code"] == "shutting_down" and "retry-after" in reply.headers, reply
    assert weir.wait(5) == 0
    done = weir.log("request_done")[0]
    assert done["status"] == 503 and not done["caller_gone"]
    weir.check_output()


def test_asked_twice_it_ends_at_once(start, start_mock):
    weir = start({"providers": {"p": provider(start_mock("--fault", "hang"), reply_timeout_seconds=60)}})
    held = begin(weir, "never")
    poll(lambda: weir.metric("weir_requests_in_flight") == 1)
    weir.process.send_signal(signal.SIGTERM)
    poll(lambda: weir.log("draining"))
    weir.process.send_signal(signal.SIGINT)
    assert weir.wait(4) == 0 and held.is_closed()


def test_the_admin_can_drain(start, start_mock):
    weir = start({"providers": {"p": provider(start_mock())}})
    assert http(weir.port, "POST", "/admin/v1/drain", "", {"Authorization": f"Bearer {weir.admin_key}"}).status == 202
    assert weir.wait(5) == 0


@pytest.mark.parametrize("sent", [b"", b"G", b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "])
def test_a_drain_does_not_wait_for_a_head_that_does_not_come(start, start_mock, sent):
    weir = start({"drain_seconds": 30, "providers": {"p": provider(start_mock())}})
    slow, asked = Connection(weir.port), Connection(weir.port)
    asked.send(request_bytes("GET", "/healthz"))  # has asked before: what it sends then is a second request's beginning
    assert asked.reply().text == "ok\n"
    for c in (slow, asked):
        c.send(sent)
    assert http(weir.port, "GET", "/healthz").status == 200
    begun = time.monotonic()
    weir.process.send_signal(signal.SIGTERM)
    assert weir.wait(8) == 0 and time.monotonic() - begun < 8
    weir.check_output()


def test_a_request_that_arrives_with_the_drain_is_answered(start, start_mock):
    """Its bytes lie in the socket when the drain begins: closing upon them would be a reset."""
    weir = start({"drain_seconds": 10, "providers": {"p": provider(start_mock())}})
    connections = [Connection(weir.port) for _ in range(30)]
    for c in connections[:15]:
        c.send(request_bytes("GET", "/healthz"))
        assert c.reply().text == "ok\n"
    weir.process.send_signal(signal.SIGSTOP)
    weir.process.send_signal(signal.SIGTERM)
    for c in connections:
        c.send(request_bytes("GET", "/healthz"))
    weir.process.send_signal(signal.SIGCONT)
    for c in connections:
        assert c.reply().text == "ok\n"
    assert weir.wait(8) == 0

"""A caller that hangs up: the provider's work is cancelled, and the flight is settled once."""
import pytest

from weirlib import Connection, chat, chat_body, poll, request_bytes


def ask(weir, text, reset=False, read=None, **more):
    c = Connection(weir.port)
    c.send(request_bytes("POST", "/v1/chat/completions", chat_body(text, **more)))
    if read:
        assert c.read_until(read)
    return c


@pytest.mark.parametrize("reset", [False, True])
def test_hanging_up_in_mid_stream_cancels_upstream(pair, reset):
    weir, one, _ = pair
    c = ask(weir, "[mock tokens=1000 rate=50] x", read=b"said:", stream=True)
    assert one.last()["outcome"] == "open"
    c.reset() if reset else c.socket.close()
    poll(lambda: one.last()["outcome"] == "aborted", 3)
    assert one.last()["events"] < 100


@pytest.mark.parametrize("streamed", [False, True])
def test_hanging_up_before_the_answer_cancels_upstream(pair, streamed):
    weir, one, two = pair
    c = ask(weir, "[mock latency=5000] x", stream=streamed)
    poll(lambda: one.last())
    c.socket.close()
    poll(lambda: one.last()["outcome"] == "aborted", 3)
    assert two.last() is None, "a request whose caller is gone was sent again"


def test_hanging_up_in_mid_request_sends_nothing(pair):
    weir, one, _ = pair
    with Connection(weir.port) as c:
        c.send(request_bytes("POST", "/v1/chat/completions", chat_body("x" * 5000))[:-2000])
    assert chat(weir.port).status == 200
    assert one.requests()["paths"] == {"/v1/chat/completions": 1}


def test_many_that_hang_up_leave_nothing_behind(pair):
    weir, one, _ = pair
    connections = [ask(weir, "[mock tokens=1000 rate=50] x", read=b"said:", stream=True) for _ in range(40)]
    poll(lambda: one.requests()["open"] == 40)
    for c in connections:
        c.reset()
    poll(lambda: one.requests()["open"] == 0, 5)
    assert one.requests()["aborted"] == 40
    poll(lambda: not [m for m in ("weir_flights", "weir_requests_in_flight") if weir.metric(m)])
    assert chat(weir.port).status == 200

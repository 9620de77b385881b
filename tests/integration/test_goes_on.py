"""Where a request goes on, and where its answer is: time-outs under a lock, contexts that are too small, filters."""
import json

import pytest

from test_decisions import admin, lock, story_of
from weirlib import RawProvider, chat, provider


class Refusing:
    """A provider that answers every request with this status and error."""

    def __init__(self, status, error):
        self.asked = []
        self.raw = RawProvider(self.answer)
        self.base_url = f"http://127.0.0.1:{self.raw.port}/v1"
        self.status, self.body = status, json.dumps({"error": error}).encode()

    def answer(self, connection, head, body):
        self.asked.append(body)
        connection.sendall(b"HTTP/1.1 %d X\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" %
                           (self.status, len(self.body)) + self.body)
        return True


# -- exclusive ---------------------------------------------------------------------------------------------------------

def hanging(start, start_mock, **route):
    slow, good = start_mock("--fault", "hang"), start_mock()
    quick = {"timeout_seconds": 0.3, "reply_timeout_seconds": 0.3}
    return start({
        "providers": {"a": {**provider(slow, ["x"], priority=1), **quick,
                            "circuit_breaker": {"failure_threshold": 65535}},
                      "b": provider(good, ["x"], priority=2)},
        "routes": [{"model": "m", "strategy": "exclusive", "targets": ["a/x", "b/x"], **route}]
    }), slow, good


@pytest.mark.parametrize("stream", [False, True])
def test_what_timed_out_goes_on_as_a_guest_and_the_third_moves_the_lock(start, start_mock, stream):
    weir, slow, good = hanging(start, start_mock)
    for number in (1, 2, 3):
        reply = chat(weir.port, stream=stream)
        assert reply.status == 200 and reply.headers["x-weir-provider"] == "b", reply
        assert reply.headers["x-weir-attempts"] == "2" and slow.requests()["count"] == number
        assert lock(weir)["holder"] == ("a/x" if number < 3 else "b/x"), lock(weir)
    assert chat(weir.port).headers["x-weir-attempts"] == "1"


def test_a_strict_route_answers_504_and_asks_nobody_else(start, start_mock):
    weir, slow, good = hanging(start, start_mock, strict=True)
    for _ in range(3):
        reply = chat(weir.port)
        assert reply.status == 504 and reply.headers["x-weir-attempts"] == "1", reply
    assert slow.requests()["count"] == 3 and good.requests()["count"] == 0
    assert lock(weir)["holder"] == "b/x" and chat(weir.port).status == 200


# -- a context that is too small ---------------------------------------------------------------------------------------

SAYS = [{"code": "context_length_exceeded", "message": "x"}, {"type": "context_length_exceeded", "message": "x"},
        {"message": "This model's maximum context length is 8192 tokens. However, you requested 9000."},
        {"message": "prompt is too long: 208310 tokens > 200000 maximum", "type": "invalid_request_error"}]


def windows(start, start_mock, small, strategy="priority", **route):
    """`small` has 8,000 tokens, `even` as many, `unknown` and `large` may hold more."""
    own = lambda tokens: {"facts": {"x": {"context": tokens}}} if tokens else {}
    mocks = {n: start_mock() for n in ("even", "large")}
    return start({
        "retry": {"max_retries": 3, "base_ms": 1},
        "providers": {
            "small": provider(small.base_url, ["x"], priority=1, **own(8000)),
            "even": provider(mocks["even"], ["x"], priority=2, **own(8000)),
            "large": provider(mocks["large"], ["x"], priority=3, **own(64000))
        },
        "routes": [{"model": "m", "strategy": strategy, "targets": ["small/x", "even/x", "large/x"], **route}]
    }), mocks


@pytest.mark.parametrize("strategy", ["priority", "exclusive"])
@pytest.mark.parametrize("error", SAYS)
def test_a_context_that_is_too_small_sends_it_to_a_larger_one(start, start_mock, error, strategy):
    small = Refusing(400, error)
    weir, mocks = windows(start, start_mock, small, strategy)
    reply = chat(weir.port)
    assert reply.status == 200 and reply.headers["x-weir-provider"] == "large", reply
    assert len(small.asked) == 1 and mocks["even"].requests()["count"] == 0
    story = story_of(weir, reply)
    assert [a["outcome"] for a in story["attempts"]] == ["context_exceeded", "ok"]
    assert next(c for c in story["candidates"] if c["target"] == "even/x")["refused"] == "context"
    state = {p["name"]: p for p in admin(weir, "GET", "/health").json["providers"]}["small"]
    assert state["score"] == 1 and state["targets"][0]["failures_in_row"] == 0  # it has answered
    if strategy == "exclusive":
        assert lock(weir)["holder"] == "small/x" and lock(weir)["failures"] == 0


def test_where_the_route_says_so_it_is_the_answer(start, start_mock):
    small = Refusing(400, SAYS[0])
    weir, mocks = windows(start, start_mock, small, on_context_exceeded="answer")
    reply = chat(weir.port)
    assert reply.status == 400 and reply.json["error"]["code"] == "context_length_exceeded"
    assert mocks["large"].requests()["count"] == 0


def test_with_nobody_larger_the_providers_own_word_is_the_answer(start):
    one, two = Refusing(400, SAYS[0]), Refusing(400, SAYS[2])
    weir = start({"providers": {n: provider(p.base_url, ["x"], priority=i) for i, (n, p) in
                                enumerate((("a", one), ("b", two)), 1)}})
    reply = chat(weir.port, model="x")
    assert reply.status == 400 and reply.json["error"]["message"].startswith("This model's maximum"), reply
    assert len(one.asked) == len(two.asked) == 1  # neither's context is known


# -- a content filter --------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("status", [400, 403, 200])
@pytest.mark.parametrize("goes_on", [False, True])
def test_a_filters_refusal_is_an_answer_unless_the_route_says_next(start, start_mock, status, goes_on):
    one, two = Refusing(status, {"code": "content_filter", "message": "not this"}), start_mock()
    weir = start({
        "providers": {"a": provider(one.base_url, ["x"], priority=1), "b": provider(two, ["x"], priority=2)},
        "routes": [{"model": "m", "targets": ["a/x", "b/x"], **({"on_filtered": "next"} if goes_on else {})}]
    })
    reply = chat(weir.port)
    if goes_on:
        assert reply.status == 200 and reply.headers["x-weir-provider"] == "b", reply
    else:
        assert reply.status == (400 if status == 200 else status) and two.requests()["count"] == 0, reply
        assert reply.json["error"]["message"] == "not this"
    state = {p["name"]: p for p in admin(weir, "GET", "/health").json["providers"]}["a"]
    assert state["score"] == 1 and state["keys_refused"] == 0

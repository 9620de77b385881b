"""Each fault of a provider: invisible when another target serves the model, a clean error when none does."""
import json

import pytest

from weirlib import chat, dead_port, http, provider

# fault: (status alone, code alone); None: the provider's own status and body go back
WHOLE = {
    "status=500": (500, None),
    "status=502": (502, None),
    "status=503": (503, None),
    "status=529": (529, None),
    "status=429,retry-after=1": (429, None),
    "status=401": (502, "provider_auth"),
    "status=403": (502, "provider_auth"),
    "status=404": (404, None),
    "status=302": (502, "provider_error"),
    "hang": (504, "upstream_timeout"),
    "hang-after-head": (504, "upstream_timeout"),
    "reset": (502, "upstream_unreachable"),
    "reset-mid-body": (502, None),
    "truncated-chunk": (502, None),
    "bad-chunk-size": (502, "provider_error"),
    "bad-status-line": (502, "provider_error"),
    "invalid-json": (502, "provider_error"),
    "wrong-content-type": (502, "provider_error"),
    "huge-headers": (502, "provider_error"),
    "error-200": (502, "provider_error"),
    "empty-body": (502, "provider_error"),
    "wrong-length": (502, None),
    "both-framings": (502, "provider_error"),
}
STREAM = [
    f for f in WHOLE if f not in ("reset-mid-body", "truncated-chunk", "bad-chunk-size", "invalid-json", "wrong-length")
]
STREAM += [
    "reset-mid-stream=0", "reset-mid-stream=1", "end-mid-stream=0", "end-mid-stream=1", "error-in-stream=0",
    "error-in-stream=1", "stall-before-token", "stall-mid-stream=1"
]
HARMLESS = ["informational", "close-idle", "no-usage", "double-usage", "slow-bytes=0"]


@pytest.mark.parametrize("fault", WHOLE)
def test_a_whole_reply_fails_over_unseen(pair, fault):
    weir, one, two = pair
    one.fault(fault)
    reply = chat(weir.port, "Hello")
    assert reply.status == 200 and reply.content == "You said: Hello", reply
    assert reply.headers["x-weir-provider"] == "two" and reply.headers["x-weir-attempts"] == "2"
    assert (one.requests()["paths"] == {"/v1/chat/completions": 1} and
            two.requests()["paths"] == {"/v1/chat/completions": 1})


@pytest.mark.parametrize("fault", STREAM)
def test_a_stream_fails_over_unseen_before_its_first_token(pair, fault):
    weir, one, two = pair
    one.fault(fault)
    reply = chat(weir.port, "Hello", stream=True)
    assert reply.status == 200 and reply.content == "You said: Hello" and reply.events[-1] == "[DONE]", reply
    assert reply.headers["x-weir-provider"] == "two" and reply.headers["x-weir-attempts"] == "2"


# Streamed only those that strike before the first token: the others are in test_stream.py.
@pytest.mark.parametrize("fault, streamed", [(f, False) for f in WHOLE] + [(f, True) for f in STREAM if f in WHOLE])
def test_with_nothing_left_the_error_is_clean(pair, fault, streamed):
    weir, one, _ = pair
    one.fault(fault)
    status, code = WHOLE[fault]
    reply = chat(weir.port, model="single", stream=streamed)
    assert reply.status == status and reply.complete, reply
    assert reply.error["message"] and (code is None or reply.error["code"] == code), reply
    assert "sk-provider" not in reply.text


def test_a_providers_rate_limit_reaches_the_caller_with_its_advice(pair):
    weir, one, _ = pair
    one.fault("status=429,retry-after=7,retry-after-ms=6500")
    reply = chat(weir.port, model="single")
    assert reply.status == 429 and reply.headers["retry-after"] == "7" and reply.headers["retry-after-ms"] == "6500"


@pytest.mark.parametrize("status", [400, 413, 422])
def test_the_callers_own_fault_is_answered_and_not_tried_elsewhere(pair, status):
    weir, one, two = pair
    one.fault(f"status={status}")
    reply = chat(weir.port)
    assert reply.status == status and reply.error["type"] == "invalid_request_error"
    assert two.last() is None and reply.headers["x-weir-attempts"] == "1"


@pytest.mark.parametrize("fault", HARMLESS)
@pytest.mark.parametrize("streamed", [False, True])
def test_what_is_no_failure_does_not_fail_over(pair, fault, streamed):
    weir, one, two = pair
    one.fault(fault)
    reply = chat(weir.port, "x", stream=streamed)
    assert reply.status == 200 and reply.content == "You said: x" and two.last() is None, reply
    if streamed:
        assert reply.events[-1] == "[DONE]"


def test_a_refused_connection_fails_over(start, start_mock):
    mock = start_mock()
    weir = start({
        "providers": {
            "gone": provider(f"http://127.0.0.1:{dead_port()}/v1", priority=1), "good": provider(mock, priority=2)
        }
    })
    reply = chat(weir.port)
    assert reply.status == 200 and reply.headers["x-weir-provider"] == "good"
    alone = chat(weir.port, model="gone/m")
    assert (alone.status == 502 and alone.error["code"] == "upstream_unreachable" and
            alone.error["weir"]["category"] == "network")


def test_a_name_that_does_not_resolve_fails_over(start, start_mock):
    mock = start_mock()
    weir = start({
        "providers": {
            "gone": provider("http://no-such-host.invalid:1/v1", priority=1, connect_timeout_seconds=5),
            "good": provider(mock, priority=2)
        }
    })
    assert chat(weir.port).headers["x-weir-provider"] == "good"
    assert chat(weir.port, model="gone/m").error["code"] in ("upstream_unreachable", "upstream_timeout")


@pytest.mark.parametrize("max_retries", [0, 3])
@pytest.mark.parametrize("strategy", ["priority", "round_robin", "adaptive", "exclusive"])
def test_each_target_is_asked_before_a_caller_gets_an_error(start, start_mock, strategy, max_retries):
    bad, good = start_mock("--fault", "status=500"), start_mock()
    weir = start({
        "retry": {"max_retries": max_retries, "base_ms": 1},
        "providers": {f"p{i}": provider(good if i == 5 else bad, ["x"], priority=i) for i in range(1, 6)},
        "routes": [{"model": "m", "strategy": strategy, "targets": [f"p{i}/x" for i in range(1, 6)]}]
    })
    for _ in range(5):
        reply = chat(weir.port)
        assert reply.status == 200 and reply.headers["x-weir-provider"] == "p5", reply


def test_more_targets_than_any_table_holds_are_each_asked_once(start, start_mock):
    bad, good = start_mock("--fault", "status=500"), start_mock()
    models = [f"x{i:03}" for i in range(150)]
    weir = start({
        "retry": {"max_retries": 0, "failover_budget": 10},
        "providers": {"bad": provider(bad, models, circuit_breaker={"failure_threshold": 65535}),
                      "good": provider(good, ["y"])},
        "routes": [{"model": "m", "strategy": "priority", "targets": [f"bad/{m}" for m in models] + ["good/y"],
                    "retry": {"max_retries": 0, "failover_budget": 10}}]
    })
    reply = chat(weir.port)  # two failovers are its own, the window's floor is 50
    assert reply.status == 500 and int(reply.headers["x-weir-attempts"]) == 1 + 2 + 50, reply
    asked = [json.loads(r["body"])["model"] for r in bad.requests()["requests"]]
    assert asked == models[:53]
    story = http(weir.port, "GET", "/admin/v1/requests/" + reply.headers["x-weir-request-id"],
                 headers={"authorization": f"Bearer {weir.admin_key}"})
    assert story.json["candidate_count"] == 151, story


def test_attempts_are_capped_where_the_configuration_says_so(start, start_mock):
    mock = start_mock("--fault", "status=500")
    weir = start(
        {"retry": {"max_attempts": 3}, "providers": {f"p{i}": provider(mock, priority=i + 1) for i in range(6)}})
    reply = chat(weir.port)
    assert reply.status == 500 and reply.headers["x-weir-attempts"] == "3" and mock.requests()["count"] == 3


def test_retries_are_only_those_of_targets_that_were_tried(start, start_mock):
    mock = start_mock("--fault", "status=500")
    weir = start({"retry": {"max_retries": 2, "base_ms": 1, "max_ms": 2},
                  "providers": {f"p{i}": provider(mock, priority=i + 1) for i in range(3)}})
    reply = chat(weir.port)
    assert reply.status == 500 and reply.headers["x-weir-attempts"] == "5" and mock.requests()["count"] == 5


def test_too_many_pins_are_refused_and_not_cut_off(start, start_mock):
    weir = start({"providers": {"p": provider(start_mock(), ["x"])}})
    pins = lambda count: {"x-weir-targets": ",".join(f"p/x{i}" for i in range(count))}
    assert chat(weir.port, headers=pins(64)).status == 200
    reply = chat(weir.port, headers=pins(65))
    assert reply.status == 400 and reply.error["param"] == "x-weir-targets" and "64" in reply.error["message"], reply


def test_routes_name_their_targets_in_order(start, start_mock):
    one, two = start_mock(), start_mock()
    weir = start({
        "providers": {"a": provider(one, ["x"]), "b": provider(two, ["y"])},
        "routes": [{"model": "fast", "targets": ["b/y", "a/x"]},
                   {"model": "gpt-*", "targets": [{"target": "a/x", "weight": 2}]}]
    })
    assert chat(weir.port, model="fast").headers["x-weir-model"] == "y"
    two.fault("status=503")
    reply = chat(weir.port, model="fast")
    assert reply.headers["x-weir-provider"] == "a" and json.loads(one.last()["body"])["model"] == "x"
    assert chat(weir.port, model="gpt-9").headers["x-weir-model"] == "x"


def test_the_whole_takes_no_longer_than_its_deadline(start, start_mock):
    mock = start_mock("--fault", "hang")
    weir = start({
        "request_timeout_seconds": 1,
        "providers": {f"p{i}": provider(mock, priority=i + 1, timeout_seconds=0.7) for i in range(4)}
    })
    reply = chat(weir.port, stream=True)
    assert reply.status == 504 and reply.error["code"] == "upstream_timeout"
    assert mock.requests()["count"] == 2


@pytest.mark.parametrize("stream", (False, True))
def test_a_timeout_that_is_written_bounds_every_answer(start, start_mock, stream):
    slow, quick = start_mock("--fault", "hang"), start_mock()
    weir = start({"providers": {"slow": provider(slow, priority=1, timeout_seconds=0.3, reply_timeout_seconds=None),
                                "quick": provider(quick, priority=2)}})
    reply = chat(weir.port, stream=stream)
    assert reply.status == 200 and reply.headers["x-weir-provider"] == "quick", reply
    assert slow.requests()["count"] == 1


def test_whole_replies_keep_a_time_of_their_own(start, start_mock):
    mock = start_mock("--latency", "700")
    weir = start({"providers": {"p": provider(mock, timeout_seconds=0.2, reply_timeout_seconds=30)}})
    assert chat(weir.port).status == 200
    assert chat(weir.port, stream=True).status == 504


def test_steering_narrows_the_targets(pair):
    weir, one, two = pair
    reply = chat(weir.port, headers={"x-weir-targets": "two/m"})
    assert reply.headers["x-weir-provider"] == "two" and one.last() is None
    nobody = chat(weir.port, headers={"x-weir-targets": "nobody/m"})
    assert nobody.status == 404 and "there is no target `nobody/m`" in nobody.error["message"], nobody
    reply = http(weir.port, "POST", "/v1/chat/completions",
                 {"model": "two/other", "messages": [{"role": "user", "content": "x"}]})
    assert reply.headers["x-weir-model"] == "other"

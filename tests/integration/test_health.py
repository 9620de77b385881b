"""What health decides: shares and averages instead of single answers, probes that demote, and whose failures count."""
import hashlib

import pytest

from test_decisions import admin, story_of, trio  # noqa: F401
from weirlib import chat, dead_port, provider


def health(weir, name="a"):
    return {p["name"]: p for p in admin(weir, "GET", "/health").json["providers"]}[name]


def test_four_failures_of_four_are_not_healthy(trio):
    run, mocks = trio
    weir = run("priority", ["a/x", "b/x"])
    mocks[0].fault("status=500")
    chat(weir.port)
    assert health(weir)["health"] == "healthy" and health(weir)["targets"] == [
        {"target": "a/x", "failures_in_row": 1, "breaker": "closed"}]
    for _ in range(3):
        chat(weir.port)
    assert health(weir)["health"] == "degraded" and health(weir)["targets"][0]["failures_in_row"] == 4
    assert health(weir)["score"] == 0.5 and health(weir, "b")["targets"][0]["failures_in_row"] == 0
    mocks[0].reset()
    chat(weir.port)
    assert health(weir)["targets"][0]["failures_in_row"] == 0


def test_one_slow_answer_makes_nobody_degraded(trio):
    run, mocks = trio
    weir = run("priority", ["a/x"])
    for i in range(10):
        assert chat(weir.port, "[mock latency=600] x" if i == 4 else "x").status == 200
        assert health(weir)["health"] == "healthy" and health(weir)["score"] == 1, health(weir)
    assert 0 < health(weir)["slowness"] < 2


def test_what_one_client_breaks_lowers_nobody_elses_score(start, start_mock):
    one = start_mock()
    weir = start({
        "providers": {"a": provider(one, ["x"], circuit_breaker={"failure_threshold": 65535}), },
        "clients": [{"name": n, "key_hash": hashlib.sha256(n.encode()).hexdigest()} for n in ("poison", "other")],
        "retry": {"max_retries": 0}
    })
    ask = lambda who: chat(weir.port, model="x", headers={"authorization": f"Bearer {who}"}).status
    assert ask("other") == 200
    one.fault("status=500")
    assert [ask("poison") for _ in range(10)] == [500] * 10
    state = admin(weir, "GET", "/health").json["providers"][0]
    assert state["score"] == 1 and state["targets"][0]["failures_in_row"] == 10, state
    assert ask("other") == 500  # one more, and it is no longer one client's affair
    assert admin(weir, "GET", "/health").json["providers"][0]["score"] < 0.7


def probe(weir, mock, name, fault, count=2):
    """So many probes that meet this fault, which is gone then."""
    mock.fault(fault)
    for _ in range(count):
        assert not admin(weir, "POST", f"/providers/{name}/probe").json["good"]
    mock.reset()


ALL_STRATEGIES = ["priority", "round_robin", "weighted", "least_loaded", "fastest_response", "cost_optimal",
                  "cost_optimized", "sticky", "adaptive", "exclusive"]


@pytest.mark.parametrize("strategy", ALL_STRATEGIES)
def test_whose_probes_fail_is_asked_after_all_others(trio, strategy):
    run, mocks = trio
    weir = run(strategy)
    probe(weir, mocks[0], "a", "status=500")
    for i in range(8):
        assert chat(weir.port, headers={"x-weir-session": f"s{i}"}).headers["x-weir-provider"] != "a"
    state = admin(weir, "GET", "/health").json["providers"][0]
    assert state["demoted"] and state["probes_failed"] == 2, state
    mocks[1].fault("status=500")
    mocks[2].fault("status=500")
    reply = chat(weir.port)  # but it is asked
    assert reply.status == 200 and reply.headers["x-weir-provider"] == "a", reply
    assert "demoted" not in admin(weir, "GET", "/health").json["providers"][0]  # and its answer lifts it


def test_explain_says_whose_probes_fail(trio):
    run, mocks = trio
    weir = run("priority", ["a/x", "b/x"])
    probe(weir, mocks[0], "a", "status=503")
    assert admin(weir, "GET", "/route/m").json["candidates"][0]["demoted"] == "probes_fail"
    story = story_of(weir, chat(weir.port))
    assert story["candidates"][0] == {"target": "a/x", "demoted": "probes_fail"}, story
    assert admin(weir, "POST", "/providers/a/probe").json["good"]
    assert chat(weir.port).headers["x-weir-provider"] == "a"  # a good probe lifts it


@pytest.mark.parametrize("fault, count", [("status=401", 3), ("status=403", 3), ("status=500", 1), ("reset", 3)])
def test_what_says_nothing_of_a_provider_demotes_nobody(trio, fault, count):
    run, mocks = trio
    weir = run("priority", ["a/x", "b/x"])
    probe(weir, mocks[0], "a", fault, count)
    assert chat(weir.port).headers["x-weir-provider"] == "a"
    assert admin(weir, "GET", "/health").json["providers"][0]["keys_refused"] == 0


def test_probes_that_reach_nobody_demote(start, start_mock):
    weir = start({"providers": {"gone": provider(f"http://127.0.0.1:{dead_port()}/v1", ["x"], priority=1),
                                "good": provider(start_mock(), ["x"], priority=2)}})
    for _ in range(2):
        assert not admin(weir, "POST", "/providers/gone/probe").json["good"]
    reply = chat(weir.port, model="x")
    assert reply.headers["x-weir-provider"] == "good" and reply.headers["x-weir-attempts"] == "1", reply


def test_pins_keep_their_order_and_where_all_are_demoted_nothing_changes(trio):
    run, mocks = trio
    weir = run("priority", ["a/x", "b/x"])
    probe(weir, mocks[0], "a", "status=500")
    assert chat(weir.port, headers={"x-weir-targets": "a/x,b/x"}).headers["x-weir-provider"] == "a"
    for name, mock in (("a", mocks[0]), ("b", mocks[1])):
        probe(weir, mock, name, "status=500")
    assert chat(weir.port).headers["x-weir-provider"] == "a"

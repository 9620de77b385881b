"""Every decision over real sockets: strategies, breaker, retries, keys, rates, places and the line, the lock,
probes."""
import json
import threading
import time

import pytest

from weirlib import Connection, RawProvider, chat, chat_body, http, poll, provider, request_bytes


def admin(weir, method, path, body=None):
    return http(weir.port, method, "/admin/v1" + path, body=body,
                headers={"authorization": f"Bearer {weir.admin_key}", "content-type": "application/json"})


def story_of(weir, reply):
    """What is remembered of it: a moment after its end, as the provider's own end is awaited."""
    return poll(lambda:
                (r := admin(weir, "GET", "/requests/" + reply.headers["x-weir-request-id"])).status == 200 and r.json)


def served_by(weir, count, model="m", **more):
    """How many of so many requests each provider answered."""
    by = {}
    for _ in range(count):
        reply = chat(weir.port, model=model, **more)
        assert reply.status == 200, reply
        by[reply.headers["x-weir-provider"]] = by.get(reply.headers["x-weir-provider"], 0) + 1
    return by


@pytest.fixture
def trio(start, start_mock):
    """Three mocks behind providers a, b, c, and a function that starts weir with a strategy for the route `m`."""
    mocks = [start_mock() for _ in range(3)]

    def run(strategy, targets=("a/x", "b/x", "c/x"), route=None, providers=None, latencies=(), **more):
        for i, latency in enumerate(latencies):
            mocks[i] = start_mock("--latency", str(latency))
        blocks = {
            name: provider(mock, ["x"], priority=i + 1,
                           **(providers or {}).get(name, {})) for i, (name, mock) in enumerate(zip("abc", mocks))
        }
        for block in blocks.values():
            if "api_keys" in block:
                del block["api_key"]
        return start({
            "retry": {"base_ms": 1, "max_ms": 20}, "providers": blocks,
            "routes": [{"model": "m", "strategy": strategy, "targets": list(targets), **(route or {})}], **more
        })
    return run, mocks


# -- strategies --------------------------------------------------------------------------------------------------------

def test_priority_sends_all_to_the_first(trio):
    run, _ = trio
    assert served_by(run("priority"), 12) == {"a": 12}


def test_round_robin_is_fair_to_one(trio):
    run, _ = trio
    assert served_by(run("round_robin"), 30) == {"a": 10, "b": 10, "c": 10}


def test_round_robin_goes_by_weight(trio):
    run, _ = trio
    weir = run("round_robin",
               [{"target": "a/x", "weight": 3}, {"target": "b/x", "weight": 2}, {"target": "c/x", "weight": 1}])
    by = served_by(weir, 36)
    assert abs(by["a"] - 18) <= 1 and abs(by["b"] - 12) <= 1 and abs(by["c"] - 6) <= 1, by


def test_weighted_sends_about_the_share(trio):
    run, _ = trio
    by = served_by(run("weighted", [{"target": "a/x", "weight": 3}, {"target": "b/x", "weight": 1}]), 200)
    assert 110 <= by["a"] <= 185 and by["b"] >= 15, by


def test_least_loaded_spreads_what_runs_at_once(trio):
    run, _ = trio
    weir = run("least_loaded", latencies=(500, 500, 500))
    seen = [r.headers["x-weir-provider"] for r in together(weir, 9)]
    assert sorted(seen.count(name) for name in "abc") == [3, 3, 3], seen


def test_fastest_response_prefers_the_quick_one_and_explores(trio):
    run, _ = trio
    weir = run("fastest_response", latencies=(150, 80))
    by = served_by(weir, 20)
    assert by["c"] >= 14 and by.get("a", 0) >= 1 and by.get("b", 0) >= 1, by


def test_cost_optimal_takes_the_cheapest(trio):
    run, _ = trio
    prices = {
        "a": {"prices": {"x": {"input": 5, "output": 5}}}, "b": {"prices": {"x": {"input": 1, "output": 1}}},
        "c": {"prices": {"x": {"input": 2, "output": 9}}}
    }
    assert served_by(run("cost_optimal", providers=prices), 6) == {"b": 6}


def test_sticky_keeps_a_session_where_it_was(trio):
    run, _ = trio
    weir = run("sticky")
    homes = {}
    for session in range(24):
        homes[session] = served_by(weir, 3, headers={"x-weir-session": f"s{session}"})
        assert len(homes[session]) == 1, homes
    assert len({next(iter(home)) for home in homes.values()}) == 3, homes


def test_adaptive_leaves_a_slow_and_failing_target(trio):
    run, mocks = trio
    weir = run("adaptive", latencies=(150,))
    mocks[0].fault("status=500")
    for _ in range(6):
        assert chat(weir.port).status == 200
    mocks[0].reset()
    by = served_by(weir, 10)
    assert by.get("a", 0) <= 2, by


def test_a_request_may_ask_for_a_strategy(trio):
    run, _ = trio
    assert served_by(run("priority"), 9, headers={"x-weir-strategy": "round_robin"}) == {"a": 3, "b": 3, "c": 3}


def test_a_strategy_that_does_not_exist_is_refused(trio):
    run, _ = trio
    reply = chat(run("priority").port, headers={"x-weir-strategy": "magic"})
    assert reply.status == 400 and "round_robin" in reply.error["message"]


# -- breaker, retries, keys --------------------------------------------------------------------------------------------

def test_a_breaker_opens_then_lets_one_try_and_closes(trio):
    run, mocks = trio
    rules = {
        "circuit_breaker": {
            "failure_threshold": 3, "timeout_seconds": 0.5, "half_open_max_calls": 1, "ramp_seconds": 0.001
        }
    }
    weir = run("priority", ["a/x", "b/x"], providers={"a": rules})
    mocks[0].fault("status=500")
    for _ in range(6):
        assert chat(weir.port).headers["x-weir-provider"] == "b"
    assert mocks[0].requests()["paths"] == {"/v1/chat/completions": 3}  # then it was left alone
    state = {p["name"]: p for p in admin(weir, "GET", "/health").json["providers"]}
    assert state["a"]["breaker"] == "open" and state["a"]["health"] == "unhealthy" and state["b"]["breaker"] == "closed"
    mocks[0].reset()
    poll(lambda: chat(weir.port).headers["x-weir-provider"] == "a")
    assert {p["name"]: p for p in admin(weir, "GET", "/health").json["providers"]}["a"]["breaker"] == "closed"


def test_with_every_breaker_open_the_answer_says_when(trio):
    run, mocks = trio
    weir = run("priority", ["a/x"],
               providers={"a": {"circuit_breaker": {"failure_threshold": 1, "timeout_seconds": 30}}})
    mocks[0].fault("status=500")
    chat(weir.port)
    reply = chat(weir.port)
    assert reply.status == 503 and reply.error["code"] == "no_provider_available"
    assert 25 <= int(reply.headers["retry-after"]) <= 31
    assert poll(lambda: weir.log("provider_health"))[0]["state"] == "unhealthy"
    assert admin(weir, "GET", "/health/history/a").json["records"][-1]["state"] == "unhealthy"


def test_a_callers_fault_never_opens_a_breaker(trio):
    run, mocks = trio
    weir = run("priority", ["a/x"], providers={"a": {"circuit_breaker": {"failure_threshold": 1}}})
    mocks[0].fault("status=400")
    for _ in range(5):
        assert chat(weir.port).status == 400
    assert admin(weir, "GET", "/health").json["providers"][0]["breaker"] == "closed"


def test_a_passing_failure_is_tried_again_on_the_only_target(trio):
    run, mocks = trio
    weir = run("priority", ["a/x"])
    mocks[0].fault("status=503", count=2)
    reply = chat(weir.port)
    assert reply.status == 200 and reply.headers["x-weir-attempts"] == "3"


def test_retry_after_is_honoured(trio):
    run, mocks = trio
    weir = run("priority", ["a/x"], retry={"base_ms": 1, "max_ms": 2000})
    mocks[0].fault("status=503,retry-after-ms=400", count=1)
    began = time.monotonic()
    assert chat(weir.port).status == 200 and time.monotonic() - began >= 0.39


@pytest.mark.parametrize("told_ms, status", [(0, 200), (300, 200), (301, 503)])
def test_a_retry_after_up_to_the_longest_pause_is_waited_for(trio, told_ms, status):
    run, mocks = trio
    weir = run("priority", ["a/x"], retry={"base_ms": 1, "max_ms": 300})
    mocks[0].fault(f"status=503,retry-after-ms={told_ms}", count=1)
    reply = chat(weir.port)
    assert reply.status == status and reply.headers["x-weir-attempts"] == ("2" if status == 200 else "1"), reply
    assert reply.headers.get("retry-after-ms") == (None if status == 200 else "301"), reply


def test_retries_keep_to_their_budget(trio):
    run, mocks = trio
    weir = run("priority", ["a/x"], retry={"base_ms": 1, "max_ms": 5, "budget": 0},
               providers={"a": {"circuit_breaker": {"failure_threshold": 65535}}})
    mocks[0].fault("status=503")
    attempts = sum(int(chat(weir.port).headers["x-weir-attempts"]) for _ in range(20))
    assert 20 + 8 <= attempts <= 20 + 20  # the floor of ten for a window, and two windows at the most


def test_keys_take_turns_and_one_that_is_limited_rests(trio):
    run, mocks = trio
    weir = run("priority", ["a/x"], providers={"a": {"api_keys": ["k1", "k2", "k3"]}})
    for _ in range(6):
        assert chat(weir.port).status == 200
    keys = [r["headers"]["authorization"] for r in mocks[0].requests()["requests"]]
    assert sorted(keys.count(f"Bearer k{i}") for i in (1, 2, 3)) == [2, 2, 2], keys
    mocks[0].fault("status=429,retry-after=30", count=1)
    assert chat(weir.port).status == 200  # with the next key, at once
    state = admin(weir, "GET", "/health").json["providers"][0]
    assert state["keys_cooling"] == 0 and state["targets"][0]["keys_cooling"] == 1, state  # for this model


def test_a_429_is_one_models_until_a_second_one_has_it_too(start, start_mock):
    mock, other = start_mock(), start_mock()
    weir = start({
        "retry": {"max_retries": 0},
        "providers": {"a": provider(mock, ["x", "y", "z"], priority=1), "b": provider(other, ["w"], priority=2)},
        "routes": [{"model": f"m-{m}", "strategy": "priority", "targets": [f"a/{m}", "b/w"]} for m in "xyz"]
    })
    by = lambda model: chat(weir.port, model=f"m-{model}").headers["x-weir-provider"]
    mock.fault("status=429,retry-after=30", count=1)
    assert by("x") == "b" and by("x") == "b" and mock.requests()["count"] == 1  # the first asks, the second knows
    assert by("y") == "a"  # the key's other models go on, and say that the key is not to blame
    mock.fault("status=429,retry-after=30", count=1)
    assert by("y") == "b" and by("z") == "a"
    mock.fault("status=429,retry-after=3000", count=1)
    assert by("z") == "b"
    weir_state = lambda: admin(weir, "GET", "/health").json["providers"][0]
    assert weir_state()["keys_cooling"] == 0 and [t.get("keys_cooling") for t in weir_state()["targets"]] == [1, 1, 1]
    http(weir.port, "POST", "/admin/v1/providers/a/resume", headers={"authorization": f"Bearer {weir.admin_key}"})
    assert [t.get("keys_cooling") for t in weir_state()["targets"]] == [None] * 3
    mock.fault("status=429,retry-after=3000", count=2)
    assert by("x") == "b" and by("y") == "b"
    assert weir_state()["keys_cooling"] == 1 and by("z") == "b"  # two of them, and nothing answered: it is the key's


# -- rates, places, the line -------------------------------------------------------------------------------------------

def test_a_rate_sends_the_rest_to_the_next_target(trio):
    run, _ = trio
    weir = run("priority", ["a/x", "b/x"], providers={"a": {"rate_limit_rpm": 60, "burst_allowance": 3}})
    by = served_by(weir, 8)
    assert 3 <= by["a"] <= 5 and by["a"] + by["b"] == 8, by


def test_a_rate_with_nowhere_to_go_is_a_429_that_says_when(trio):
    run, _ = trio
    weir = run("priority", ["a/x"], providers={"a": {"rate_limit_rpm": 6, "burst_allowance": 2}})
    assert [chat(weir.port).status for _ in range(3)] == [200, 200, 429]
    reply = chat(weir.port)
    assert reply.error["code"] == "rate_limited" and 1 <= int(reply.headers["retry-after"]) <= 10


def test_tokens_are_reserved_and_settled(trio):
    run, _ = trio
    weir = run("priority", ["a/x"], providers={"a": {"rate_limit_tpm": 2000}})
    for _ in range(10):  # each reserves 900 and uses a handful
        assert chat(weir.port, max_tokens=900).status == 200
    left = admin(weir, "GET", "/health").json["providers"][0]["tokens_left_minute"]
    assert 1000 <= left <= 1990, left


def test_what_answers_have_taken_is_what_is_reserved(trio):
    """Five at once whose answers are short fit into a minute's tokens, from the first on: no caller said how long."""
    run, _ = trio
    weir = run("priority", ["a/x"], providers={"a": {"rate_limit_tpm": 10000}}, latencies=(100,))
    for _ in range(3):
        assert [r.status for r in together(weir, 5)] == [200] * 5
    left = admin(weir, "GET", "/health").json["providers"][0]["tokens_left_minute"]
    assert left > 9500, left


@pytest.mark.parametrize("fault", ["end-mid-stream=300", "reset-mid-stream=300", "no-usage"])
def test_a_stream_without_usage_takes_what_was_delivered(trio, fault):
    run, mocks = trio
    weir = run("priority", ["a/x"], providers={"a": {"rate_limit_tpm": 10000, "max_retries": 0}})
    mocks[0].fault(fault)
    reply = chat(weir.port, "[mock tokens=2000] x" if "mid" in fault else "[mock tokens=300] x", stream=True)
    assert reply.status == 200
    left = poll(lambda: (n := admin(weir, "GET", "/health").json["providers"][0]["tokens_left_minute"]) < 10000 and n)
    assert 9000 <= left <= 9850, left
    if "mid" in fault:
        attempt = story_of(weir, reply)["attempts"][0]
        assert attempt["usage_estimated"] and 200 <= attempt["output_tokens"] <= 700, attempt


def test_a_caller_that_hangs_up_is_charged_what_it_got(trio):
    run, mocks = trio
    weir = run("priority", ["a/x"], providers={"a": {"rate_limit_tpm": 10000}})
    mocks[0].fault("no-usage")
    c = Connection(weir.port)
    c.send(request_bytes("POST", "/v1/chat/completions", chat_body("[mock tokens=3000 rate=400] x", stream=True)))
    seen = b""
    while seen.count(b"data: ") < 150:
        seen += c.socket.recv(65536)
    assert admin(weir, "GET", "/health").json["providers"][0]["tokens_left_minute"] < 9600  # reserved, by a guess
    c.socket.close()
    done = poll(lambda: weir.log("request_done"))[0]
    assert 140 <= done["output_tokens"] <= 1200, done
    left = poll(lambda: (n := admin(weir, "GET", "/health").json["providers"][0]["tokens_left_minute"]) < 9990 and n)
    assert 8700 <= left <= 9900, left


def test_a_clients_own_rate(start, start_mock):
    import hashlib
    weir = start({
        "providers": {"a": provider(start_mock())},
        "clients": [{"name": "app", "key_hash": hashlib.sha256(b"k").hexdigest(), "rate_limit_rpm": 2}]
    })
    replies = [chat(weir.port, headers={"authorization": "Bearer k"}) for _ in range(3)]
    assert [r.status for r in replies] == [200, 200, 429] and int(replies[2].headers["retry-after"]) >= 1
    # its own limits are told, and not its provider's
    assert [r.headers["x-ratelimit-limit-requests"] for r in replies] == ["2"] * 3
    assert [r.headers["x-ratelimit-remaining-requests"] for r in replies] == ["1", "0", "0"]
    assert all(r.headers["x-ratelimit-reset-requests"].endswith("s") and "x-ratelimit-limit-tokens" not in r.headers
               for r in replies)
    assert replies[2].json["error"]["weir"]["scope"] == "client"


@pytest.mark.parametrize("limits, more", [({"rate_limit_rpm": 1}, {}), ({"rate_limit_rph": 1}, {}),
                                          ({"rate_limit_tpm": 100}, {"max_tokens": 90}), ({"max_concurrent": 1}, {})])
def test_a_clients_own_limit_is_told_as_the_clients(start, start_mock, limits, more):
    import hashlib
    together_at = "max_concurrent" in limits or "rate_limit_tpm" in limits
    slow = start_mock("--latency", "2000" if together_at else "0")
    weir = start({"providers": {"a": provider(slow, timeout_seconds=20, reply_timeout_seconds=20)},
                  "clients": [{"name": "app", "key_hash": hashlib.sha256(b"k").hexdigest(), **limits}]})
    replies = together(weir, 2, headers={"authorization": "Bearer k"}, **more)
    refused = [r for r in replies if r.status == 429]
    assert len(refused) == 1 and sorted(r.status for r in replies) == [200, 429], replies
    assert refused[0].error["weir"]["scope"] == "client" and refused[0].error["weir"]["attempts"] == 0
    assert refused[0].error["code"] == ("too_many_in_flight" if "max_concurrent" in limits else "rate_limited")
    assert int(refused[0].headers["retry-after"]) >= 1 and "x-weir-provider" not in refused[0].headers


def test_what_a_client_used_counts_prompt_and_answer(start, start_mock):
    """Reserved before, settled after: 5,000 of 6,000 tokens a minute leave room for a small request and no big one."""
    import hashlib
    client = {"name": "app", "key_hash": hashlib.sha256(b"k").hexdigest(), "rate_limit_tpm": 6000}
    weir = start({"providers": {"a": provider(start_mock())}, "clients": [client]})
    headers = {"authorization": "Bearer k"}
    used = chat(weir.port, "[mock tokens=5000] x", headers=headers, max_tokens=5500)
    assert used.status == 200 and used.json["usage"]["completion_tokens"] == 5000
    assert chat(weir.port, headers=headers, max_tokens=2000).status == 429
    assert chat(weir.port, headers=headers, max_tokens=100).status == 200
    left = int(chat(weir.port, headers=headers, max_tokens=10).headers["x-ratelimit-remaining-tokens"])
    assert left <= 6000 - 5000 + 100 * 10, left  # and what ten seconds give back


def test_without_a_line_a_rate_is_not_waited_for(trio):
    run, _ = trio
    weir = run("priority", ["a/x"], providers={"a": {"rate_limit_rpm": 61, "burst_allowance": 1}})
    statuses = [chat(weir.port).status for _ in range(5)]
    assert statuses[0] == 200 and 429 in statuses, statuses


def test_a_limit_of_a_provider_is_told_as_such(trio):
    run, _ = trio
    weir = run("priority", ["a/x"], providers={"a": {"rate_limit_rpm": 6, "burst_allowance": 1}})
    assert chat(weir.port).status == 200
    refused = chat(weir.port)
    assert refused.status == 429 and refused.json["error"]["weir"]["scope"] == "provider"


def test_what_would_be_chosen_for_a_whole_request(trio, tmp_path):
    import hashlib, subprocess
    from weirlib import BINARY, environment
    run, mocks = trio
    weir = run("priority", rules=[{"name": "pictures", "when": {"has_image": True}, "targets": ["c/x"]}],
               clients=[{"name": "app", "key_hash": hashlib.sha256(b"k").hexdigest(), "providers": ["b"]}])
    plain = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}
    picture = {
        "model": "m", "messages": [{
            "role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]
        }]
    }
    assert admin(weir, "POST", "/route", plain).json["chosen"] == "a/x"
    asked = admin(weir, "POST", "/route", picture).json
    assert asked["chosen"] == "c/x" and asked["rule"] == "pictures", asked
    assert admin(weir, "POST", "/route?client=app", plain).json["chosen"] == "b/x"
    assert admin(weir, "POST", "/route?client=app", picture).status == 403
    assert admin(weir, "POST", "/route?client=nobody", plain).status == 404
    assert admin(weir, "POST", "/route", {"model": "nothing", "messages": []}).status == 404
    assert admin(weir, "POST", "/route", {"model": 3}).status == 400
    (tmp_path / "request.json").write_text(json.dumps(picture))
    said = subprocess.run([
        BINARY, "route", "--json", "--request",
        str(tmp_path / "request.json"), "--url", f"http://127.0.0.1:{weir.port}", "--admin-key", weir.admin_key
    ], capture_output=True, text=True, timeout=10, env=environment())
    assert said.returncode == 0 and json.loads(said.stdout)["chosen"] == "c/x", said
    assert all(mock.requests()["requests"] == [] for mock in mocks)


def test_all_providers_are_probed_at_once(trio):
    import subprocess
    from weirlib import BINARY, environment
    run, mocks = trio
    weir = run("priority")
    ask = [
        BINARY, "provider", "probe", "--all", "--url", f"http://127.0.0.1:{weir.port}", "--admin-key", weir.admin_key
    ]
    said = subprocess.run(ask, capture_output=True, text=True, timeout=20, env=environment())
    assert said.returncode == 0 and said.stdout.count(" answers") == 3 and "overall healthy" in said.stdout, said
    mocks[1].fault("status=500")
    said = subprocess.run(ask, capture_output=True, text=True, timeout=20, env=environment())
    assert said.returncode == 1 and said.stdout.count(" answers") == 2, said


def together(weir, count, **more):
    replies = []
    threads = [threading.Thread(target=lambda: replies.append(chat(weir.port, **more))) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return replies


def test_more_than_a_provider_takes_goes_to_the_next(trio):
    run, mocks = trio
    weir = run("priority", ["a/x", "b/x"], providers={"a": {"max_concurrent": 2}}, latencies=(500,))
    by = [r.headers["x-weir-provider"] for r in together(weir, 6)]
    assert by.count("a") == 2 and by.count("b") == 4, by


def test_who_finds_no_place_waits_in_line_in_order(trio):
    run, mocks = trio
    weir = run("priority", ["a/x"], providers={"a": {"max_concurrent": 1, "queue": {"max": 8, "wait_ms": 5000}}},
               latencies=(60,), workers=2)
    assert [r.status for r in together(weir, 6)] == [200] * 6
    assert admin(weir, "GET", "/health").json["providers"][0]["in_flight"] == 0


def test_a_line_that_is_full_or_too_slow_is_a_429(trio):
    run, mocks = trio
    weir = run("priority", ["a/x"], providers={"a": {"max_concurrent": 1, "queue": {"max": 1, "wait_ms": 150}}},
               latencies=(700,))
    replies = together(weir, 4)
    assert sorted(r.status for r in replies) == [200, 429, 429, 429]
    assert {r.error["code"] for r in replies if r.status == 429} == {"too_many_in_flight"}
    assert chat(weir.port).status == 200  # every place came back


def test_nobody_stands_in_line_past_its_own_deadline(trio):
    run, mocks = trio
    patient = {"timeout_seconds": 20, "reply_timeout_seconds": 20}
    queue = {"max": 8, "wait_ms": 60000}
    weir = run("priority", ["a/x"], providers={"a": {"max_concurrent": 1, "queue": queue, **patient}},
               latencies=(2000,))
    first = threading.Thread(target=lambda: chat(weir.port))
    first.start()
    poll(lambda: admin(weir, "GET", "/health").json["providers"][0]["in_flight"] == 1)
    late = chat(weir.port, headers={"x-weir-timeout-ms": "150"})
    assert late.status == 429 and late.error["code"] == "too_many_in_flight" and mocks[0].requests()["count"] <= 1, late
    assert chat(weir.port).status == 200  # who has the time gets the place, and the one that left holds none
    first.join()
    assert admin(weir, "GET", "/health").json["providers"][0]["in_flight"] == 0


@pytest.mark.parametrize("rpm, wait_ms, timeout_ms, status",
                         [(60, 20000, None, 200), (6, 500, None, 429), (6, 20000, 500, 429)])
def test_a_rate_is_waited_for_within_the_line_and_the_deadline(trio, rpm, wait_ms, timeout_ms, status):
    """A line that ends before the rate allows it, or a caller that has not so long, is refused at once."""
    run, mocks = trio
    weir = run("priority", ["a/x"],
               providers={"a": {"rate_limit_rpm": rpm, "burst_allowance": 1, "queue": {"max": 8, "wait_ms": wait_ms}}})
    began = time.monotonic()
    assert chat(weir.port).status == 200
    reply = chat(weir.port, headers={"x-weir-timeout-ms": str(timeout_ms)} if timeout_ms else None)
    assert reply.status == status, reply
    if status == 200:
        assert time.monotonic() - began >= 0.99
    else:
        assert reply.error["code"] == "rate_limited" and 1 <= reply.error["weir"]["retry_after_ms"] <= 10000, reply


# -- the lock ----------------------------------------------------------------------------------------------------------

def lock(weir):
    return admin(weir, "GET", "/lock").json["locks"][0]


def test_the_lock_moves_with_the_third_failure_and_the_request_goes_on(trio):
    run, mocks = trio
    weir = run("exclusive", route={"failover_after": 3})
    assert served_by(weir, 4) == {"a": 4} and lock(weir)["holder"] == "a/x"
    mocks[0].fault("status=500")
    reply = chat(weir.port)
    assert reply.status == 200 and reply.headers["x-weir-provider"] == "b" and reply.headers["x-weir-attempts"] == "4"
    assert lock(weir)["holder"] == "b/x" and lock(weir)["epoch"] == 2
    mocks[0].reset()
    assert served_by(weir, 4) == {"b": 4}  # it stays


def test_two_failures_do_not_move_the_lock(trio):
    run, mocks = trio
    weir = run("exclusive")
    mocks[0].fault("status=500", count=2)
    reply = chat(weir.port)
    assert reply.status == 200 and reply.headers["x-weir-provider"] == "a" and lock(weir)["failures"] == 0


def test_a_herd_that_fails_together_moves_the_lock_once(trio):
    run, mocks = trio
    weir = run("exclusive", providers={"a": {"circuit_breaker": {"failure_threshold": 65535}}}, latencies=(60,))
    mocks[0].fault("status=500")
    assert {r.status for r in together(weir, 40)} == {200}
    assert lock(weir)["epoch"] == 2 and lock(weir)["holder"] == "b/x"


def test_the_lock_goes_back_to_a_primary_that_is_well(trio):
    run, mocks = trio
    weir = run("exclusive", route={"return_to_primary_seconds": 0.3},
               providers={"a": {"circuit_breaker": {"failure_threshold": 65535}}})
    mocks[0].fault("status=500")
    assert chat(weir.port).headers["x-weir-provider"] == "b"
    mocks[0].reset()
    poll(lambda: chat(weir.port).headers["x-weir-provider"] == "a", every_s=0.05)


def test_a_question_shows_the_locks_holder_and_takes_nothing(trio):
    run, mocks = trio
    weir = run("exclusive")
    question = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}
    before = lock(weir)
    assert admin(weir, "POST", "/route", question).json["chosen"] == "a/x" and lock(weir) == before
    assert chat(weir.port).headers["x-weir-provider"] == "a"
    assert admin(weir, "POST", "/lock/m", b'{"target": "c/x"}').status == 200
    asked = admin(weir, "POST", "/route", question).json
    assert asked["chosen"] == "c/x" and asked["strategy"] == "exclusive"
    assert all("score" not in c for c in asked["candidates"])
    assert lock(weir)["epoch"] == before["epoch"] + 1 and mocks[2].requests()["count"] == 0


def test_the_lock_is_moved_by_hand_and_survives_a_restart(trio, start):
    run, _ = trio
    weir = run("exclusive")
    assert chat(weir.port).headers["x-weir-provider"] == "a"
    assert admin(weir, "POST", "/lock/m", b'{"target": "c/x"}').json["locks"][0]["holder"] == "c/x"
    assert chat(weir.port).headers["x-weir-provider"] == "c"
    assert admin(weir, "POST", "/lock/m", b'{"target": "nobody/x"}').status == 400
    config, folder = weir.path.read_text(), weir.folder
    weir.stop()
    from weirlib import Weir
    again = Weir(folder, config)
    try:
        assert chat(again.port).headers["x-weir-provider"] == "c"
    finally:
        again.stop()


# -- streams that go on elsewhere --------------------------------------------------------------------------------------

WORDS = ("The level of the river is kept by a weir that lets through just as much water as comes down to it "
         "every day").split(" ")


class Continuing:
    """A provider that streams WORDS from where the messages say, repeating the last `repeat` words, and dies after
    `die` events."""

    def __init__(self, repeat=0, die=None, how="close", words=None):
        self.repeat, self.die, self.how, self.asked, self.words = repeat, die, how, [], words or WORDS
        self.raw = RawProvider(self.answer)
        self.base_url = f"http://127.0.0.1:{self.raw.port}/v1"

    def answer(self, connection, head, body):
        messages = json.loads(body)["messages"]
        self.asked.append(messages)
        had = messages[-2]["content"] if len(messages) >= 2 and messages[-2]["role"] == "assistant" else ""
        text = " ".join(self.words)
        assert text.startswith(had), (text, had)
        rest = text[len(had):]
        if self.repeat and had:
            rest = " ".join(had.split(" ")[-self.repeat:]) + rest
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        chunk = lambda delta, reason=None: json.dumps(
            {"id": f"id-{id(self)}", "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})
        events = ([chunk({"role": "assistant", "content": ""})] +
                  [chunk({"content": rest[i:i + 5]}) for i in range(0, len(rest), 5)] + [chunk({}, "stop"), "[DONE]"])
        for number, event in enumerate(events):
            if self.die is not None and number == self.die:
                if self.how == "stall":
                    time.sleep(3)
                if self.how == "error":
                    event = json.dumps({"error": {"message": "overloaded", "type": "server_error"}})
                else:
                    return False
            data = f"data: {event}\n\n".encode()
            connection.sendall(b"%x\r\n%s\r\n" % (len(data), data))
        connection.sendall(b"0\r\n\r\n")
        return False


def resuming(start, *providers, **route):
    names = "abcd"[:len(providers)]
    return start({
        "retry": {"base_ms": 1},
        "providers": {n: provider(p.base_url, ["x"], priority=i) for i, (n, p) in enumerate(zip(names, providers), 1)},
        "routes": [{"model": "m", "targets": [f"{n}/x" for n in names], "resume_streams": True, **route}]
    })


@pytest.mark.parametrize("how", ["close", "stall", "error"])
@pytest.mark.parametrize("repeat", [0, 2, 4])
@pytest.mark.parametrize("die", [2, 9])
def test_a_stream_that_dies_goes_on_from_the_next_target(start, how, repeat, die):
    one, two = Continuing(die=die, how=how), Continuing(repeat=repeat)
    weir = resuming(start, one, two)
    reply = chat(weir.port, stream=True)
    assert reply.status == 200 and reply.complete and reply.events[-1] == "[DONE]", reply
    assert reply.content == " ".join(WORDS)
    assert len({e["id"] for e in reply.events[:-1]}) == 1
    assert [m["role"] for m in two.asked[0]] == ["user", "assistant", "user"]
    story = story_of(weir, reply)
    assert [a["outcome"] == "ok" for a in story["attempts"]] == [False, True]


def test_a_target_that_takes_a_prefill_is_given_its_own_unfinished_message(start):
    one, two = Continuing(die=5), Continuing()
    weir = start({
        "retry": {"base_ms": 1}, "providers": {
            "a": provider(one.base_url, ["x"], priority=1), "b": provider(two.base_url, ["x"], priority=2,
                                                                          type="mistral")
        }, "routes": [{"model": "m", "targets": ["a/x", "b/x"], "resume_streams": True}]
    })
    reply = chat(weir.port, stream=True)
    assert reply.complete and reply.content == " ".join(WORDS), reply
    last = two.asked[0][-1]
    assert (last["role"] == "assistant" and last["prefix"] is True and last["content"] and
            " ".join(WORDS).startswith(last["content"]))


def test_a_stream_goes_on_twice_and_in_the_routes_own_words(start):
    one, two, three = Continuing(die=4), Continuing(die=6), Continuing()
    weir = resuming(start, one, two, three, resume_prompt="Weiter.")
    reply = chat(weir.port, stream=True)
    assert reply.content == " ".join(WORDS) and reply.events[-1] == "[DONE]"
    assert three.asked[0][-1] == {"role": "user", "content": "Weiter."}


def test_with_nobody_to_go_on_the_stream_ends_in_an_error(start):
    one, two = Continuing(die=4), Continuing(die=0)
    reply = chat(resuming(start, one, two).port, stream=True)
    assert reply.status == 200 and reply.complete and "error" in reply.events[-1]
    assert len(reply.content) >= 15 and " ".join(WORDS).startswith(reply.content)  # what both said, once


@pytest.mark.parametrize("more", [{"tools": [{"type": "function", "function": {"name": "f"}}]},
                                  {"response_format": {"type": "json_object"}}, {"n": 2}])
def test_what_is_no_plain_text_is_not_continued(start, more):
    one, two = Continuing(die=4), Continuing()
    reply = chat(resuming(start, one, two).port, stream=True, **more)
    assert "error" in reply.events[-1] and not two.asked


# -- rules -------------------------------------------------------------------------------------------------------------

RULES = [{"name": "images", "when": {"has_image": True}, "targets": ["b/x"]},
         {"name": "off", "enabled": False, "when": {}, "targets": ["c/x"]},
         {"name": "tools", "when": {"has_tools": True, "streaming": False}, "targets": ["c/x"]},
         {"name": "long", "when": {"prompt_tokens_over": 1000}, "targets": ["c/x", "b/x"], "strategy": "round_robin"},
         {"name": "team", "when": {"tags": {"team": "search"}}, "targets": ["b/x"]}]
IMAGE = [{
    "role": "user", "content": [{"type": "text", "text": "what"},
                                {"type": "image_url", "image_url": {"url": "https://example.org/x.png"}}]
}]
TOOL = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]


@pytest.mark.parametrize("more, headers, wanted",
                         [({}, {}, "a"), ({"messages": IMAGE}, {}, "b"), ({"tools": TOOL}, {}, "c"),
                          ({"tools": TOOL, "stream": True}, {}, "a"), ({"messages": IMAGE, "tools": TOOL}, {}, "b"),
                          ({"messages": [{"role": "user", "content": "word " * 1200}]}, {}, "cb"),
                          ({}, {"x-weir-tags": "team=search, env=prod"}, "b"), ({}, {"x-weir-tags": "team=other"}, "a"),
                          ({"messages": IMAGE}, {"x-weir-targets": "b/x"}, "b")])
def test_the_first_rule_that_holds_decides(trio, more, headers, wanted):
    run, _ = trio
    weir = run("priority", rules=RULES, trust_tags=True)
    reply = chat(weir.port, headers=headers, **more)
    assert reply.status == 200 and reply.headers["x-weir-provider"] in wanted, reply
    story = story_of(weir, reply)
    assert ("rule" in story) == (wanted != "a")


def test_a_pin_only_narrows_what_a_rule_allows(trio):
    run, _ = trio
    reply = chat(run("priority", rules=RULES).port, messages=IMAGE, headers={"x-weir-targets": "a/x"})
    assert reply.status == 403 and "images" in reply.error["message"]


def test_tags_of_strangers_are_not_trusted(trio):
    run, _ = trio
    assert (chat(run("priority", rules=RULES).port,
                 headers={"x-weir-tags": "team=search"}).headers["x-weir-provider"] == "a")


def test_a_client_that_may_not_use_the_holder_does_not_move_the_lock(start, start_mock):
    import hashlib
    weir = start({
        "providers": {n: provider(start_mock(), ["x"], priority=i) for i, n in enumerate("ab", 1)},
        "routes": [{"model": "m", "strategy": "exclusive", "targets": ["a/x", "b/x"]}],
        "clients": [{"name": n, "key_hash": hashlib.sha256(n.encode()).hexdigest(), "providers": p}
                    for n, p in (("all", ["*"]), ("few", ["b"]))]
    })
    assert chat(weir.port, headers={"authorization": "Bearer few"}).error["code"] == "no_provider_available"
    assert chat(weir.port, headers={"authorization": "Bearer all"}).headers["x-weir-provider"] == "a"
    assert lock(weir)["holder"] == "a/x" and lock(weir)["epoch"] == 1


# -- health ------------------------------------------------------------------------------------------------------------

def test_a_provider_is_probed_and_its_history_kept(trio):
    run, mocks = trio
    weir = run("priority", ["a/x"], health_check_interval=1)
    poll(lambda: any(r.get("probe") for r in admin(weir, "GET", "/health/history/a").json["records"]))
    reply = admin(weir, "POST", "/providers/a/probe")
    assert reply.status == 200 and reply.json["good"] and reply.json["status"] == 200
    mocks[0].fault("status=500")
    assert not admin(weir, "POST", "/providers/a/probe").json["good"]
    assert admin(weir, "POST", "/providers/nobody/probe").status == 404
    assert mocks[0].requests()["paths"].get("/v1/models", 0) >= 3


# -- what would be chosen ----------------------------------------------------------------------------------------------

def test_what_would_be_chosen_is_what_is_chosen(trio):
    run, mocks = trio
    weir = run("round_robin")
    for _ in range(7):
        told = admin(weir, "GET", "/route/m").json
        assert told["strategy"] == "round_robin" and chat(weir.port).headers["x-weir-provider"] + "/x" == told["chosen"]
    assert sum(sum(m.requests()["paths"].values()) for m in mocks) == 7  # and telling sends nothing


def test_explain_names_the_strategy_and_who_was_passed_over(trio):
    run, mocks = trio
    weir = run("priority", ["a/x", "b/x"],
               providers={"a": {"circuit_breaker": {"failure_threshold": 1, "timeout_seconds": 60}}})
    mocks[0].fault("status=500")
    chat(weir.port)
    reply = chat(weir.port)
    story = story_of(weir, reply)
    assert (story["strategy"] == "priority" and story["candidates"][0]["refused"] == "breaker_open" and
            story["candidates"][1]["tries"] == 1)

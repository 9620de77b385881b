"""Limits that a route gives one of its targets, over real sockets: kept over a reload, named in explain."""
import threading

import pytest

from weirlib import chat, http, poll, provider


def admin(weir, method, path, body=None):
    return http(weir.port, method, "/admin/v1" + path, body=body,
                headers={"authorization": f"Bearer {weir.admin_key}", "content-type": "application/json"})


def config(one, two, **limits):
    return {
        "retry": {"max_retries": 0}, "workers": 2,
        "providers": {"a": provider(one, priority=1), "b": provider(two, priority=2)},
        "routes": [{"model": "r", "strategy": "priority", "targets": [{"target": "a/m", **limits}, "b/m"]},
                   {"model": "free", "strategy": "priority", "targets": ["a/m", "b/m"]}]
    }


def served(weir, count, model="r"):
    return "".join(chat(weir.port, model=model).headers["x-weir-provider"] for _ in range(count))


def test_its_rate_holds_in_that_route_alone_and_over_a_reload(start, start_mock):
    one, two = start_mock(), start_mock()
    weir = start(config(one, two, rpm=2))
    assert served(weir, 3) == "aab" and served(weir, 3, "free") == "aaa"
    weir.write({**config(one, two, rpm=2, timeout_seconds=9), "request_timeout_seconds": 9})
    assert admin(weir, "POST", "/reload").status == 200
    reply = chat(weir.port, model="r")
    assert reply.headers["x-weir-provider"] == "b"
    story = poll(lambda:
                 (r := admin(weir, "GET", "/requests/" + reply.headers["x-weir-request-id"])).status == 200 and r.json)
    assert {c["target"]: c.get("refused") for c in story["candidates"]}["a/m"] == "target_rate_limited"
    weir.write(config(one, two))
    assert admin(weir, "POST", "/reload").status == 200
    assert served(weir, 3) == "aaa"


def test_no_more_at_once_than_it_may_have_on_all_loops_together(start, start_mock):
    slow, two = start_mock("--latency", "400"), start_mock()
    weir = start(config(slow, two, max_concurrent=2))
    replies = []
    threads = [threading.Thread(target=lambda: replies.append(chat(weir.port, model="r"))) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    by = [reply.headers["x-weir-provider"] for reply in replies]
    assert len(by) == 12 and all(reply.status == 200 for reply in replies)
    assert 2 <= by.count("a") < 12 and by.count("b") >= 1, by
    assert poll(lambda: chat(weir.port, model="r").headers["x-weir-provider"] == "a")  # its places are free again


@pytest.mark.parametrize("stream", (False, True))
def test_its_own_time_is_shorter_than_its_providers(start, start_mock, stream):
    one, two = start_mock("--fault", "hang"), start_mock()
    whole = config(one, two, timeout_seconds=0.3)
    whole["providers"]["a"] = provider(one, priority=1, timeout_seconds=500, reply_timeout_seconds=None)
    weir = start(whole)
    reply = chat(weir.port, model="r", stream=stream)
    assert reply.status == 200 and reply.headers["x-weir-provider"] == "b"


@pytest.mark.parametrize("nested", (False, True))
@pytest.mark.parametrize("named", ({"headers": {"x-weir-targets": "a/m"}}, {"model": "a/m"}))
def test_who_pins_a_target_has_the_limits_of_the_rule_that_allows_it(start, start_mock, named, nested):
    limited = {"target": "a/m", "rpm": 2}
    rule = {"name": "all", "targets": [{"route": "inner"} if nested else limited, "b/m"]}
    weir = start({
        "retry": {"max_retries": 0}, "rules": [rule],
        "providers": {"a": provider(start_mock(), priority=1), "b": provider(start_mock(), priority=2)},
        "routes": [{"model": "inner", "targets": [limited]}]
    })
    assert [chat(weir.port, **named).status for _ in range(3)] == [200, 200, 429]
    assert chat(weir.port, headers={"x-weir-targets": "b/m"}).status == 200

"""Routes that are targets of routes: fallbacks between them, aliases, their turns and locks, over real sockets."""
import json
import subprocess

import pytest

from weirlib import BINARY, chat, environment, http, poll, provider


def admin(weir, method, path, body=None):
    return http(weir.port, method, "/admin/v1" + path, body=body,
                headers={"authorization": f"Bearer {weir.admin_key}", "content-type": "application/json"})


def story_of(weir, reply):
    return poll(lambda:
                (r := admin(weir, "GET", "/requests/" + reply.headers["x-weir-request-id"])).status == 200 and r.json)


@pytest.fixture
def nested(start, start_mock):
    """Four mocks a to d; the route `all` is the pair b, c, then the lock of c, d, then a."""
    mocks = {name: start_mock() for name in "abcd"}
    config = {
        "retry": {"max_retries": 0, "base_ms": 1},
        "providers": {name: provider(mock, ["m"]) for name, mock in mocks.items()},
        "routes": [{"model": "all", "strategy": "priority", "targets": [{"route": "pair"}, {"route": "locked"}, "a/m"]},
                   {"model": "pair", "strategy": "round_robin", "targets": ["b/m", "c/m"]},
                   {"model": "locked", "strategy": "exclusive", "targets": ["c/m", "d/m"]},
                   {"model": "alias", "targets": [{"route": "all"}]}]
    }
    return start(config), mocks, config


def test_a_fallback_from_route_to_route(nested):
    weir, mocks, _ = nested
    assert [chat(weir.port, model="alias").headers["x-weir-provider"] for _ in range(4)] == ["b", "c", "b", "c"]
    mocks["b"].fault("status=500")
    mocks["c"].fault("status=500")
    reply = chat(weir.port, model="alias")
    assert reply.status == 200 and reply.headers["x-weir-provider"] == "d" and reply.headers["x-weir-attempts"] == "3"
    story = story_of(weir, reply)
    assert story["route"] == "alias"
    assert [(a["target"], a["route"]) for a in story["attempts"]] in (
        [("b/m", "pair"), ("c/m", "pair"), ("d/m", "locked")], [("c/m", "pair"), ("b/m", "pair"), ("d/m", "locked")])
    mocks["d"].fault("status=500")
    streamed = chat(weir.port, model="all", stream=True)
    assert streamed.status == 200 and streamed.headers["x-weir-provider"] == "a"
    mocks["a"].fault("status=500")
    before = {name: mock.requests()["count"] for name, mock in mocks.items()}
    assert chat(weir.port, model="all").status >= 500
    assert all(mock.requests()["count"] - before[name] <= 1 for name, mock in mocks.items())  # each at most once


def test_what_is_told_is_what_is_sent(nested):
    weir, mocks, _ = nested
    for fault in (None, "b", "c"):
        if fault:
            admin(weir, "POST", f"/providers/{fault}/drain")
        run = subprocess.run([BINARY, "route", "--json", "-m", "all"], capture_output=True, text=True, timeout=20,
                             env=environment(WEIR_URL=f"http://127.0.0.1:{weir.port}", WEIR_ADMIN_KEY=weir.admin_key))
        told = json.loads(run.stdout)
        assert chat(weir.port, model="all").headers["x-weir-provider"] == told["chosen"].split("/")[0], told
        assert {c["target"]: c.get("route") for c in told["candidates"]}["a/m"] is None
        assert ("d/m", "locked") in [(c["target"], c.get("route")) for c in told["candidates"]]


def test_an_inner_lock_is_the_routes_own_and_outlives_a_reload(nested):
    weir, mocks, config = nested
    assert admin(weir, "POST", "/lock/locked", {"target": "d/m"}).status == 200
    for name in "bc":
        mocks[name].fault("status=500")
    assert chat(weir.port, model="all").headers["x-weir-provider"] == "d"
    weir.write({**config, "request_timeout_seconds": 9})
    assert admin(weir, "POST", "/reload").status == 200
    assert chat(weir.port, model="all").headers["x-weir-provider"] == "d"
    assert chat(weir.port, model="locked").headers["x-weir-provider"] == "d"
    bad = {**config, "routes": config["routes"] + [{"model": "x", "targets": [{"route": "x"}]}]}
    weir.write(bad)
    reply = admin(weir, "POST", "/reload")
    assert reply.status >= 400 and "leads back to itself" in reply.error["message"]
    assert chat(weir.port, model="locked").headers["x-weir-provider"] == "d"


def test_pinned_targets_are_asked_as_they_are_named_whatever_the_model_s_routes(nested):
    """The first target of `alias` stands in a round robin, that of `behind` in a lock: neither chooses among pins."""
    weir, mocks, config = nested
    behind = {"model": "behind", "targets": [{"route": "locked"}, "a/m"]}
    weir.write({**config, "routes": config["routes"] + [behind]})
    assert admin(weir, "POST", "/reload").status == 200
    for model in ("alias", "behind"):
        replies = [chat(weir.port, model=model, headers={"x-weir-targets": "a/m,b/m"}) for _ in range(4)]
        assert [(r.status, r.headers.get("x-weir-provider")) for r in replies] == [(200, "a")] * 4
    chat(weir.port, model="locked")
    mocks["c"].fault("status=500")
    for _ in range(12):
        reply = chat(weir.port, model="behind", headers={"x-weir-targets": "c/m,a/other"})
        assert reply.headers.get("x-weir-provider") == "a"
        assert admin(weir, "GET", "/lock").json["locks"][0]["holder"] == "c/m"


def test_no_lock_is_taken_by_targets_that_are_not_its_routes(nested):
    weir, mocks, _ = nested
    assert chat(weir.port, model="locked").headers["x-weir-provider"] == "c"
    assert admin(weir, "POST", "/providers/c/drain").status == 200
    pinned = {"x-weir-targets": "c/m,a/m", "x-weir-strategy": "exclusive"}
    reply = chat(weir.port, model="locked", headers=pinned)
    assert reply.status == 400 and "x-weir-targets" in reply.json["error"]["message"]
    assert admin(weir, "GET", "/lock").json["locks"][0]["holder"] == "c/m"

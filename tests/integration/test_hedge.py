"""Hedging over real sockets: a second attempt beside one whose first byte is late, and what becomes of both."""
import pytest

from weirlib import Connection, chat, chat_body, http, poll, provider, request_bytes
from test_config_check import check


def admin(weir, path):
    return http(weir.port, "GET", "/admin/v1" + path, headers={"authorization": f"Bearer {weir.admin_key}"})


def story_of(weir, reply):
    path = "/requests/" + reply.headers["x-weir-request-id"]
    return poll(lambda: (r := admin(weir, path)).status == 200 and r.json)


def mock_fault(mock, spec, count=None):
    body = {"spec": spec, **({"count": count} if count else {})}
    assert http(mock.port, "POST", "/mock/fault", body=body).status < 300


@pytest.fixture
def pair(start, start_mock):
    mocks = [start_mock(), start_mock()]

    def run(hedge, targets=("a/x", "b/x"), **more):
        blocks = {
            name: provider(mock, ["x"], priority=i + 1, prices={"x": {"input": 1, "output": 2}})
            for i, (name, mock) in enumerate(zip("ab", mocks))
        }
        return start({
            "providers": blocks, "retry": {"base_ms": 1},
            "routes": [{"model": "m", "strategy": "priority",
                        "targets": list(targets)}], **({"hedge": hedge} if hedge else {}), **more
        })
    return run, mocks


@pytest.mark.parametrize("stream", [False, True])
def test_a_late_first_byte_is_raced_by_the_next_target(pair, stream):
    run, (a, b) = pair
    weir = run({"after": "50ms", "max_share": 1})
    mock_fault(a, "hang", 1)
    reply = chat(weir.port, stream=stream)
    assert (reply.status == 200 and reply.headers["x-weir-provider"] == "b" and
            reply.headers["x-weir-attempts"] == "2"), reply
    story = story_of(weir, reply)
    first, second = story["attempts"]
    assert (first["target"] == "a/x" and first["outcome"] == "outpaced" and first["usage_estimated"] and
            float(first["cost_usd"]) > 0), story
    assert second["target"] == "b/x" and second["outcome"] == "ok" and second["hedge"], story
    # the loser's connection is broken off: its provider sees it
    poll(lambda: [r["outcome"] for r in http(a.port, "GET", "/mock/requests").json["requests"]] == ["aborted"])
    assert [r["outcome"] for r in http(b.port, "GET", "/mock/requests").json["requests"]] == ["done"]


@pytest.mark.parametrize("stream", [False, True])
def test_the_first_may_still_win(pair, stream):
    run, (a, b) = pair
    weir = run({"after": "50ms", "max_share": 1})
    mock_fault(b, "hang")
    reply = chat(weir.port, text="[mock latency=400] Hello", stream=stream)
    assert reply.status == 200 and reply.headers["x-weir-provider"] == "a", reply
    story = story_of(weir, reply)
    assert [(t["target"], t["outcome"]) for t in story["attempts"]] == [("a/x", "ok"), ("b/x", "outpaced")], story
    if stream:
        assert reply.body.count(b"[DONE]") == 1 and reply.body.count(b'"role"') == 1


def test_one_of_the_two_may_fail(pair, start_mock):
    run, mocks = pair
    mocks[0] = start_mock("--latency", "400")
    weir = run({"after": "50ms", "max_share": 1})
    mock_fault(mocks[1], "status=500", 1)
    reply = chat(weir.port)
    assert reply.status == 200 and reply.headers["x-weir-provider"] == "a", reply
    assert [t["outcome"] for t in story_of(weir, reply)["attempts"]] == ["ok", "server_error"]


def test_both_may_fail_and_the_next_is_tried(start, start_mock):
    mocks = [start_mock() for _ in range(3)]
    weir = start({
        "providers": {
            name: provider(mock, ["x"], priority=i + 1, timeout_seconds=0.3)
            for i, (name, mock) in enumerate(zip("abc", mocks))
        }, "hedge": {"after": "50ms", "max_share": 1}, "routes": [{"model": "m", "targets": ["a/x", "b/x", "c/x"]}]
    })
    mock_fault(mocks[0], "hang")
    mock_fault(mocks[1], "hang")
    reply = chat(weir.port, stream=True)
    assert reply.status == 200 and reply.headers["x-weir-provider"] == "c", reply
    assert ([t["outcome"]
             for t in story_of(weir, reply)["attempts"]] == ["first_token_timeout", "first_token_timeout", "ok"])


def test_a_caller_that_hangs_up_ends_both(pair):
    run, (a, b) = pair
    weir = run({"after": "50ms", "max_share": 1})
    mock_fault(a, "hang")
    mock_fault(b, "hang")
    connection = Connection(weir.port)
    connection.send(request_bytes("POST", "/v1/chat/completions", body=chat_body()))
    poll(lambda: all(http(m.port, "GET", "/mock/requests").json["requests"] for m in (a, b)))
    connection.socket.close()
    for mock in (a, b):
        poll(lambda: http(mock.port, "GET", "/mock/requests").json["requests"][0]["outcome"] == "aborted")


def test_no_more_than_the_share_is_hedged(pair):
    run, (a, b) = pair
    weir = run({"after": "20ms", "max_share": 0.1})
    for _ in range(30):
        assert chat(weir.port, text="[mock latency=60] Hello").status == 200
    hedged = len(http(b.port, "GET", "/mock/requests").json["requests"])
    assert 1 <= hedged <= 3, hedged


def test_its_own_95th_percentile_says_what_is_late(pair):
    run, (a, b) = pair
    weir = run({"max_share": 1})
    for _ in range(20):
        assert chat(weir.port).status == 200  # on a busy machine a late one may be hedged, and won by the other
    hedged = len(http(b.port, "GET", "/mock/requests").json["requests"])
    mock_fault(a, "hang", 1)
    reply = chat(weir.port)
    assert reply.status == 200 and reply.headers["x-weir-provider"] == "b", reply
    assert hedged < 20


def test_without_the_section_nothing_is_hedged(pair):
    run, (a, b) = pair
    weir = run(None)
    assert chat(weir.port, text="[mock latency=300] Hello").headers["x-weir-attempts"] == "1"
    assert http(b.port, "GET", "/mock/requests").json["requests"] == []


def test_a_time_that_is_none_is_told_with_its_line(tmp_path):
    status, said = check(tmp_path, "hedge: {after: soon}\n")
    assert status == 2 and "p95" in said and "soon" in said and ":1:" in said, said

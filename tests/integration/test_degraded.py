"""When nobody can serve: old answers, and a route's own last word."""
import json
import threading

import pytest

from test_cache import KEYS, admin, ask, asked, begun, config, identical, said, text_of, weir_command
from weirlib import http, poll, provider

CHATS = [
    ("/v1/chat/completions", {"model": "m", "messages": [{"role": "user", "content": "hi"}], "temperature": 0}),
    ("/v1/messages", {"model": "m", "messages": [{"role": "user", "content": "hi"}], "temperature": 0,
                      "max_tokens": 50}),
    ("/v1/responses", {"model": "m", "input": "hi", "temperature": 0, "store": False}),
]
GEMINI = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}], "generationConfig": {"temperature": 0}}
SHORT = {"x-weir-cache-ttl": "1"}


@pytest.fixture
def pair(start, start_mock):
    def run(cache=None, patience=20, **more):
        mock = start_mock()
        return start(config(mock, cache, patience, **{"retry": {"max_retries": 0}, **more})), mock
    return run


def expired(weir, *arguments, **more):
    """Answered, and no more given as fresh."""
    headers = more.pop("headers", {})
    assert said(ask(weir, *arguments, headers={**headers, **SHORT}, **more)) == "miss"
    poll(lambda: ask(weir, *arguments, headers={**headers, "x-weir-cache": "only"}, **more).status == 504)


def out(mock, fault="status=503"):
    mock.fault(fault, -1)


def test_an_old_answer_in_an_outage(pair):
    weir, mock = pair()
    expired(weir)
    first = asked(mock)
    out(mock)
    reply = ask(weir)
    assert said(reply) == "stale" and reply.json["choices"][0]["message"]["content"]
    assert asked(mock) == first + 1 and float(reply.headers["x-weir-cost"]) == 0
    assert (reply.headers["x-weir-provider"], reply.headers["x-weir-attempts"]) == ("p", "1")
    line = poll(lambda: [l for l in weir.log("request_done") if l.get("cache") == "stale"])[0]
    assert line["cached"] is True and line["status"] == 200 and float(line["saved_usd"]) > 0
    assert weir.metric("weir_cache_requests_total", outcome="stale") == 1
    story = admin(weir, "GET", "/requests/" + reply.headers["x-weir-request-id"]).json
    assert (story["cache"], story["made_by"]) == ("stale", "p/m"), story
    assert "out" in story["cache_why"] and len(story["attempts"]) == 1, story
    assert admin(weir, "GET", "/cache").json["stale"] == 1
    status, printed = weir_command(weir, "cache", "stats")
    assert status == 0 and "; 1 given after they had expired; " in printed, printed
    mock.reset()
    assert poll(lambda: said(ask(weir)) == "miss")
    assert said(ask(weir)) == "hit"


def test_while_its_breaker_is_open_nobody_is_asked(start, start_mock):
    mock = start_mock()
    options = config(mock, retry={"max_retries": 0})
    options["providers"]["p"]["circuit_breaker"] = {"failure_threshold": 1, "timeout_seconds": 600}
    weir = start(options)
    expired(weir)
    out(mock)
    assert said(ask(weir)) == "stale"
    before = asked(mock)
    assert [said(ask(weir)) for _ in range(3)] == ["stale"] * 3 and asked(mock) == before
    assert ask(weir, "never asked before").status == 503


@pytest.mark.parametrize("fault", ["status=500", "status=503", "status=429", "status=401", "invalid-json", "error-200",
                                   "empty-body", "reset"])
def test_what_is_an_outage(pair, fault):
    weir, mock = pair()
    expired(weir)
    out(mock, fault)
    assert said(ask(weir)) == "stale"


@pytest.mark.parametrize("fault", ["status=400", "status=404", "status=413", "status=422"])
def test_a_refusal_of_the_request_is_none(pair, fault):
    weir, mock = pair()
    expired(weir)
    out(mock, fault)
    assert ask(weir).status >= 400


def test_a_provider_that_is_not_there_or_drained(pair):
    weir, mock = pair()
    expired(weir)
    assert admin(weir, "POST", "/providers/p/drain", {}).status == 200
    assert said(ask(weir)) == "stale"
    assert admin(weir, "POST", "/providers/p/resume", {}).status == 200
    assert said(ask(weir)) == "miss"


def test_a_budget_and_a_limit_of_its_own_are_no_outage(start, start_mock):
    mock = start_mock()
    options = config(mock, retry={"max_retries": 0})
    options["clients"][0]["budgets"] = [{"usd": 0.0008, "window": "lifetime"}]
    options["clients"][1]["rate_limit_rpm"] = 3
    weir = start(options)
    expired(weir, max_tokens=9)
    poll(lambda: ask(weir, "spend", max_tokens=9, headers={"x-weir-cache": "no-store"}).status != 200)
    assert ask(weir, max_tokens=9).status in (402, 403, 429)
    assert said(ask(weir, key="b", headers=SHORT)) == "miss"
    poll(lambda: ask(weir, key="b", headers={"x-weir-cache": "only"}).status == 429)
    assert ask(weir, key="b").status == 429


def test_a_deadline_of_the_callers_own_is_no_outage(pair):
    weir, mock = pair()
    expired(weir)
    out(mock, "hang")
    assert ask(weir, headers={"x-weir-timeout-ms": "200"}).status == 504


def test_not_where_it_is_not_wanted(pair):
    for cache in ({"serve_stale_on_outage": False}, {"max_stale_seconds": 0}):
        weir, mock = pair(cache)
        expired(weir)
        out(mock)
        assert ask(weir).status == 503, cache


def test_no_longer_than_it_may(pair):
    weir, mock = pair({"max_stale_seconds": 1})
    expired(weir)
    out(mock)
    poll(lambda: ask(weir).status == 503)


def test_a_route_has_its_own(start, start_mock):
    mock = start_mock()
    options = config(mock, {"serve_stale_on_outage": False}, retry={"max_retries": 0},
                     routes=[{"model": "old", "targets": ["p/m"],
                              "cache": {"serve_stale_on_outage": True, "max_stale_seconds": 600}},
                             {"model": "new", "targets": ["p/m"], "cache": {}}])
    weir = start(options)
    expired(weir, model="old")
    expired(weir, model="new")
    out(mock)
    assert said(ask(weir, model="old")) == "stale" and ask(weir, model="new").status == 503


def test_nobody_elses_and_nothing_that_its_caller_will_not_have(pair):
    weir, mock = pair()
    expired(weir)
    out(mock)
    assert ask(weir, key="b").status == 503
    for words in ({"x-weir-cache": "no-cache"}, {"x-weir-cache": "no-store"}, {"x-weir-cache": "only"}, SHORT):
        assert ask(weir, headers=words).status >= 500, words
    assert said(ask(weir)) == "stale"


@pytest.mark.parametrize("path,body", CHATS)
@pytest.mark.parametrize("stream", [False, True])
def test_whole_and_as_a_stream_in_any_dialect(pair, path, body, stream):
    weir, mock = pair()
    expired(weir, path=path, body={**body, "stream": not stream})
    out(mock)
    reply = ask(weir, path=path, body={**body, "stream": stream})
    assert said(reply) == "stale" and text_of(reply, stream)
    assert ("event-stream" in reply.headers["content-type"]) is stream


def test_in_geminis(pair):
    weir, mock = pair()
    expired(weir, path="/v1beta/models/m:generateContent", body=GEMINI)
    out(mock)
    assert said(ask(weir, path="/v1beta/models/m:generateContent", body=GEMINI)) == "stale"
    assert said(ask(weir, path="/v1beta/models/m:streamGenerateContent?alt=sse", body=GEMINI)) == "stale"


def test_those_that_wait_with_it_get_it_too(pair):
    weir, mock = pair(workers=2)
    expired(weir, stream=True)
    before = asked(mock)
    out(mock, "stall-before-token=300")
    out(mock)
    replies = identical(weir, 10, stream=True)
    assert {said(r) for r in replies} == {"stale"} and len({r.body for r in replies}) == 1
    assert asked(mock) >= before + 1


def test_the_twins_of_one_that_times_out(pair):
    weir, mock = pair(patience=1, workers=2)
    expired(weir, stream=True)
    before = asked(mock)
    out(mock, "hang")
    replies = identical(weir, 10, stream=True)
    assert {said(r) for r in replies} == {"stale"} and asked(mock) == before + 1


def test_a_restart_keeps_it_and_a_purge_takes_it(folder, start_mock):
    mock = start_mock()
    options = config(mock, retry={"max_retries": 0})
    weir = folder(options)
    expired(weir)
    weir.stop()
    weir = folder(options)
    poll(lambda: admin(weir, "GET", "/cache").json["answers"] == 1)
    out(mock)
    assert said(ask(weir)) == "stale"
    assert admin(weir, "POST", "/cache/purge", {"client": "a"}).json["purged"] == 1
    assert ask(weir).status == 503
    weir.stop()
    weir = folder(options)
    assert ask(weir).status == 503


# -- a route's own last word --

LAST = "We are out for a moment: call +49 30 1234."


def with_fallback(mock, **more):
    return config(mock, retry={"max_retries": 0}, **{
        "routes": [{"model": "m", "targets": ["p/m"], "fallback_response": LAST}], **more})


@pytest.mark.parametrize("path,body", CHATS)
@pytest.mark.parametrize("stream", [False, True])
def test_a_routes_last_word_in_any_dialect(start, start_mock, path, body, stream):
    mock = start_mock()
    weir = start(with_fallback(mock))
    out(mock)
    reply = ask(weir, path=path, body={**body, "stream": stream})
    assert reply.headers["x-weir-fallback"] == "true" and text_of(reply, stream) == LAST
    assert ("event-stream" in reply.headers["content-type"]) is stream and "x-weir-provider" not in reply.headers
    assert float(reply.headers["x-weir-cost"]) == 0
    story = admin(weir, "GET", "/requests/" + reply.headers["x-weir-request-id"]).json
    assert story["fallback"] is True and story["status"] == 200 and len(story["attempts"]) == 1, story
    line = poll(lambda: [l for l in weir.log("request_done") if l["fallback"]])[0]
    assert line["status"] == 200 and "error" not in line
    assert weir.metric("weir_fallback_responses_total") == 1
    mock.reset()
    reply = poll(lambda: ask(weir, path=path, body={**body, "stream": stream}))
    assert said(reply) == "miss" and "x-weir-fallback" not in reply.headers  # it was not kept


def test_a_last_word_in_geminis_and_in_completions(start, start_mock):
    mock = start_mock()
    weir = start(with_fallback(mock))
    out(mock)
    whole = ask(weir, path="/v1beta/models/m:generateContent", body=GEMINI)
    assert whole.json["candidates"][0]["content"]["parts"][0]["text"] == LAST
    events = ask(weir, path="/v1beta/models/m:streamGenerateContent?alt=sse", body=GEMINI)
    assert LAST in events.text and "event-stream" in events.headers["content-type"]
    array = ask(weir, path="/v1beta/models/m:streamGenerateContent", body=GEMINI)
    assert isinstance(array.json, list) and LAST in array.text and array.headers["content-type"] == "application/json"
    old = {"model": "m", "prompt": "hi", "temperature": 0}
    assert ask(weir, path="/v1/completions", body=old).json["choices"][0]["text"] == LAST
    assert LAST in ask(weir, path="/v1/completions", body={**old, "stream": True}).text
    several = ask(weir, n=3)
    assert [c["message"]["content"] for c in several.json["choices"]] == [LAST] * 3
    assert ask(weir, path="/v1/embeddings", body={"model": "m", "input": "x"}).status == 503


def test_an_old_answer_goes_before_a_last_word(start, start_mock):
    mock = start_mock()
    weir = start(with_fallback(mock))
    expired(weir)
    out(mock)
    assert said(ask(weir)) == "stale"
    other = ask(weir, "another")
    assert other.headers["x-weir-fallback"] == "true" and other.headers["x-weir-cache"] == "miss"


def test_no_last_word_for_what_is_its_callers_own(start, start_mock):
    mock = start_mock()
    weir = start(with_fallback(mock))
    mock.fault("status=400", 1)
    assert ask(weir).status == 400
    mock.fault("hang", 1)
    assert ask(weir, headers={"x-weir-timeout-ms": "200"}).status == 504
    out(mock)
    for format_ in ({"type": "json_object"}, {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}}):
        assert ask(weir, response_format=format_).status == 503  # it is no JSON


def test_a_last_word_in_json(start, start_mock):
    mock = start_mock()
    weir = start(with_fallback(mock, routes=[{"model": "m", "targets": ["p/m"],
                                              "fallback_response": '{"answer": null}'}]))
    out(mock)
    reply = ask(weir, response_format={"type": "json_object"})
    assert json.loads(reply.json["choices"][0]["message"]["content"]) == {"answer": None}


def test_a_last_word_for_all_that_wait(start, start_mock):
    mock = start_mock()
    weir = start(with_fallback(mock, workers=2))
    out(mock, "stall-before-token=300")
    out(mock)
    replies = identical(weir, 10, stream=True)
    assert {r.headers.get("x-weir-fallback") for r in replies} == {"true"}
    assert {text_of(r, True) for r in replies} == {LAST}


def test_a_stored_response_that_is_a_last_word_says_that_it_is_not_stored(start, start_mock):
    mock = start_mock()
    weir = start(with_fallback(mock))
    out(mock)
    reply = ask(weir, path="/v1/responses", body={"model": "m", "input": "hi"})
    assert reply.headers["x-weir-fallback"] == "true" and reply.headers["x-weir-stored"] == "false"
    assert ask(weir, path="/v1/responses/" + reply.json["id"], body=None).status != 200


# -- a purge, and what is under way --

def test_what_was_under_way_when_it_was_purged_is_not_kept(pair):
    weir, mock = pair()
    mock.fault("slow-bytes=2", 1)
    with begun(weir, mock) as first:
        assert first.read_until(b"data: ") is not None
        assert admin(weir, "POST", "/cache/purge", {"all": True}).json == {"purged": 0}
        second = ask(weir, stream=True)  # nor is it given to who comes later
        assert said(second) == "miss" and asked(mock) == 2
        assert b"[DONE]" in first.read_until(b"[DONE]")
    assert poll(lambda: admin(weir, "GET", "/cache").json["answers"] == 1)
    assert said(ask(weir, stream=True)) == "hit"


def test_who_has_the_name_of_one_that_is_gone_has_nothing_of_it(start, start_mock):
    mock = start_mock()
    weir = start(config(mock))
    assert [said(ask(weir)) for _ in range(2)] == ["miss", "hit"]
    options = json.loads(weir.path.read_text())
    options["clients"] = [c for c in options["clients"] if c["name"] != "a"]
    weir.write(options)
    assert admin(weir, "POST", "/reload").status == 200
    key = poll(lambda: admin(weir, "POST", "/clients", {"name": "a"}).json.get("key"))
    headers = {"authorization": f"Bearer {key}"}
    assert [said(ask(weir, headers=headers)) for _ in range(2)] == ["miss", "hit"]

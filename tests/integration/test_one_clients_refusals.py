"""What a provider refuses one caller (too many tokens at once, a path that the key has no scope for) holds that caller
alone."""
import json
import threading

import pytest

from test_decisions import admin, lock, story_of
from test_hostile_tenants import bearer, client, reply_of
from weirlib import RawProvider, chat, good_reply, http, poll, provider

def error_of(message, kind, code):
    return json.dumps({"error": {"message": message, "type": kind, "code": code}}).encode()


TOO_LARGE = error_of("Request too large for m: Limit 30000, Requested 45000.", "tokens", "rate_limit_exceeded")
NO_SCOPE = error_of("You have insufficient permissions for this operation. Missing scopes: model.request",
                    "invalid_request_error", "missing_scope")
BAD_KEY = error_of("Incorrect API key provided.", "invalid_request_error", "invalid_api_key")
REFUSALS = {
    "429": reply_of("429 Too Many Requests", TOO_LARGE, "Retry-After: 50\r\n"),
    "401": reply_of("401 Unauthorized", NO_SCOPE), "key": reply_of("401 Unauthorized", BAD_KEY),
    "500": reply_of("500 Internal Server Error", b"{}")
}


def refusing():
    """Answers well, but what a prompt names is refused so; counts what comes."""
    def answer(connection, head, body):
        raw.asked += 1
        named = [reply for name, reply in REFUSALS.items() if b"refuse-" + name.encode() in body]
        connection.sendall(named[0] if named else good_reply())
    raw = RawProvider(answer)
    raw.asked = 0
    return raw


def begin(start, raw, names=("evil", "good", "other"), models=("m", "n"), rules=None, **more):
    clients = {"clients": [client(name) for name in names]} if names else {}
    return start({
        **clients, "providers": {"p": provider(raw.base_url, list(models), **(rules or {}))},
        "retry": {"max_retries": 0}, **more
    })


def says(weir, name, words, model="m"):
    return chat(weir.port, words, model=model, headers=bearer(name)).status


def test_a_request_that_is_too_large_rests_its_model_for_its_caller_alone(start):
    raw = refusing()
    weir = begin(start, raw)
    for model in ("m", "n"):
        assert says(weir, "evil", "refuse-429", model) == 429
    refused = chat(weir.port, "usual", headers=bearer("evil"))
    assert refused.status == 429 and int(refused.headers["retry-after"]) <= 50
    assert story_of(weir, refused)["candidates"][0]["refused"] == "cooling_for_client"
    assert [says(weir, "good", "usual", model) for model in ("m", "n")] == [200, 200]
    assert admin(weir, "GET", "/health").json["providers"][0].get("keys_cooling", 0) == 0


def test_a_limit_that_a_second_client_meets_is_everybodys(start):
    raw = refusing()
    weir = begin(start, raw)
    assert [says(weir, name, "refuse-429") for name in ("evil", "good")] == [429, 429]
    asked = raw.asked
    assert says(weir, "other", "usual") == 429 and raw.asked == asked, "it is asked no more"
    assert says(weir, "other", "usual", "n") == 200, "the other model is"


def test_how_long_one_client_is_held_is_never_how_long_all_are(start):
    """Its own 429 said 50 s; that the minute's last request has been let through, until in a moment, is for all."""
    last = ("x-ratelimit-limit-requests: 10\r\nx-ratelimit-remaining-requests: 0\r\n"
            "x-ratelimit-reset-requests: 300ms\r\n")
    def answer(connection, head, body):
        connection.sendall(REFUSALS["429"] if b"refuse-429" in body else good_reply(extra=last))
    weir = begin(start, RawProvider(answer))
    assert says(weir, "evil", "refuse-429") == 429 and says(weir, "good", "usual") == 200
    poll(lambda: says(weir, "good", "usual") == 200, 20)


def test_a_limit_that_two_meet_holds_all_for_the_shorter_time(start):
    short = reply_of("429 Too Many Requests", TOO_LARGE, "Retry-After: 1\r\n")
    def answer(connection, head, body):
        reply = REFUSALS["429"] if b"refuse-429" in body else short if b"busy" in body else good_reply()
        connection.sendall(reply)
    weir = begin(start, RawProvider(answer))
    assert says(weir, "evil", "refuse-429") == 429 and says(weir, "good", "busy") == 429
    poll(lambda: says(weir, "good", "usual") == 200, 20)


@pytest.mark.parametrize("names", ((), ("evil",)))
def test_where_there_is_one_caller_its_limit_is_everybodys(start, names):
    raw = refusing()
    weir = begin(start, raw, names)
    headers = bearer("evil") if names else {}
    assert chat(weir.port, "refuse-429", headers=headers).status == 429
    refused = chat(weir.port, "usual", headers=headers)
    assert refused.status == 429 and raw.asked == 1
    assert story_of(weir, refused)["candidates"][0]["refused"] == "cooling"


def test_a_path_that_the_key_has_no_scope_for_rests_no_key(start):
    raw = refusing()
    weir = begin(start, raw)
    assert [says(weir, "evil", "refuse-401") for _ in range(3)] == [502] * 3
    assert says(weir, "good", "usual") == 200
    assert admin(weir, "GET", "/health").json["providers"][0].get("keys_refused", 0) == 0


def test_a_401_that_a_second_client_meets_too_rests_the_key(start):
    raw = refusing()
    weir = begin(start, raw)
    assert [says(weir, name, "refuse-401") for name in ("evil", "good")] == [502, 502]
    asked = raw.asked
    assert says(weir, "other", "usual") == 502 and raw.asked == asked
    assert admin(weir, "GET", "/health").json["providers"][0]["keys_refused"] == 1


def test_the_vendors_own_code_for_a_bad_key_rests_it_at_once(start):
    raw = refusing()
    weir = begin(start, raw)
    assert says(weir, "evil", "refuse-key") == 502
    assert says(weir, "good", "usual") == 502 and raw.asked == 1


def test_a_lock_is_not_moved_by_a_limit_that_one_client_meets(start):
    raw, spare = refusing(), RawProvider(lambda connection, head, body: connection.sendall(good_reply()))
    weir = start({
        "clients": [client(name) for name in ("evil", "good")],
        "providers": {"p": provider(raw.base_url, ["m"]), "q": provider(spare.base_url, ["m"])},
        "routes": [{"model": "m", "strategy": "exclusive", "targets": ["p/m", "q/m"]}], "retry": {"max_retries": 0}
    })
    assert says(weir, "good", "usual") == 200
    says(weir, "evil", "refuse-429")
    asked = raw.asked
    assert says(weir, "evil", "usual") == 200 and raw.asked == asked, "as a guest at the next one"
    assert lock(weir)["holder"] == "p/m"
    assert says(weir, "good", "usual") == 200 and raw.asked == asked + 1


def test_who_fills_a_primary_does_not_keep_the_lock_from_going_home(start):
    """Being busy is not being ill: the time for which the primary has been well goes on."""
    held, free = threading.Event(), threading.Event()
    def answer(connection, head, body):
        if b"hold" in body:
            held.set()
            assert free.wait(60)
        connection.sendall(REFUSALS["500"] if b"refuse-500" in body else good_reply())
    raw, spare = RawProvider(answer), RawProvider(lambda connection, head, body: connection.sendall(good_reply()))
    weir = start({
        "clients": [client(name) for name in ("evil", "good")], "retry": {"max_retries": 0},
        "providers": {
            "p": provider(raw.base_url, ["m"], max_concurrent=1, circuit_breaker={"failure_threshold": 60000}),
            "q": provider(spare.base_url, ["m"])
        },
        "routes": [{"model": "m", "strategy": "exclusive", "targets": ["p/m", "q/m"],
                    "return_to_primary_seconds": 0.3}, {"model": "other", "targets": ["p/m"]}]
    })
    question = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}
    poll(lambda: says(weir, "good", "refuse-500") and lock(weir)["holder"] == "q/m")
    assert says(weir, "good", "usual") == 200, "the primary is seen to be well"
    evil = threading.Thread(target=says, args=(weir, "evil", "hold", "other"))
    evil.start()
    assert held.wait(60) and says(weir, "good", "usual") == 200 and lock(weir)["holder"] == "q/m"
    free.set()
    evil.join()
    poll(lambda: admin(weir, "POST", "/route", question).json["chosen"] == "p/m", 20)


def test_one_client_takes_no_more_than_half_of_what_may_be_repeated(start):
    raw = refusing()
    weir = begin(start, raw, retry={"max_retries": 1, "base_ms": 1, "max_ms": 2},
                 rules={"circuit_breaker": {"failure_threshold": 60000}})
    for _ in range(12):
        assert says(weir, "evil", "refuse-500") == 500
    assert raw.asked == 12 + 5
    asked = raw.asked
    for _ in range(3):
        assert says(weir, "good", "refuse-500") == 500
    assert raw.asked == asked + 6, "each of another client's is repeated"

"""Answers to the same in other words, over real sockets: when they are given, to whom, and what they cost."""
import itertools
import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from test_cache import KEYS, sha
from test_cache import weir_command
from weirlib import RawProvider, http, poll, provider

NEAR = {"model": "e/text-embedding-words", "threshold": 0.7, "shadow": 0}


def config(mock, embeds, semantic=None, patience=20, **more):
    clients = [{"name": name, "key_hash": sha(key)} for name, key in KEYS.items()]
    return {
        "providers": {
            "p": provider(mock, ["m"], prices={"m": {"input": 1, "output": 2}}, timeout_seconds=patience,
                          reply_timeout_seconds=patience),
            "e": provider(embeds, ["text-embedding-words"], prices={"text-embedding-words": {"input": 1, "output": 0}},
                          max_retries=0)
        },
        "routes": [{"model": "faq", "targets": ["p/m"],
                    "cache": {"mode": "all", "semantic": {**NEAR, **(semantic or {})}}}],
        "clients": clients, **more
    }


def ask(weir, text, key="a", headers=None, **more):
    body = {"model": "faq", "messages": [{"role": "user", "content": text}], **more}
    return http(weir.port, "POST", "/v1/chat/completions", body,
                headers={"authorization": f"Bearer {KEYS[key]}", **(headers or {})})


def said(reply):
    assert reply.status == 200, reply
    return reply.headers["x-weir-cache"]


def asked(mock):
    return len(mock.requests()["requests"])


@pytest.fixture
def trio(start, start_mock):
    def run(semantic=None, **more):
        mock, embeds = start_mock(), start_mock()
        return start(config(mock, embeds, semantic, **more)), mock, embeds
    return run


def test_the_same_in_other_words_is_answered_again(trio):
    weir, mock, embeds = trio()
    first = ask(weir, "How do I reset my password?")
    second = ask(weir, "How can I reset my password?")
    assert (said(first), said(second)) == ("miss", "hit")
    assert first.body == second.body and asked(mock) == 1 and asked(embeds) == 2
    assert float(second.headers["x-weir-cost"]) == 0
    assert 0.7 < float(second.headers["x-weir-cache-similarity"]) < 1
    assert "x-weir-cache-similarity" not in first.headers
    third = ask(weir, "How can I reset my password?")  # nothing of it was kept under its own words
    assert said(third) == "hit" and asked(mock) == 1
    own = ask(weir, "How do I reset my password?")  # by its own words
    assert said(own) == "hit" and asked(embeds) == 3 and "x-weir-cache-similarity" not in own.headers


def test_no_other_clients_answer_is_found(trio):
    weir, mock, _ = trio()
    ask(weir, "How do I reset my password?", key="a")
    assert said(ask(weir, "How can I reset my password?", key="b")) == "miss" and asked(mock) == 2


@pytest.mark.parametrize("more", [
    {"temperature": 0.3}, {"max_tokens": 7}, {"tools": [{"type": "function", "function": {"name": "f"}}]},
    {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "How can I reset my password?"}]},
    {"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"},
                  {"role": "user", "content": "How can I reset my password?"}]},
    {"messages": [{"role": "user", "content": [
        {"type": "text", "text": "How can I reset my password?"},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]}]},
])
def test_nothing_else_may_differ(trio, more):
    weir, mock, _ = trio()
    ask(weir, "How do I reset my password?")
    reply = ask(weir, "How can I reset my password?", **more)
    assert said(reply) == "miss" and asked(mock) == 2


def test_a_stream_gets_what_a_whole_reply_was(trio):
    weir, mock, _ = trio()
    ask(weir, "How do I reset my password?")
    reply = ask(weir, "How can I reset my password?", stream=True)
    assert said(reply) == "hit" and b"data: [DONE]" in reply.body and asked(mock) == 1


def test_who_cannot_embed_is_a_miss(trio):
    weir, mock, embeds = trio({"timeout_ms": 300})
    ask(weir, "How do I reset my password?")
    embeds.stop()
    reply = ask(weir, "How can I reset my password?")
    assert said(reply) == "miss" and asked(mock) == 2


def told(weir, path):
    return http(weir.port, "GET", path, headers={"authorization": f"Bearer {weir.admin_key}"})


def test_near_and_another_is_asked_for_and_explained(trio):
    weir, mock, _ = trio({"threshold": 0.6})
    ask(weir, "How do I enable 2FA on my phone?")
    reply = ask(weir, "How do I disable 2FA on my phone?")
    assert said(reply) == "miss" and asked(mock) == 2
    story = told(weir, f"/admin/v1/requests/{reply.headers['x-weir-request-id']}").json
    assert story["cache_why"] == "the nearest prompt differs in a word"
    again = ask(weir, "How can I turn off 2FA on my phone?")
    assert (said(again), again.body) == ("hit", reply.body)
    metrics = told(weir, "/metrics").text
    for outcome, count in (("hit", 1), ("differs", 1), ("far", 1), ("failed", 0)):
        assert f'weir_cache_semantic_total{{outcome="{outcome}"}} {count}' in metrics, outcome


def test_the_embedding_is_paid_and_the_hit_is_not(trio):
    weir, _, _ = trio()
    ask(weir, "How do I reset my password?")
    ask(weir, "How can I reset my password?")
    rows = poll(lambda: len(found := told(weir, "/admin/v1/usage?by=client,model").json["rows"]) == 2 and found)
    by = {row["model"]: row for row in rows}
    assert by["text-embedding-words"]["requests"] == 2 and float(by["text-embedding-words"]["cost_usd"]) > 0
    assert {row["client"] for row in rows} == {"a"}
    lines = poll(lambda: len(found := [line for line in weir.log("request_done")
                                       if line["endpoint"] == "embeddings"]) == 2 and found)
    assert {line["client"] for line in lines} == {"a"}


def test_a_spent_budget_pays_no_embedding_and_own_words_are_still_given(trio):
    clients = [{"name": "a", "key_hash": sha(KEYS["a"]), "budgets": [{"usd": 0.001, "window": "lifetime"}]}]
    weir, mock, embeds = trio(clients=clients)
    first = ask(weir, "How do I reset my password?", max_tokens=20)
    assert said(first) == "miss"
    for i in range(40):
        if ask(weir, f"spend it all on number {i}", max_tokens=20).status != 200:
            break
    asked_before = asked(embeds)
    while ask(weir, "spend what is left of it on words", max_tokens=1).status == 200:
        pass
    assert said(ask(weir, "How do I reset my password?", max_tokens=20)) == "hit"
    assert asked(embeds) - asked_before < 40


def test_it_takes_none_of_the_clients_places_and_rates(trio):
    clients = [{"name": "a", "key_hash": sha(KEYS["a"]), "max_concurrent": 1, "rate_limit_rpm": 3}]
    weir, mock, embeds = trio(clients=clients)
    assert [ask(weir, f"How do I reset my {what}?").status for what in ("phone", "watch", "clock")] == [200, 200, 200]
    assert asked(embeds) == 3 and ask(weir, "How do I reset my door?").status == 429


def test_words_go_to_no_provider_that_the_client_may_not_have(trio):
    clients = [{"name": "a", "key_hash": sha(KEYS["a"]), "providers": ["p"], "models": ["faq"]},
               {"name": "b", "key_hash": sha(KEYS["b"]), "models": ["faq"]}]
    weir, mock, embeds = trio(clients=clients)
    assert said(ask(weir, "How do I reset my password?", key="a")) == "miss" and asked(embeds) == 0
    assert said(ask(weir, "How do I reset my password?", key="b")) == "miss" and asked(embeds) == 1


def test_a_slow_one_is_waited_for_no_longer_than_is_written(start, start_mock):
    mock, embeds = start_mock(), start_mock("--latency", "4000")
    weir = start(config(mock, embeds, {"timeout_ms": 150}))
    begin = time.monotonic()
    assert said(ask(weir, "How do I reset my password?")) == "miss"
    assert 0.15 <= time.monotonic() - begin < 2


@pytest.mark.parametrize("fault", ["status=500", "status=429", "status=401", "hang", "reset", "invalid-json",
                                   "wrong-content-type", "error-200", "empty-body", "wrong-length", "slow-bytes"])
def test_whatever_the_embedding_does_the_answer_comes(trio, fault):
    weir, mock, embeds = trio({"timeout_ms": 300})
    embeds.fault(fault)
    assert said(ask(weir, "How do I reset my password?")) == "miss" and asked(mock) == 1


def test_many_at_once_embed_once(start, start_mock):
    mock, embeds = start_mock("--latency", "300"), start_mock("--latency", "300")
    weir = start(config(mock, embeds))
    with ThreadPoolExecutor(30) as pool:
        replies = list(pool.map(lambda _: ask(weir, "How do I reset my password?"), range(30)))
    assert {reply.status for reply in replies} == {200} and len({reply.body for reply in replies}) == 1
    assert asked(mock) == 1 and asked(embeds) <= 4, asked(embeds)


def test_callers_that_go_leave_nothing_behind(start, start_mock):
    from weirlib import Connection, request_bytes
    mock, embeds = start_mock(), start_mock("--latency", "200")
    weir = start(config(mock, embeds))
    for i in range(20):
        connection = Connection(weir.port)
        connection.send(request_bytes("POST", "/v1/chat/completions",
                                      {"model": "faq", "messages": [{"role": "user", "content": f"What is {i}?"}]},
                                      {"authorization": f"Bearer {KEYS['a']}"}))
        connection.reset()
    assert poll(lambda: "weir_requests_in_flight 0" in told(weir, "/metrics").text)
    assert said(ask(weir, "How do I reset my password?")) == "miss"


def test_who_asks_for_something_else_of_the_cache_is_not_looked_for(trio):
    weir, mock, embeds = trio()
    ask(weir, "How do I reset my password?")
    before = asked(embeds)
    assert ask(weir, "How can I reset my password?", headers={"x-weir-cache": "only"}).status == 504
    for headers in ({"x-weir-cache": "no-cache"}, {"x-weir-cache-key": "k"}):
        assert said(ask(weir, "How can I reset my password?", headers=headers)) == "miss"
    assert said(ask(weir, "How can I reset my password?", headers={"x-weir-cache": "no-store"})) == "bypass"
    assert asked(embeds) == before


def test_a_purge_takes_its_vector_too(trio):
    weir, mock, _ = trio()
    ask(weir, "How do I reset my password?")
    assert told(weir, "/admin/v1/cache").json["semantic"]["prompts"] == 1
    assert weir_command(weir, "cache", "purge", "--client", "a")[0] == 0
    assert told(weir, "/admin/v1/cache").json["semantic"] == {
        "prompts": 0, "max_prompts": 10000, "routes": [{"route": "faq", "on": True, "compared": 0, "false": 0}]}
    assert said(ask(weir, "How can I reset my password?")) == "miss" and asked(mock) == 2


@pytest.mark.parametrize("turns_on", [
    lambda weir: weir_command(weir, "cache", "purge", "--route", "faq"),
    lambda weir: http(weir.port, "POST", "/admin/v1/reload", {}, headers={"authorization": f"Bearer {weir.admin_key}"})
], ids=["purge", "reload"])
def test_false_ones_turn_it_off_until_a_purge(start, start_mock, turns_on):
    answers = itertools.count()

    def answer(connection, head, body):  # never the same again
        content = " ".join(f"{word}{next(answers)}" for word in ("alpha", "beta", "gamma", "delta"))
        reply = json.dumps({"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [
            {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}).encode()
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" %
                           len(reply) + reply)
        return False
    embeds, raw = start_mock(), RawProvider(answer)
    options = config(embeds, embeds, {"shadow": 1})
    options["providers"]["p"] = {"type": "openai", "base_url": raw.base_url, "api_key": "sk-of-the-raw-one",
                                 "models": ["m"]}
    weir = start(options)
    nouns = ["phone", "watch", "clock", "router", "tablet", "laptop", "printer", "camera", "radio", "fridge", "oven",
             "heater", "drone", "scooter", "lamp", "mouse", "keyboard", "monitor", "scanner", "speaker", "piano"]
    for noun in nouns:
        ask(weir, f"How do I reset {noun} {noun} {noun}?")
        assert said(ask(weir, f"How can I reset {noun} {noun} {noun}?")) == "miss"
    stats = told(weir, "/admin/v1/cache").json["semantic"]["routes"][0]
    assert stats["on"] is False and stats["compared"] == stats["false"] == 20, stats
    said_false = f"faq: {stats['false']} of 20 answers to other words that were compared were false"
    assert said_false in weir_command(weir, "cache", "stats")[1]
    alert, = poll(lambda: [a for a in told(weir, "/admin/v1/alerts?active=true").json["alerts"]
                           if a["kind"] == "false_semantic_hits"])
    assert alert["subject"] == "route faq" and float(alert["value"]) == stats["false"] / 20
    before = asked(embeds)
    assert said(ask(weir, "How do I reset my harp?")) == "miss" and asked(embeds) == before
    assert 'weir_cache_semantic_compared_total{outcome="false"} %d' % stats["false"] in told(weir, "/metrics").text
    turns_on(weir)
    assert poll(lambda: not [a for a in told(weir, "/admin/v1/alerts?active=true").json["alerts"]
                             if a["kind"] == "false_semantic_hits"])
    ask(weir, "How do I reset my cello?")
    assert asked(embeds) == before + 1


@pytest.mark.parametrize("cache, words", [
    ({"semantic": {"threshold": 0.9}}, "`semantic` needs a `model`"),
    ({"semantic": {"model": "nobody/knows"}}, "`model` of `semantic`"),
    ({"semantic": {"model": "e/text-embedding-words", "treshold": 0.9}}, "treshold"),
    ({"semantic": {"model": "e/text-embedding-words", "threshold": 2}}, "threshold"),
    ({"semantic": {"model": "e/text-embedding-words"}, "semantic_entries": 5}, "`semantic_entries` is one for all"),
])
def test_check_says_what_is_wrong(tmp_path, cache, words):
    from test_config_check import check
    text = json.dumps({"providers": {"p": {"type": "openai", "api_key": "sk-aaaaaaaaaaaaaaaa", "models": ["m"]},
                                  "e": {"type": "openai", "api_key": "sk-aaaaaaaaaaaaaaaa",
                                        "models": ["text-embedding-words"]}},
                    "routes": [{"model": "faq", "targets": ["p/m"], "cache": cache}], "auth": "none"})
    status, out = check(tmp_path, text)
    assert status != 0 and words in out, out


def test_limits_and_owners_count_the_request_alone(trio):
    clients = [{"name": "a", "key_hash": sha(KEYS["a"]), "in": "team",
                "limits": [{"rpm": 4}, {"rpm": 50, "per": "model"}, {"tpm": 100000, "per": "route"}]}]
    weir, _, embeds = trio(clients=clients, owners=[{"name": "team", "kind": "team", "rate_limit_rpm": 4}])
    replies = [ask(weir, f"How do I reset my {what}?").status for what in ("phone", "watch", "clock", "radio", "door")]
    assert replies == [200, 200, 200, 200, 429] and asked(embeds) == 4


CALLERS = {
    "messages": ("/v1/messages", lambda text: {"model": "faq", "max_tokens": 50,
                                               "messages": [{"role": "user", "content": text}]}),
    "responses": ("/v1/responses", lambda text: {"model": "faq", "store": False, "input": text}),
    "gemini": ("/v1beta/models/faq:generateContent", lambda text: {"contents": [{"parts": [{"text": text}]}]}),
}


@pytest.mark.parametrize("dialect", CALLERS)
def test_in_every_dialect(trio, dialect):
    path, body = CALLERS[dialect]
    weir, mock, _ = trio()
    replies = [http(weir.port, "POST", path, body(text), headers={"authorization": f"Bearer {KEYS['a']}"})
               for text in ("How do I reset my password?", "How can I reset my password?")]
    assert [said(reply) for reply in replies] == ["miss", "hit"] and asked(mock) == 1
    assert replies[0].body == replies[1].body


def test_personal_data_that_is_hidden_is_embedded_hidden(trio):
    clients = [{"name": "a", "key_hash": sha(KEYS["a"]), "redact_to_providers": "restore"}]
    weir, mock, embeds = trio(clients=clients)
    ask(weir, "How do I write to bob@example.com?")
    assert "bob@example.com" not in json.dumps(embeds.requests())
    other = ask(weir, "How can I write to eve@example.com?")
    assert b"bob@" not in other.body and "eve@example.com" not in json.dumps(embeds.requests())

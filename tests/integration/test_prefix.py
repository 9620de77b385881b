"""Prompts stay where their provider keeps them: over real sockets, all workers, reloads and removed providers."""
import hashlib
import json
import time

import pytest

from weirlib import GOOD_BODY, RawProvider, good_reply, http, poll


class Keeper:
    """A provider with a prompt cache: of a prompt that it has seen before it reads 4,096 of 5,000 tokens."""

    def __init__(self):
        self.seen, self.broken, self.cached = set(), False, 0
        self.raw = RawProvider(self.answer)

    def answer(self, connection, head, body):
        if self.broken:
            connection.sendall(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")
            return None
        first = json.dumps(json.loads(body)["messages"][0])
        reply = json.loads(GOOD_BODY)
        cached = 4096 if first in self.seen else 0
        self.seen.add(first)
        self.cached += cached
        reply["usage"] = {"prompt_tokens": 5000, "completion_tokens": 1, "total_tokens": 5001,
                          "prompt_tokens_details": {"cached_tokens": cached}}
        connection.sendall(good_reply(json.dumps(reply).encode()))
        return None


@pytest.fixture
def keepers(start):
    """Three of them as a, b, c, and a function that starts weir with a route `m` to all."""
    made = [Keeper() for _ in range(3)]

    def run(route=None, **more):
        blocks = {name: {"type": "openai", "base_url": keeper.raw.base_url, "api_key": "k-123456789012",
                         "models": ["x"], "priority": i + 1, "health_check_interval": 0,
                         "circuit_breaker": {"failure_threshold": 1000},
                         "prices": {"x": {"input": 1 + i / 10, "output": 1, "cached_input": 0.1}}}
                  for i, (name, keeper) in enumerate(zip("abc", made))}
        return start({"providers": blocks, "routes": [{"model": "m", "targets": ["a/x", "b/x", "c/x"],
                                                       **(route or {})}], **more})
    yield run, made
    for keeper in made:
        keeper.raw.socket.close()


def ask(weir, first, turns=1, headers=None, **more):
    messages = [{"role": "user", "content": first}]
    for turn in range(1, turns):
        messages += [{"role": "assistant", "content": "fine"}, {"role": "user", "content": f"turn {turn}"}]
    reply = http(weir.port, "POST", "/v1/chat/completions",
                 body=json.dumps({"model": "m", "messages": messages, **more}), headers={
                     "content-type": "application/json", **(headers or {})})
    assert reply.status == 200, reply
    return reply


def served(reply):
    return reply.headers["x-weir-provider"]


def cache_story(weir, reply):
    story = poll(lambda: (r := http(weir.port, "GET", "/admin/v1/requests/" + reply.headers["x-weir-request-id"],
                                    headers={"authorization": f"Bearer {weir.admin_key}"})).status == 200 and r.json)
    return story.get("prompt_cache")


def test_a_conversation_stays_where_it_was_answered_on_all_workers(keepers):
    run, (a, _, _) = keepers
    weir = run({"affinity": "on"}, workers=4)
    a.broken = True
    assert served(ask(weir, "long ago")) == "b"
    a.broken = False
    assert served(ask(weir, "another")) == "a"
    for turn in range(2, 14):  # a connection each, so that all loops are asked
        reply = ask(weir, "long ago", turns=turn)
        assert served(reply) == "b", turn
        told = cache_story(weir, reply)
        assert (told["by"], told["choice"], told["instead_of"]) == ("prefix", "kept", "a/x"), told
        # 5,000 tokens: at a they would be read at 1 USD a million, here 4,992 of them at 0.1 and 8 at 1.1
        assert 4_000_000 < told["nano_usd"] < 5_000_000


def test_without_it_each_request_is_chosen_for_itself(keepers):
    run, (a, _, _) = keepers
    weir = run()
    a.broken = True
    assert served(ask(weir, "long ago")) == "b"
    a.broken = False
    reply = ask(weir, "long ago", turns=2)
    assert served(reply) == "a" and cache_story(weir, reply) is None


def share(run, keepers, route):
    """Of the input of 20 conversations of 5 turns the part that was read from providers' caches."""
    for keeper in keepers:
        keeper.seen.clear()
        keeper.cached = 0
    weir = run(route)
    for turn in range(1, 6):
        for conversation in range(20):
            ask(weir, f"{conversation} of {len(route)}", turns=turn)
    weir.stop()
    return sum(keeper.cached for keeper in keepers) / (20 * 5 * 5000)


def test_a_providers_cache_is_hit_as_if_there_were_one_provider(keepers):
    run, made = keepers
    kept = share(run, made, {"strategy": "round_robin", "affinity": "on"})
    spread = share(run, made, {"strategy": "round_robin", "affinity": "off"})
    print(f"token hit share: {kept:.3f} kept, {spread:.3f} spread over three")
    assert kept == pytest.approx(0.8 * 4096 / 5000)  # all turns but the first
    assert spread < kept / 1.5


def test_a_session_a_cache_key_and_a_client_each_have_their_own(keepers):
    run, (a, _, _) = keepers
    weir = run({"affinity": "on"})
    a.broken = True
    ask(weir, "one", headers={"x-weir-session": "s"})
    ask(weir, "two", prompt_cache_key="k")
    a.broken = False
    assert served(ask(weir, "three", headers={"x-weir-session": "s"})) == "b"
    assert served(ask(weir, "three", headers={"x-weir-session": "t"})) == "a"
    assert served(ask(weir, "four", prompt_cache_key="k")) == "b"
    assert served(ask(weir, "four", prompt_cache_key="l")) == "a"


def test_a_provider_that_is_removed_keeps_nothing(keepers):
    run, (a, b, _) = keepers
    weir = run({"affinity": "on"})
    a.broken = True
    assert served(ask(weir, "hi")) == "b"
    a.broken = False
    assert served(ask(weir, "hi", turns=2)) == "b"

    def admin(method, path, body=None):
        reply = http(weir.port, method, "/admin/v1" + path, body=body and json.dumps(body),
                     headers={"authorization": f"Bearer {weir.admin_key}", "content-type": "application/json"})
        assert reply.status < 300, reply
    admin("POST", "/providers/b/drain")
    reply = ask(weir, "hi", turns=3)
    assert served(reply) == "a"
    told = cache_story(weir, reply)
    assert (told["choice"], told["left"], told["miss"]) == ("barred", "b/x", "target_changed"), told
    admin("POST", "/providers/b/resume")
    assert served(ask(weir, "hi", turns=4)) == "a"  # that is where it lies now


def test_money_is_weighed_and_told(keepers):
    run, (a, _, _) = keepers
    weir = run({"strategy": "cost_optimal", "affinity": "on"})
    a.broken = True
    ask(weir, "hi")
    a.broken = False
    reply = ask(weir, "hi", turns=2)
    told = cache_story(weir, reply)
    assert served(reply) == "b" and told["choice"] == "kept" and told["instead_of"] == "a/x"
    assert told["nano_usd"] > 4_000_000  # 5,000 tokens at 1 USD a million there, at 0.1 here
    shown = http(weir.port, "POST", "/admin/v1/route", body=json.dumps(
        {"model": "m", "messages": [{"role": "user", "content": "hi"}]}),
        headers={"authorization": f"Bearer {weir.admin_key}", "content-type": "application/json"})
    assert shown.json["chosen"] == "b/x" and shown.json["prompt_cache"]["choice"] == "kept", shown.json


def test_its_lifetime_is_the_requests_own(keepers):
    run, (a, _, _) = keepers
    weir = run({"affinity": "on"})
    part = {"type": "text", "text": "hi", "cache_control": {"type": "ephemeral", "ttl": "1s"}}
    a.broken = True
    http(weir.port, "POST", "/v1/chat/completions", headers={"content-type": "application/json"},
         body=json.dumps({"model": "m", "messages": [{"role": "user", "content": [part]}]}))
    a.broken = False
    assert served(ask(weir, "hi", turns=2)) == "b"  # and this one asks for the usual five minutes
    http(weir.port, "POST", "/v1/chat/completions", headers={"content-type": "application/json"},
         body=json.dumps({"model": "m", "messages": [{"role": "user", "content": [{**part, "text": "ho"}]}]}))
    a.broken = True
    assert served(ask(weir, "short", prompt_cache_retention="1s")) == "b"
    a.broken = False
    until = time.monotonic() + 20
    while served(reply := ask(weir, "short", prompt_cache_retention="1s")) == "b" and time.monotonic() < until:
        time.sleep(1.5)  # each use keeps it for a second more
    assert served(reply) == "a" and cache_story(weir, reply)["choice"] == "over"


@pytest.mark.parametrize("made_at", ["start", "run time"])
def test_what_caches_give_is_seen_by_model_and_client_and_a_fall_is_told_once(keepers, made_at):
    run, made = keepers
    key = "wk-prompts"
    of_file = {"name": "app", "may_steer": True, "key_hash": hashlib.sha256(key.encode()).hexdigest()}
    weir = run({"affinity": "on"}, clients=[of_file] if made_at == "start" else [])
    admin = {"authorization": f"Bearer {weir.admin_key}"}
    if made_at == "run time":
        for name in ("app", "idle"):
            body = json.dumps({"name": name, "may_steer": True}).encode()
            reply = http(weir.port, "POST", "/admin/v1/clients", body, {**admin, "content-type": "application/json"})
            key = key if name == "idle" else reply.json["key"]
    of = {"authorization": f"Bearer {key}"}
    for _ in range(100):
        ask(weir, "the same", headers=of)

    def told(path):
        return http(weir.port, "GET", path, headers=admin)

    def rows():
        found = told("/admin/v1/usage?by=client,model,day").json["rows"]
        return found if found and found[0]["requests"] == 100 else None
    row, = poll(rows)
    assert row["client"] == "app" and row["cached_share"] == pytest.approx(99 * 4096 / 500000, abs=1e-4)
    assert row["cached_tokens"] == 99 * 4096 and float(row["cache_saved_usd"]) > 0
    metrics = told("/metrics").text
    assert 'weir_prompt_cache_misses_total{provider="a",model="x",reason="first_use"} 1' in metrics
    assert 'weir_tokens_total{provider="a",model="x",direction="cached"} 405504' in metrics
    for number in range(30):
        ask(weir, f"another {number}", headers=of)
    seen = poll(lambda: len(found := [a for a in told("/admin/v1/alerts?active=true").json["alerts"]
                                      if a["kind"] == "prompt_cache_fell"]) == 2 and found)
    assert {a["subject"] for a in seen} == {"model a/x", "client app"}
    assert poll(lambda: 'weir_alerts_total{kind="prompt_cache_fell"} 2' in told("/metrics").text)
    for _ in range(60):
        ask(weir, "the same", headers=of)
    assert poll(lambda: not [a for a in told("/admin/v1/alerts?active=true").json["alerts"]
                             if a["kind"] == "prompt_cache_fell"])

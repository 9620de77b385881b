"""What a caller sees of its own money with its own key: its usage, one request, and what an answer cost."""
import hashlib
import json

import pytest

from weirlib import chat, http, provider

PRICES = {"m": {"input": 1.0, "output": 2.0}}
KEYS = {"app": "weir-app-key", "other": "weir-other-key"}


def bearer(name):
    return {"authorization": f"Bearer {KEYS[name]}"}


@pytest.fixture
def weir(start, mocks):
    mocks[0].reset()
    clients = [{"name": name, "key_hash": hashlib.sha256(key.encode()).hexdigest()} for name, key in KEYS.items()]
    return start({"providers": {"one": provider(mocks[0], prices=PRICES)}, "clients": clients})


def generation(weir, request_id, name="app"):
    return http(weir.port, "GET", f"/v1/generation?id={request_id}", headers=bearer(name))


def test_a_request_is_found_by_both_its_ids_and_by_its_own_client_alone(weir):
    reply = chat(weir.port, headers=bearer("app") | {"x-weir-request-id": "mine-1"})
    assert reply.headers["x-weir-request-id"] == "mine-1"
    told = generation(weir, "mine-1")
    assert told.status == 200, told
    data = told.json["data"]
    assert data["caller_id"] == "mine-1" and data["asked"] == "m" and data["streamed"] is False
    assert data["cost_usd"] == reply.headers["x-weir-cost"]
    assert [(a["provider"], a["outcome"], a["status"]) for a in data["attempts"]] == [("one", "ok", 200)]
    assert generation(weir, data["id"]).json == told.json
    for request_id in ("mine-1", data["id"]):
        assert generation(weir, request_id, "other").status == 404
    chat(weir.port, headers=bearer("other") | {"x-weir-request-id": "mine-1"})
    assert generation(weir, "mine-1").json["data"]["id"] == data["id"]
    assert generation(weir, "mine-1", "other").json["data"]["id"] != data["id"]


def test_of_two_requests_with_one_id_the_last_is_told(weir):
    for i in range(20):  # some of them within one millisecond
        for text in ("one", "two of them, longer"):
            last = chat(weir.port, text, headers=bearer("app") | {"x-weir-request-id": f"again-{i}"})
        data = generation(weir, f"again-{i}").json["data"]
        assert len(data["attempts"]) == 1 and data["input_tokens"] == last.json["usage"]["prompt_tokens"]


@pytest.mark.parametrize("request_id, status", [("nothing", 404), ("", 400), ("x" * 65, 400), ("%00", 400),
                                                ("%27%20OR%201=1", 404), ("req_00000000", 404)])
def test_what_is_nobodys_is_not_found(weir, request_id, status):
    chat(weir.port, headers=bearer("app"))
    reply = generation(weir, request_id)
    assert reply.status == status and reply.error["message"]


def test_a_key_sees_its_own_usage_whatever_it_asks_for(weir):
    for name in ("app", "other", "other"):
        chat(weir.port, headers=bearer(name))

    def own(query, name="app"):
        reply = http(weir.port, "GET", "/v1/usage" + query, headers=bearer(name))
        assert reply.status == 200, reply
        return reply.json
    assert own("")["total"]["requests"] == 1 and own("", "other")["total"]["requests"] == 2
    for query in ("?client=other", "?by=client", "?by=client&client=other", "?by=session,provider"):
        told = own(query)
        assert told["total"]["requests"] in (0, 1) and "other" not in json.dumps(told["rows"]), (query, told)
    assert http(weir.port, "GET", "/v1/usage?by=owner", headers=bearer("app")).status == 400
    assert http(weir.port, "GET", "/v1/usage").status == 401
    assert http(weir.port, "GET", "/v1/generation?id=x").status == 401


def test_without_clients_who_asks_sees_what_was_asked_without_a_key(start, mocks):
    mocks[0].reset()
    weir = start({"providers": {"one": provider(mocks[0], prices=PRICES)}})
    reply = chat(weir.port)
    assert http(weir.port, "GET", "/v1/usage").json["total"]["requests"] == 1
    assert http(weir.port, "GET", "/v1/generation?id=" + reply.headers["x-weir-request-id"]).status == 200


def test_a_whole_answers_cost_is_told_by_what_it_was_for(weir):
    reply = chat(weir.port, headers=bearer("app"))
    usage = reply.json["usage"]
    assert reply.headers["x-weir-cost-input"] == f"{usage['prompt_tokens'] * 1000 / 1e9:.9f}"
    assert reply.headers["x-weir-cost-output"] == f"{usage['completion_tokens'] * 2000 / 1e9:.9f}"
    assert "x-weir-cost-tools" not in reply.headers and "x-weir-cost-cached" not in reply.headers


CALLERS = {
    "chat": ("/v1/chat/completions", {"model": "m", "messages": [{"role": "user", "content": "x"}], "stream": True}),
    "completions": ("/v1/completions", {"model": "m", "prompt": "x", "stream": True}),
    "responses": ("/v1/responses", {"model": "m", "input": "x", "stream": True}),
    "messages": ("/v1/messages", {"model": "m", "max_tokens": 50, "stream": True,
                                  "messages": [{"role": "user", "content": "x"}]}),
    "google": ("/v1beta/models/m:streamGenerateContent?alt=sse", {"contents": [{"parts": [{"text": "x"}]}]}),
    "google-array": ("/v1beta/models/m:streamGenerateContent", {"contents": [{"parts": [{"text": "x"}]}]}),
}
PROVIDERS = {"openai": "/v1", "anthropic": "", "gemini": "/v1beta"}


def costs(root):
    if isinstance(root, list):
        return [found for value in root for found in costs(value)]
    if not isinstance(root, dict):
        return []
    return [v for k, v in root.items() if k == "weir_cost"] + [f for v in root.values() for f in costs(v)]


@pytest.mark.parametrize("kind", PROVIDERS)
@pytest.mark.parametrize("caller", CALLERS)
def test_a_streams_cost_is_told_at_its_end_to_whoever_asks(start, mocks, kind, caller):
    mocks[0].reset()
    weir = start({"providers": {kind: {"type": kind, "base_url": f"http://127.0.0.1:{mocks[0].port}{PROVIDERS[kind]}",
                                       "api_key": "k" * 20, "models": ["m"], "prices": PRICES}}})
    path, body = CALLERS[caller]

    def ask(**headers):
        reply = http(weir.port, "POST", path, body, {"x-goog-api-key": "k"} | headers)
        assert reply.status == 200 and reply.complete, reply
        return reply
    for headers in ({}, {"x-weir-cost": "false"}):
        assert "weir_cost" not in ask(**headers).text
    reply = ask(**{"x-weir-cost": "true"})
    root = reply.json if caller == "google-array" else reply.events
    told = costs(root)
    assert len(told) == 1, reply.text
    request_id = reply.headers["x-weir-request-id"]
    data = http(weir.port, "GET", f"/v1/generation?id={request_id}").json["data"]
    assert told[0]["cost_usd"] == data["cost_usd"] and float(told[0]["cost_usd"]) > 0
    assert (told[0]["input_usd"], told[0]["output_usd"]) == (data["input_usd"], data["output_usd"])


def test_a_chat_that_asked_for_no_usage_gets_it_with_the_cost_alone(weir, mocks):
    plain = chat(weir.port, stream=True, headers=bearer("app"))
    asked = chat(weir.port, stream=True, headers=bearer("app") | {"x-weir-cost": "true"})
    assert len(asked.events) == len(plain.events) + 1
    assert asked.events[-2]["usage"]["weir_cost"]["cost_usd"]
    assert json.loads(mocks[0].last()["body"])["stream_options"] == {"include_usage": True}

"""Several answers (`n`, `candidateCount`) of targets that make one at a time: a call each, one after the other, and
gathered into one reply; whole and streamed, with the failures, limits and costs of each call its own."""
import hashlib
import json
import threading

import pytest

from weirlib import RawProvider, http, poll, provider

ASKED = "Tell me a story."
KINDS = {"claude": ("anthropic", "", {}), "llama": ("ollama-native", "", {}), "flare": ("cloudflare-native", "", {}),
         "face": ("huggingface-native", "", {}), "groq": ("groq", "/v1", {}), "olla": ("ollama", "/v1", {}),
         "apart": ("openai", "/v1", {"api": "responses"}),
         "one": ("openai", "/v1", {"facts": {"one": {"refuses": "n", "can": "tools"}}})}


@pytest.fixture
def gateway(start, start_mock):
    mock = start_mock()
    blocks = {k: provider(f"http://127.0.0.1:{mock.port}{path}", [k], type=kind, priority=9, **more) for
              k, (kind, path, more) in KINDS.items()}
    blocks["many"] = provider(mock, ["many"], type="openai", priority=10)
    return start({"retry": {"base_ms": 1, "max_ms": 5}, "providers": blocks, "routes": [
        {"model": "both", "strategy": "priority", "targets": ["claude/claude", "many/many"]},
        {"model": "claudes", "targets": ["claude/claude", "llama/llama"]}]}), mock


def chat(weir, model, stream=False, headers=None, **more):
    body = {"model": model, "messages": [{"role": "user", "content": ASKED}], "stream": stream, **more}
    return http(weir.port, "POST", "/v1/chat/completions", body, headers)


def google(weir, model, stream=False, **more):
    path = f"/v1beta/models/{model}:" + ("streamGenerateContent?alt=sse" if stream else "generateContent")
    config = {"candidateCount": more.pop("n")}
    return http(weir.port, "POST", path, {
        "contents": [{"role": "user", "parts": [{"text": ASKED}]}], "generationConfig": config, **more})


def posts(mock):
    return [json.loads(r["body"]) for r in mock.requests()["requests"] if r["method"] == "POST"]


def story(weir, reply):
    path = "/admin/v1/requests/" + reply.headers["x-weir-request-id"]
    key = {"authorization": f"Bearer {weir.admin_key}"}
    return poll(lambda: (r := http(weir.port, "GET", path, headers=key)).status == 200 and r.json)


def streamed(reply):
    """index -> (text, finish), each whole before the next begins."""
    answers, last = {}, -1
    for event in reply.events[:-1]:
        for choice in event["choices"]:
            index = choice["index"]
            assert index in (last, last + 1), reply
            last = index
            text, finish = answers.get(index, ("", None))
            assert finish is None
            answers[index] = (text + (choice["delta"].get("content") or ""), choice["finish_reason"])
    assert reply.events[-1] == "[DONE]"
    assert len({e["id"] for e in reply.events[:-1]}) == 1
    return answers


@pytest.mark.parametrize("model", KINDS)
def test_each_answer_is_a_call_of_its_own(gateway, model):
    weir, mock = gateway
    reply = chat(weir, model, n=3)
    assert reply.status == 200, reply
    sent = posts(mock)
    assert len(sent) == 3 and all(s == sent[0] and "n" not in s for s in sent), sent
    choices = reply.json["choices"]
    assert [c["index"] for c in choices] == [0, 1, 2]
    assert all(c["message"]["content"] and c["finish_reason"] == "stop" for c in choices)
    assert reply.headers["x-weir-changed"] == "n=calls" and reply.headers["x-weir-attempts"] == "3"
    attempts = story(weir, reply)["attempts"]
    assert len(attempts) == 3 and all(a["outcome"] == "ok" for a in attempts)
    usage = reply.json.get("usage", {})
    for mine, theirs in (("prompt_tokens", "input_tokens"), ("completion_tokens", "output_tokens")):
        assert usage.get(mine, 0) == sum(a.get(theirs, 0) for a in attempts)


@pytest.mark.parametrize("model", KINDS)
def test_a_stream_brings_one_after_the_other(gateway, model):
    weir, mock = gateway
    reply = chat(weir, model, True, n=3, stream_options={"include_usage": True})
    assert reply.status == 200 and reply.complete, reply
    assert len(posts(mock)) == 3
    answers = streamed(reply)
    assert list(answers) == [0, 1, 2] and all(text and finish == "stop" for text, finish in answers.values()), answers
    assert reply.headers["x-weir-changed"] == "n=calls"
    usages = [e["usage"] for e in reply.events[:-1] if e.get("usage")]
    attempts = story(weir, reply)["attempts"]
    assert len(attempts) == 3 and len(usages) == 1, usages
    if usages:
        assert usages[0]["prompt_tokens"] == sum(a["input_tokens"] for a in attempts)


@pytest.mark.parametrize("stream", (False, True))
def test_googles_candidates(gateway, stream):
    weir, mock = gateway
    reply = google(weir, "claude", stream, n=2)
    assert reply.status == 200 and len(posts(mock)) == 2, reply
    events = reply.events if stream else [reply.json]
    texts = {0: "", 1: ""}
    for candidate in (c for e in events for c in e["candidates"]):
        texts[candidate.get("index", 0)] += "".join(p.get("text", "") for p in candidate["content"].get("parts", []))
    assert all(texts.values())
    assert [c["finishReason"] for c in events[-1]["candidates"]] == ["STOP", "STOP"]
    attempts = story(weir, reply)["attempts"]
    assert events[-1]["usageMetadata"]["promptTokenCount"] == sum(a["input_tokens"] for a in attempts)


def test_googles_stream_as_one_array(gateway):
    weir, mock = gateway
    reply = http(weir.port, "POST", "/v1beta/models/claude:streamGenerateContent", {
        "contents": [{"role": "user", "parts": [{"text": ASKED}]}], "generationConfig": {"candidateCount": 2}})
    assert reply.status == 200 and {c.get("index", 0) for e in reply.json for c in e["candidates"]} == {0, 1}


def test_older_completions(gateway):
    weir, mock = gateway
    reply = http(weir.port, "POST", "/v1/completions", {"model": "claude", "prompt": ASKED, "n": 2})
    assert [c["index"] for c in reply.json["choices"]] == [0, 1] and len(posts(mock)) == 2
    reply = http(weir.port, "POST", "/v1/completions", {"model": "claude", "prompt": ASKED, "n": 2, "stream": True})
    assert {c["index"] for e in reply.events[:-1] for c in e["choices"]} == {0, 1} and reply.events[-1] == "[DONE]"


TOOL = {"type": "function", "function": {"name": "look", "parameters": {
    "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "Report", "schema": TOOL["function"]["parameters"]}}


@pytest.mark.parametrize("stream", (False, True))
@pytest.mark.parametrize("model", ("claude", "groq", "one"))
def test_calls_of_tools_in_each(gateway, model, stream):
    weir, mock = gateway
    reply = chat(weir, model, stream, n=2, tools=[TOOL], tool_choice="required")
    assert reply.status == 200, reply
    calls = {}
    for choice in (c for e in (reply.events[:-1] if stream else [reply.json]) for c in e["choices"]):
        for call in (choice["delta"] if stream else choice["message"]).get("tool_calls", []):
            name, said = calls.get(choice["index"], ("", ""))
            calls[choice["index"]] = (name or call["function"]["name"], said + call["function"].get("arguments", ""))
    assert list(calls) == [0, 1] and all(n == "look" and json.loads(a) for n, a in calls.values()), reply
    reply = google(weir, model, stream, n=2, tools=[{"functionDeclarations": [
        {"name": "look", "parametersJsonSchema": TOOL["function"]["parameters"]}]}],
                   toolConfig={"functionCallingConfig": {"mode": "ANY"}})
    called = [(c.get("index", 0), p["functionCall"]["name"]) for e in (reply.events if stream else [reply.json]) for
              c in e["candidates"] for p in c["content"].get("parts", []) if "functionCall" in p]
    assert called == [(0, "look"), (1, "look")], reply


@pytest.mark.parametrize("stream", (False, True))
def test_an_answer_to_a_schema_by_a_tool_in_each(start, start_mock, stream):
    mock = start_mock()
    model = "claude-3-haiku-20240307"
    weir = start({"providers": {"c": provider(f"http://127.0.0.1:{mock.port}", [model], type="anthropic")}})
    reply = chat(weir, model, stream, n=2, response_format=SCHEMA)
    assert reply.status == 200 and reply.headers["x-weir-changed"] == "n=calls, json_schema=tool", reply
    texts = ([text for text, _ in streamed(reply).values()] if stream else
             [c["message"]["content"] for c in reply.json["choices"]])
    assert len(texts) == 2 and all("city" in json.loads(text) for text in texts)


def test_who_makes_several_at_once_is_asked_first(gateway):
    weir, mock = gateway
    reply = chat(weir, "both", n=3)
    assert reply.headers["x-weir-provider"] == "many" and "x-weir-changed" not in reply.headers
    assert [s["n"] for s in posts(mock)] == [3]
    assert chat(weir, "both").headers["x-weir-provider"] == "claude"
    mock.reset()
    reply = chat(weir, "both", n=2, headers={"x-weir-targets": "claude/claude"})
    assert reply.headers["x-weir-provider"] == "claude" and len(posts(mock)) == 2


@pytest.mark.parametrize("stream", (False, True))
def test_a_native_one_that_fails_is_followed_by_calls_and_they_by_one_at_a_time(gateway, stream):
    weir, mock = gateway
    mock.fault("status=500", count=1)
    reply = chat(weir, "both", stream, n=2)
    assert reply.status == 200 and reply.headers["x-weir-provider"] == "claude", reply
    assert [s.get("n") for s in posts(mock)] == [2, None, None]
    assert len(streamed(reply) if stream else reply.json["choices"]) == 2


def failing(mock, numbers, status=500):
    """A provider in front of the mock, which fails the requests of these numbers, from 0."""
    seen = []

    def answer(connection, head, body):
        number = len(seen)
        seen.append(json.loads(body))
        if number in numbers:
            said = b'{"type":"error","error":{"type":"api_error","message":"no"}}'
            connection.sendall(b"HTTP/1.1 %d No\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" %
                               (status, len(said), said))
            return True
        reply = http(mock.port, "POST", head.split(b" ")[1].decode(), body, {
            "x-api-key": "k", "anthropic-version": "2023-06-01"})
        kind = reply.headers["content-type"].encode()
        connection.sendall(b"HTTP/1.1 %d OK\r\ncontent-type: %s\r\ncontent-length: %d\r\n\r\n%s" %
                           (reply.status, kind, len(reply.body), reply.body))
        return True
    raw = RawProvider(answer)
    return raw, seen


@pytest.mark.parametrize("stream", (False, True))
@pytest.mark.parametrize("number", (0, 1, 2))
def test_a_call_that_fails_is_made_again_and_the_others_are_not(start, start_mock, number, stream):
    raw, seen = failing(start_mock(), {number})
    with raw:
        weir = start({"retry": {"base_ms": 1, "max_ms": 5}, "providers": {
            "c": provider(raw.base_url[:-3], ["m"], type="anthropic")}})
        reply = chat(weir, "m", stream, n=3)
        assert reply.status == 200 and len(seen) == 4, reply
        assert len(streamed(reply) if stream else reply.json["choices"]) == 3
        outcomes = [a["outcome"] for a in story(weir, reply)["attempts"]]
        assert [o == "ok" for o in outcomes] == [i != number for i in range(4)], outcomes


@pytest.mark.parametrize("stream", (False, True))
def test_another_target_goes_on_where_one_fails(start, start_mock, stream):
    mock = start_mock()
    raw, seen = failing(mock, set(range(1, 99)))
    with raw:
        weir = start({"retry": {"max_retries": 0}, "providers": {
            "c": provider(raw.base_url[:-3], ["m"], type="anthropic", priority=1),
            "o": provider(mock, ["m"], type="groq", priority=2)}, "routes": [
                {"model": "r", "targets": ["c/m", "o/m"]}]})
        reply = chat(weir, "r", stream, n=3)
        assert reply.status == 200 and len(streamed(reply) if stream else reply.json["choices"]) == 3, reply
        assert [(a["target"], a["outcome"] == "ok") for a in story(weir, reply)["attempts"]] == [
            ("c/m", True), ("c/m", False), ("o/m", True), ("o/m", True)]


def test_where_none_is_left_the_whole_request_fails_and_says_so(start, start_mock):
    raw, seen = failing(start_mock(), {2, 3, 4})
    with raw:
        weir = start({"retry": {"max_retries": 0}, "providers": {
            "c": provider(raw.base_url[:-3], ["m"], type="anthropic")}})
        reply = chat(weir, "m", n=3)
        assert reply.status == 500 and reply.error["message"] and len(seen) == 3
        seen.clear()
        assert http(weir.port, "POST", "/admin/v1/providers/c/resume",
                    headers={"authorization": f"Bearer {weir.admin_key}"}).status == 200
        reply = chat(weir, "m", True, n=3)
        assert reply.status == 200 and reply.events[-1] != "[DONE]" and "error" in reply.events[-1], reply
        told = {c["index"] for e in reply.events for c in e.get("choices", [])}
        assert told == {0, 1} and len(seen) == 3


def test_more_than_weir_makes_calls_for_are_refused_with_the_cure(gateway):
    weir, mock = gateway
    for n in (9, 128, 10**12):
        reply = chat(weir, "claude", n=n)
        assert reply.status == 400 and reply.error["param"] == "n" and not posts(mock), reply
        assert "`n` is at most 8" in reply.error["message"] and "ask for fewer" in reply.error["message"]
    assert len(chat(weir, "claude", n=8).json["choices"]) == 8
    assert chat(weir, "both", n=9).headers["x-weir-provider"] == "many"
    reply = chat(weir, "claude", n=9, headers={"x-weir-unsupported": "drop"})
    assert reply.status == 200 and reply.headers["x-weir-dropped"] == "n" and len(reply.json["choices"]) == 1
    assert len(chat(weir, "claude", n=2, headers={"x-weir-unsupported": "refuse"}).json["choices"]) == 2


def test_each_call_is_counted_and_charged(start, start_mock):
    mock = start_mock()
    weir = start({
        "providers": {"c": provider(f"http://127.0.0.1:{mock.port}", ["m"], type="anthropic", prices={
            "m": {"input": 1, "output": 2}})},
        "clients": [{"name": "a", "key_hash": hashlib.sha256(b"b").hexdigest(), "max_concurrent": 1}]
    })
    reply = chat(weir, "m", n=3, headers={"authorization": "Bearer b"})
    attempts = story(weir, reply)["attempts"]
    cost = sum(float(a["cost_usd"]) for a in attempts)
    assert cost > 0 and abs(float(reply.headers["x-weir-cost"]) - cost) < 1e-12
    assert weir.metric("weir_attempts_total", provider="c") == 3


def test_one_call_at_a_time_within_the_targets_limits(start, start_mock):
    mock = start_mock("--latency", "30")
    weir = start({"providers": {"c": provider(f"http://127.0.0.1:{mock.port}", ["m"], type="anthropic",
                                              max_concurrent=1, queue={"max": 8, "wait_ms": 9000})}})
    replies = []
    threads = [threading.Thread(target=lambda: replies.append(chat(weir, "m", n=2))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(r.json["choices"]) for r in replies] == [2, 2, 2] and len(posts(mock)) == 6
    weir = start({"providers": {"c": provider(f"http://127.0.0.1:{mock.port}", ["m"], type="anthropic",
                                              rate_limit_rpm=2)}})
    reply = chat(weir, "m", n=3)
    assert reply.status == 429 and "retry-after" in reply.headers, reply


def test_who_hangs_up_between_two_answers_asks_for_no_more(gateway):
    from weirlib import Connection, request_bytes
    weir, mock = gateway
    with Connection(weir.port) as connection:
        connection.send(request_bytes("POST", "/v1/chat/completions", {
            "model": "claude", "messages": [{"role": "user", "content": ASKED}], "stream": True, "n": 8}))
        connection.read_until(b"\r\n\r\n")
        connection.reset()
    poll(lambda: weir.metric("weir_requests_in_flight") == 0)
    assert 1 <= len(posts(mock)) <= 8

"""What goes up where caller and provider speak otherwise: seen in what the mock was asked, which refuses what the
vendors refuse. Facts of models decide it; what is lost or changed is named."""
import json

import pytest

from weirlib import http, provider

FACTS = {
    "thinker": {"can": ["reasoning", "tools"], "thinking": ["budget", "no_sampling"], "thinking_least": 1024,
                "output": 64000},
    "adaptive": {"can": ["reasoning"], "cannot": ["sampling", "prefill"], "thinking": ["adaptive", "always_on"],
                 "efforts": ["low", "medium", "high"], "schema": ["closed", "plain"], "output": 64000},
    "stern": {"can": ["reasoning"], "cannot": ["sampling"], "refuses": ["max_tokens", "logit_bias", "stop"],
              "efforts": ["low", "high=max"]},
    "plain": {"cannot": ["reasoning"]},
}
WEATHER = {"type": "OBJECT", "nullable": True, "property_ordering": ["when", "city"], "properties": {
    "city": {"type": "STRING", "nullable": True}, "when": {"anyOf": [{"type": "STRING"}, {"type": "INTEGER"}]},
    "days": {"type": "ARRAY", "items": {"type": "NUMBER"}, "min_items": "1", "max_items": 3},
    "kind": {"type": "STRING", "enum": ["sun", "RAIN"], "nullable": True}}}


@pytest.fixture(scope="module")
def gateway(mocks, tmp_path_factory):
    from weirlib import Weir
    base = f"http://127.0.0.1:{mocks[0].port}"
    kinds = {"openai": "/v1", "anthropic": "", "gemini": "/v1beta", "ollama-native": ""}
    weir = Weir(
        tmp_path_factory.mktemp("translation"), {
            "providers": {
                kind: provider(base + path, list(FACTS), type=kind, facts=FACTS) for kind, path in kinds.items()
            }
        })
    yield weir, mocks[0]
    weir.stop()


def ask(gateway, path, body):
    """(the reply, the body that the provider was asked with: None where nobody was)"""
    weir, mock = gateway
    mock.reset()
    reply = http(weir.port, "POST", path, body)
    seen = [r["body"] for r in mock.requests()["requests"] if r["method"] == "POST"]
    return reply, json.loads(seen[-1]) if seen else None


def chat(gateway, model, messages=None, **more):
    return ask(gateway, "/v1/chat/completions",
               {"model": model, "messages": messages or [{"role": "user", "content": "Hello"}], **more})


def google(gateway, model, **more):
    return ask(gateway, f"/v1beta/models/{model.replace('/', '%2F')}:generateContent",
               {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}], **more})


def dropped(reply):
    return set(filter(None, reply.headers.get("x-weir-dropped", "").split(", ")))


def changed(reply):
    return set(filter(None, reply.headers.get("x-weir-changed", "").split(", ")))


def test_a_callers_cap_on_the_answer_holds_thinking_included(gateway):
    reply, sent = chat(gateway, "anthropic/thinker", reasoning_effort="high", max_completion_tokens=1000)
    assert reply.status == 200 and sent["max_tokens"] == 1000 and "thinking" not in sent
    assert dropped(reply) == {"reasoning_effort"}
    reply, sent = chat(gateway, "anthropic/thinker", reasoning_effort="high", max_completion_tokens=8000)
    assert sent["max_tokens"] == 8000 and sent["thinking"] == {"type": "enabled", "budget_tokens": 6000}
    assert changed(reply) == {"reasoning_effort"}
    reply, sent = chat(gateway, "gemini/thinker", reasoning_effort="high", max_completion_tokens=1000)
    assert sent["generationConfig"]["maxOutputTokens"] == 1000
    assert sent["generationConfig"]["thinkingConfig"]["thinkingBudget"] == 0
    reply, sent = chat(gateway, "anthropic/thinker", reasoning_effort="low")  # no cap: the model's own
    assert sent["max_tokens"] == 64000 and sent["thinking"]["budget_tokens"] == 2048 and not dropped(reply)


def test_googles_schemas_are_said_as_json_schema(gateway):
    want = {"type": ["object", "null"], "properties": {
        "when": {"anyOf": [{"type": "string"}, {"type": "integer"}]}, "city": {"type": ["string", "null"]},
        "days": {"type": "array", "items": {"type": "number"}, "minItems": 1, "maxItems": 3},
        "kind": {"type": ["string", "null"], "enum": ["sun", "RAIN", None]}}}
    config = {"response_mime_type": "application/json", "response_schema": WEATHER}
    reply, sent = google(gateway, "openai/plain", generationConfig=config)
    assert reply.status == 200, reply.body
    schema = sent["response_format"]["json_schema"]["schema"]
    assert schema == want and list(schema["properties"])[:2] == ["when", "city"]
    tools = [{"functionDeclarations": [{"name": "look_up", "parameters": WEATHER}]}]
    reply, sent = google(gateway, "anthropic/plain", tools=tools)
    assert reply.status == 200 and sent["tools"][0]["input_schema"] == want
    reply, sent = google(gateway, "gemini/plain", generationConfig=config)  # its own words are its own
    assert sent["generationConfig"]["response_schema"] == WEATHER


def test_a_schema_is_closed_and_plain_where_the_model_wants_it_so(gateway):
    schema = {"type": "object", "properties": {
        "a": {"type": "object", "properties": {"b": {"type": "integer", "minimum": 3}}},
        "enum": {"type": "string", "maxLength": 5}}}
    reply, sent = chat(gateway, "anthropic/adaptive",
                       response_format={"type": "json_schema", "json_schema": {"name": "s", "schema": schema}})
    assert reply.status == 200 and changed(reply) == {"json_schema"}
    assert sent["output_config"]["format"]["schema"] == {
        "type": "object", "additionalProperties": False, "properties": {
            "a": {"type": "object", "properties": {"b": {"type": "integer"}}, "additionalProperties": False},
            "enum": {"type": "string"}}}


def test_whole_numbers_may_be_written_as_floats(gateway):
    for model in ("gemini/plain", "anthropic/plain"):
        reply, sent = google(gateway, model, generationConfig={"topK": 40.0, "maxOutputTokens": 50.0})
        assert reply.status == 200, reply.body
    assert sent["top_k"] == 40 and sent["max_tokens"] == 50
    assert google(gateway, "anthropic/plain", generationConfig={"topK": 40.5})[0].status == 400


@pytest.mark.parametrize("model", ["anthropic/plain", "gemini/plain"])
def test_a_turn_of_nothing_is_left_out(gateway, model):
    reply, sent = chat(gateway, model, [{"role": "user", "content": "One"}, {"role": "assistant", "content": ""},
                                        {"role": "user", "content": "Two"}])
    assert reply.status == 200, reply.body
    turns = sent["messages"] if "messages" in sent else sent["contents"]
    assert len(turns) == 1 and "One" in str(turns) and "Two" in str(turns)


@pytest.mark.parametrize("model", ["anthropic/plain", "gemini/plain"])
def test_system_text_alone_is_said_as_the_users(gateway, model):
    reply, sent = chat(gateway, model, [{"role": "system", "content": "Count to three."}])
    assert reply.status == 200 and changed(reply) == {"system"}, reply.body
    turns = sent["messages"] if "messages" in sent else sent["contents"]
    assert [turn["role"] for turn in turns] == ["user"] and "Count to three." in str(turns)
    assert "system" not in sent and "systemInstruction" not in sent


def test_sampling_that_is_not_taken_is_dropped_or_bounded_and_told(gateway):
    reply, sent = chat(gateway, "anthropic/plain", temperature=1.5)
    assert sent["temperature"] == 1 and changed(reply) == {"temperature"}
    reply, sent = chat(gateway, "anthropic/thinker", temperature=0.5, top_p=0.5, reasoning_effort="low")
    assert "temperature" not in sent and dropped(reply) == {"temperature", "top_p"}
    reply, sent = chat(gateway, "anthropic/adaptive", temperature=0.5)
    assert reply.status == 200 and "temperature" not in sent and dropped(reply) == {"temperature"}
    reply, sent = google(gateway, "openai/stern", generationConfig={"temperature": 0.5, "topK": 4})
    assert reply.status == 200 and not {"temperature", "top_k"} & set(sent)
    assert dropped(reply) == {"temperature", "top_k"}


def test_thinking_is_said_as_the_model_takes_it(gateway):
    messages = {"max_tokens": 9000, "messages": [{"role": "user", "content": "Hello"}],
                "thinking": {"type": "enabled", "budget_tokens": 5000}}
    reply, sent = ask(gateway, "/v1/messages", {"model": "openai/stern", **messages})
    assert sent["reasoning_effort"] == "low" and changed(reply) == {"reasoning_effort"}
    reply, sent = chat(gateway, "gemini/plain", reasoning_effort="high")
    assert "thinkingConfig" not in str(sent) and dropped(reply) == {"reasoning_effort"}
    reply, sent = chat(gateway, "anthropic/adaptive", reasoning_effort="xhigh")
    assert sent["thinking"] == {"type": "adaptive"} and sent["output_config"]["effort"] == "high"
    assert changed(reply) == {"reasoning_effort"}
    reply, sent = google(gateway, "openai/stern",
                         generationConfig={"thinkingConfig": {"thinkingBudget": 20000, "includeThoughts": True}})
    assert sent["reasoning_effort"] == "max"  # as its vendor calls it
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
    reply, sent = chat(gateway, "anthropic/thinker", reasoning_effort="high", tools=[tool], tool_choice="required")
    assert sent["tool_choice"]["type"] == "any" and "thinking" not in sent and dropped(reply) == {"reasoning_effort"}


@pytest.mark.parametrize("model", ["anthropic/plain", "openai/plain", "ollama-native/plain"])
@pytest.mark.parametrize("part, name", [
    ({"inlineData": {"mimeType": "video/mp4", "data": "AAAA"}}, "video"),
    ({"fileData": {"mimeType": "image/png", "fileUri": "gs://bucket/x.png"}}, "file_id"),
    ({"fileData": {"mimeType": "application/pdf", "fileUri": "gs://bucket/x.pdf"}}, "file_id"),
])
def test_what_only_google_can_see_is_refused_elsewhere(gateway, model, part, name):
    reply, sent = google(gateway, model, contents=[{"role": "user", "parts": [{"text": "What is it?"}, part]}])
    assert reply.status == 400 and sent is None, reply.body
    assert f"`{name}`" in reply.text or model.startswith("ollama") and "`document`" in reply.text, reply.body
    assert google(gateway, "gemini/plain", contents=[{"role": "user", "parts": [part]}])[0].status == 200


def test_what_lies_at_google_is_no_context_elsewhere(gateway):
    reply, sent = google(gateway, "anthropic/plain", cachedContent="cachedContents/1")
    assert reply.status == 400 and "`cached_content`" in reply.text and sent is None
    assert google(gateway, "gemini/plain", cachedContent="cachedContents/1")[1]["cachedContent"] == "cachedContents/1"


def test_a_prefill_is_carried_named_or_refused(gateway):
    turns = [{"role": "user", "content": "Say JSON."}, {"role": "assistant", "content": "{"}]
    body = {"max_tokens": 50, "messages": turns}
    reply, sent = ask(gateway, "/v1/messages", {"model": "openai/plain", **body})
    assert reply.status == 200 and sent["messages"] == turns and dropped(reply) == {"prefill"}
    reply, sent = chat(gateway, "anthropic/plain", turns)
    assert reply.status == 200 and sent["messages"][-1]["role"] == "assistant" and not dropped(reply)
    reply, sent = chat(gateway, "anthropic/adaptive", turns)
    assert reply.status == 400 and "`prefill`" in reply.text and sent is None


def test_what_is_lost_stands_in_the_story(gateway):
    weir, _ = gateway
    reply, _ = chat(gateway, "anthropic/thinker", seed=4, temperature=1.5)
    story = http(weir.port, "GET", f"/admin/v1/requests/{reply.headers['x-weir-request-id']}",
                 headers={"authorization": f"Bearer {weir.admin_key}"}).json
    assert story["attempts"][0]["dropped"] == "seed" and story["attempts"][0]["changed"] == "temperature"


# -- the caller's own dialect, where a target refuses what another takes --

HISTORY = [{"role": "developer", "content": "Be kind."}, {"role": "user", "content": "Hello"},
           {"role": "assistant", "content": None, "tool_calls": [
               {"id": "call_abcdefghijk", "type": "function",
                "function": {"name": "f", "arguments": "{\"id\":\"x\"}"}}]},
           {"role": "tool", "tool_call_id": "call_abcdefghijk", "content": "developer"}]


@pytest.fixture(scope="module")
def alike(mocks, tmp_path_factory):
    from weirlib import Weir
    base = f"http://127.0.0.1:{mocks[1].port}"
    blocks = {
        "openai": provider("http://127.0.0.1:9/v1", ["m"], type="openai", api_key="k"),
        "mistral": provider(base + "/mistral/v1", ["m"], type="mistral"),
        "house": provider(base + "/v1", ["m", *FACTS], type="openai", facts=FACTS),
        "anthropic": provider(base, list(FACTS), type="anthropic", facts=FACTS),
        "gemini": provider(base + "/v1beta", list(FACTS), type="gemini", facts=FACTS)
    }
    weir = Weir(
        tmp_path_factory.mktemp("alike"), {
            "providers": blocks, "routes": [{"model": "both", "targets": ["openai/m", "mistral/m"]},
                                            {"model": "strict", "targets": ["house/stern"], "unsupported": "refuse"},
                                            {"model": "lax", "targets": ["house/stern"], "unsupported": "drop"}]
        })
    yield weir, mocks[1]
    weir.stop()


def test_a_failover_to_a_vendor_that_refuses_openais_newer_words_goes_well(alike):
    reply, sent = chat(alike, "both", HISTORY, max_completion_tokens=50, seed=7, temperature=0.5, user="me", top_k=4)
    assert reply.status == 200 and reply.headers["x-weir-provider"] == "mistral", reply.body
    assert sent["max_tokens"] == 50 and sent["random_seed"] == 7 and sent["temperature"] == 0.5
    assert not {"max_completion_tokens", "seed", "user", "top_k"} & set(sent)
    assert dropped(reply) == {"user", "top_k"} and not changed(reply)
    assert [m["role"] for m in sent["messages"]] == ["system", "user", "assistant", "tool"]
    call, result = sent["messages"][2]["tool_calls"][0], sent["messages"][3]
    assert call["id"] == result["tool_call_id"] and len(call["id"]) == 9 and call["id"].isalnum()
    assert call["function"]["arguments"] == "{\"id\":\"x\"}" and result["content"] == "developer"


def test_a_body_stays_as_it_was_sent_where_nothing_must_change(alike):
    weir, mock = alike
    body = ('{ "max_tokens" : 50,"seed":7, "messages":[{"role":"developer", "content":"x"}],\t'
            '"top_k":3,"reasoning_effort":"high", "stop":["a"] ,"model":"house/m"}')
    mock.reset()
    assert http(weir.port, "POST", "/v1/chat/completions", body.encode()).status in (200, 400)
    assert mock.requests()["requests"][-1]["body"] == body.replace("house/m", "m")


@pytest.mark.parametrize("members", [
    ["temperature"], ["temperature", "top_p"], ["top_p", "max_tokens", "temperature"],
    ["max_tokens", "max_completion_tokens"], ["reasoning_effort", "logit_bias", "top_k"],
])
@pytest.mark.parametrize("first", [True, False])
def test_members_that_a_model_refuses_are_cut_out_wherever_they_stand(alike, members, first):
    values = {"temperature": 0.5, "top_p": 0.5, "max_tokens": 40, "max_completion_tokens": 30, "logit_bias": {"5": 1},
              "reasoning_effort": "xhigh", "top_k": 3}
    rest = {"model": "house/stern", "messages": [{"role": "user", "content": "Hello"}]}
    given = {name: values[name] for name in members}
    reply, sent = ask(alike, "/v1/chat/completions", {**given, **rest} if first else {**rest, **given})
    assert reply.status == 200, reply.body
    want = {**rest, "model": "stern"}
    cap = given.get("max_completion_tokens", given.get("max_tokens"))
    if cap:
        want["max_completion_tokens"] = cap
    if "reasoning_effort" in given:
        want["reasoning_effort"] = "max"  # the nearest that it takes, as its vendor calls it
    assert sent == want
    assert dropped(reply) == set(given) & {"temperature", "top_p", "top_k", "logit_bias"}
    assert changed(reply) == set(given) & {"reasoning_effort"}


def test_what_it_means_is_refused_unless_said_otherwise(alike):
    weir, _ = alike
    reply, sent = chat(alike, "house/stern", stop=["zz"])
    assert reply.status == 400 and "`stop`" in reply.text and sent is None
    reply, sent = chat(alike, "lax", stop=["zz"])
    assert reply.status == 200 and "stop" not in sent and dropped(reply) == {"stop"}
    reply, sent = chat(alike, "strict", temperature=0.5)
    assert reply.status == 400 and "`temperature`" in reply.text and sent is None
    for header, status in (("drop", 200), ("refuse", 400), ("maybe", 400)):
        reply = http(weir.port, "POST", "/v1/chat/completions",
                     {"model": "strict", "temperature": 0.5, "messages": [{"role": "user", "content": "Hello"}]},
                     headers={"x-weir-unsupported": header})
        assert reply.status == status, (header, reply.body)
    assert "x-weir-unsupported" in reply.text


def test_anthropics_own_callers_reach_its_newer_models(alike):
    body = {"max_tokens": 9000, "temperature": 1, "messages": [{"role": "user", "content": "Hello"}],
            "thinking": {"type": "enabled", "budget_tokens": 5000}, "top_k": 5}
    reply, sent = ask(alike, "/v1/messages", {"model": "anthropic/adaptive", **body})
    assert reply.status == 200, reply.body
    assert sent == {"model": "adaptive", "max_tokens": 9000, "messages": body["messages"],
                    "thinking": {"type": "adaptive"}}
    assert dropped(reply) == {"temperature", "top_k"} and changed(reply) == {"reasoning_effort"}
    turns = [*body["messages"], {"role": "assistant", "content": "{"}]
    reply, sent = ask(alike, "/v1/messages", {"model": "anthropic/adaptive", "max_tokens": 9, "messages": turns})
    assert reply.status == 400 and "`prefill`" in reply.text and sent is None
    reply, sent = ask(alike, "/v1/messages", {"model": "anthropic/thinker", **{**body, "temperature": 1}})
    assert sent == {**body, "model": "thinker"} and not dropped(reply)


def test_googles_own_callers_reach_its_newer_models(alike):
    config = {"temperature": 0.5, "top_k": 40.0, "maxOutputTokens": 50}
    reply, sent = google(alike, "gemini/stern", generation_config=config)
    assert reply.status == 200 and sent["generation_config"] == {"maxOutputTokens": 50}, reply.body
    assert dropped(reply) == {"temperature", "top_k"}
    reply, sent = google(alike, "gemini/thinker", generation_config=config)
    assert sent["generation_config"] == config and not dropped(reply)

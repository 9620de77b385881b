"""What a route says to the model of a target (`params`): seen in what the mock was asked, in every dialect, whoever
asks; defaults where the caller says nothing, overrides whatever it says, its cap on the answer never raised."""
import json
import subprocess

import pytest

from weirlib import BINARY, Weir, http, poll, provider

FACTS = {"m": {"can": ["reasoning", "tools"], "output": 64000, "thinking": ["budget"], "thinking_least": 1024},
         "stern": {"can": ["reasoning"], "refuses": ["stop"], "cannot": ["sampling"]}}
PROVIDERS = {  # kind, path, what else
    "openai": ("openai", "/v1", {}), "apart": ("openai", "/v1", {"api": "responses"}),
    "mistral": ("mistral", "/mistral/v1", {}), "anthropic": ("anthropic", "", {}), "gemini": ("gemini", "/v1beta", {}),
    "ollama": ("ollama-native", "", {}),
}
GEMINI = {"temperature": "temperature", "top_p": "topP", "top_k": "topK", "presence_penalty": "presencePenalty",
          "frequency_penalty": "frequencyPenalty", "seed": "seed", "stop": "stopSequences",
          "max_tokens": "maxOutputTokens"}
SAID = {  # where each stands in what goes up; a path, or what reads it
    "openai": {**{n: n for n in ("temperature", "top_p", "presence_penalty", "frequency_penalty", "seed", "stop",
                                 "user", "reasoning_effort", "verbosity", "service_tier")},
               "max_tokens": "max_completion_tokens"},
    "apart": {"temperature": "temperature", "top_p": "top_p", "max_tokens": "max_output_tokens",
              "reasoning_effort": "reasoning.effort", "verbosity": "text.verbosity", "service_tier": "service_tier",
              "user": "user"},
    "mistral": {"temperature": "temperature", "max_tokens": "max_tokens", "seed": "random_seed", "stop": "stop"},
    "anthropic": {"temperature": "temperature", "top_p": "top_p", "top_k": "top_k", "max_tokens": "max_tokens",
                  "stop": "stop_sequences", "user": "metadata.user_id", "reasoning_effort": "thinking.budget_tokens"},
    "gemini": {**{n: "generationConfig." + g for n, g in GEMINI.items()},
               "reasoning_effort": "generationConfig.thinkingConfig.thinkingBudget"},
    "ollama": {"temperature": "options.temperature", "seed": "options.seed", "max_tokens": "options.num_predict",
               "stop": "options.stop"},
}
VALUES = {"temperature": 0.25, "top_p": 0.5, "top_k": 7, "presence_penalty": -1, "frequency_penalty": 1.5, "seed": 9,
          "stop": ["END"], "user": "house", "reasoning_effort": "low", "verbosity": "low", "service_tier": "auto",
          "max_tokens": 3000}
OTHERS = {"temperature": 0.75, "top_p": 0.25, "top_k": 3, "presence_penalty": 1, "frequency_penalty": 0.5, "seed": 1,
          "stop": ["STOP", "HALT"], "user": "me", "reasoning_effort": "high", "verbosity": "high",
          "service_tier": "default", "max_tokens": 9000}
THINKING = {"anthropic": {"low": 2048, "high": 16384}, "gemini": {"low": 1024, "high": 16384}}
CASES = [(at, name) for at in SAID for name in SAID[at]]


def blocks(port):
    return {at: provider(f"http://127.0.0.1:{port}{path}", [*FACTS, "any"], type=kind, facts=FACTS, **more) for
            at, (kind, path, more) in PROVIDERS.items()}


@pytest.fixture(scope="module")
def gateway(mocks, tmp_path_factory):
    routes = [{"model": f"{at}-{name}-{how}", "targets": [
        {"target": f"{at}/m", "params": {how: {name: VALUES[name]}} if how != "short" else {name: VALUES[name]}}]} for
        at, name in CASES for how in ("defaults", "overrides", "short")]
    routes += [
        {"model": "each-its-own", "targets": [
            {"target": "down/m", "params": {"temperature": 0.1}},
            {"target": "anthropic/m", "params": {"overrides": {"temperature": 0.2}}},
            {"target": "openai/m", "params": {"seed": 3}}]},
        {"model": "stern", "targets": [
            {"target": "openai/stern", "params": {"temperature": 0.1, "stop": "x", "max_tokens": 40}}]},
        {"model": "strict", "unsupported": "refuse", "targets": [
            {"target": "openai/stern", "params": {"temperature": 0.1, "seed": 2}}]},
        {"model": "parallel", "targets": [
            {"target": "openai/m", "params": {"overrides": {"parallel_tool_calls": False}}}]},
        {"model": "inside", "targets": [{"route": "parallel"}]},
        {"model": "claude-parallel", "targets": [
            {"target": "anthropic/m", "params": {"overrides": {"parallel_tool_calls": False}}}]},
        {"model": "many", "targets": [{"target": "gemini/m", "params": {
            "temperature": 0.5, "overrides": {"max_tokens": 500, "stop": ["x"]}}}]},
    ]
    down = provider("http://127.0.0.1:9/v1", ["m"], type="openai", api_key="k")
    weir = Weir(tmp_path_factory.mktemp("params"),
                {"retry": {"max_retries": 0}, "providers": {**blocks(mocks[0].port), "down": down}, "routes": routes})
    yield weir, mocks[0]
    weir.stop()


def ask(gateway, path, body):
    """(the reply, the body that the provider was asked with)"""
    weir, mock = gateway
    mock.reset()
    reply = http(weir.port, "POST", path, body)
    assert reply.status == 200, reply
    return reply, json.loads([r for r in mock.requests()["requests"] if r["method"] == "POST"][-1]["body"])


def chat(gateway, model, **more):
    return ask(gateway, "/v1/chat/completions",
               {"model": model, "messages": [{"role": "user", "content": "Hello"}], **more})


def at(sent, path):
    for key in path.split("."):
        sent = sent.get(key) if sent else None
    return sent


def names(reply, header):
    return set(filter(None, reply.headers.get("x-weir-" + header, "").split(", ")))


def expected(where, name, value):
    return THINKING[where][value] if name == "reasoning_effort" and where in THINKING else value


def told(where, name, sent):
    """By the caller's own name for it too, where its body goes up as it is."""
    got = at(sent, SAID[where][name])
    return sent.get("max_tokens") if got is None and name == "max_tokens" else got


@pytest.mark.parametrize("where,name", CASES)
def test_a_default_where_the_caller_says_nothing_and_an_override_whatever_it_says(gateway, where, name):
    want, own = expected(where, name, VALUES[name]), expected(where, name, OTHERS[name])
    for how in ("defaults", "short"):
        reply, sent = chat(gateway, f"{where}-{name}-{how}")
        assert told(where, name, sent) == want, sent
        assert name in names(reply, "changed") and not names(reply, "dropped"), reply
        assert told(where, name, chat(gateway, f"{where}-{name}-{how}", **{name: None})[1]) == want
        reply, sent = chat(gateway, f"{where}-{name}-{how}", **{name: OTHERS[name]})
        assert told(where, name, sent) == own, sent
        assert name not in names(reply, "changed"), reply
    reply, sent = chat(gateway, f"{where}-{name}-overrides", **{name: OTHERS[name]})
    assert told(where, name, sent) == want, sent
    assert name in names(reply, "changed"), reply
    if name != "max_tokens":
        return
    assert not {"max_tokens", "max_completion_tokens"} <= set(sent)
    for both in ({"max_tokens": 700}, {"max_completion_tokens": 700}, {"max_tokens": 10, "max_completion_tokens": 700}):
        for how in ("defaults", "overrides"):
            reply, sent = chat(gateway, f"{where}-{name}-{how}", **both)
            assert told(where, name, sent) == 700 and "max_tokens" not in names(reply, "changed"), sent


def body_of(caller, model, **said):
    if caller == "messages":
        return "/v1/messages", {"model": model, "max_tokens": 9000, "messages": [{"role": "user", "content": "Hello"}],
                                **said}
    if caller == "responses":
        return "/v1/responses", {"model": model, "input": "Hello", **said}
    body = {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]}
    return f"/v1beta/models/{model}:generateContent", {**body, **({"generationConfig": said} if said else {})}


@pytest.mark.parametrize("caller", ("messages", "responses", "generate"))
@pytest.mark.parametrize("where,name", CASES)
def test_callers_of_every_dialect(gateway, caller, where, name):
    want, model = expected(where, name, VALUES[name]), where + "-" + name
    where = "apart" if (where, caller) == ("openai", "responses") else where  # it has that path itself
    reply, sent = ask(gateway, *body_of(caller, model + "-overrides"))
    if name not in SAID[where]:
        assert names(reply, "dropped") == {name} and set(sent) == {"model", "input"}, reply
        return
    assert told(where, name, sent) == want, sent
    assert name in names(reply, "changed"), reply
    if name == "max_tokens" and caller == "messages":
        return  # which always says its own
    reply, sent = ask(gateway, *body_of(caller, model + "-defaults"))
    assert told(where, name, sent) == want, sent
    if name == "temperature":
        reply, sent = ask(gateway, *body_of(caller, model + "-defaults", temperature=0.75))
        assert told(where, name, sent) == 0.75 and name not in names(reply, "changed"), sent
        reply, sent = ask(gateway, *body_of(caller, model + "-overrides", temperature=0.75))
        assert told(where, name, sent) == want and name in names(reply, "changed"), sent


@pytest.mark.parametrize("path,model,body,put", [
    ("/v1/chat/completions", "openai-temperature-overrides",
     '{ "model":"%s","messages" : [{"role":"user","content":"Hel\\u006co"}], "temperature" : %s ,"x-own":[1, 2]}',
     '"messages"'),
    ("/v1/messages", "anthropic-temperature-overrides",
     '{"model":"%s", "max_tokens":10,"messages" : [{"role":"user","content":"Hel\\u006co"}], "temperature" : %s }',
     None),
    ("/v1/responses", "apart-temperature-overrides",
     '{"model":"%s", "input" : "Hel\\u006co", "temperature" : %s,  "store":false }', None)
])
def test_in_the_same_dialect_no_other_byte_changes(gateway, path, model, body, put):
    weir, mock = gateway
    mock.reset()
    reply = http(weir.port, "POST", path, (body % (model, "0.750")).encode())
    assert reply.status == (400 if put else 200) and mock.last()["body"] == body % ("m", "0.25")  # it is strict
    mock.reset()
    assert http(weir.port, "POST", path, (body % (model, "0.25")).encode()).status == reply.status
    assert mock.last()["body"] == body % ("m", "0.25")


def test_googles_configuration_is_changed_inside_in_either_spelling(gateway):
    for name, cap in (("generationConfig", "maxOutputTokens"), ("generation_config", "max_output_tokens")):
        body = {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}],
                name: {"responseModalities": ["TEXT"], cap: 900, "temperature": 1.5}}
        reply, sent = ask(gateway, "/v1beta/models/many:generateContent", body)
        assert sent[name] == {"responseModalities": ["TEXT"], cap: 500, "temperature": 1.5, "stopSequences": ["x"]}
        assert names(reply, "changed") == {"max_tokens", "stop"}
    reply, sent = ask(gateway, "/v1beta/models/many:generateContent",
                      {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}], "generationConfig": None})
    assert sent["generationConfig"] == {"temperature": 0.5, "maxOutputTokens": 500, "stopSequences": ["x"]}


def test_thinking_by_params_stays_below_the_callers_cap(gateway):
    reply, sent = ask(gateway, *body_of("messages", "anthropic-reasoning_effort-overrides", max_tokens=2000))
    assert sent["thinking"] == {"type": "enabled", "budget_tokens": 1500} and sent["max_tokens"] == 2000
    reply, sent = ask(gateway, *body_of("messages", "anthropic-reasoning_effort-overrides", max_tokens=900))
    assert "thinking" not in sent and names(reply, "dropped") == {"reasoning_effort"}
    reply, sent = ask(gateway, *body_of("messages", "anthropic-reasoning_effort-overrides",
                                        thinking={"type": "enabled", "budget_tokens": 5000}))
    assert sent["thinking"] == {"type": "enabled", "budget_tokens": 2048}


def test_each_target_of_a_failover_has_its_own(gateway):
    reply, sent = chat(gateway, "each-its-own")
    assert reply.headers["x-weir-provider"] == "anthropic" and sent["temperature"] == 0.2 and "seed" not in sent
    weir, mock = gateway
    mock.reset()
    mock.fault("status=500", count=1)
    reply = http(weir.port, "POST", "/v1/chat/completions", {
        "model": "each-its-own", "messages": [{"role": "user", "content": "Hello"}], "temperature": 0.9})
    first, second = [json.loads(r["body"]) for r in mock.requests()["requests"] if r["method"] == "POST"]
    assert first["temperature"] == 0.2 and second["temperature"] == 0.9 and second["seed"] == 3
    assert names(reply, "changed") == {"seed"}


def test_what_a_model_refuses_is_left_out_and_named(gateway):
    reply, sent = chat(gateway, "stern")
    assert not {"temperature", "stop"} & set(sent) and sent["max_completion_tokens"] == 40
    assert names(reply, "dropped") == {"temperature", "stop"} and names(reply, "changed") == {"max_tokens"}
    reply, sent = chat(gateway, "strict")  # a route's own words are no caller's: nobody is refused for them
    assert "temperature" not in sent and sent["seed"] == 2


TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]


@pytest.mark.parametrize("model", ("parallel", "inside"))
def test_calls_one_by_one_where_there_are_tools(gateway, model):
    assert "parallel_tool_calls" not in chat(gateway, model)[1]
    assert chat(gateway, model, tools=TOOLS)[1]["parallel_tool_calls"] is False


def test_calls_one_by_one_in_anthropics_words(gateway):
    tools = [{"name": "f", "input_schema": {"type": "object"}}]
    assert "tool_choice" not in ask(gateway, *body_of("messages", "claude-parallel"))[1]
    for choice in ({}, {"tool_choice": {"type": "any"}}):
        sent = ask(gateway, *body_of("messages", "claude-parallel", tools=tools, **choice))[1]
        assert sent["tool_choice"] == {"type": choice.get("tool_choice", {}).get("type", "auto"),
                                       "disable_parallel_tool_use": True}
        assert sent["tools"] == tools


def test_streams_and_the_story_tell_of_them(gateway):
    weir, mock = gateway
    reply, sent = chat(gateway, "many", stream=True)
    assert sent["generationConfig"] == {"temperature": 0.5, "maxOutputTokens": 500, "stopSequences": ["x"]}
    assert names(reply, "changed") == {"temperature", "max_tokens", "stop"}
    path = "/admin/v1/requests/" + reply.headers["x-weir-request-id"]
    key = {"authorization": f"Bearer {weir.admin_key}"}
    story = poll(lambda: (r := http(weir.port, "GET", path, headers=key)).status == 200 and r.json)
    assert set(story["attempts"][0]["changed"].split(", ")) == {"temperature", "max_tokens", "stop"}


def test_what_would_be_said_is_shown_without_sending(gateway):
    weir, _ = gateway
    key = {"authorization": f"Bearer {weir.admin_key}"}
    shown = http(weir.port, "GET", "/admin/v1/route/many", headers=key).json["candidates"][0]
    assert shown["params"] == {"temperature": 0.5, "stop": ["x"], "max_tokens": 500}
    other = http(weir.port, "GET", "/admin/v1/route/openai%2Fm", headers=key).json["candidates"][0]
    assert "params" not in other


def test_who_names_the_target_itself_says_it_alone_and_so_do_raw_requests_and_what_is_no_chat(start, start_mock):
    mock = start_mock()
    target = {"target": "openai/m", "params": {"overrides": {"temperature": 0.1, "user": "house"}}}
    rule = {"name": "all", "when": {"model": "ruled*"}, "targets": [target]}
    weir = start({"providers": blocks(mock.port), "rules": [rule], "routes": [
        {"model": "r", "targets": [target]}, {"model": "e", "targets": [{**target, "target": "openai/any"}]}]})
    sent = lambda: json.loads(mock.last()["body"])
    body = {"messages": [{"role": "user", "content": "Hello"}]}
    for asked, headers in (({"model": "openai/m"}, {}), ({"model": "x"}, {"x-weir-targets": "openai/m"})):
        assert http(weir.port, "POST", "/v1/chat/completions", {**body, **asked}, headers).status == 200
        assert "temperature" not in sent()
    for headers in ({}, {"x-weir-targets": "openai/m"}):
        reply = http(weir.port, "POST", "/v1/chat/completions", {**body, "model": "ruled"}, headers)
        assert reply.status == 200 and sent()["temperature"] == 0.1, reply
    assert http(weir.port, "POST", "/providers/openai/chat/completions", {**body, "model": "m"}).status == 200
    assert "temperature" not in sent()
    assert http(weir.port, "POST", "/v1/embeddings", {"model": "e", "input": "x"}).status == 200
    assert sent() == {"model": "any", "input": "x"}
    assert http(weir.port, "POST", "/v1/completions", {"model": "r", "prompt": "x", "max_tokens": 9}).status == 200
    assert sent()["temperature"] == 0.1 and sent()["max_tokens"] == 9


BAD = [
    ({"temperatur": 1}, "unknown key `temperatur`: did you mean `temperature`?"),
    ({"temperature": 3}, "`temperature` must be a number from 0 to 2, not `3`"),
    ({"overrides": {"seed": "x"}}, "`seed` must be"),
    ({"reasoning_effort": "lowest"}, "`reasoning_effort` cannot be `lowest`: it is one of none|minimal|low|"),
    ({"reasoning_effort": "mediun"}, "`reasoning_effort` cannot be `mediun`: did you mean `medium`?"),
    ({"max_tokens": 0}, "`max_tokens` must be"),
    ({"max_tokens": 5, "max_completion_tokens": 6}, "another spelling of `max_tokens`"),
    ({"stop": ["a", "b", "c", "d", "e"]}, "`stop` holds 1 to 4 strings"),
    ({"seed": 1, "defaults": {"seed": 1}}, "`seed` stands beside `defaults` and in it: write it once"),
    ({"seed": 1, "overrides": {"seed": 1}}, "`seed` is a default and an override"),
]


@pytest.mark.parametrize("at,params,said", [("openai", *case) for case in BAD] + [
    ("anthropic", {"seed": 1}, "`seed` has no word in the API of this target's provider: leave it out at"),
    ("gemini", {"overrides": {"verbosity": "low"}}, "`verbosity` has no word in the API of this target's provider"),
    ("mistral", {"user": "x"}, "`user` is refused by this target's vendor"),
    ("apart", {"stop": "x"}, "`stop` has no word in the API of this target's provider"),
])
def test_check_refuses_what_is_unknown_wrong_or_cannot_be_said(tmp_path, at, params, said):
    config = {"providers": blocks(9), "routes": [{"model": "r", "targets": [{"target": at + "/m", "params": params}]}]}
    (tmp_path / "weir.yaml").write_text(json.dumps(config))
    run = subprocess.run([BINARY, "check", "-c", str(tmp_path / "weir.yaml")], capture_output=True, text=True,
                         timeout=10, check=False)
    assert run.returncode == 2 and said in run.stdout + run.stderr, run.stdout + run.stderr

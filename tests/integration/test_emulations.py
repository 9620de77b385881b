"""What a model lacks is said by what it has, and told as if it had been asked for plainly: a schema's answer by a tool
that must be called, a tool that must be called by a schema's answer; from callers of every dialect, streams too."""
import json

import pytest

from weirlib import RawProvider, http, provider

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
          "required": ["city", "days"], "additionalProperties": False}
LIST = {"type": "array", "items": {"type": "string"}, "minItems": 2}
ASKED = "What is the weather in Paris?"


class Chat:
    path = staticmethod(lambda model, stream: "/v1/chat/completions")

    @staticmethod
    def body(model, stream, schema=None, tools=(), choice=None):
        body = {"model": model, "stream": stream, "messages": [{"role": "user", "content": ASKED}]}
        if schema:
            body["response_format"] = {"type": "json_schema", "json_schema": {"name": "Report", "schema": schema}}
        if tools:
            body["tools"] = [{"type": "function", "function": {"name": n, "description": "d " + n, "parameters": p}}
                             for n, p in tools]
            if choice:
                body["tool_choice"] = "required" if choice == "any" else (
                    {"type": "function", "function": {"name": choice}})
        return body

    @staticmethod
    def read(reply, stream):
        if not stream:
            choice = reply.json["choices"][0]
            calls = choice["message"].get("tool_calls") or []
            return (choice["message"]["content"], [(c["function"]["name"], c["function"]["arguments"]) for c in calls],
                    choice["finish_reason"])
        deltas = [c for e in reply.events if e != "[DONE]" for c in e["choices"]]
        calls = {}
        for delta in deltas:
            for call in delta["delta"].get("tool_calls", []):
                assert call["index"] == len(calls) if "id" in call else call["index"] in calls, reply
                name, said = calls.get(call["index"], ("", ""))
                calls[call["index"]] = (name or call["function"]["name"], said + call["function"].get("arguments", ""))
        assert reply.events[-1] == "[DONE]"
        return (reply.content, list(calls.values()), next(d["finish_reason"] for d in deltas if d["finish_reason"]))

    stop, called = "stop", "tool_calls"


class Messages:
    path = staticmethod(lambda model, stream: "/v1/messages")

    @staticmethod
    def body(model, stream, schema=None, tools=(), choice=None):
        body = {"model": model, "stream": stream, "max_tokens": 500, "messages": [{"role": "user", "content": ASKED}]}
        if schema:
            body["output_config"] = {"format": {"type": "json_schema", "schema": schema}}
        if tools:
            body["tools"] = [{"name": n, "description": "d " + n, "input_schema": p} for n, p in tools]
            if choice:
                body["tool_choice"] = {"type": "any"} if choice == "any" else {"type": "tool", "name": choice}
        return body

    @staticmethod
    def read(reply, stream):
        if not stream:
            blocks = reply.json["content"]
            return ("".join(b["text"] for b in blocks if b["type"] == "text"),
                    [(b["name"], json.dumps(b["input"])) for b in blocks if b["type"] == "tool_use"],
                    reply.json["stop_reason"])
        text, calls, finish = "", [], None
        for event in reply.events:
            if event["type"] == "content_block_start" and event["content_block"]["type"] == "tool_use":
                calls.append((event["content_block"]["name"], ""))
            delta = event.get("delta", {})
            text += delta.get("text", "")
            if "partial_json" in delta:
                calls[-1] = (calls[-1][0], calls[-1][1] + delta["partial_json"])
            finish = delta.get("stop_reason", finish)
        assert reply.events[-1]["type"] == "message_stop"
        return text, calls, finish

    stop, called = "end_turn", "tool_use"


class Gemini:
    @staticmethod
    def path(model, stream):
        return f"/v1beta/models/{model}:" + ("streamGenerateContent?alt=sse" if stream else "generateContent")

    @staticmethod
    def body(model, stream, schema=None, tools=(), choice=None):
        body = {"contents": [{"role": "user", "parts": [{"text": ASKED}]}]}
        if schema:
            body["generationConfig"] = {"responseMimeType": "application/json", "responseJsonSchema": schema}
        if tools:
            body["tools"] = [{"functionDeclarations": [
                {"name": n, "description": "d " + n, "parametersJsonSchema": p} for n, p in tools]}]
            if choice:
                one = {} if choice == "any" else {"allowedFunctionNames": [choice]}
                body["toolConfig"] = {"functionCallingConfig": {"mode": "ANY", **one}}
        return body

    @staticmethod
    def read(reply, stream):
        events = reply.events if stream else [reply.json]
        parts = [p for e in events for p in e["candidates"][0].get("content", {}).get("parts", [])]
        return ("".join(p.get("text", "") for p in parts),
                [(p["functionCall"]["name"], json.dumps(p["functionCall"]["args"])) for p in parts if
                 "functionCall" in p], events[-1]["candidates"][0]["finishReason"])

    stop = called = "STOP"


class Responses:
    path = staticmethod(lambda model, stream: "/v1/responses")

    @staticmethod
    def body(model, stream, schema=None, tools=(), choice=None):
        body = {"model": model, "stream": stream, "input": ASKED}
        if schema:
            body["text"] = {"format": {"type": "json_schema", "name": "Report", "schema": schema}}
        if tools:
            body["tools"] = [{"type": "function", "name": n, "description": "d " + n, "parameters": p}
                             for n, p in tools]
            if choice:
                body["tool_choice"] = "required" if choice == "any" else {"type": "function", "name": choice}
        return body

    @staticmethod
    def read(reply, stream):
        whole = reply.events[-1]["response"] if stream else reply.json
        items = whole["output"]
        text = "".join(c["text"] for i in items if i["type"] == "message" for c in i["content"])
        if stream:
            assert text == "".join(e["delta"] for e in reply.events if e["type"] == "response.output_text.delta")
        return text, [(i["name"], i["arguments"]) for i in items if i["type"] == "function_call"], whole["status"]

    stop = called = "completed"


CALLERS = [Chat, Messages, Gemini, Responses]
KINDS = {  # a target, and what it lacks
    "claude-3-haiku-20240307": ("anthropic", ""), "gpt-4-turbo": ("openai", "/v1"), "house-model": ("openai", "/v1"),
    "claude-sonnet-5-5": ("anthropic", ""), "qwen": ("ollama", "/v1"),
    "llama": ("ollama-native", ""), "@cf/flare": ("cloudflare-native", "")
}
NO_SCHEMA = ["claude-3-haiku-20240307", "gpt-4-turbo", "house-model"]
NO_FORCE = ["claude-sonnet-5-5", "qwen", "llama", "@cf/flare"]


@pytest.fixture
def gateway(start, start_mock):
    mock = start_mock()
    names = {m: "p" + str(i) for i, m in enumerate(KINDS)}
    providers = {names[m]: provider(f"http://127.0.0.1:{mock.port}{path}", [m, "good"], type=kind) for
                 m, (kind, path) in KINDS.items()}
    providers[names["house-model"]]["facts"] = {"house-model": {"can": "tools", "cannot": "json"}}
    routes = [{"model": m.split("/")[-1], "targets": [f"{names[m]}/{m}"]} for m in KINDS]
    weir = start({"providers": providers, "routes": routes})
    return weir, mock


def ask(weir, caller, model, stream, headers=None, **asked):
    model = model.split("/")[-1]
    reply = http(weir.port, "POST", caller.path(model, stream), caller.body(model, stream, **asked), headers)
    assert reply.status == 200, reply
    return reply, caller.read(reply, stream)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", NO_SCHEMA)
@pytest.mark.parametrize("caller", CALLERS)
def test_an_answer_to_a_schema_by_a_tool(gateway, caller, model, stream):
    weir, mock = gateway
    reply, (text, calls, finish) = ask(weir, caller, model, stream, schema=SCHEMA)
    assert set(json.loads(text)) == {"city", "days"} and not calls and finish == caller.stop, reply
    assert "json_schema=tool" in reply.headers["x-weir-changed"]
    assert "x-weir-dropped" not in reply.headers
    sent = json.loads(mock.last()["body"])
    assert len(sent["tools"]) == 1 and not {"response_format", "output_config"} & set(sent), sent
    story = http(weir.port, "GET", f"/admin/v1/requests/{reply.headers['x-weir-request-id']}", None,
                 {"Authorization": f"Bearer {weir.admin_key}"})
    assert "json_schema=tool" in story.text, story


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("caller", [Chat, Messages, Gemini])
def test_a_schema_that_is_no_objects_is_wrapped_and_told_without(gateway, caller, stream):
    weir, mock = gateway
    reply, (text, calls, finish) = ask(weir, caller, "claude-3-haiku-20240307", stream, schema=LIST)
    assert len(json.loads(text)) == 2 and not calls and finish == caller.stop, reply
    tool = json.loads(mock.last()["body"])["tools"][0]
    assert tool["input_schema"]["properties"] == {"value": LIST}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", NO_SCHEMA)
@pytest.mark.parametrize("caller", CALLERS)
def test_beside_tools_of_the_callers_own_either_is_told(gateway, caller, model, stream):
    weir, mock = gateway
    tools = [("forecast", SCHEMA)]
    reply, (text, calls, finish) = ask(weir, caller, model, stream, schema=SCHEMA, tools=tools)
    sent = json.loads(mock.last()["body"])
    assert sent["tool_choice"] in ({"type": "any"}, "required") and len(sent["tools"]) == 2, sent
    assert [name for name, _ in calls] == ["forecast"] and not text and finish == caller.called  # the mock's first one
    ask(weir, caller, model, stream, schema=SCHEMA, tools=tools, choice="forecast")  # a call is due and no answer
    assert len(json.loads(mock.last()["body"])["tools"]) == 1


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", NO_FORCE)
@pytest.mark.parametrize("caller", CALLERS)
def test_a_tool_that_must_be_called_by_an_answer_to_a_schema(gateway, caller, model, stream):
    weir, mock = gateway
    reply, (text, calls, finish) = ask(weir, caller, model, stream, tools=[("forecast", SCHEMA)], choice="forecast")
    assert [name for name, _ in calls] == ["forecast"] and not text, reply
    assert set(json.loads(calls[0][1])) == {"city", "days"} and finish == caller.called, reply
    assert "tool_choice=json_schema" in reply.headers["x-weir-changed"]
    reply, (text, calls, finish) = ask(weir, caller, model, stream, tools=[("forecast", SCHEMA)], choice="any")
    assert [name for name, _ in calls] == ["forecast"] and finish == caller.called, reply


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["claude-sonnet-5-5", "qwen", "llama"])
@pytest.mark.parametrize("caller", CALLERS)
def test_one_of_several_tools_by_an_answer_to_a_schema(gateway, caller, model, stream):
    weir, _ = gateway
    reply, (text, calls, finish) = ask(weir, caller, model, stream, tools=[("forecast", SCHEMA), ("b", SCHEMA)],
                                       choice="any")
    assert [name for name, _ in calls] == ["forecast"] and not text, reply
    assert set(json.loads(calls[0][1])) == {"city", "days"} and finish == caller.called, reply


@pytest.mark.parametrize("caller", CALLERS)
def test_who_streams_no_json_is_asked_for_it_whole_and_told_as_a_stream(gateway, caller):
    weir, mock = gateway
    reply, (text, calls, finish) = ask(weir, caller, "@cf/flare", True, schema=SCHEMA)
    assert set(json.loads(text)) == {"city", "days"} and not calls and finish == caller.stop, reply
    assert "text/event-stream" in reply.headers["content-type"] and "x-weir-changed" not in reply.headers
    assert "stream" not in json.loads(mock.last()["body"])
    reply, (text, _, _) = ask(weir, caller, "@cf/flare", True)
    assert ASKED in text and json.loads(mock.last()["body"])["stream"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("caller", CALLERS)
def test_who_knows_json_but_no_schemas_is_told_it_in_words(start, start_mock, caller, stream):
    mock = start_mock()
    weir = start({"providers": {"d": provider(mock, ["deepseek-chat"], type="deepseek")}})
    reply, (text, calls, finish) = ask(weir, caller, "deepseek-chat", stream, schema=SCHEMA)
    sent = json.loads(mock.last()["body"])
    assert sent["response_format"] == {"type": "json_object"} and '"city"' in sent["messages"][0]["content"], sent
    assert json.loads(text) and not calls and finish == caller.stop
    assert reply.headers["x-weir-changed"] == "json_schema"
    refused = http(weir.port, "POST", caller.path("deepseek-chat", stream),
                   caller.body("deepseek-chat", stream, schema=SCHEMA), {"x-weir-unsupported": "refuse"})
    assert refused.status == 400 and "json_schema" in refused.text, refused


@pytest.mark.parametrize("model,asked", [("claude-3-haiku-20240307", {"schema": SCHEMA}),
                                         ("claude-3-haiku-20240307", {"schema": LIST}),
                                         ("llama", {"tools": [("f", SCHEMA)], "choice": "f"}),
                                         ("llama", {"tools": [("f", SCHEMA), ("g", SCHEMA)], "choice": "any"})])
@pytest.mark.parametrize("caller", CALLERS)
def test_a_stream_that_breaks_ends_with_an_error_and_is_not_gone_on_with(start, start_mock, caller, model, asked):
    """Where streams are gone on with, too: half a call or half a JSON text is no text to go on from."""
    mock, other = start_mock(), start_mock()
    weir = start({"providers": {"a": provider(f"http://127.0.0.1:{mock.port}", [model], type=KINDS[model][0],
                                              priority=1),
                                "b": provider(other.base_url, ["gpt-4o"], priority=2)},
                  "routes": [{"model": "r", "targets": [f"a/{model}", "b/gpt-4o"], "resume_streams": True}]})
    mock.fault("end-mid-stream=2")
    headers = {"x-weir-targets": f"a/{model},b/gpt-4o"}
    reply = http(weir.port, "POST", caller.path("r", True), caller.body("r", True, **asked), headers)
    assert reply.status == 200 and "error" in json.dumps(reply.events[-1]), reply
    assert not other.requests()["requests"]


@pytest.mark.parametrize("stream", [False, True])
def test_a_stored_response_is_gone_on_from(gateway, stream):
    weir, mock = gateway
    reply, (text, _, _) = ask(weir, Responses, "claude-3-haiku-20240307", stream, schema=SCHEMA)
    first = reply.events[-1]["response"]["id"] if stream else reply.json["id"]
    kept = http(weir.port, "GET", f"/v1/responses/{first}")
    assert kept.status == 200 and kept.json["output"][-1]["content"][0]["text"] == text, kept
    body = {**Responses.body("claude-3-haiku-20240307", stream, schema=SCHEMA), "previous_response_id": first}
    again = http(weir.port, "POST", "/v1/responses", body)
    assert again.status == 200, again
    turns = json.loads(mock.last()["body"])["messages"]
    assert [t["role"] for t in turns] == ["user", "assistant", "user"] and text.strip('{}"') in json.loads(
        json.dumps(turns[1]["content"]))[0]["text"], turns


def test_a_stream_as_one_array_is_emulated_too(start, start_mock):
    mock = start_mock()
    weir = start({"providers": {"g": provider(f"http://127.0.0.1:{mock.port}/v1beta", ["gemini-house"], type="gemini",
                                              facts={"gemini-house": {"can": "tools", "cannot": "json"}})}})
    reply = http(weir.port, "POST", "/v1beta/models/gemini-house:streamGenerateContent",
                 Gemini.body("gemini-house", True, schema=SCHEMA))
    assert reply.status == 200 and reply.headers["x-weir-changed"] == "json_schema=tool", reply
    text = "".join(p.get("text", "") for e in reply.json for p in
                   e["candidates"][0].get("content", {}).get("parts", []))
    assert set(json.loads(text)) == {"city", "days"}
    assert json.loads(mock.last()["body"])["toolConfig"]["functionCallingConfig"]["mode"] == "ANY"


def test_who_has_it_natively_is_asked_first_and_the_other_where_that_fails(start, start_mock):
    mock, other = start_mock(), start_mock()
    weir = start({"providers": {"a": provider(f"http://127.0.0.1:{mock.port}", ["claude-3-haiku-20240307"],
                                              type="anthropic", priority=1),
                                "b": provider(other.base_url, ["gpt-4o"], priority=2)},
                  "routes": [{"model": "r", "targets": ["a/claude-3-haiku-20240307", "b/gpt-4o"],
                              "strategy": "priority"}]})

    def served(**asked):
        reply, (text, _, _) = ask(weir, Chat, "r", False, **asked)
        return reply.headers["x-weir-provider"], "x-weir-changed" in reply.headers
    assert served() == ("a", False)
    assert served(schema=SCHEMA) == ("b", False)
    other.fault("status=500")
    assert served(schema=SCHEMA) == ("a", True)


def test_what_cannot_be_emulated_is_refused_by_name(gateway):
    weir, mock = gateway
    before = len(mock.requests()["requests"])
    knot = {"type": "array", "items": {"$ref": "#/$defs/a"}, "$defs": {"a": {"type": "string"}}}
    reply = http(weir.port, "POST", "/v1/chat/completions",
                 Chat.body("claude-3-haiku-20240307", False, schema=knot))
    assert reply.status == 400 and "json_schema" in reply.error["message"], reply
    reply = http(weir.port, "POST", "/v1/chat/completions",
                 Chat.body("llama", False, tools=[("forecast", SCHEMA)], choice="another"))
    assert reply.status == 400 and "tool_choice" in reply.error["message"], reply
    assert len(mock.requests()["requests"]) == before
    reply = http(weir.port, "POST", "/v1/chat/completions",
                 Chat.body("claude-3-haiku-20240307", False, schema=SCHEMA), {"x-weir-unsupported": "refuse"})
    assert reply.status == 200, reply  # nothing of what it means is lost


@pytest.mark.parametrize("stream", [False, True])
def test_a_model_that_does_not_keep_to_it_is_told_as_it_is(start, stream):
    """Prose where a call was due: no call is made of it, and none of it is lost."""
    def prose(connection, head, body):
        if stream:
            lines = [{"model": "m", "message": {"role": "assistant", "content": w}, "done": False} for w in
                     (" ", "I ", "cannot.")] + [
                         {"model": "m", "message": {"role": "assistant", "content": ""}, "done": True,
                          "done_reason": "stop", "prompt_eval_count": 1, "eval_count": 2}]
            said = "".join(json.dumps(line) + "\n" for line in lines).encode()
        else:
            said = json.dumps({"model": "m", "message": {"role": "assistant", "content": "I cannot."}, "done": True,
                               "done_reason": "stop"}).encode()
        kind = b"application/x-ndjson" if stream else b"application/json"
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: " + kind + b"\r\nContent-Length: " +
                           str(len(said)).encode() + b"\r\n\r\n" + said)
    with RawProvider(prose) as raw:
        weir = start({"providers": {"a": provider(f"http://127.0.0.1:{raw.port}", ["m"], type="ollama-native")}})
        for tools in ([("f", SCHEMA)], [("f", SCHEMA), ("g", SCHEMA)]):
            _, (text, calls, finish) = ask(weir, Chat, "m", stream, tools=tools, choice="any")
            assert text.strip() == "I cannot." and not calls and finish == "stop"

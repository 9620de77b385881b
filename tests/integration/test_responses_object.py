"""The Responses API as its clients check it: the public compliance suite's plain cases, told again as tests of weir's
own, at every kind of provider and at the mock; tools that take text; what a response says again of its request."""
import json

import pytest

from weirlib import RawProvider, http, provider

COLUMNS = ["chat", "anthropic", "gemini", "ollama-native", "cloudflare-native", "native", "mock"]
PIXEL = ("data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5"
         "ErkJggg==")
WEATHER = {
    "type": "function", "name": "get_weather", "description": "The weather at a place.",
    "parameters": {"type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]}
}
PATCH = {
    "type": "custom", "name": "apply_patch", "description": "Changes files.",
    "format": {"type": "grammar", "syntax": "lark", "definition": "start: \"*** Begin Patch\" LF"}
}
NATIVE = '{"extends":"built-in"}\n{"provider":"openai","endpoints":["chat","responses"]}\n'


def null_or(*types):
    return lambda value: value is None or isinstance(value, types)


def number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def whole(value):
    return isinstance(value, int) and not isinstance(value, bool)


def one_of(*values):
    return lambda value: value in values


def text(value):
    return isinstance(value, str)


def listed(value):
    return isinstance(value, list)


# Every member that a response must have, and what it may be.
MEMBERS = {
    "id": text, "object": one_of("response"), "created_at": whole, "completed_at": null_or(int), "status": text,
    "incomplete_details": null_or(dict), "model": text, "previous_response_id": null_or(str),
    "instructions": null_or(str), "output": listed, "error": null_or(dict), "tools": listed,
    "tool_choice": lambda value: isinstance(value, (str, dict)), "truncation": one_of("auto", "disabled"),
    "parallel_tool_calls": lambda value: isinstance(value, bool), "text": lambda value: "type" in value["format"],
    "top_p": number, "presence_penalty": number, "frequency_penalty": number, "top_logprobs": whole,
    "temperature": number, "reasoning": lambda value: value is None or {"effort", "summary"} <= set(value),
    "usage": null_or(dict), "max_output_tokens": null_or(int), "max_tool_calls": null_or(int),
    "store": lambda value: isinstance(value, bool), "background": lambda value: isinstance(value, bool),
    "service_tier": text, "metadata": lambda value: isinstance(value, dict), "safety_identifier": null_or(str),
    "prompt_cache_key": null_or(str)
}
ITEMS = {
    "message": {"id", "status", "role", "content"}, "function_call": {"id", "call_id", "name", "arguments", "status"},
    "custom_tool_call": {"id", "call_id", "name", "input"}, "reasoning": {"id", "summary"}
}


def check(response):
    for name, good in MEMBERS.items():
        assert name in response, f"no {name}"
        assert good(response[name]), (name, response[name])
    for item in response["output"]:
        assert ITEMS[item["type"]] <= set(item), item
        for part in item.get("content", []):
            if part["type"] == "output_text":
                assert {"text", "annotations", "logprobs"} <= set(part), part
    for tool in response["tools"]:
        if tool["type"] == "function":
            assert {"name", "description", "parameters", "strict"} <= set(tool), tool
    usage = response["usage"]
    if usage:
        assert {"input_tokens", "output_tokens", "total_tokens"} <= set(usage), usage
        assert "cached_tokens" in usage["input_tokens_details"]
        assert "reasoning_tokens" in usage["output_tokens_details"]
    assert response["output"], "nothing was said"
    if response["status"] == "completed":
        assert response["completed_at"] >= response["created_at"]


# What each event must have beside type and sequence_number.
EVENTS = {
    "response.created": {"response"}, "response.in_progress": {"response"}, "response.completed": {"response"},
    "response.output_item.added": {"output_index", "item"}, "response.output_item.done": {"output_index", "item"},
    "response.content_part.added": {"item_id", "output_index", "content_index", "part"},
    "response.content_part.done": {"item_id", "output_index", "content_index", "part"},
    "response.output_text.delta": {"item_id", "output_index", "content_index", "delta", "logprobs"},
    "response.output_text.done": {"item_id", "output_index", "content_index", "text", "logprobs"},
    "response.function_call_arguments.delta": {"item_id", "output_index", "delta"},
    "response.function_call_arguments.done": {"item_id", "output_index", "arguments"},
    "response.custom_tool_call_input.delta": {"item_id", "output_index", "delta"},
    "response.custom_tool_call_input.done": {"item_id", "output_index", "input"}
}


@pytest.fixture
def columns(start, start_mock, tmp_path):
    """Asks one of the columns: a provider of that kind, one that has the API itself, or the mock without weir."""
    (tmp_path / "c.jsonl").write_text(NATIVE)
    mock = start_mock()
    base = f"http://127.0.0.1:{mock.port}"
    kinds = {
        "chat": ("groq", f"{base}/v1"), "anthropic": ("anthropic", base), "gemini": ("gemini", f"{base}/v1beta"),
        "ollama-native": ("ollama-native", base), "cloudflare-native": ("cloudflare-native", base),
        "native": ("openai", f"{base}/v1")
    }
    weir = start({
        "catalog": str(tmp_path / "c.jsonl"),
        "providers": {kind: provider(url, type=of) for kind, (of, url) in kinds.items()},
        "routes": [{"model": kind, "targets": [f"{kind}/m"]} for kind in kinds]
    })

    def ask(column, **body):
        port = mock.port if column == "mock" else weir.port
        reply = http(port, "POST", "/v1/responses", {"model": column, **body})
        assert reply.status == 200, reply
        if not body.get("stream"):
            check(reply.json)
            return reply.json, []
        events = [json.loads(event) if isinstance(event, str) else event for event in reply.events]
        for place, event in enumerate(events):
            assert EVENTS[event["type"]] <= set(event), event
            assert event["sequence_number"] == place
        told = {event["response"]["created_at"] for event in events if "response" in event}
        assert len(told) == 1, "one response was created once"
        check(events[-1]["response"])
        return events[-1]["response"], events
    ask.mock = mock
    return ask


def user(content):
    return [{"type": "message", "role": "user", "content": content}]


@pytest.mark.parametrize("column", COLUMNS)
def test_the_suites_plain_cases_pass(columns, column):
    basic, _ = columns(column, input=user("Say hello in exactly 3 words."))
    assert basic["status"] == "completed" and basic["output"][-1]["type"] == "message"
    streamed, events = columns(column, input=user("Count from 1 to 5."), stream=True)
    assert streamed["status"] == "completed" and len(events) > 5
    columns(column, input=[{"type": "message", "role": "system", "content": "You are a pirate."}, *user("Say hello.")])
    columns(column, input=user([{"type": "input_text", "text": "What do you see?"},
                                {"type": "input_image", "image_url": PIXEL}]))
    columns(column, input=[*user("My name is Alice."),
                           {"type": "message", "role": "assistant", "content": "Hello Alice!"},
                           *user("What is my name?")])
    phased, _ = columns(column, input=[*user("My name is Alice."),
                                       {"type": "message", "role": "assistant", "phase": "final_answer",
                                        "content": [{"type": "output_text", "text": "Hello!", "annotations": []}]},
                                       *user("What is my name?")])
    assert phased["status"] == "completed"


@pytest.mark.parametrize("column", [c for c in COLUMNS if c not in ("ollama-native", "cloudflare-native")])
def test_the_suites_tool_cases_pass(columns, column):
    called, _ = columns(column, input=user("Weather in San Francisco?"), tools=[WEATHER], tool_choice="required")
    assert any(item["type"] == "function_call" for item in called["output"])
    assert called["tools"] == [{**WEATHER, "strict": None}] and called["tool_choice"] == "required"
    streamed, events = columns(column, input=user("Weather in San Francisco?"), tools=[WEATHER],
                               tool_choice="required", stream=True)
    types = [event["type"] for event in events]
    assert {"response.function_call_arguments.delta", "response.function_call_arguments.done"} <= set(types)
    for kind in ("response.output_item.added", "response.output_item.done"):
        assert any(e["type"] == kind and e["item"]["type"] == "function_call" for e in events), kind


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("column", ["chat", "anthropic"])
def test_a_response_says_its_request_again(columns, column, stream):
    asked = {
        "instructions": "Be short.", "temperature": 0.25, "top_p": 0.5, "max_output_tokens": 77,
        "metadata": {"a": "b"}, "parallel_tool_calls": False, "tools": [WEATHER, PATCH], "tool_choice": "auto",
        "text": {"format": {"type": "text"}, "verbosity": "low"}, "reasoning": {"effort": "low", "summary": "auto"},
        "safety_identifier": "someone", "prompt_cache_key": "k", "truncation": "auto", "service_tier": "auto"
    }
    response, _ = columns(column, input=user("hello"), stream=stream, **asked)
    for name, value in {**asked, "tools": [{**WEATHER, "strict": None}, PATCH], "service_tier": "default"}.items():
        assert response[name] == value, name


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("column", ["chat", "anthropic", "gemini", "mock", "native"])
def test_a_tool_that_takes_text_is_said_as_a_function_and_back(columns, column, stream):
    history = [
        *user("Change it."),
        {"type": "custom_tool_call", "call_id": "call_1", "name": "apply_patch", "input": "a \"b\"\nc"},
        {"type": "custom_tool_call_output", "call_id": "call_1", "output": "done"},
        *user("Again.")
    ]
    response, events = columns(column, input=history, tools=[PATCH], stream=stream,
                               tool_choice={"type": "custom", "name": "apply_patch"})
    call = response["output"][-1]
    assert call["type"] == "custom_tool_call" and call["name"] == "apply_patch" and call["id"].startswith("ctc_")
    assert call["input"] and not call["input"].startswith("{")
    if stream:
        deltas = [e["delta"] for e in events if e["type"] == "response.custom_tool_call_input.delta"]
        assert "".join(deltas) == call["input"] == events[-3]["input"], events
    if column not in ("mock", "native"):
        sent = columns.mock.last()["body"]
        assert "Begin Patch" in sent and "custom_tool" not in sent
        assert r'\"input\"' in sent or '"input":"a' in sent, "the earlier call too"


SAID = 'caf\u00e9 "x" \\ \U0001f600\n\tend'
ARGUMENTS = {
    "as told": (json.dumps({"input": SAID}), SAID), "plain": (json.dumps({"input": SAID}, ensure_ascii=False), SAID),
    "blanks": (' {\n "input" : ' + json.dumps(SAID) + " } ", SAID), "another name": (json.dumps({"patch": SAID}), SAID),
    "no object": (json.dumps(SAID), SAID), "no json": ("*** Begin Patch", "*** Begin Patch"), "empty": ("", ""),
    "cut short": ('{"input":"half', "half"), "half a pair": ('{"input":"\\ud83d!"}', "\ufffd!"),
    "input later": (json.dumps({"why": 1, "input": SAID}), SAID)
}


@pytest.mark.parametrize("arguments,wanted", ARGUMENTS.values(), ids=ARGUMENTS)
def test_text_is_read_from_arguments_however_they_are_cut(start, arguments, wanted):
    def chunk(delta, finish=None):
        return b"data: " + json.dumps({"id": "c", "object": "chat.completion.chunk", "model": "m", "choices": [
            {"index": 0, "delta": delta, "finish_reason": finish}]}).encode() + b"\n\n"

    def answer(connection, head, body):
        call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "apply_patch", "arguments": ""}}
        pieces = [chunk({"role": "assistant", "tool_calls": [call]})]
        pieces += [chunk({"tool_calls": [{"index": 0, "function": {"arguments": letter}}]}) for letter in arguments]
        body = b"".join([*pieces, chunk({}, "tool_calls"), b"data: [DONE]\n\n"])
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: %d\r\n\r\n%s" %
                           (len(body), body))
    with RawProvider(answer) as far:
        weir = start({"providers": {"one": provider(far.base_url, type="groq")}})
        reply = http(weir.port, "POST", "/v1/responses",
                     {"model": "m", "input": "x", "tools": [PATCH], "stream": True})
        events = [json.loads(event) if isinstance(event, str) else event for event in reply.events]
        call = events[-1]["response"]["output"][0]
        assert call["type"] == "custom_tool_call" and call["input"] == wanted
        assert "".join(e.get("delta", "") for e in events) == wanted


@pytest.mark.parametrize("stream", [False, True])
def test_what_it_goes_on_from_is_told_where_the_provider_was_not_told(columns, stream):
    first, _ = columns("native", input="hello", store=True)
    second, events = columns("native", input="again", previous_response_id=first["id"], stream=stream)
    assert second["previous_response_id"] == first["id"]
    assert all(e["response"]["previous_response_id"] == first["id"] for e in events if "response" in e)

"""What a recorded reply says: one reader for each dialect, whole and streamed, as small as can be; they share nothing
with weir's own. Of test_replay.py."""
import base64
import copy
import json
import re
import struct


def array_as_events(body):
    return b"".join(b"data: " + json.dumps(element, ensure_ascii=False).encode() + b"\r\n\r\n"
                    for element in json.loads(body))


class Said:
    def __init__(self):
        self.choices, self.usage, self.error = {}, {}, None

    def choice(self, index=0):
        return self.choices.setdefault(index, {"text": "", "reasoning": "", "calls": [], "finish": None})

    def count(self, **counts):
        self.usage.update({k: v for k, v in counts.items() if isinstance(v, int)})

    def done(self):
        """Arguments as values; a provider that calls and says no more than `stop` has ended by its calls."""
        for choice in self.choices.values():
            choice["calls"] = [(name, value_of(arguments)) for name, arguments in choice["calls"]]
            if choice["calls"] and choice["finish"] == "stop":
                choice["finish"] = "calls"
        return self


def value_of(arguments):
    if not isinstance(arguments, str):
        return arguments or {}
    try:
        return json.loads(arguments or "{}")
    except ValueError:
        return arguments


def events_of(body):
    """(event, data) of an event stream, by the letter of its specification."""
    for block in re.split(r"\n\n+", body.decode().replace("\r\n", "\n").replace("\r", "\n")):
        fields = [line.split(":", 1) for line in block.split("\n") if ":" in line and not line.startswith(":")]
        data = [value[1:] if value.startswith(" ") else value for name, value in fields if name == "data"]
        if data:
            yield next((value.strip() for name, value in fields if name == "event"), ""), "\n".join(data)


OPENAI_FINISH = {
    "stop": "stop", "eos": "stop", "length": "length", "tool_calls": "calls", "function_call": "calls",
    "content_filter": "filter", "error": "error"
}


def openai_words(message, choice):
    content = message.get("content") or ""
    for part in [{"type": "text", "text": content}] if isinstance(content, str) else content:
        if part["type"] == "thinking":
            choice["reasoning"] += "".join(p.get("text", "") for p in part["thinking"])
        else:
            choice["text"] += part.get("text", "")
    choice["text"] += message.get("refusal") or ""
    choice["reasoning"] += message.get("reasoning_content") or message.get("reasoning") or ""


def openai_usage(said, usage, vendor):
    if not usage:
        return
    details, prompt = usage.get("completion_tokens_details") or {}, usage.get("prompt_tokens_details") or {}
    output = usage.get("completion_tokens")
    if vendor == "xai":  # leaves reasoning out
        output += details.get("reasoning_tokens") or 0
    said.count(input=usage.get("prompt_tokens"), output=output, cached=prompt.get("cached_tokens",
                                                                                  usage.get("prompt_cache_hit_tokens")))


def openai_whole(body, vendor=None):
    said, reply = Said(), json.loads(body)
    for at in reply["choices"]:
        choice, message = said.choice(at.get("index") or 0), at["message"]
        openai_words(message, choice)
        choice["calls"] = [(c["function"]["name"], c["function"]["arguments"]) for c in message.get("tool_calls") or []]
        if message.get("function_call"):
            choice["calls"].append((message["function_call"]["name"], message["function_call"]["arguments"]))
        choice["finish"] = OPENAI_FINISH[at["finish_reason"]]
    openai_usage(said, reply.get("usage"), vendor)
    return said.done()


def openai_streamed(body, vendor=None):
    said = Said()
    for name, data in events_of(body):
        if data == "[DONE]":
            break
        event = json.loads(data)
        if event.get("error"):
            said.error = event["error"]["message"]
            continue
        for at in event.get("choices") or []:
            choice, delta = said.choice(at.get("index") or 0), at.get("delta") or {}
            openai_words(delta, choice)
            for call in delta.get("tool_calls") or []:
                if call["function"].get("name"):
                    choice["calls"].append((call["function"]["name"], ""))
                last, arguments = choice["calls"][-1]
                choice["calls"][-1] = (last, arguments + (call["function"].get("arguments") or ""))
            if at.get("finish_reason"):
                choice["finish"] = OPENAI_FINISH[at["finish_reason"]]
        openai_usage(said, event.get("usage") or (event.get("x_groq") or {}).get("usage"), vendor)
    return said.done()


ANTHROPIC_FINISH = {
    "end_turn": "stop", "stop_sequence": "stop", "pause_turn": "stop", "max_tokens": "length", "tool_use": "calls",
    "refusal": "filter", "model_context_window_exceeded": "length"
}


def anthropic_usage(said, usage):
    """Of an answer that took several goes all are counted: the sums at the top leave some out."""
    goes = usage.get("iterations") or [usage]
    names = ("cache_read_input_tokens", "cache_creation_input_tokens", "input_tokens", "output_tokens")
    if len(goes) > 1:
        usage = {name: sum(go.get(name) or 0 for go in goes) for name in names}
    cached, made = usage.get("cache_read_input_tokens") or 0, usage.get("cache_creation_input_tokens") or 0
    if isinstance(usage.get("input_tokens"), int):
        said.count(input=usage["input_tokens"] + cached + made, cached=cached)
    said.count(output=usage.get("output_tokens"))


def anthropic_whole(body, vendor=None):
    said, reply = Said(), json.loads(body)
    choice = said.choice()
    for block in reply["content"]:
        choice["text"] += block["text"] if block["type"] == "text" else ""
        choice["reasoning"] += block["thinking"] if block["type"] == "thinking" else ""
        if block["type"] == "tool_use":
            choice["calls"].append((block["name"], block["input"]))
    choice["finish"] = ANTHROPIC_FINISH[reply["stop_reason"]]
    anthropic_usage(said, reply["usage"])
    return said.done()


def anthropic_streamed(body, vendor=None):
    said, kinds, open_block = Said(), [], None
    choice, ended = said.choice(), False
    for name, data in events_of(body):
        event = json.loads(data)
        kind = event["type"]
        assert name == kind and not ended, (name, kind, ended)
        if kind == "message_start":
            anthropic_usage(said, event["message"]["usage"])
        elif kind == "content_block_start":
            assert open_block is None and event["index"] == len(kinds), event
            open_block = event["index"]
            kinds.append(event["content_block"]["type"])
            choice["text"] += event["content_block"].get("text") or "" if kinds[-1] == "text" else ""
            choice["reasoning"] += event["content_block"].get("thinking") or ""
            if kinds[-1] == "tool_use":
                choice["calls"].append((event["content_block"]["name"], ""))
        elif kind == "content_block_delta":
            delta = event["delta"]
            assert open_block == event["index"], event
            choice["text"] += delta.get("text", "")
            choice["reasoning"] += delta.get("thinking", "")
            if delta["type"] == "input_json_delta" and kinds[-1] == "tool_use":
                last, arguments = choice["calls"][-1]
                choice["calls"][-1] = (last, arguments + delta["partial_json"])
        elif kind == "content_block_stop":
            assert open_block == event["index"], event
            open_block = None
        elif kind == "message_delta":
            assert open_block is None
            choice["finish"] = ANTHROPIC_FINISH[event["delta"]["stop_reason"]]
            if "usage" in event:
                anthropic_usage(said, event["usage"])
        elif kind == "error":
            said.error = event["error"]["message"]
        ended = kind == "message_stop"
    assert ended or said.error, "no message_stop"
    return said.done()


def gemini_finish(reason):
    return {"STOP": "stop", "MAX_TOKENS": "length", 1: "stop", 2: "length"}.get(reason, "filter")


def gemini_take(said, reply):
    if "error" in reply:
        said.error = reply["error"]["message"]
    for at in reply.get("candidates", []):
        choice = said.choice(at.get("index") or 0)
        for part in (at.get("content") or {}).get("parts", []):
            choice["reasoning" if part.get("thought") else "text"] += part.get("text", "")
            if "functionCall" in part:
                choice["calls"].append((part["functionCall"]["name"], part["functionCall"].get("args")))
        if at.get("finishReason"):
            choice["finish"] = gemini_finish(at["finishReason"])
    usage = reply.get("usageMetadata") or {}
    if "promptTokenCount" in usage:
        said.count(input=usage["promptTokenCount"] + usage.get("toolUsePromptTokenCount", 0),
                   cached=usage.get("cachedContentTokenCount"))
    if "candidatesTokenCount" in usage or "thoughtsTokenCount" in usage:
        said.count(output=usage.get("candidatesTokenCount", 0) + usage.get("thoughtsTokenCount", 0))


def gemini_whole(body, vendor=None):
    said = Said()
    gemini_take(said, json.loads(body))
    return said.done()


def gemini_streamed(body, vendor=None):
    said = Said()
    for _, data in events_of(body):
        gemini_take(said, json.loads(data))
    return said.done()


def gemini_array(body, vendor=None):
    return gemini_streamed(array_as_events(body))


def ollama_streamed(body, vendor=None):
    said = Said()
    choice = said.choice()
    for line in filter(None, body.decode().split("\n")):
        reply = json.loads(line)
        message = reply.get("message") or {}
        choice["text"] += message.get("content") or ""
        choice["reasoning"] += message.get("thinking") or ""
        choice["calls"] += [(c["function"]["name"], c["function"]["arguments"])
                            for c in message.get("tool_calls") or []]
        if reply.get("done"):
            choice["finish"] = {"length": "length"}.get(reply.get("done_reason"), "stop")
            said.count(input=reply.get("prompt_eval_count"), output=reply.get("eval_count"))
    return said.done()


def responses_take(said, response):
    """What stands in a whole response."""
    choice = said.choice()
    for item in response["output"]:
        if item["type"] == "message":
            choice["text"] += "".join(p.get("text") or p.get("refusal") or "" for p in item["content"])
        elif item["type"] == "reasoning":
            choice["reasoning"] += "".join(p["text"] for p in (item.get("content") or []) + (item.get("summary") or []))
        elif item["type"] == "function_call":
            choice["calls"].append((item["name"], item["arguments"]))
    responses_end(said, response)


def responses_end(said, response):
    reason = (response.get("incomplete_details") or {}).get("reason")
    said.choice()["finish"] = {"incomplete": "filter" if reason == "content_filter" else "length",
                               "failed": "error"}.get(response["status"], "stop")
    said.error = (response.get("error") or {}).get("message")
    usage = response.get("usage") or {}
    said.count(input=usage.get("input_tokens"), output=usage.get("output_tokens"),
               cached=(usage.get("input_tokens_details") or {}).get("cached_tokens"))


def responses_whole(body, vendor=None):
    said = Said()
    responses_take(said, json.loads(body))
    return said.done()


def responses_streamed(body, vendor=None):
    """From the deltas; the response at the end must say the same."""
    said, number, last = Said(), 0, None
    choice = said.choice()
    for name, data in events_of(body):
        event = json.loads(data)
        kind = event["type"]
        assert name == kind and event["sequence_number"] == number, (name, event)
        number += 1
        last = event.get("response", last)
        if kind in ("response.output_text.delta", "response.refusal.delta"):
            choice["text"] += event["delta"]
        elif kind in ("response.reasoning_summary_text.delta", "response.reasoning_text.delta"):
            choice["reasoning"] += event["delta"]
        elif kind == "response.output_item.added" and event["item"]["type"] == "function_call":
            choice["calls"].append((event["item"]["name"], ""))
        elif kind == "response.function_call_arguments.delta":
            called, arguments = choice["calls"][-1]
            choice["calls"][-1] = (called, arguments + event["delta"])
        elif kind == "error":
            said.error = event["message"]
    if kind != "error":
        assert kind in ("response.completed", "response.incomplete", "response.failed"), kind
        responses_end(said, last)
        whole = Said()
        responses_take(whole, last)
        assert (kind == "response.failed" or whole.done().choices
                == copy.deepcopy(said).done().choices), ("the last response says something else than the deltas")
    return said.done()


def completions_whole(body, vendor=None):
    said, reply = Said(), json.loads(body)
    for at in reply["choices"]:
        said.choice(at["index"]).update(text=at["text"], finish=OPENAI_FINISH[at["finish_reason"]])
    openai_usage(said, reply.get("usage"), vendor)
    return said.done()


def completions_streamed(body, vendor=None):
    said = Said()
    for _, data in events_of(body):
        event = json.loads(data) if data != "[DONE]" else {}
        said.error = (event.get("error") or {}).get("message", said.error)
        for at in event.get("choices") or []:
            choice = said.choice(at["index"])
            choice["text"] += at["text"]
            choice["finish"] = OPENAI_FINISH.get(at.get("finish_reason"), choice["finish"])
        openai_usage(said, event.get("usage"), vendor)
    return said.done()


def huggingface_whole(body, vendor=None):
    said = Said()
    said.choice().update(text=json.loads(body)[0]["generated_text"], finish="stop")
    return said.done()


READERS = {
    "openai": (openai_whole, openai_streamed), "anthropic": (anthropic_whole, anthropic_streamed),
    "gemini": (gemini_whole, gemini_streamed), "responses": (responses_whole, responses_streamed),
    "ollama": (ollama_streamed, ollama_streamed), "huggingface": (huggingface_whole, None)
}
READERS_OF_WAYS = {"generate-array": (None, gemini_array), "completions": (completions_whole, completions_streamed)}


def expectation(exchange):
    if exchange.framing == "json-array":
        return gemini_array(exchange.body)
    return READERS[exchange.dialect][exchange.stream](exchange.body, exchange.provider)


def message_of(body):
    """The sentence of an error, in any dialect."""
    error = json.loads(body)["error"]
    return error if isinstance(error, str) else error["message"]


def vectors_of(dialect, body):
    reply = json.loads(body)
    if dialect == "huggingface":
        return reply if isinstance(reply[0], list) else [reply]
    if dialect == "gemini":
        return [v["values"] for v in reply.get("embeddings") or [reply["embedding"]]]
    vectors = [at["embedding"] for at in reply["data"]]
    return [
        list(struct.unpack(f"<{len(v) * 3 // 4 // 4}f", base64.b64decode(v))) if isinstance(v, str) else v
        for v in vectors
    ]

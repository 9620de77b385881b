"""What a provider's dialect cannot say is never dropped silently: every option and every kind of part of every caller's
API, at every kind of provider. An option has reached the provider (the request there is another one than without it),
or the reply names it in x-weir-dropped, or nobody was asked and the caller has a 400 that says why."""
import copy
import json

import pytest

from weirlib import http, provider

KINDS = ["openai", "anthropic", "gemini", "ollama-native", "cloudflare-native", "huggingface-native"]
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PDF = "JVBERi0xLjQKMSAwIG9iago8PD4+CmVuZG9iagp0cmFpbGVyPDw+PgolJUVPRgo="
WAV = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA="
SCHEMA = {
    "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False
}
WEATHER = {"name": "look_up", "description": "Looks it up.", "parameters": SCHEMA}
CHAT_TOOL = {"type": "function", "function": WEATHER}
CLAUDE_TOOL = {"name": "look_up", "description": "Looks it up.", "input_schema": SCHEMA}
FLAT_TOOL = {"type": "function", **WEATHER}
GOOGLE_TOOL = {"functionDeclarations": [WEATHER]}
OPTIONS = {
    "temperature": 0.25, "top_p": 0.5, "user": "somebody", "metadata": {"k": "v"}, "service_tier": "flex",
    "prompt_cache_key": "pck", "safety_identifier": "sid", "tomorrows_option": 1
}
SAMPLING = {
    "top_k": 7, "min_p": 0.1, "frequency_penalty": 0.5, "presence_penalty": 0.5, "repetition_penalty": 1.5, "seed": 9,
    "n": 2, "stop": ["zz"], "logit_bias": {"5": 1}
}


def alone(options):
    """Each of them by itself."""
    return {name: {name: value} for name, value in options.items()}


def user(*parts):
    return {"messages": [{"role": "user", "content": list(parts)}]}


def text(words="Hello"):
    return {"type": "text", "text": words}


def chat_history(**message):
    return {
        "messages": [{"role": "user", "content": "One"}, {"role": "assistant", "content": "Two", **message},
                     {"role": "user", "content": "Three"}]
    }


def claude_history(*blocks):
    return {
        "messages": [{"role": "user", "content": "One"}, {"role": "assistant", "content": list(blocks)},
                     {"role": "user", "content": "Three"}]
    }


def claude_result(**result):
    return {
        "tools": [CLAUDE_TOOL], "messages": [{"role": "user", "content": "One"}, {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "toolu_1", "name": "look_up", "input": {"city": "x"}}]
        }, {
            "role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "fine", **result}]
        }]
    }


def google(*parts):
    return {"contents": [{"role": "user", "parts": list(parts)}]}


def google_history(**part):
    return {
        "contents": [{"role": "user",
                      "parts": [{"text": "One"}]}, {"role": "model", "parts": [{"text": "Two", **part}]},
                     {"role": "user", "parts": [{"text": "Three"}]}]
    }


def items(*before):
    return {
        "input": [*before, {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello"}]}]
    }


def content(*parts):
    return {
        "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello"}, *parts]}]
    }


# What: what is laid over the least request, or a pair: what is laid over it for the comparison, and what then.
CHAT = {
    **alone({
        **OPTIONS, **SAMPLING, "max_tokens": 77, "max_completion_tokens": 77, "reasoning_effort": "high",
        "verbosity": "low", "store": True, "parallel_tool_calls": False,
        "prediction": {"type": "content",
                       "content": "guess"}, "web_search_options": {}, "modalities": ["text", "audio"]
    }),
    "logprobs": {"logprobs": True, "top_logprobs": 2},
    "audio": {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}},
    "tools": {"tools": [CHAT_TOOL]},
    "functions": {"functions": [WEATHER]},
    "a tool of the vendor's": {"tools": [{"type": "custom", "custom": {"name": "c"}}]},
    "tool_choice": ({"tools": [CHAT_TOOL]}, {"tools": [CHAT_TOOL], "tool_choice": "required"}),
    "tool_choice of one": ({"tools": [CHAT_TOOL]},
                           {"tools": [CHAT_TOOL], "tool_choice": {"type": "function",
                                                                  "function": {"name": "look_up"}}}),
    "no parallel calls": ({"tools": [CHAT_TOOL]}, {"tools": [CHAT_TOOL], "parallel_tool_calls": False}),
    "strict": ({"tools": [CHAT_TOOL]}, {"tools": [{"type": "function", "function": {**WEATHER, "strict": True}}]}),
    "json_object": {"response_format": {"type": "json_object"}},
    "json_schema": {"response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": SCHEMA}}},
    "message_name": (user(text()), {"messages": [{"role": "user", "name": "bob", "content": [text()]}]}),
    "image": (user(text()), user(text(), {"type": "image_url", "image_url": {"url": "data:image/png;base64," + PNG}})),
    "detail": (user({"type": "image_url", "image_url": {"url": "data:image/png;base64," + PNG}}),
               user({"type": "image_url", "image_url": {"url": "data:image/png;base64," + PNG, "detail": "low"}})),
    "sound": (user(text()), user(text(), {"type": "input_audio", "input_audio": {"data": WAV, "format": "wav"}})),
    "file": (user(text()),
             user(text(),
                  {"type": "file", "file": {"filename": "f.pdf", "file_data": "data:application/pdf;base64," + PDF}})),
    "file_id": (user(text()), user(text(), {"type": "file", "file": {"file_id": "file-1"}})),
    "a part of tomorrow": (user(text()), user(text(), {"type": "hologram", "hologram": {}})),
    "cache_control": (user(text()), user({**text(), "cache_control": {"type": "ephemeral"}})),
    "refusal": (chat_history(), chat_history(refusal="I will not.")),
    "reasoning_content": (chat_history(), chat_history(reasoning_content="I thought.")),
    "system": ({"messages": [{"role": "user", "content": "Hello"}]},
               {"messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hello"}]}),
    "developer": ({"messages": [{"role": "user", "content": "Hello"}]},
                  {"messages": [{"role": "developer", "content": "Be kind."}, {"role": "user", "content": "Hello"}]}),
    "the name of a system message": ({
        "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hello"}]
    }, {"messages": [{"role": "system", "name": "bob", "content": "Be kind."}, {"role": "user", "content": "Hello"}]}),
}
COMPLETIONS = alone(
    {**OPTIONS, **SAMPLING, "suffix": "the end", "echo": True, "best_of": 3, "logprobs": 2, "max_tokens": 77})
EMBEDDINGS = alone({"dimensions": 8, "user": "somebody", "tomorrows_option": 1})
MESSAGES = {
    **alone({
        "temperature": 0.25, "top_p": 0.5, "top_k": 7, "stop_sequences": ["zz"], "service_tier": "standard_only",
        "inference_geo": "us", "container": "c_1",
        "context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]}, "speed": "fast", "tomorrows_option": 1,
        "mcp_servers": [{"type": "url", "url": "https://example.com/mcp", "name": "x"}]
    }),
    "cache_control of all": {"cache_control": {"type": "ephemeral"}},
    "user": {"metadata": {"user_id": "somebody"}},
    "metadata": {"metadata": {"other": "x"}},
    "thinking": {"max_tokens": 4000, "thinking": {"type": "enabled", "budget_tokens": 2000}},
    "no thinking": {"thinking": {"type": "disabled"}},
    "effort": {"output_config": {"effort": "low"}},
    "json_schema": {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
    "system": {"system": "Be kind."},
    "cache_control of the system": ({"system": [text("Be kind.")]},
                                    {"system": [{**text("Be kind."), "cache_control": {"type": "ephemeral"}}]}),
    "tools": {"tools": [CLAUDE_TOOL]},
    "a tool of the vendor's": {"tools": [{"type": "web_search_20250305", "name": "web_search", "max_uses": 1}]},
    "cache_control of a tool": ({"tools": [CLAUDE_TOOL]},
                                {"tools": [{**CLAUDE_TOOL, "cache_control": {"type": "ephemeral"}}]}),
    "strict": ({"tools": [CLAUDE_TOOL]}, {"tools": [{**CLAUDE_TOOL, "strict": True}]}),
    "any tool": ({"tools": [CLAUDE_TOOL]}, {"tools": [CLAUDE_TOOL], "tool_choice": {"type": "any"}}),
    "one tool": ({"tools": [CLAUDE_TOOL]}, {"tools": [CLAUDE_TOOL], "tool_choice": {"type": "tool",
                                                                                    "name": "look_up"}}),
    "no tool": ({"tools": [CLAUDE_TOOL]}, {"tools": [CLAUDE_TOOL], "tool_choice": {"type": "none"}}),
    "no parallel calls": ({"tools": [CLAUDE_TOOL]},
                          {"tools": [CLAUDE_TOOL], "tool_choice": {"type": "auto", "disable_parallel_tool_use": True}}),
    "image": (user(text()),
              user(text(), {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}})),
    "image by id": (user(text()), user(text(), {"type": "image", "source": {"type": "file", "file_id": "file_1"}})),
    "document": (user(text()),
                 user(
                     text(),
                     {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PDF}})),
    "document of text": (
        user(text()),
        user(text(), {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}})),
    "citations": (user(text(),
                       {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}}),
                  user(
                      text(), {
                          "type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"},
                          "citations": {"enabled": True}
                      })),
    "title": (user(text(),
                   {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}}),
              user(
                  text(), {
                      "type": "document", "title": "T", "context": "C",
                      "source": {"type": "text", "media_type": "text/plain", "data": "words"}
                  })),
    "search_result": (user(text()),
                      user(text(), {"type": "search_result", "source": "s", "title": "t", "content": [text("words")]})),
    "a part of tomorrow": (user(text()), user(text(), {"type": "hologram", "hologram": {}})),
    "cache_control": (user(text()), user({**text(), "cache_control": {"type": "ephemeral"}})),
    "reasoning": (claude_history(text("Two")),
                  claude_history({"type": "thinking", "thinking": "I thought.", "signature": "c2ln"}, text("Two"))),
    "hidden reasoning": (claude_history(text("Two")),
                         claude_history({"type": "redacted_thinking", "data": "c2ln"}, text("Two"))),
    "a tool's error": (claude_result(), claude_result(is_error=True)),
    "a tool's picture": (
        claude_result(content=[text("fine")]),
        claude_result(content=[
            text("fine"), {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
        ])),
    "a vendor's tool's result": (
        claude_history(text("Two")),
        claude_history({"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "q"}},
                       {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}, text("Two"))),
}
GENERATE = {
    **{
        name: {"generationConfig": option} for name, option in alone({
            "temperature": 0.25, "topP": 0.5, "topK": 7, "candidateCount": 2, "maxOutputTokens": 77, "stopSequences": [
                "zz"
            ], "seed": 9, "presencePenalty": 0.5, "frequencyPenalty": 0.5, "responseMimeType": "application/json",
            "responseLogprobs": True, "mediaResolution": "MEDIA_RESOLUTION_LOW", "responseModalities": ["AUDIO"],
            "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}}, "tomorrowsOption": 1,
            "thinkingConfig": {"thinkingBudget": 512}, "imageConfig": {"aspectRatio": "1:1"}
        }).items()
    },
    "thinkingLevel": {"generationConfig": {"thinkingConfig": {"thinkingLevel": "low"}}},
    "includeThoughts": {"generationConfig": {"thinkingConfig": {"includeThoughts": True}}},
    "logprobs": {"generationConfig": {"responseLogprobs": True, "logprobs": 2}},
    "responseSchema": {
        "generationConfig": {
            "responseMimeType": "application/json",
            "responseSchema": {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}}
        }
    },
    "responseJsonSchema": {"generationConfig": {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA}},
    **alone({
        "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT",
                            "threshold": "BLOCK_NONE"}], "cachedContent": "cachedContents/1", "tomorrowsKey": 1,
        "labels": {"k": "v"}, "systemInstruction": {"parts": [{"text": "Be kind."}]}
    }),
    "tools": {"tools": [GOOGLE_TOOL]},
    "googleSearch": {"tools": [{"googleSearch": {}}]},
    "codeExecution": {"tools": [{"codeExecution": {}}]},
    "urlContext": {"tools": [{"urlContext": {}}]},
    "any tool": ({"tools": [GOOGLE_TOOL]},
                 {"tools": [GOOGLE_TOOL], "toolConfig": {"functionCallingConfig": {"mode": "ANY"}}}),
    "one tool": ({"tools": [GOOGLE_TOOL]}, {
        "tools": [GOOGLE_TOOL],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["look_up"]}}
    }),
    "no tool": ({"tools": [GOOGLE_TOOL]},
                {"tools": [GOOGLE_TOOL], "toolConfig": {"functionCallingConfig": {"mode": "NONE"}}}),
    "retrievalConfig": ({"tools": [GOOGLE_TOOL]},
                        {"tools": [GOOGLE_TOOL], "toolConfig": {"retrievalConfig": {"languageCode": "de"}}}),
    "image": (google({"text": "Hello"}),
              google({"text": "Hello"}, {"inlineData": {"mimeType": "image/png", "data": PNG}})),
    "sound": (google({"text": "Hello"}),
              google({"text": "Hello"}, {"inlineData": {"mimeType": "audio/wav", "data": WAV}})),
    "video": (google({"text": "Hello"}),
              google({"text": "Hello"}, {"inlineData": {"mimeType": "video/mp4", "data": WAV}})),
    "document": (google({"text": "Hello"}),
                 google({"text": "Hello"}, {"inlineData": {"mimeType": "application/pdf", "data": PDF}})),
    "a file of Google's": (google({"text": "Hello"}),
                           google({"text": "Hello"}, {
                               "fileData": {
                                   "mimeType": "image/png",
                                   "fileUri": "https://generativelanguage.googleapis.com/v1beta/files/x"
                               }
                           })),
    "videoMetadata": (google({"inlineData": {"mimeType": "image/png", "data": PNG}}),
                      google({"inlineData": {"mimeType": "image/png", "data": PNG}, "videoMetadata": {"fps": 1}})),
    "a part of tomorrow": (google({"text": "Hello"}), google({"text": "Hello"}, {"hologram": {}})),
    "thought": (google_history(), {
        "contents": [{"role": "user", "parts": [{"text": "One"}]},
                     {"role": "model", "parts": [{"text": "I thought.", "thought": True},
                                                 {"text": "Two"}]}, {"role": "user", "parts": [{"text": "Three"}]}]
    }),
    "thoughtSignature": (google_history(), google_history(thoughtSignature="c2ln")),
    "executableCode": (google_history(), {
        "contents": [{"role": "user", "parts": [{"text": "One"}]}, {
            "role": "model", "parts": [{"text": "Two"}, {"executableCode": {"language": "PYTHON", "code": "1"}}]
        }, {"role": "user", "parts": [{"text": "Three"}]}]
    }),
}
RESPONSES = {
    **alone({
        **OPTIONS, "instructions": "Be kind.", "max_output_tokens": 77, "truncation": "auto", "top_logprobs": 2,
        "max_tool_calls": 3, "background": True, "conversation": "conv_1", "prompt": {"id": "pmpt_1"},
        "include": ["message.output_text.logprobs"], "context_management": [{"type": "compaction"}]
    }),
    "encrypted reasoning": {"include": ["reasoning.encrypted_content"]},
    "reasoning_effort": {"reasoning": {"effort": "high"}},
    "reasoning summary": {"reasoning": {"summary": "auto"}},
    "verbosity": {"text": {"verbosity": "low"}},
    "json_object": {"text": {"format": {"type": "json_object"}}},
    "json_schema": {"text": {"format": {"type": "json_schema", "name": "s", "schema": SCHEMA}}},
    "tools": {"tools": [FLAT_TOOL]},
    "a tool of the vendor's": {"tools": [{"type": "web_search"}]},
    "a custom tool": {"tools": [{"type": "custom", "name": "c"}]},
    "mcp": {"tools": [{"type": "mcp", "server_label": "x", "server_url": "https://example.com/mcp"}]},
    "tool_choice": ({"tools": [FLAT_TOOL]}, {"tools": [FLAT_TOOL], "tool_choice": "required"}),
    "allowed_tools": ({"tools": [FLAT_TOOL]}, {
        "tools": [FLAT_TOOL],
        "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "look_up"}]}
    }),
    "no parallel calls": ({"tools": [FLAT_TOOL]}, {"tools": [FLAT_TOOL], "parallel_tool_calls": False}),
    "strict": ({"tools": [FLAT_TOOL]}, {"tools": [{**FLAT_TOOL, "strict": True}]}),
    "image": (content(), content({"type": "input_image", "image_url": "data:image/png;base64," + PNG})),
    "detail": (content({"type": "input_image", "image_url": "data:image/png;base64," + PNG}),
               content({"type": "input_image", "detail": "low", "image_url": "data:image/png;base64," + PNG})),
    "image by id": (content(), content({"type": "input_image", "file_id": "file-1"})),
    "file": (content(),
             content({"type": "input_file", "filename": "f.pdf", "file_data": "data:application/pdf;base64," + PDF})),
    "a part of tomorrow": (content(), content({"type": "hologram"})),
    "reasoning": (items(),
                  items(
                      {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text",
                                                                       "text": "I thought."}]})),
    "signed reasoning": (items(), items({"type": "reasoning", "id": "rs_1", "summary": [],
                                         "encrypted_content": "c2ln"})),
    "an item of tomorrow": (items(), items({"type": "hologram", "id": "h_1"})),
    "a vendor's call": (items(),
                        items({
                            "type": "web_search_call", "id": "ws_1", "status": "completed",
                            "action": {"type": "search", "query": "q"}
                        })),
    "item_reference": (items(), items({"type": "item_reference", "id": "msg_1"})),
    "a developer's words": (items(),
                            items({
                                "type": "message", "role": "developer",
                                "content": [{"type": "input_text", "text": "Be kind."}]
                            })),
}
EMBED = alone({"taskType": "RETRIEVAL_QUERY", "title": "T", "outputDimensionality": 8, "tomorrowsKey": 1})
CALLERS = {
    "chat": ("/v1/chat/completions", {"model": "MODEL", "messages": [{"role": "user", "content": "Hello"}]}, CHAT),
    "completions": ("/v1/completions", {"model": "MODEL", "prompt": "Hello"}, COMPLETIONS),
    "embeddings": ("/v1/embeddings", {"model": "MODEL", "input": "Hello"}, EMBEDDINGS),
    "messages": ("/v1/messages",
                 {"model": "MODEL", "max_tokens": 99, "messages": [{"role": "user", "content": "Hello"}]}, MESSAGES),
    "generate": ("/v1beta/models/MODEL:generateContent", {"contents": [{"role": "user",
                                                                        "parts": [{"text": "Hello"}]}]}, GENERATE),
    "embed": ("/v1beta/models/MODEL:embedContent", {"content": {"parts": [{"text": "Hello"}]}}, EMBED),
    "responses": ("/v1/responses", {"model": "MODEL", "input": "Hello", "store": False}, RESPONSES),
}


@pytest.fixture(scope="module")
def gateway(mocks, tmp_path_factory):
    from weirlib import Weir
    base = f"http://127.0.0.1:{mocks[0].port}"
    blocks = {
        kind: provider(base + {"openai": "/v1", "gemini": "/v1beta"}.get(kind, ""), ["m"], type=kind,
                       reply_timeout_seconds=20) for kind in KINDS
    }
    weir = Weir(tmp_path_factory.mktemp("dropped"),
                {"providers": blocks, "routes": [{"model": kind, "targets": [f"{kind}/m"]} for kind in KINDS]})
    yield weir, mocks[0]
    weir.stop()


def ask(gateway, path, kind, body):
    """(the reply, what the provider was asked: None where it was not)"""
    weir, mock = gateway
    mock.reset()
    reply = http(weir.port, "POST", path.replace("MODEL", kind),
                 {**body, **({"model": kind} if "model" in body else {})})
    seen = [r for r in mock.requests()["requests"] if r["method"] == "POST"]
    return reply, [(r["target"], r["body"]) for r in seen] or None


def names(reply):
    return {name for name in reply.headers.get("x-weir-dropped", "").split(", ") if name}


# What is still left out without a word, by caller: the kinds of provider. Each cell is to go; none may come.
# docs/dialects.md lists them.
ALL_BUT_OPENAI = [kind for kind in KINDS if kind != "openai"]
TEXT_ONLY, TALKERS = ["huggingface-native"], ["anthropic", "gemini", "ollama-native"]
SILENT = {
    "embeddings": {"tomorrows_option": ["gemini", "ollama-native", "cloudflare-native", "huggingface-native"]},
    "messages": {"no thinking": ["openai", "gemini", "ollama-native"]},  # nothing is lost: they do not think
    "generate": {"includeThoughts": [kind for kind in KINDS if kind != "gemini"]},  # they are shown as they come
    "responses": {
        **{
            what: ALL_BUT_OPENAI
            for what in ("truncation", "top_logprobs", "include", "encrypted reasoning", "reasoning summary")
        }, **{what: TALKERS + ["cloudflare-native"] for what in ("allowed_tools",)}
    },
    "embed": {"tomorrowsKey": ["openai", "ollama-native", "cloudflare-native", "huggingface-native"]},
}

OWN = {
    "chat": "openai", "completions": "openai", "embeddings": "openai", "responses": "openai", "messages": "anthropic",
    "generate": "gemini", "embed": "gemini"
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("caller", CALLERS)
def test_nothing_is_dropped_silently(gateway, caller, kind):
    path, least, table = CALLERS[caller]
    silent, refused = set(), set()
    for what, asked in table.items():
        beside, changed = asked if isinstance(asked, tuple) else ({}, asked)
        plain, before = ask(gateway, path, kind, {**copy.deepcopy(least), **beside})
        reply, after = ask(gateway, path, kind, {**copy.deepcopy(least), **changed})
        assert reply.status in (200, 400), (what, reply, after)
        if after == before and reply.status == 200 and not names(reply) - names(plain):
            silent.add(what)
        if reply.status == 400 and after is not None and OWN[caller] != kind:
            refused.add(what)
    assert silent == {what for what, kinds in SILENT.get(caller, {}).items() if kind in kinds}
    assert not refused  # what weir says in another dialect's words the vendor takes: the mock refuses what he does


SIGNATURE = "c2lnbmF0dXJlLW9mLW9uZS12ZW5kb3I="
SIGNED = {  # caller: (whose signature it is, the request)
    "messages": ("anthropic",
                 claude_history({"type": "thinking", "thinking": "I thought.", "signature": SIGNATURE},
                                {"type": "redacted_thinking", "data": SIGNATURE}, text("Two"))),
    "generate": ("gemini", google_history(thoughtSignature=SIGNATURE)),
    "responses": ("openai", items({"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": SIGNATURE})),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("caller", SIGNED)
def test_a_signature_goes_to_the_dialect_that_signed_it_alone(gateway, caller, kind):
    signer, changed = SIGNED[caller]
    path, least, _ = CALLERS[caller]
    reply, asked = ask(gateway, path, kind, {**copy.deepcopy(least), **changed})
    assert reply.status in (200, 400), reply
    assert (SIGNATURE in json.dumps(asked)) == (kind == signer)

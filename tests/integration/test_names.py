"""What a body names beside its model: other models, and things that lie at the provider in one account for all
clients."""
import hashlib
import json

import pytest

from weirlib import RawProvider, chat_body, good_reply, http, provider

KEYS = {"app": {}, "raw": {"raw": True}, "kept": {"models": ["m", "small-*"]}}
PART = {"role": "user", "content": [{"type": "text", "text": "hi"}]}


def auth(name):
    return {"authorization": f"Bearer key-{name}"}


@pytest.fixture
def far():
    def answer(connection, head, _):
        connection.sendall(good_reply())
    with RawProvider(answer) as provider_:
        yield provider_


def run(start, far, kind="openai"):
    clients = [{"name": name, "key_hash": hashlib.sha256(f"key-{name}".encode()).hexdigest(), **more}
               for name, more in KEYS.items()]
    return start({"providers": {"one": provider(far.base_url, ["m"], type=kind)}, "clients": clients})


CHAT = [
    {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "file-1"}}]}]},
    {
        "messages": [{
            "role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}},
                                        {"type": "file", "File": {"file_id": "file-1"}}]
        }]
    },
    {"messages": [{"role": "user", "Content": [{"type": "file", "file": {"file_id": "file-1"}}]}]},
    {"tools": [{"type": "file_search", "vector_store_ids": ["vs_1"]}]},
    {"tools": [{"type": "code_interpreter", "container": "cntr_1"}]},
    {"messages": [{"role": "assistant", "audio": {"id": "audio_1"}}]},
    {"tools": [{"type": "x", "Collection_IDs": ["c_1"]}]},
    {"unknown": {"file_id": "x"}},
    {"conversation": "conv_1"},
    {"prompt": {"id": "pmpt_1"}},
    {"previous_response_id": "resp_1"},
    {"cached_content": "cachedContents/1"},
    {"tool_resources": {"file_search": {"vector_store_ids": ["vs_1"]}}},
]


def test_stored_things_are_for_those_who_may_use_the_provider_raw(start, far):
    weir = run(start, far)
    for more in CHAT:
        body = chat_body(**more)
        for spelt in (json.dumps(body),
                      json.dumps(body).replace("file_id", "\\u0066ile_id").replace('"conversation"',
                                                                                   '"c\\u006fnversation"')):
            reply = http(weir.port, "POST", "/v1/chat/completions", spelt, auth("app"))
            assert reply.status == 403 and "stored" in reply.error["message"] and reply.error["param"], (more, reply)
        assert http(weir.port, "POST", "/v1/chat/completions", body, auth("raw")).status == 200, more
    assert len(far.heads) == len(CHAT)


@pytest.mark.parametrize("path, body", [
    ("/v1/responses",
     {"model": "m", "input": [{"role": "user", "content": [{"type": "input_file", "file_id": "file-1"}]}]}),
    ("/v1/responses", {"model": "m", "input": "x", "tools": [{"type": "file_search", "vector_store_ids": ["vs_1"]}]}),
    ("/v1/responses", {"model": "m", "input": "x", "prompt": {"id": "pmpt_1"}}),
    ("/v1/responses", {"model": "m", "input": "x", "conversation": {"id": "conv_1"}}),
    ("/v1/messages", {
        "model": "m", "max_tokens": 5, "messages": [{
            "role": "user", "content": [{"type": "document", "source": {"type": "file", "file_id": "file_1"}}]
        }]
    }),
    ("/v1/responses", {
        "model": "m",
        "input": [{"type": "code_interpreter_call", "id": "ci_1", "code": "1", "container_id": "cntr_1", "outputs": []}]
    }),
    ("/v1/responses", {
        "model": "m", "input": [{
            "type": "computer_call_output", "call_id": "c",
            "output": {"type": "computer_screenshot", "file_id": "file-1"}
        }]
    }),
    ("/v1/responses",
     {"model": "m", "input": "x", "tools": [{"type": "mcp", "server_label": "x", "connector_id": "c_1"}]}),
    ("/v1/audio/speech", {"model": "m", "input": "x", "voice": {"id": "voice_1"}}),
    ("/v1/images/generations", {"model": "m", "prompt": "x", "image": [{"file_id": "file-1"}]}),
    ("/v1/moderations",
     {"model": "m", "input": [{"type": "image_url", "image_url": {"url": "x", "file_id": "file-1"}}]}),
    ("/v1/messages", {
        "model": "m", "max_tokens": 5, "container": {"skills": [{"type": "custom", "skill_id": "skill_1"}]},
        "messages": [PART]
    }),
    ("/v1beta/models/m:generateContent", {"contents": [{"parts": {"file_data": {"fileUri": "files/1"}}}]}),
    ("/v1beta/models/m:generateContent",
     {"contents": [{"parts": [{"text": "x"}]}], "tools": {"fileSearch": {"file_search_store_names": ["s"]}}}),
    ("/v1beta/models/m:countTokens",
     {"generateContentRequest": {"contents": [{"parts": [{"text": "x"}]}], "cached_content": "cachedContents/1"}}),
    ("/v1/messages", {"model": "m", "max_tokens": 5, "container": "container_1", "messages": [PART]}),
    ("/v1beta/models/m:generateContent",
     {"contents": [{"parts": [{"text": "x"}]}], "cachedContent": "cachedContents/1"}),
    ("/v1beta/models/m:generateContent", {
        "contents": [{"parts": [{"fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/1"}}]}]
    }),
])
def test_in_every_dialect(start, far, path, body):
    weir = run(start, far, "gemini" if "v1beta" in path else "anthropic" if "messages" in path else "openai")
    reply = http(weir.port, "POST", path, body, auth("app"))
    assert reply.status == 403 and "stored" in reply.text and not far.heads, reply


def test_what_callers_write_freely_is_theirs(start, far):
    weir = run(start, far)
    tool = {
        "type": "function", "function": {
            "name": "f", "parameters": {
                "type": "object", "properties": {"file_id": {"type": "string"}, "model": {"type": "string"}},
                "required": ["file_id"]
            }
        }
    }
    for more in ({"messages": [{"role": "user", "content": 'say "file_id": "file-1", "conversation"'}]},
                 {"tools": [tool]}, {"metadata": {"file_id": "x", "conversation": "y",
                                                  "model": "z"}}, {"top_k": 3, "unknown": {"name": "x"}}):
        for who in ("app", "kept"):
            assert http(weir.port, "POST", "/v1/chat/completions", chat_body(**more), auth(who)).status == 200, more


@pytest.mark.parametrize(
    "more", [{"models": ["m", "dear"]}, {"Models": ["dear"]}, {"fallbacks": ["dear"]}, {"models": "dear"},
             {"fallbacks": {"model": "dear"}}, {"fallbacks": [{"m": ["dear"]}]}, {"preset": "dear"},
             {"extra_body": {"models": ["dear"]}}, {"plugins": [{"id": "auto-router", "config": {"model": "dear"}}]}, {
                 "tools": [{"type": "x", "parameters": {"models": ["dear"]}}]
             }, {"tools": [{"type": "image_generation", "model": "dear"}]
                 }, {"plugins": [{"id": "auto-router", "allowed_models": ["dear"]}]}])
def test_lists_of_models_are_checked_like_the_model(start, far, more):
    weir = run(start, far)
    for path, body in (("/v1/chat/completions", chat_body(**more)), ("/v1/responses",
                                                                     {"model": "m", "input": "x", **more})):
        reply = http(weir.port, "POST", path, body, auth("kept"))
        assert (reply.status == 403 and "dear" in reply.error["message"] and
                reply.error["param"].lower() == list(more)[0].lower()), reply
    assert not far.heads
    allowed = json.loads(json.dumps(chat_body(**more)).replace("dear", "small-1"))
    assert http(weir.port, "POST", "/v1/chat/completions", allowed, auth("kept")).status == 200
    assert http(weir.port, "POST", "/v1/chat/completions", chat_body(**more), auth("app")).status == 200

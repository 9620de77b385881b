"""Providers that speak their own dialects (Workers AI, Hugging Face's inference, Ollama's), the older completions,
token counts and forecasts, each from callers of every dialect."""
import json

import pytest

from weirlib import RawProvider, chat, http, provider

NATIVES = ["cloudflare-native", "huggingface-native", "ollama-native", "anthropic", "gemini"]
MODELS = ["m", "reason-m", "embed-m", "amazon/chronos-t5-small"]


def base_of(mock, kind):
    return f"http://127.0.0.1:{mock.port}" + {"openai": "/v1", "gemini": "/v1beta"}.get(kind, "")


@pytest.fixture
def chain(start, start_mock):
    """A provider of each kind, named as its type; the model KIND goes there."""
    mock = start_mock()
    kinds = NATIVES + ["openai"]
    providers = {
        kind: {"type": kind, "base_url": base_of(mock, kind), "api_key": "k", "models": MODELS} for kind in kinds
    }
    weir = start({"providers": providers, "routes": [{"model": kind, "targets": [f"{kind}/m"]} for kind in kinds] +
                  [{"model": f"embed-{kind}", "targets": [f"{kind}/embed-m"]} for kind in kinds]})
    return weir, mock


@pytest.mark.parametrize("kind", NATIVES)
def test_whole_and_streamed_from_every_inbound(chain, kind):
    weir, _ = chain
    whole = chat(weir.port, "Tell me", model=kind)
    assert whole.status == 200 and whole.headers["x-weir-provider"] == kind, whole
    said = whole.json["choices"][0]["message"]["content"]
    assert said and whole.json["choices"][0]["finish_reason"] == "stop" and whole.json["usage"]["completion_tokens"] > 0
    streamed = chat(weir.port, "Tell me", model=kind, stream=True)
    assert streamed.complete and streamed.content == said
    claude = http(weir.port, "POST", "/v1/messages",
                  {"model": kind, "max_tokens": 99, "messages": [{"role": "user", "content": "Tell me"}]})
    assert claude.json["content"][0]["text"] == said and claude.json["stop_reason"] == "end_turn"
    google = http(weir.port, "POST", f"/v1beta/models/{kind}:generateContent",
                  {"contents": [{"role": "user", "parts": [{"text": "Tell me"}]}]})
    assert "".join(p["text"] for p in google.json["candidates"][0]["content"]["parts"]) == said
    responses = http(weir.port, "POST", "/v1/responses", {"model": kind, "input": "Tell me"})
    assert responses.json["output"][-1]["content"][0]["text"] == said


def test_reasoning_of_workers_ai_comes_in_openais_form(chain):
    weir, _ = chain
    whole = chat(weir.port, "Think", model="cloudflare-native/reason-m").json["choices"][0]["message"]
    assert whole["reasoning_content"] and "Think" in whole["content"]
    claude = http(
        weir.port, "POST", "/v1/messages", {
            "model": "cloudflare-native/reason-m", "max_tokens": 99, "stream": True,
            "messages": [{"role": "user", "content": "Think"}]
        })
    deltas = [e["delta"] for e in claude.events if e["type"] == "content_block_delta"]
    assert "".join(d.get("thinking", "") for d in deltas) == whole["reasoning_content"]
    assert "".join(d.get("text", "") for d in deltas) == whole["content"]


@pytest.mark.parametrize("kind", ["cloudflare-native", "huggingface-native", "ollama-native", "gemini"])
def test_embeddings(chain, kind):
    weir, _ = chain
    plain = http(weir.port, "POST", "/v1/embeddings", {"model": "embed-openai", "input": ["one", "two"]}).json["data"]
    here = http(weir.port, "POST", "/v1/embeddings", {"model": f"embed-{kind}", "input": ["one", "two"]})
    assert here.status == 200 and [d["embedding"] for d in here.json["data"]] == [d["embedding"] for d in plain]
    google = http(weir.port, "POST", f"/v1beta/models/embed-{kind}:embedContent",
                  {"content": {"parts": [{"text": "one"}]}})
    assert google.json["embedding"]["values"] == plain[0]["embedding"]
    tokens = http(weir.port, "POST", "/v1/embeddings", {"model": f"embed-{kind}", "input": [1, 2, 3]})
    assert tokens.status == 400 and "tokens as input" in tokens.error["message"]
    sized = http(weir.port, "POST", "/v1/embeddings",
                 {"model": f"embed-{kind}", "input": "one", "dimensions": 8, "user": "u"})
    if kind in ("gemini", "ollama-native"):
        assert len(sized.json["data"][0]["embedding"]) == 8 and sized.headers["x-weir-dropped"] == "user"
    else:
        assert sized.status == 400 and "dimensions" in sized.error["message"]


def test_what_a_text_model_cannot_do_is_refused(chain):
    weir, mock = chain
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    for more, word in ({"tools": [tool]}, "tools"), ({"logprobs": True}, "logprobs"):
        reply = chat(weir.port, model="huggingface-native", **more)
        assert reply.status == 400 and f"`{word}`" in reply.error["message"], reply
    assert mock.requests()["count"] == 0
    assert chat(weir.port, model="huggingface-native", user="u").headers["x-weir-dropped"] == "user"


def test_a_conversation_becomes_a_transcript(chain):
    weir, mock = chain
    messages = [{"role": "system", "content": "Be short."}, {"role": "user", "content": "Hi"},
                {"role": "assistant", "content": "Hello"}, {"role": "user", "content": "Bye"}]
    http(weir.port, "POST", "/v1/chat/completions",
         {"model": "huggingface-native", "messages": messages, "temperature": 0, "stop": ["x"]})
    sent = json.loads(mock.last()["body"])
    assert sent["inputs"] == "System: Be short.\nUser: Hi\nAssistant: Hello\nUser: Bye\nAssistant:"
    assert sent["parameters"] == {"details": True, "return_full_text": False, "do_sample": False, "stop": ["x"]}


@pytest.mark.parametrize("kind", NATIVES)
def test_completions_of_providers_that_have_none(chain, kind):
    weir, _ = chain
    said = chat(weir.port, "Once upon", model=kind, max_tokens=16).json["choices"][0]["message"]["content"]
    reply = http(weir.port, "POST", "/v1/completions", {"model": kind, "prompt": "Once upon"})
    assert reply.status == 200 and reply.json["object"] == "text_completion", reply
    assert reply.json["choices"][0]["text"] == said and reply.json["usage"]["completion_tokens"] > 0
    streamed = http(weir.port, "POST", "/v1/completions",
                    {"model": kind, "prompt": ["Once upon"], "stream": True, "stream_options": {"include_usage": True}})
    events = [e for e in streamed.events if e != "[DONE]"]
    chunks = [json.loads(e) if isinstance(e, str) else e for e in events]
    assert "".join(c["choices"][0]["text"] for c in chunks if c["choices"]) == said
    assert (chunks[-1]["usage"]["completion_tokens"] > 0 and
            chunks[-2]["choices"][0]["finish_reason"] in ("stop", "length"))
    for body, word in ({"prompt": ["a", "b"]}, "one prompt"), ({"prompt": [1, 2]},
                                                               "tokens"), ({"prompt": "a", "suffix": "z"},
                                                                           "suffix"), ({"prompt": "a",
                                                                                        "best_of": 3}, "best_of"):
        refused = http(weir.port, "POST", "/v1/completions", {"model": kind, **body})
        assert refused.status == 400 and word in refused.error["message"], refused


def count(weir, kind):
    claude = http(
        weir.port, "POST", "/v1/messages/count_tokens",
        {"model": kind, "system": "Be short.", "messages": [{"role": "user", "content": "How many tokens are these?"}]})
    google = http(weir.port, "POST", f"/v1beta/models/{kind}:countTokens",
                  {"contents": [{"role": "user", "parts": [{"text": "How many tokens are these?"}]}]})
    assert claude.status == google.status == 200, (claude, google)
    return claude, google


@pytest.mark.parametrize("kind", ["anthropic", "gemini"])
def test_tokens_are_counted_by_the_provider(chain, kind):
    weir, mock = chain
    claude, google = count(weir, kind)
    assert claude.json["input_tokens"] > 5 and google.json["totalTokens"] > 5
    assert claude.headers["x-weir-provider"] == kind and "x-weir-estimated" not in claude.headers
    assert mock.requests()["count"] == 2
    assert "max_tokens" not in mock.last()["body"]


def test_tokens_are_estimated_where_nobody_counts(chain):
    weir, mock = chain
    for kind in ("openai", "ollama-native", "cloudflare-native", "huggingface-native"):
        claude, google = count(weir, kind)
        assert 5 < claude.json["input_tokens"] < 30 and 5 < google.json["totalTokens"] < 30
        assert claude.headers["x-weir-estimated"] == "true"
    assert mock.requests()["count"] == 0
    missing = http(weir.port, "POST", "/v1/messages/count_tokens",
                   {"model": "nobody", "messages": [{"role": "user", "content": "x"}]})
    assert missing.status == 404 and missing.json["error"]["type"] == "not_found_error"


def test_forecasts(chain):
    weir, mock = chain
    ask = {"model": "amazon/chronos-t5-small", "inputs": {"target": [1, 2, 3]}, "parameters": {"prediction_length": 3}}
    reply = http(weir.port, "POST", "/v1/forecasts", ask)
    assert (reply.status == 200 and reply.json["object"] == "forecast" and
            reply.headers["x-weir-provider"] == "huggingface-native"), reply
    assert reply.json["model"] == "amazon/chronos-t5-small"
    assert reply.json["output"]["predictions"][0]["mean"] == [4, 5, 6]
    assert json.loads(mock.last()["body"]) == {"inputs": ask["inputs"], "parameters": ask["parameters"]}
    many = http(weir.port, "POST", "/v1/forecasts", {"model": "amazon/chronos-t5-small", "inputs": [[1, 1], [0, 5]]})
    assert [p["mean"][0] for p in many.json["output"]["predictions"]] == [1, 10]
    assert http(weir.port, "POST", "/v1/forecasts", {"model": "amazon/chronos-t5-small"}).error["param"] == "inputs"
    refused = http(weir.port, "POST", "/v1/forecasts", dict(ask, inputs={"target": "text"}))
    assert refused.status == 400 and "list of numbers" in refused.error["message"], refused
    lost = http(weir.port, "POST", "/v1/forecasts", dict(ask, model="openai"))
    assert lost.status == 400 and lost.error["code"] == "unsupported"
    asked_to_chat = chat(weir.port, model="huggingface-native/amazon/chronos-t5-small")
    assert asked_to_chat.status == 400 and "can chat" in asked_to_chat.error["message"]


def test_errors_of_natives_reach_the_caller_in_its_words(chain):
    weir, mock = chain
    for kind in ("cloudflare-native", "huggingface-native"):
        mock.fault("status=429")
        reply = http(weir.port, "POST", "/v1/messages",
                     {"model": kind, "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]})
        assert reply.status == 429 and reply.json["error"]["type"] == "rate_limit_error", reply
        mock.reset()


def test_the_mock_echoes_what_came_in_its_own_dialect(start_mock):
    mock = start_mock()
    sent = {"model": "m", "max_tokens": 999, "messages": [{"role": "user", "content": "[mock echo] hi"}]}
    echo = json.loads(http(mock.port, "POST", "/v1/messages", sent).json["content"][0]["text"])
    assert echo["target"] == "/v1/messages" and json.loads(echo["body"]) == sent
    refused = http(mock.port, "POST", "/v1/responses", {"model": "m", "input": "hi", "previous_response_id": "resp_x"})
    assert (refused.status == 400 and refused.json["error"] == {
        "message": "`previous_response_id`: nothing is stored here.", "type": "invalid_request_error",
        "param": "previous_response_id", "code": None
    })
    assert http(mock.port, "GET", "/v1/files").json["error"]["code"] is None


@pytest.mark.parametrize("configured, sent, wanted", [(None, None, "2023-06-01"), (None, "2024-10-22", "2024-10-22"),
                                                      ("2025-01-01", None, "2025-01-01"),
                                                      ("2025-01-01", "2024-10-22", "2025-01-01")])
def test_anthropics_version_is_said_once(start, configured, sent, wanted):
    """The configuration's, else the caller's, else weir's: never two of them."""
    body = (
        b'{"id":"m","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"x"}],'
        b'"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":1}}'
    )
    answer = (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" %
              len(body) + body)
    with RawProvider(answer) as raw:
        block = {
            "type": "anthropic", "base_url": raw.base_url.removesuffix("/v1"), "api_key": "sk-provider-secret",
            "models": ["m"]
        }
        weir = start({
            "providers": {
                "claude": {**block, **({"headers": {"Anthropic-Version": configured}} if configured else {})}
            }
        })
        headers = {"anthropic-version": sent} if sent else None
        asked = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}
        for path in ("/v1/messages", "/providers/claude/v1/messages"):
            assert http(weir.port, "POST", path, asked, headers).status == 200
        heads = [head for head in raw.heads if head.startswith("POST")]
        for head in heads:
            said = [
                line.split(":", 1)[1].strip() for line in head.split("\r\n")
                if line.lower().startswith("anthropic-version:")
            ]
            assert said == [wanted], head
        assert len(heads) == 2

"""Usage: asked for in streams when the caller did not, and then kept from the caller's stream."""
import json

from weirlib import chat, http, poll


def explain(weir, reply):
    path = f"/admin/v1/requests/{reply.headers['x-weir-request-id']}"
    headers = {"Authorization": f"Bearer {weir.admin_key}"}
    return poll(lambda: (r := http(weir.port, "GET", path, headers=headers)).status == 200 and r).json


def test_usage_is_asked_for_and_stripped(pair):
    weir, one, _ = pair
    reply = chat(weir.port, stream=True)
    assert json.loads(one.last()["body"])["stream_options"] == {"include_usage": True}
    assert all(e["choices"] for e in reply.events[:-1]), "the usage chunk was left in"
    assert reply.events[-1] == "[DONE]" and '"prompt_tokens"' not in reply.text


def test_usage_is_kept_when_the_caller_asked(pair):
    weir, one, _ = pair
    reply = chat(weir.port, stream=True, stream_options={"include_usage": True})
    assert reply.events[-2]["choices"] == [] and reply.events[-2]["usage"]["completion_tokens"] > 0
    assert one.last()["body"].count("include_usage") == 1


def test_stream_options_are_completed_not_doubled(pair):
    weir, one, _ = pair
    for given in ("null", "{}", '{"include_usage":false}', '{"include_obfuscation":false}',
                  '{ "include_usage" : null }'):
        body = '{"model":"m","stream":true,"messages":[{"role":"user","content":"x"}],"stream_options":%s}' % given
        reply = http(weir.port, "POST", "/v1/chat/completions", body)
        assert reply.status == 200, (given, reply)
        sent = one.last()["body"]
        assert json.loads(sent)["stream_options"]["include_usage"] is True and sent.count("stream_options") == 1, sent
        assert all(e["choices"] for e in reply.events[:-1]), given


def test_a_request_that_is_not_streamed_is_not_asked(pair):
    weir, one, _ = pair
    chat(weir.port)
    assert "stream_options" not in one.last()["body"]


def test_tokens_and_cost_are_counted_once(pair, start):
    weir, one, _ = pair
    priced = start({"providers": {"p": {"type": "openai", "base_url": one.base_url, "api_key": "k", "models": ["m"],
                                        "prices": {"m": {"input": 1000, "output": 2000}}}}})
    whole = chat(priced.port)
    usage = whole.json["usage"]
    cost = f"{usage['prompt_tokens'] * 0.001 + usage['completion_tokens'] * 0.002:.9f}"
    assert whole.headers["x-weir-cost"] == cost
    assert cost in json.dumps(explain(priced, whole))
    for fault in ("none", "double-usage"):
        one.fault(fault)
        streamed = chat(priced.port, stream=True, stream_options={"include_usage": True})
        usage = streamed.events[-2]["usage"]
        cost = f"{usage['prompt_tokens'] * 0.001 + usage['completion_tokens'] * 0.002:.9f}"
        assert cost in json.dumps(explain(priced, streamed)), fault
    assert '"prompt_tokens"' not in chat(priced.port, stream=True).text


def test_a_reply_without_usage_is_still_a_reply(pair):
    weir, one, _ = pair
    one.fault("no-usage")
    assert chat(weir.port).status == 200
    assert chat(weir.port, stream=True).events[-1] == "[DONE]"


# -- a provider that counts nothing ------------------------------------------------------------------------------------

UNCOUNTED = ["openai", "groq", "gemini", "ollama-native", "cloudflare-native", "huggingface-native"]


def said_usage(root):
    """Every member anywhere that tells a count of tokens."""
    if isinstance(root, list):
        return [found for value in root for found in said_usage(value)]
    if not isinstance(root, dict):
        return []
    own = [(k, v) for k, v in root.items()
           if (k.endswith(("_tokens", "TokenCount",
                           "eval_count")) or k == "generated_tokens") and k not in ("max_output_tokens", "max_tokens")]
    return own + [found for value in root.values() for found in said_usage(value)]


def test_usage_that_no_provider_told_is_told_to_nobody(start, start_mock):
    """Noughts would say that it cost nothing. Anthropic's SDKs read no answer without usage: there it is an estimate,
    and says so."""
    mock = start_mock()
    base = {"openai": "/v1", "groq": "/v1", "gemini": "/v1beta"}
    weir = start({
        "providers": {
            kind: {
                "type": kind, "base_url": f"http://127.0.0.1:{mock.port}" + base.get(kind, ""), "api_key": "k" * 20,
                "models": ["m"], **({"account": "acct"} if kind == "cloudflare-native" else {})
            } for kind in UNCOUNTED
        }, "routes": [{"model": kind, "targets": [f"{kind}/m"]} for kind in UNCOUNTED]
    })
    mock.fault("no-usage")
    text = "Tell me of a river, and of the mill that stands beside it, please"
    messages = [{"role": "user", "content": text}]
    for kind in UNCOUNTED:
        for stream in (False, True):
            callers = {
                "chat": ("/v1/chat/completions", {
                    "messages": messages, "stream": stream,
                    **({"stream_options": {"include_usage": True}} if stream else {})
                }), "completions": ("/v1/completions", {
                    "prompt": text, "stream": stream, "max_tokens": 99,
                    **({"stream_options": {"include_usage": True}} if stream else {})
                }), "responses": ("/v1/responses", {"input": text, "stream": stream}),
                "messages": ("/v1/messages", {"messages": messages, "stream": stream, "max_tokens": 99}),
                "google": (f"/v1beta/models/{kind}:{'streamGenerateContent?alt=sse' if stream else 'generateContent'}",
                           {"contents": [{"role": "user", "parts": [{"text": text}]}]})
            }
            for name, (path, body) in callers.items():
                reply = http(weir.port, "POST", path, body if name == "google" else {"model": kind, **body})
                assert reply.status == 200 and reply.complete and "river" in reply.text, (kind, name, reply)
                found = said_usage(reply.events if stream else reply.json)
                if name != "messages":
                    assert (not found and "x-weir-estimated" not in reply.headers and
                            "x-weir-cost" not in reply.headers), (kind, name, stream, found, reply)
                    continue
                counts = dict(found)  # the last ones of a stream
                assert 8 <= counts["input_tokens"] <= 60 and 8 <= counts["output_tokens"] <= 60, (kind, stream, found)
                assert (reply.headers.get("x-weir-estimated") == "true") == (not stream), reply
    mock.reset()
    for kind in UNCOUNTED:  # and what is told passes
        reply = http(weir.port, "POST", "/v1/messages", {"model": kind, "messages": messages, "max_tokens": 99})
        assert "x-weir-estimated" not in reply.headers and reply.json["usage"]["output_tokens"] > 0
        assert chat(weir.port, text, model=kind).json["usage"]["completion_tokens"] > 0

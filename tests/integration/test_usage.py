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
    for given in ("null", "{}", '{"include_usage":false}', '{"include_obfuscation":false}', '{ "include_usage" : null }'):
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

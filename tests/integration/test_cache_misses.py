"""Why a provider's prompt cache did not have what it was sent: by the vendors' own words, in every way that a reply
takes, and by client and day."""
import json

import pytest

from weirlib import GOOD_BODY, RawProvider, good_reply, http, poll

CLAUDE = {"id": "msg_1", "type": "message", "role": "assistant", "model": "x", "stop_reason": "end_turn",
          "content": [{"type": "text", "text": "fine"}],
          "usage": {"input_tokens": 5000, "cache_read_input_tokens": 0, "output_tokens": 1}}
MISSED = {"cache_miss_reason": {"type": "tools_changed", "cache_missed_input_tokens": 4000}}


def events(*listed):
    return "".join(f"event: {data['type']}\ndata: {json.dumps(data)}\n\n" for data in listed).encode()


def claude_stream():
    return events(
        {"type": "message_start", "message": {**CLAUDE, "content": [], "stop_reason": None, "diagnostics": MISSED}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "fine"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}},
        {"type": "message_stop"})


def chat(reason=None):
    reply = {**json.loads(GOOD_BODY), "usage": {"prompt_tokens": 5000, "completion_tokens": 1, "total_tokens": 5001,
                                                "prompt_tokens_details": {"cached_tokens": 0}}}
    if reason:
        reply["prompt_cache_diagnostics"] = {"cache_miss": {"reason": reason, "cache_missed_tokens": 3000}}
    return reply


def responses():
    return {"id": "resp_1", "object": "response", "status": "completed", "model": "x", "output": [
        {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
         "content": [{"type": "output_text", "text": "fine", "annotations": []}]}],
            "usage": {"input_tokens": 5000, "output_tokens": 1, "total_tokens": 5001,
                      "input_tokens_details": {"cached_tokens": 0}},
            "prompt_cache_diagnostics": {"cache_miss": {"reason": "model_changed", "cache_missed_tokens": 2000}}}


@pytest.fixture
def vendor(start):
    """A provider of a type that answers with what is put there, and weir before it."""
    opened = []

    def run(kind, answer, **more):
        def say(connection, head, body):
            reply = answer() if callable(answer) else answer
            if isinstance(reply, bytes):
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                                   b"Content-Length: %d\r\n\r\n" % len(reply) + reply)
            else:
                connection.sendall(good_reply(json.dumps(reply).encode()))
        raw = RawProvider(say)
        opened.append(raw)
        return start({"providers": {"a": {
            "type": kind, "base_url": raw.base_url, "api_key": "k-123456789012", "models": ["x"],
            "health_check_interval": 0}}, "routes": [{"model": "m", "targets": ["a/x"], **more}]})
    yield run
    for raw in opened:
        raw.socket.close()


def ask(weir, path="/v1/chat/completions", **more):
    body = {"model": "m", "messages": [{"role": "user", "content": "Hello"}], **more}
    reply = http(weir.port, "POST", path, body=json.dumps(body), headers={"content-type": "application/json"})
    assert reply.status == 200, reply
    return reply


def told(weir, path):
    return http(weir.port, "GET", path, headers={"authorization": f"Bearer {weir.admin_key}"})


def usage(weir, by="client,day"):
    return told(weir, f"/admin/v1/usage?by={by}&since=1d").json["total"]


def missed(weir, reply, reason, tokens, column):
    story = poll(lambda: (r := told(weir, "/admin/v1/requests/" + reply.headers["x-weir-request-id"])).status == 200
                 and r.json)
    attempt = story["attempts"][0]
    assert (attempt["cache_miss"], attempt["cache_missed_tokens"]) == (reason, tokens)
    total = poll(lambda: (t := usage(weir))["cache_missed_tokens"] and t)
    assert total["cache_missed_tokens"] == tokens
    columns = [total[f"cache_missed_{name}"] for name in ("expired", "moved", "changed")]
    assert columns == [int(name == column) for name in ("expired", "moved", "changed")]
    assert poll(lambda: weir.metric("weir_prompt_cache_misses_total", reason=reason)) == 1


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
def test_anthropics_word_in_a_whole_reply_translated_and_not(vendor, path):
    weir = vendor("anthropic", {**CLAUDE, "diagnostics": MISSED})
    missed(weir, ask(weir, path, max_tokens=5), "tools_changed", 4000, "changed")


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
def test_anthropics_word_in_a_stream_translated_and_not(vendor, path):
    weir = vendor("anthropic", claude_stream())
    missed(weir, ask(weir, path, max_tokens=5, stream=True), "tools_changed", 4000, "changed")


def test_openais_word_of_a_chat(vendor):
    weir = vendor("openai", chat("service_tier_changed"))
    missed(weir, ask(weir, max_tokens=5), "options_changed", 3000, "changed")


def test_openais_word_of_a_response_that_passes(vendor):
    weir = vendor("openai", responses())
    body = {"model": "m", "input": "Hello"}
    reply = http(weir.port, "POST", "/v1/responses", body=json.dumps(body),
                 headers={"content-type": "application/json"})
    assert reply.status == 200, reply
    missed(weir, reply, "model_changed", 2000, "moved")


def test_without_a_vendors_word_it_is_what_can_be_told_from_here(vendor):
    counts = iter([4800, 0])

    def answer():
        reply = chat()
        reply["usage"]["prompt_tokens_details"]["cached_tokens"] = next(counts)
        return reply
    weir = vendor("openai", answer, affinity="on")
    ask(weir)  # 5,000 tokens of it lie there now
    missed(weir, ask(weir), "prefix_changed", 4992, "changed")


def test_a_first_use_and_a_vendor_that_cannot_say_are_no_miss(vendor):
    weir = vendor("anthropic", {**CLAUDE, "diagnostics": {"cache_miss_reason": {"type": "unavailable"}}},
                  affinity="on")
    reply = ask(weir, "/v1/messages", max_tokens=5)
    poll(lambda: usage(weir)["requests"])
    assert usage(weir)["cache_missed_tokens"] == usage(weir)["cache_missed_changed"] == 0
    story = told(weir, "/admin/v1/requests/" + reply.headers["x-weir-request-id"]).json
    assert story["attempts"][0]["cache_miss"] == "first_use" and "cache_missed_tokens" not in story["attempts"][0]

"""Anthropic's version 2026-10-21 beside 2023-06-01: bytes pass with the version they were written for; what one has and
the other refuses is left out and named, or refused. And what its newer answers hold: blocks and events that nobody
knows, and usage of several goes."""
import json

import pytest

from weirlib import RawProvider, chat_body, http, poll, provider

NEW = "2026-10-21"


def asked(**more):
    return {"model": "m", "max_tokens": 20, "messages": [{"role": "user", "content": "Hello"}], **more}


def gateway(start, mock, pinned=None, **more):
    headers = {"headers": {"Anthropic-Version": pinned}} if pinned else {}
    base = f"http://127.0.0.1:{mock.port}"
    return start({
        "providers": {"claude": provider(base, ["m"], type="anthropic", **headers),
                      "chat": provider(f"{base}/v1", ["c"], type="groq")}, **more
    })


def send(weir, body, version=None):
    return http(weir.port, "POST", "/v1/messages", body, {"anthropic-version": version} if version else None)


def test_bytes_pass_with_their_version(start, start_mock):
    mock = start_mock()
    weir = gateway(start, mock)
    assert send(weir, asked(temperature=0.5), "2023-06-01").status == 200
    assert json.loads(mock.last()["body"])["temperature"] == 0.5
    reply = send(weir, asked(temperature=1), NEW)  # its vendor refuses it, and says so itself
    assert reply.status == 400 and "Extra inputs" in reply.text
    assert send(weir, asked(), NEW).status == 200


@pytest.mark.parametrize("stream", [False, True])
def test_what_a_provider_of_the_new_version_refuses_is_left_out_and_named(start, start_mock, stream):
    mock = start_mock()
    weir = gateway(start, mock, pinned=NEW)
    cited = {"type": "text", "text": "said", "citations": [{
        "type": "char_location", "cited_text": "x", "document_index": 0, "document_title": "t", "start_char_index": 0,
        "end_char_index": 1}]}
    body = asked(temperature=1, top_p=0.9, top_k=5, stream=stream, metadata={"user_id": "u"},
                 messages=[{"role": "user", "content": [cited]}])
    reply = send(weir, body)
    assert reply.status == 200, reply
    assert set(reply.headers["x-weir-dropped"].split(", ")) == {"temperature", "top_p", "top_k"}
    sent = json.loads(mock.last()["body"])
    assert sent["messages"] == [{"role": "user", "content": [{"type": "text", "text": "said"}]}]
    assert sent["metadata"] == {"user_id": "u"} and sent["model"] == "m" and not {"temperature", "top_p"} & set(sent)
    reply = http(weir.port, "POST", "/v1/chat/completions", chat_body(model="m", temperature=0.2, stream=stream))
    assert reply.status == 200 and reply.headers["x-weir-dropped"] == "temperature", reply


def test_what_it_cannot_be_told_is_refused(start, start_mock):
    weir = gateway(start, start_mock(), pinned=NEW)
    document = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}}
    reply = send(weir, asked(messages=[{"role": "user", "content": "x"}, {"role": "assistant", "content": [document]},
                                       {"role": "user", "content": "y"}]))
    assert reply.status == 400 and "documents" in reply.text


def test_a_caller_of_the_new_version_is_refused_the_same_at_every_provider(start, start_mock):
    mock = start_mock()
    weir = gateway(start, mock)
    reply = send(weir, {**asked(temperature=1), "model": "c"}, NEW)
    assert reply.status == 400 and "temperature" in reply.json["error"]["message"] and mock.last() is None
    assert send(weir, {**asked(temperature=1), "model": "c"}).status == 200


def named(*events):
    return b"".join(b"event: %s\ndata: %s\n\n" % (e.get("type", "x").encode(), json.dumps(e).encode()) for e in events)


START = {"type": "message_start", "message": {
    "id": "i", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": None,
    "stop_sequence": None, "usage": {"input_tokens": 10, "output_tokens": 1}}}
TEXT = [{"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "words"}},
        {"type": "content_block_stop", "index": 1}]


def finish(**usage):
    return [{"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None},
             "usage": {"output_tokens": 2, **usage}}, {"type": "message_stop"}]


def streamed(body):
    return b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def test_blocks_and_events_that_nobody_knows_pass_as_they_are(start):
    long = "x" * 200_000  # a search's results come before the first word, and are longer than what is held back
    body = named(START, {"type": "content_block_start", "index": 0, "content_block": {
        "type": "browser_state", "encrypted": long}}, {"type": "content_block_delta", "index": 0, "delta": {
            "type": "browser_delta", "more": 1}}, {"type": "content_block_stop", "index": 0},
                 {"type": "thread_checkpoint", "id": "t"}, *TEXT, *finish())
    with RawProvider(lambda c, head, sent: c.sendall(streamed(body))) as far:
        weir = start({"providers": {"claude": provider(far.base_url[:-3], ["m"], type="anthropic")}})
        reply = send(weir, asked(stream=True))
        assert reply.status == 200 and reply.body == body
        reply = http(weir.port, "POST", "/v1/chat/completions", chat_body(stream=True))
        assert reply.content == "words" and reply.events[-1] == "[DONE]"


PRICES = {"m": {"input": 1, "output": 10}, "advisor": {"input": 100, "output": 1000}}  # USD per million
GO = {"cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
ITERATIONS = [{"type": "message", "input_tokens": 10, "output_tokens": 2, **GO},
              {"type": "compaction", "input_tokens": 1000, "output_tokens": 100, **GO},
              {"type": "advisor_message", "model": "advisor", "input_tokens": 30, "output_tokens": 3, **GO}]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", ["/v1/messages", "/v1/chat/completions"])
def test_every_go_is_charged_each_at_its_own_models_price(start, path, stream):
    body = named(START, *TEXT, *finish(input_tokens=10, iterations=ITERATIONS))
    whole = json.dumps({"id": "i", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn",
                        "content": [{"type": "text", "text": "words"}], "stop_sequence": None,
                        "usage": {"input_tokens": 10, "output_tokens": 2, "iterations": ITERATIONS}}).encode()
    answer = streamed(body) if stream else (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(whole), whole))
    with RawProvider(lambda c, head, sent: c.sendall(answer)) as far:
        weir = start({"providers": {"claude": provider(far.base_url[:-3], ["m", "advisor"], type="anthropic",
                                                       prices=PRICES)}})
        reply = http(weir.port, "POST", path, asked(stream=stream))
        assert reply.status == 200, reply
        line = poll(lambda: weir.log("request_done"))[-1]
        assert (line["input_tokens"], line["output_tokens"]) == (1040, 105)
        wanted = (1010 * 1 + 102 * 10 + 30 * 100 + 3 * 1000) / 1e6
        assert float(line["cost_usd"]) == pytest.approx(wanted)


def test_a_fallback_is_charged_as_the_model_that_served(start):
    usage = {"input_tokens": 10, "output_tokens": 2, "iterations": [
        {"type": "message", "model": "m", "input_tokens": 10, "output_tokens": 1, **GO},
        {"type": "fallback_message", "model": "advisor", "input_tokens": 10, "output_tokens": 2, **GO}]}
    body = named(START, *TEXT, *finish(**usage))
    with RawProvider(lambda c, head, sent: c.sendall(streamed(body))) as far:
        weir = start({"providers": {"claude": provider(far.base_url[:-3], ["m", "advisor"], type="anthropic",
                                                       prices=PRICES)}})
        assert send(weir, asked(stream=True)).status == 200
        line = poll(lambda: weir.log("request_done"))[-1]
        assert float(line["cost_usd"]) == pytest.approx((10 + 10 + 10 * 100 + 2 * 1000) / 1e6)

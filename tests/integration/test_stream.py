"""Streams: events as they come, their end, and the ways in which they break."""
import time

import pytest

from weirlib import Connection, chat, chat_body, request_bytes


def stream(weir, text="Hello there", **more):
    return chat(weir.port, text, stream=True, **more)


def test_a_stream_arrives_whole(pair):
    weir, one, _ = pair
    reply = stream(weir)
    assert reply.status == 200 and reply.headers["content-type"].startswith("text/event-stream")
    assert reply.content == "You said: Hello there" and reply.events[-1] == "[DONE]" and reply.complete
    assert reply.headers["x-weir-provider"] == "one" and one.last()["outcome"] == "done"


def test_events_are_passed_on_as_they_come_and_not_at_the_end(pair):
    weir, _, _ = pair
    with Connection(weir.port) as c:
        start = time.monotonic()
        c.send(request_bytes("POST", "/v1/chat/completions", chat_body("[mock tokens=20 rate=20] x", stream=True)))
        assert c.head()[0] == 200
        c.read_until(b"You")
        first = time.monotonic() - start
        c.read_until(b"[DONE]")
        assert first < 0.5 < time.monotonic() - start


def test_reasoning_deltas_and_tool_calls_pass(pair):
    weir, _, _ = pair
    reply = stream(weir, model="mock-reason")
    assert "".join(c["delta"].get("reasoning_content", "") for e in reply.events[:-1]
                   for c in e["choices"]).startswith("The question")
    tool = {
        "type": "function", "function": {
            "name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}
        }
    }
    reply = stream(weir, "weather", tools=[tool])
    calls = [t for e in reply.events[:-1] for c in e["choices"] for t in c["delta"].get("tool_calls", [])]
    assert "".join(c["function"]["arguments"] for c in calls) == '{"city":"example"}'


def test_a_thousand_events(pair):
    weir, _, _ = pair
    reply = stream(weir, "[mock tokens=1000] x")
    assert (reply.complete and
            sum(1 for e in reply.events[:-1] for c in e["choices"] if c["delta"].get("content")) == 1000)


def test_several_choices(pair):
    weir, _, _ = pair
    reply = stream(weir, n=3)
    assert {c["index"] for e in reply.events[:-1] for c in e["choices"]} == {0, 1, 2} and reply.events[-1] == "[DONE]"


@pytest.mark.parametrize("fault", ["reset-mid-stream=4", "end-mid-stream=4", "error-in-stream=4", "stall-mid-stream=4"])
def test_a_stream_that_breaks_after_its_first_token_ends_in_an_error_and_without_done(pair, fault):
    weir, one, two = pair
    one.fault(fault)
    reply = stream(weir)
    assert reply.status == 200 and "You said:" in reply.content
    assert "[DONE]" not in reply.text, reply
    assert "error" in reply.events[-1] and reply.events[-1]["error"]["message"], reply
    assert two.last() is None


def test_one_bad_event_in_a_good_stream_is_dropped(pair):
    weir, one, _ = pair
    one.fault("invalid-json-event=3")
    reply = stream(weir)
    assert reply.content == "You said: Hello there" and reply.events[-1] == "[DONE]" and "broken" not in reply.text


def test_a_stream_byte_by_byte(pair):
    weir, one, _ = pair
    one.fault("slow-bytes=0")
    reply = stream(weir, "x")
    assert reply.content == "You said: x" and reply.events[-1] == "[DONE]"


def test_a_stream_goes_on_as_long_as_tokens_come(pair):
    weir, _, _ = pair
    reply = stream(weir, "[mock tokens=12 rate=5] x")  # 2.4 s: longer than every timeout, none between tokens
    assert reply.complete and reply.events[-1] == "[DONE]"

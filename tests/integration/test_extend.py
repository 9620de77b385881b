"""Streams that reserve as they go: let in with less than their longest answer, gone on with as far as there is money,
and ended properly when there is no more. The provider is the witness: it counts what it makes, and makes it ahead of
what weir has read."""
import json
import signal
import socket
import sys
import time

import pytest

from test_budgets import KEY, PRICES, client
from test_overspend import budgets_of, settled, usd
from weirlib import ROOT, Connection, RawProvider, http, poll, provider, request_bytes

sys.path.insert(0, str(ROOT / "tests"))
from chaos.dialects import DIALECTS  # noqa: E402  how each caller asks, and how it reads an answer

SHOWS = {"cut_margin_tokens": 100, "facts": {"m": {"bills_hidden": False}}}
AUTH = {"authorization": f"Bearer {KEY}"}
SPEAKS = [d for d in DIALECTS if d.name in ("chat", "completions", "responses", "messages", "generate")]
CHUNK = {
    "chat": lambda text, end: {"delta": {"content": text} if text else {}, "finish_reason": end},
    "completions": lambda text, end: {"text": text, "finish_reason": end},
}


class Maker:
    """Makes tokens of four letters until it has made as many as it may or nobody is there to read them."""

    def __init__(self, pause_s=0.002):
        self.pause_s, self.made, self.asked, self.paused = pause_s, [], [], None

    def __call__(self, connection, head, body):
        asked = json.loads(body)
        self.asked.append(asked)
        kind = "completions" if "prompt" in asked else "chat"
        most = asked.get("max_tokens") or asked.get("max_completion_tokens")
        at = len(self.made)
        self.made.append(0)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
        while self.made[at] < most:
            self.made[at] += 1
            end = "length" if self.made[at] == most else None
            self.say(connection, kind, "word", end)
            if self.paused and self.made[at] == self.paused:
                time.sleep(3)
            time.sleep(self.pause_s)
        usage = {"prompt_tokens": 5, "completion_tokens": most, "total_tokens": most + 5}
        chunk = {"id": "c-1", "object": "chat.completion.chunk", "model": "m", "choices": [], "usage": usage}
        connection.sendall(b"data: " + json.dumps(chunk).encode() + b"\n\ndata: [DONE]\n\n")
        return False

    @staticmethod
    def say(connection, kind, text, end):
        chunk = {"id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": "m",
                 "choices": [{"index": 0, **CHUNK[kind](text, end)}]}
        connection.sendall(b"data: " + json.dumps(chunk).encode() + b"\n\n")

    def billed(self):
        """Nano-dollars, for prompts of five tokens."""
        return sum(5 * 1_000_000 + made * 10_000_000 for made in self.made)


def priced(maker_or_mock, **more):
    return provider(maker_or_mock, **{"type": "groq", "prices": PRICES, "timeout_seconds": 10,
                                      "reply_timeout_seconds": 10, "stall_timeout_seconds": 10, **SHOWS, **more})


@pytest.mark.parametrize("dialect", SPEAKS, ids=lambda dialect: dialect.name)
def test_a_stream_whose_budget_runs_out_ends_as_too_long(start, dialect):
    maker = Maker()
    with RawProvider(maker) as upstream:
        kind = "openai" if dialect.name == "completions" else "groq"  # which has none
        weir = start({"providers": {"p": priced(upstream.base_url, type=kind)},
                      "owners": [{"name": "top", "budgets": [{"usd": 40, "window": "month"}]}],
                      "clients": [client(daily_budget=12, **{"in": "top"})]})
        path, body = dialect.request("m", "Hello", 5000, True, True)
        reply = http(weir.port, "POST", path, body, AUTH, timeout=20)
        assert reply.status == 200, reply
        said = dialect.stream(reply.body)
        assert said.ended and said.error is None and said.wrong is None, (said.error, said.wrong)
        assert said.finish == "length" and said.text.startswith("wordword") and said.output, reply.text[-600:]
        assert maker.asked[0].get("max_tokens", maker.asked[0].get("max_completion_tokens")) == 5000  # as was asked
        final = {b["name"]: b for b in settled(weir)}
        time.sleep(0.1)  # it may be at its last
        assert 100 < maker.made[0] < 1100 and len(said.text) / 4 <= maker.made[0]
        for budget in final.values():
            assert maker.billed() <= usd(budget, "spent_usd") <= 12 * 10**9, (maker.made, budget)
        assert weir.metric("weir_streams_cut_total") == 1
        line = poll(lambda: weir.log("request_done"))[-1]
        assert line["output_tokens"] == said.output and line["status"] == 200
        assert round(float(line["cost_usd"]) * 1e9) == usd(final["day"], "spent_usd")


class Passed(Maker):
    """Speaks the Responses API itself, in names of its own: reasoning first, then a message that never ends."""

    def __call__(self, connection, head, body):
        asked = json.loads(body)
        self.asked.append(asked)
        self.made.append(0)
        self.sequence = 0
        self.connection = connection
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
        response = {"id": "resp_theirs", "object": "response", "status": "in_progress", "model": "m-1", "output": [],
                    "incomplete_details": None, "usage": None, "metadata": {"of": "theirs"}}
        reason = {"id": "rs_theirs", "type": "reasoning", "summary": []}
        message = {"id": "msg_theirs", "type": "message", "status": "in_progress", "role": "assistant", "content": []}
        part = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
        place = {"item_id": "msg_theirs", "output_index": 1, "content_index": 0}
        self.tell("response.created", response=response)
        self.tell("response.in_progress", response=response)
        self.tell("response.output_item.added", output_index=0, item=reason)
        self.tell("response.output_item.done", output_index=0, item=reason)
        self.tell("response.output_item.added", output_index=1, item=message)
        self.tell("response.content_part.added", **place, part=part)
        while self.made[-1] < asked["max_output_tokens"]:
            self.made[-1] += 1
            self.tell("response.output_text.delta", **place, delta="word", logprobs=[])
            time.sleep(self.pause_s)
        return False

    def tell(self, kind, **members):
        event = {"type": kind, "sequence_number": self.sequence, **members}
        self.sequence += 1
        self.connection.sendall(f"event: {kind}\ndata: {json.dumps(event)}\n\n".encode())


def test_a_providers_own_responses_pass_and_end_as_too_long_by_their_own_names(start):
    maker = Passed()
    with RawProvider(maker) as upstream:
        weir = start({"providers": {"p": priced(upstream.base_url, type="openai", api="responses")},
                      "clients": [client(daily_budget=12)]})
        body = {"model": "m", "input": "Hello", "max_output_tokens": 5000, "stream": True}
        reply = http(weir.port, "POST", "/v1/responses", body, AUTH, timeout=20)
        assert reply.status == 200, reply
        events = [json.loads(line[6:]) for line in reply.text.splitlines() if line.startswith("data: ")]
        assert [e["sequence_number"] for e in events] == list(range(len(events)))
        text = "".join(e["delta"] for e in events if e["type"] == "response.output_text.delta")
        whole = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
        item = {"id": "msg_theirs", "type": "message", "status": "incomplete", "role": "assistant", "content": [whole]}
        place = {"item_id": "msg_theirs", "output_index": 1, "content_index": 0}
        done, part, closed, last = events[-4:]
        assert done["type"] == "response.output_text.done" and done["text"] == text and place.items() <= done.items()
        assert part["type"] == "response.content_part.done" and part["part"] == whole and place.items() <= part.items()
        assert closed["type"] == "response.output_item.done" and closed["item"] == item and closed["output_index"] == 1
        assert last["type"] == "response.incomplete"
        response = last["response"]
        assert response["id"] == "resp_theirs" and response["metadata"] == {"of": "theirs"}
        assert response["status"] == "incomplete"
        assert response["incomplete_details"] == {"reason": "max_output_tokens"}
        assert response["output"] == [{"id": "rs_theirs", "type": "reasoning", "summary": []}, item]
        assert not any(e["type"].startswith("response.") and e.get("response", {}).get("status") == "incomplete"
                       for e in events[:-1])
        final = settled(weir)[0]
        time.sleep(0.1)  # it may be at its last
        assert 100 < maker.made[0] < 1100 and 100 < len(text) / 4 <= maker.made[0]
        assert maker.billed() <= usd(final, "spent_usd") <= 12 * 10**9, (maker.made, final)
        line = poll(lambda: weir.log("request_done"))[-1]
        assert response["usage"]["output_tokens"] == line["output_tokens"] and line["status"] == 200
        assert round(float(line["cost_usd"]) * 1e9) == usd(final, "spent_usd")
        assert weir.metric("weir_streams_cut_total") == 1


class Answers(Maker):
    """Several at once, of which the second ends by itself after three tokens."""

    def __call__(self, connection, head, body):
        asked = json.loads(body)
        self.asked.append(asked)
        self.made.append(0)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
        for at in range(asked["max_tokens"]):
            for index in range(asked["n"]):
                if index == 1 and at > 2:
                    continue
                self.made[-1] += 1
                choice = {"index": index, "delta": {"content": "word"}, "finish_reason": None}
                if index == 1 and at == 2:
                    choice["finish_reason"] = "stop"
                chunk = {"id": "c-1", "object": "chat.completion.chunk", "model": "m", "choices": [choice]}
                connection.sendall(b"data: " + json.dumps(chunk).encode() + b"\n\n")
            time.sleep(self.pause_s)
        return False


def test_several_answers_of_one_stream_end_each_when_the_budget_runs_out(start):
    maker = Answers()
    with RawProvider(maker) as upstream:
        weir = start({"providers": {"p": priced(upstream.base_url, type="openai")},
                      "clients": [client(daily_budget=30)]})
        body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": True, "n": 3,
                "max_tokens": 5000, "stream_options": {"include_usage": True}}
        reply = http(weir.port, "POST", "/v1/chat/completions", body, AUTH, timeout=20)
        assert reply.status == 200 and reply.events[-1] == "[DONE]", reply
        assert maker.asked[0]["n"] == 3 and maker.asked[0]["max_tokens"] == 5000
        ends = [(choice["index"], choice["finish_reason"]) for event in reply.events[:-1]
                for choice in event["choices"] if choice["finish_reason"]]
        assert ends == [(1, "stop"), (0, "length"), (2, "length")], ends  # each once, in the same stream
        assert {event["id"] for event in reply.events[:-1]} == {"c-1"}
        usage = [event["usage"] for event in reply.events[:-1] if event.get("usage")]
        assert len(usage) == 1 and usage[0]["completion_tokens"] >= 100
        budget, = settled(weir)
        time.sleep(0.1)  # it may be at its last
        assert 100 < maker.made[0] and maker.billed() <= usd(budget, "spent_usd") <= 30 * 10**9, (maker.made, budget)
        assert weir.metric("weir_streams_cut_total") == 1


def test_what_ends_in_time_is_whole_and_costs_what_it_took(start, start_mock):
    mock = start_mock("--tokens", "300")
    weir = start({"providers": {"p": priced(mock)}, "clients": [client(daily_budget=30)]})
    for stream_cap in ({"max_tokens": 5000}, {}):
        reply = http(weir.port, "POST", "/v1/chat/completions",
                     {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": True,
                      "stream_options": {"include_usage": True}, **stream_cap}, AUTH, timeout=20)
        assert reply.status == 200 and reply.events[-1] == "[DONE]", reply
        assert '"completion_tokens":300' in reply.text and '"finish_reason":"stop"' in reply.text
    spent = usd(settled(weir)[0], "spent_usd")
    lines = poll(lambda: len(weir.log("request_done")) == 2 and weir.log("request_done"))
    assert spent == sum(round(float(line["cost_usd"]) * 1e9) for line in lines) < 6.1e9


def test_what_cannot_be_cut_short_is_reserved_whole(start, start_mock):
    mock = start_mock("--tokens", "30")
    for change in ({"cut_margin_tokens": 0}, {"facts": {"m": {"bills_hidden": True}}}, {"facts": {}}):
        weir = start({"providers": {"p": priced(mock, **change)}, "clients": [client(daily_budget=30)]})
        body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": True, "max_tokens": 5000}
        reply = http(weir.port, "POST", "/v1/chat/completions", body, AUTH)
        assert reply.status == 429 and reply.error["code"] == "budget_exhausted", (change, reply)
    assert mock.requests()["count"] == 0


def test_a_caller_that_reads_nothing_does_not_run_up_a_bill(start):
    """Its provider goes on making while weir does not read: so weir hangs up instead, as it cannot reserve all."""
    maker = Maker(pause_s=0)
    with RawProvider(maker) as upstream:
        weir = start({"providers": {"p": priced(upstream.base_url, cut_margin_tokens=1500,
                                                prices={"m": {"input": 0.001, "output": 1.0}})},
                      "clients": [client(budgets=[{"usd": 2, "window": "day"}])]})
        with Connection(weir.port, timeout=20) as slow:
            slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            slow.send(request_bytes("POST", "/v1/chat/completions", {
                "model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": True,
                "max_tokens": 100_000_000}, AUTH))
            poll(lambda: maker.made and budgets_of(weir)[0]["reserved_usd"] != "0.000000000" or None)
            poll(lambda: usd(budgets_of(weir)[0], "reserved_usd") == 0, deadline_s=20)
        assert usd(budgets_of(weir)[0], "spent_usd") <= 2 * 10**9


def test_what_a_killed_process_had_extended_is_charged_no_more_than_it_had_reserved(folder):
    maker = Maker()
    maker.paused = 700
    with RawProvider(maker) as upstream:
        config = {"providers": {"p": priced(upstream.base_url)}, "clients": [client(daily_budget=45)]}
        weir = folder(config)
        with Connection(weir.port, timeout=20) as caller:
            body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": True, "max_tokens": 5000}
            caller.send(request_bytes("POST", "/v1/chat/completions", body, AUTH))
            poll(lambda: maker.made and maker.made[0] == 700, deadline_s=20)
            time.sleep(0.2)
            reserved = usd(budgets_of(weir)[0], "reserved_usd")
            assert reserved > (700 * 4 + 100) * 10_000_000  # it was extended far beyond its first slice
            weir.stop(signal.SIGKILL, status=-signal.SIGKILL)
        again = folder(config)
        spent = poll(lambda: usd(budgets_of(again)[0], "spent_usd") or None)
        assert 700 * 10_000_000 <= spent <= reserved, (spent, reserved)

"""A stream that breaks goes on elsewhere: whatever dialects the caller and the targets speak, and whatever the next
target says, the caller has the text once, or an error event and no end. Texts, cuts and pieces are drawn by a seed."""
import json
import random

import pytest

from weirlib import RawProvider, http, provider

WORDS = "the fox runs over a hill and sees nothing there now moor late who is wide old then".split()
DIALECTS = ("openai", "anthropic", "gemini")
ASKS = {
    "chat": ("/v1/chat/completions", {"stream": True}),
    "messages": ("/v1/messages", {"stream": True, "max_tokens": 500}),
    "responses": ("/v1/responses", {"stream": True}),
    "generate": ("/v1beta/models/r:streamGenerateContent?alt=sse", {}),
}


def draw_text(rng, count):
    """No word again among the next five: of two equal ones nobody could tell which is repeated."""
    words = []
    while len(words) < count:
        word = rng.choice(WORDS)
        if word not in words[-5:]:
            words.append(word)
    return " ".join(words)


def pieces(rng, text):
    out = []
    while text:
        size = rng.randint(1, 12)
        out.append(text[:size])
        text = text[size:]
    return out


def event(data, name=None):
    return ((f"event: {name}\n" if name else "") + f"data: {json.dumps(data)}\n\n").encode()


class Stream:
    """The events of one answer, as a vendor sends them; `ends`: with its finish and terminator."""

    def __init__(self, dialect, parts, ends, reasoning=""):
        self.events = getattr(self, dialect)(parts, ends, reasoning)

    def openai(self, parts, ends, reasoning):
        def chunk(delta, finish=None):
            return event({"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m",
                          "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
        out = [chunk({"role": "assistant", "content": ""})]
        out += [chunk({"reasoning_content": reasoning})] if reasoning else []
        out += [chunk({"content": part}) for part in parts]
        return out + [chunk({}, "stop"), b"data: [DONE]\n\n"] if ends else out

    def anthropic(self, parts, ends, reasoning):
        def said(kind, **more):
            return event({"type": kind, **more}, kind)
        out = [said("message_start", message={"id": "msg_1", "type": "message", "role": "assistant", "model": "m",
                                              "content": [], "stop_reason": None, "stop_sequence": None,
                                              "usage": {"input_tokens": 5, "output_tokens": 1}})]
        blocks = [("thinking", "thinking_delta", [reasoning])] if reasoning else []
        blocks += [("text", "text_delta", parts)]
        for index, (kind, delta, texts) in enumerate(blocks):
            out.append(said("content_block_start", index=index, content_block={"type": kind, kind: ""}))
            out += [said("content_block_delta", index=index, delta={"type": delta, kind: part}) for part in texts]
            if ends or kind == "thinking":
                out.append(said("content_block_stop", index=index))
        if ends:
            out.append(said("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None},
                            usage={"output_tokens": 9}))
            out.append(said("message_stop"))
        return out

    def gemini(self, parts, ends, reasoning):
        def chunk(part=None, finish=None):
            candidate = {"index": 0, "content": {"role": "model", "parts": [part] if part else []}}
            if finish:
                candidate["finishReason"] = finish
            return event({"candidates": [candidate], "modelVersion": "m", "responseId": "r1"})
        out = [chunk({"text": reasoning, "thought": True})] if reasoning else []
        out += [chunk({"text": part}) for part in parts]
        return out + [chunk(finish="STOP")] if ends else out


def plays(dialect, answers):
    """A provider that gives its answers in turn: (parts, ends, reasoning), or a status to refuse with."""
    answers = list(answers)

    def answer(connection, head, body):
        said = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(said, int):
            words = json.dumps({"error": {"message": "no prefill", "type": "invalid_request_error"}}).encode()
            connection.sendall(b"HTTP/1.1 %d Refused\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                               % (said, len(words), words))
            return True
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for one in Stream(dialect, *said).events:
            connection.sendall(b"%x\r\n%s\r\n" % (len(one), one))
        if said[1]:
            connection.sendall(b"0\r\n\r\n")
        return False
    return RawProvider(answer)


def body_of(ask):
    if ask == "generate":
        return {"contents": [{"role": "user", "parts": [{"text": "tell"}]}]}
    if ask == "responses":
        return {"model": "r", "input": "tell", **ASKS[ask][1]}
    return {"model": "r", "messages": [{"role": "user", "content": "tell"}], **ASKS[ask][1]}


def heard(ask, reply):
    """(text, ended well, error) of what the caller got; its framing is checked on the way."""
    text, ended, error, ids, open_blocks = "", False, None, set(), set()
    assert reply.status == 200
    for frame in reply.body.decode().replace("\r\n", "\n").split("\n\n"):
        data = [line[6:] for line in frame.split("\n") if line.startswith("data: ")]
        if not data:
            continue
        if data[0] == "[DONE]":
            ended = True
            continue
        said = json.loads(data[0])
        assert not ended, "nothing comes behind the end"
        if "error" in said or said.get("type") == "error":
            error = said
        elif ask == "chat":
            ids.add(said["id"])
            for choice in said["choices"]:
                text += choice["delta"].get("content") or ""
        elif ask == "messages":
            kind = said["type"]
            if kind == "content_block_start":
                open_blocks.add(said["index"])
            if kind == "content_block_delta":
                assert said["index"] in open_blocks
                text += said["delta"].get("text", "")
            if kind == "content_block_stop":
                open_blocks.remove(said["index"])
            if kind == "message_start":
                ids.add(said["message"]["id"])
            if kind == "message_stop":
                assert not open_blocks
                ended = True
        elif ask == "responses":
            if said["type"] == "response.output_text.delta":
                text += said["delta"]
            if "response" in said:
                ids.add(said["response"]["id"])
            if said["type"] == "response.completed":
                ended = True
                whole = "".join(part["text"] for item in said["response"]["output"] if item["type"] == "message"
                                for part in item["content"])
                assert whole == text, "the whole response is what was told of it"
        else:
            ids.add(said.get("responseId"))
            for candidate in said.get("candidates", []):
                for part in candidate.get("content", {}).get("parts", []):
                    text += "" if part.get("thought") else part.get("text", "")
                ended = ended or "finishReason" in candidate
    assert len(ids) <= 1, ids
    assert ended != bool(error), (ended, error)
    return text, ended, error


def behaves(rng, how, text, had):
    """What a next target says, that is to go on behind `had` of `text`."""
    if how == "goes on":
        return pieces(rng, text[had:])
    if how == "repeats an end":
        start = text.rfind(" ", 0, max(1, had - rng.randint(16, 40))) + 1
        return pieces(rng, text[start:])
    if how == "starts again":
        return pieces(rng, text)
    if how == "white space differs":
        return pieces(rng, text.replace(" ", "\n", rng.randint(0, 20)))
    other = draw_text(rng, 30)
    if how == "another, early":
        return pieces(rng, " ".join(text.split(" ")[:4]) + " Q " + other)
    place = text.rfind(" ", 0, had - 2)
    return pieces(rng, text[:place] + " Q " + other)  # another, late


WAYS = ("goes on", "repeats an end", "starts again", "white space differs", "another, early", "another, late")


TYPES = {"openai": "groq", "anthropic": "anthropic", "gemini": "gemini"}  # one without /responses


def world(routes):
    """One weir: for each route's name its providers, as (dialect, RawProvider), asked in their order."""
    providers, out = {}, []
    for name, line in routes.items():
        for number, (dialect, one) in enumerate(line):
            providers[f"{name}{number}"] = provider(one.base_url, type=TYPES.get(dialect, dialect), max_retries=0)
        out.append({"model": name, "targets": [f"{name}{number}/m" for number in range(len(line))],
                    "strategy": "priority", "resume_streams": True})
    return {"providers": providers, "routes": out}


def told(weir, ask, name="r"):
    """The reply to it, and what was heard of it."""
    body, path = body_of(ask), ASKS[ask][0].replace("/r:", f"/{name}:")
    if "model" in body:
        body["model"] = name
    reply = http(weir.port, "POST", path, body)
    return (reply, *heard(ask, reply))


@pytest.mark.parametrize("ask", ASKS)
@pytest.mark.parametrize("first", DIALECTS)
@pytest.mark.parametrize("second", DIALECTS)
def test_the_text_is_there_once_or_there_is_an_error_event(start, ask, first, second):
    rng = random.Random(f"{ask} {first} {second}")
    cases = {}
    for number, how in enumerate(WAYS):
        text = draw_text(rng, 60)
        cut = rng.randint(60, len(text) - 60)
        reasoning = rng.choice(["", "Let me think."])
        cases[f"w{number}"] = (how, text, cut, [
            (first, plays(first, [(pieces(rng, text[:cut]), False, reasoning)])),
            (second, plays(second, [(behaves(rng, how, text, cut), True, reasoning)]))])
    weir = start(world({name: case[3] for name, case in cases.items()}))
    for name, (how, text, cut, line) in cases.items():
        _, got, ended, error = told(weir, ask, name)
        assert line[1][1].heads, how
        if how.startswith("another"):
            assert error and "Q" not in got and text.startswith(got), (how, got)
        else:
            assert ended and got.split() == text.split(), (how, text[:cut][-30:], got)
        for _, one in line:
            one.__exit__()


@pytest.mark.parametrize("ask", ASKS)
def test_three_deaths_in_a_row(start, ask):
    rng = random.Random(ask)
    cases = {}
    for name in ("v", "w", "x", "y"):
        text = draw_text(rng, 100)
        cuts = [*sorted(rng.sample(range(40, len(text) - 40), 3)), len(text)]
        had, line = 0, []
        for number, upto in enumerate(cuts):
            kind = rng.choice(DIALECTS)
            how = rng.choice(WAYS[:4]) if number else "goes on"
            line.append((kind, plays(kind, [(behaves(rng, how, text[:upto], had), number == 3, "")])))
            had = upto
        cases[name] = (text, cuts, line)
    weir = start(world({name: case[2] for name, case in cases.items()}))
    for name, (text, cuts, line) in cases.items():
        _, got, ended, _ = told(weir, ask, name)
        assert ended and got.split() == text.split(), ([kind for kind, _ in line], cuts, got)
        for _, one in line:
            one.__exit__()


def test_who_says_another_thing_is_followed_by_the_next(start):
    rng = random.Random(5)
    text = draw_text(rng, 40)
    with plays("openai", [(pieces(rng, text[:80]), False, "")]) as one, \
            plays("anthropic", [(behaves(rng, "another, late", text, 80), True, "")]) as two, \
            plays("gemini", [(pieces(rng, text[80:]), True, "")]) as three:
        weir = start(world({"r": [("openai", one), ("anthropic", two), ("gemini", three)]}))
        _, got, ended, _ = told(weir, "chat")
        assert ended and got == text


def test_a_prefill_that_is_refused_is_followed_by_words_at_the_same_target(start):
    rng = random.Random(6)
    text = draw_text(rng, 40)
    with plays("openai", [(pieces(rng, text[:80]), False, "")]) as one, \
            plays("openai", [400, (pieces(rng, text[80:]), True, "")]) as two:
        weir = start(world({"r": [("openai", one), ("mistral", two)]}))
        _, got, ended, error = told(weir, "chat")
        assert ended and got == text, (error, two.heads)
        last = [json.loads(body)["messages"][-1] for body in two.bodies]
        assert last[0] == {"role": "assistant", "content": text[:80], "prefix": True}
        assert last[1]["role"] == "user" and "Continue" in last[1]["content"]


def test_reasoning_alone_was_told_and_the_answer_comes_from_another(start):
    rng = random.Random(7)
    text = draw_text(rng, 20)
    with plays("openai", [([], False, "Let me think.")]) as one, \
            plays("anthropic", [(pieces(rng, text), True, "Hm.")]) as two:
        weir = start(world({"r": [("openai", one), ("anthropic", two)]}))
        reply, got, ended, _ = told(weir, "chat")
        assert ended and got == text and b"Let me think." in reply.body and b"Hm." not in reply.body
        assert len(json.loads(two.bodies[0])["messages"]) == 1


@pytest.mark.parametrize("kind", DIALECTS)
def test_an_answer_that_was_finished_is_never_gone_on_with(start, kind):
    def finishes(connection, head, body):
        said = b"".join(Stream(kind, ["The answer is 42."], True).events[:-1 if kind != "gemini" else None])
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
                           b"%x\r\n%s\r\n" % (len(said), said))
        return False
    with RawProvider(finishes) as one, plays("openai", [(["More words."], True, "")]) as two:
        weir = start(world({"r": [(kind, one), ("openai", two)]}))
        reply = http(weir.port, "POST", ASKS["chat"][0], {**body_of("chat")})
        assert b"More" not in reply.body and not two.heads and reply.body.count(b'"stop"') == 1


@pytest.mark.parametrize("more", [{"max_tokens": 2**63 - 1, "n": 2}, {"max_tokens": 5 * 10**18, "n": 2},
                                  {"n": 2**63 - 1}, {"max_tokens": 2**62, "n": 2**62}])
def test_no_number_of_a_callers_ends_the_process(start, more):
    with plays("openai", [(["x"], True, "")]) as one:
        weir = start(world({"r": [("openai", one)]}))
        http(weir.port, "POST", ASKS["chat"][0], {**body_of("chat"), **more})
        assert http(weir.port, "GET", "/healthz").status == 200


def test_a_call_of_a_tool_is_never_gone_on_with(start):
    def calls(connection, head, body):
        words = event({"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [
            {"index": 0, "delta": {"tool_calls": [{"index": 0, "id": "t", "type": "function", "function": {
                "name": "f", "arguments": "{"}}]}, "finish_reason": None}]})
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
                           b"%x\r\n%s\r\n" % (len(words), words))
        return False
    with RawProvider(calls) as one, plays("openai", [(["x"], True, "")]) as two:
        weir = start(world({"r": [("openai", one), ("openai", two)]}))
        reply, *_ = told(weir, "chat")
        assert b'"error"' in reply.body and b"[DONE]" not in reply.body and not two.heads

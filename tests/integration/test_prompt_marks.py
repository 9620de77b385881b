"""Callers whose dialect has no marks for a prompt cache get Anthropic's: where they pay, told, and paid for rightly."""
import hashlib
import json

import pytest

from weirlib import RawProvider, good_reply, http, poll

WORDS = "The quick brown fox jumps over the lazy dog, and nobody minds. "
LONG = WORDS * 200  # some 3,000 tokens
TOOLS = [{"type": "function", "function": {"name": "look", "description": "Looks.", "parameters": {
    "type": "object", "properties": {"where": {"type": "string"}}}}}]
PRICES = {"input": 10, "output": 20, "cached_input": 1, "cache_write": 12.5,
          "rows": [{"when": {"cache_ttl": "1h"}, "set": {"cache_write": 20}}]}


def tokens(text):
    return len(text) // 4


class Keeper:
    """A vendor that keeps prompts up to their marks, and knows them again by what stands before: tools, system, turns.
    Marks are no part of it. As the real one: four at most, longer ones before shorter ones, nothing below the least."""

    def __init__(self, least=1024):
        self.kept, self.bodies, self.least = {}, [], least
        self.raw = RawProvider(self.answer)

    def blocks(self, body):
        for tool in body.get("tools", []):
            yield dict(tool)
        for block in body.get("system", []):
            yield dict(block)
        for message in body["messages"]:
            for block in message["content"]:
                yield {**block, "of": message["role"]}

    def answer(self, connection, head, body):
        body = json.loads(body)
        self.bodies.append(body)
        so_far, total, marks = hashlib.sha256(), 0, []
        for block in self.blocks(body):
            mark = block.pop("cache_control", None)
            said = json.dumps(block, sort_keys=True)
            so_far.update(said.encode())
            total += tokens(said)
            if mark:
                marks.append((so_far.hexdigest(), total, mark.get("ttl", "5m")))
        assert len(marks) <= 4, marks
        ttls = [ttl for _, _, ttl in marks]
        assert ttls == sorted(ttls) and set(ttls) <= {"1h", "5m"}, ttls
        marks = [mark for mark in marks if mark[1] >= self.least]
        read = max([total for digest, total, _ in marks if digest in self.kept], default=0)
        written = max([total for _, total, _ in marks], default=0) - read
        for digest, _, ttl in marks:
            self.kept[digest] = ttl
        kind = marks[0][2] if marks else "5m"
        reply = {"id": "msg_1", "type": "message", "role": "assistant", "model": body["model"],
                 "content": [{"type": "text", "text": "fine"}], "stop_reason": "end_turn", "usage": {
                     "input_tokens": total - read - written, "cache_read_input_tokens": read,
                     "cache_creation_input_tokens": written, "output_tokens": 10, "cache_creation": {
                         "ephemeral_5m_input_tokens": written if kind == "5m" else 0,
                         "ephemeral_1h_input_tokens": written if kind == "1h" else 0}}}
        connection.sendall(good_reply(json.dumps(reply).encode()))


@pytest.fixture
def keeper(start):
    made = Keeper()

    def run(provider=None, route=None, facts=None, **more):
        weir = start({"providers": {"a": {
            "type": "anthropic", "base_url": made.raw.base_url, "api_key": "k-123456789012", "models": ["x"],
            "health_check_interval": 0, "prices": {"x": PRICES},
            "facts": {"x": {"cache_least": 1024, "cache_lifetimes": ["5m", "1h"], **(facts or {})}},
            **(provider or {})}}, "routes": [{"model": "m", "targets": ["a/x"], **(route or {})}], **more})
        return weir, made
    yield run
    made.raw.socket.close()


def marks(body):
    found = [("tool", tool) for tool in body.get("tools", [])] + [("system", block) for block in body.get("system", [])]
    for i, message in enumerate(body["messages"]):
        found += [(i, block) for block in message["content"]]
    return [(where, block["cache_control"]) for where, block in found if "cache_control" in block]


def ask(weir, body, path="/v1/chat/completions"):
    reply = http(weir.port, "POST", path, body=json.dumps(body), headers={"content-type": "application/json"})
    assert reply.status == 200, reply
    return reply


def talk(turns, system=LONG, **more):
    messages = [{"role": "system", "content": system}] if system else []
    messages.append({"role": "user", "content": "turn 0 " + WORDS * 100})
    for turn in range(1, turns):
        messages += [{"role": "assistant", "content": "fine"}, {"role": "user", "content": f"turn {turn} " + WORDS}]
    return {"model": "m", "messages": messages, **more}


def attempt_of(weir, reply):
    story = poll(lambda: (r := http(weir.port, "GET", "/admin/v1/requests/" + reply.headers["x-weir-request-id"],
                                    headers={"authorization": f"Bearer {weir.admin_key}"})).status == 200 and r.json)
    return story["attempts"][0]


def test_a_cache_key_marks_what_stays_and_says_so(keeper):
    weir, vendor = keeper()
    reply = ask(weir, talk(1, prompt_cache_key="k", tools=TOOLS))
    assert marks(vendor.bodies[-1]) == [("system", {"type": "ephemeral"})]  # nobody knows whether it goes on
    assert reply.headers["x-weir-changed"] == "cache_control" and "x-weir-dropped" not in reply.headers
    told = attempt_of(weir, reply)
    assert told["changed"] == "cache_control" and told["prompt_marked_s"] == 300
    assert told["cache_write_tokens"] > 2500 and "cached_tokens" not in told


def test_without_a_word_of_anybody_nothing_is_marked(keeper):
    weir, vendor = keeper()
    reply = ask(weir, talk(3))
    assert marks(vendor.bodies[-1]) == [] and "x-weir-changed" not in reply.headers
    assert "prompt_marked_s" not in attempt_of(weir, reply)


def test_a_conversation_that_grows_reads_all_that_it_said_before(keeper):
    weir, vendor = keeper()
    reads = []
    for turn in range(1, 8):
        ask(weir, talk(turn, prompt_cache_key="k", tools=TOOLS))
        body = vendor.bodies[-1]
        assert [where for where, _ in marks(body)] == (
            ["system"] if turn == 1 else ["system", 2 * turn - 4, 2 * turn - 2])
    for turn in range(1, 8):  # once more: all is there
        usage = ask(weir, talk(turn, prompt_cache_key="k", tools=TOOLS)).json["usage"]
        reads.append(usage["prompt_tokens_details"]["cached_tokens"] / usage["prompt_tokens"])
    print("read of the prompt:", reads)
    assert all(read > 0.99 for read in reads[1:])


@pytest.mark.parametrize("more, ttl, seconds, changed", [
    ({"prompt_cache_retention": "in_memory"}, None, 300, "cache_control"),
    ({"prompt_cache_retention": "24h"}, "1h", 3600, "cache_control, prompt_cache_retention"),
    ({"prompt_cache_options": {"mode": "implicit", "ttl": "30m"}}, "1h", 3600, "cache_control, prompt_cache_retention"),
])
def test_it_is_kept_as_long_as_asked_as_far_as_the_vendor_can(keeper, more, ttl, seconds, changed):
    weir, vendor = keeper()
    reply = ask(weir, talk(2, **more))
    wanted = {"type": "ephemeral", **({"ttl": ttl} if ttl else {})}
    assert [mark for _, mark in marks(vendor.bodies[-1])] == [wanted] * 3
    assert reply.headers["x-weir-changed"] == changed and "x-weir-dropped" not in reply.headers
    assert attempt_of(weir, reply)["prompt_marked_s"] == seconds


def test_a_model_that_keeps_none_so_long_is_asked_for_what_it_has(keeper):
    weir, vendor = keeper(facts={"cache_lifetimes": ["5m"]})
    ask(weir, talk(1, prompt_cache_retention="24h"))
    assert marks(vendor.bodies[-1]) == [("system", {"type": "ephemeral"})]


@pytest.mark.parametrize("retention, price", [(None, 12.5), ("24h", 20)])
def test_what_is_written_is_paid_by_how_long_it_is_kept(keeper, retention, price):
    weir, _ = keeper()
    body = talk(1, prompt_cache_key="k", **({"prompt_cache_retention": retention} if retention else {}))
    for again in (False, True):
        reply = ask(weir, body)
        usage = reply.json["usage"]
        kept = usage["prompt_tokens_details"]["cached_tokens" if again else "cache_write_tokens"]
        assert kept > 2500
        anew = usage["prompt_tokens"] - kept
        cost = (anew * 10 + kept * (1 if again else price) + 10 * 20) / 1e6
        assert float(reply.headers["x-weir-cost"]) == pytest.approx(cost, abs=1e-9)


def test_a_prompt_too_short_to_be_kept_is_not_marked(keeper):
    weir, vendor = keeper(facts={"cache_least": 4096})
    short = talk(1, system=WORDS * 10, prompt_cache_key="k")
    reply = ask(weir, short)
    assert marks(vendor.bodies[-1]) == [] and "x-weir-changed" not in reply.headers
    assert reply.headers["x-weir-dropped"] == "prompt_cache_key"
    ask(weir, talk(1, system=WORDS * 400, prompt_cache_key="k"))
    assert marks(vendor.bodies[-1])


def test_where_reading_costs_no_less_nothing_is_marked_and_the_key_is_named_as_left_out(keeper):
    weir, vendor = keeper({"prices": {"x": {"input": 10, "output": 20, "cached_input": 10}}})
    reply = ask(weir, talk(3, prompt_cache_key="k"))
    assert marks(vendor.bodies[-1]) == [] and reply.headers["x-weir-dropped"] == "prompt_cache_key"
    refused = http(weir.port, "POST", "/v1/chat/completions", body=json.dumps(talk(3, prompt_cache_key="k")),
                   headers={"content-type": "application/json", "x-weir-unsupported": "refuse"})
    assert refused.status == 400 and "prompt_cache_key" in refused.text


def test_a_callers_own_marks_are_never_added_to(keeper):
    weir, vendor = keeper({"prompt_cache": "5m"})
    own = talk(3, prompt_cache_key="k")
    own["messages"][1]["content"] = [{"type": "text", "text": LONG, "cache_control": {"type": "ephemeral"}}]
    reply = ask(weir, own)
    assert marks(vendor.bodies[-1]) == [(0, {"type": "ephemeral"})]
    assert reply.headers["x-weir-dropped"] == "prompt_cache_key"


def test_openais_own_marks_are_said_in_anthropics_words_and_no_more_than_it_takes(keeper):
    weir, vendor = keeper({"prompt_cache": "1h"})
    own = talk(6, prompt_cache_options={"mode": "explicit"})
    for i in (1, 3, 5, 7, 9):
        own["messages"][i]["content"] = [{"type": "text", "text": f"{i} " + LONG, "ttl": "30m",
                                          "prompt_cache_breakpoint": {"mode": "explicit"}}]
    reply = ask(weir, own)
    assert marks(vendor.bodies[-1]) == [(i, {"type": "ephemeral", "ttl": "1h"}) for i in (2, 4, 6, 8)]
    assert "cache_control" in reply.headers["x-weir-changed"]
    none = ask(weir, talk(3, prompt_cache_options={"mode": "explicit"}))  # what it marks is all, and that is nothing
    assert marks(vendor.bodies[-1]) == [] and none.headers["x-weir-dropped"] == "prompt_cache_retention"


def test_the_configuration_marks_for_those_who_cannot_ask_and_the_route_has_the_last_word(keeper):
    weir, vendor = keeper({"prompt_cache": "1h"})
    gemini = {"systemInstruction": {"parts": [{"text": LONG}]},
              "contents": [{"role": "user", "parts": [{"text": "a"}]}]}
    reply = ask(weir, gemini, "/v1beta/models/m:generateContent")
    assert marks(vendor.bodies[-1]) == [("system", {"type": "ephemeral", "ttl": "1h"})]
    assert reply.headers["x-weir-changed"] == "cache_control"
    responses = {"model": "m", "instructions": LONG, "input": "a", "prompt_cache_retention": "in_memory"}
    ask(weir, responses, "/v1/responses")
    assert marks(vendor.bodies[-1]) == [("system", {"type": "ephemeral", "ttl": "1h"})]
    own = {"model": "m", "max_tokens": 5, "system": [{"type": "text", "text": LONG}],
           "messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}]}
    ask(weir, own, "/v1/messages")  # who speaks Anthropic's dialect can say it
    assert marks(vendor.bodies[-1]) == []
    weir.stop()
    weir, vendor = keeper({"prompt_cache": "1h"}, {"prompt_cache": "off"})
    reply = ask(weir, talk(3, prompt_cache_key="k"))
    assert marks(vendor.bodies[-1]) == [] and reply.headers["x-weir-dropped"] == "prompt_cache_key"


def test_a_hard_budget_holds_what_is_written_too(keeper):
    """What is reserved before a request is sent covers its prompt being written for an hour."""
    weir, _ = keeper({"daily_budget": 0.6})
    spent, statuses = 0.0, []
    for turn in range(8):
        body = talk(1, system=f"{turn} " + LONG, prompt_cache_retention="24h", max_tokens=16)
        reply = http(weir.port, "POST", "/v1/chat/completions", body=json.dumps(body),
                     headers={"content-type": "application/json"})
        statuses.append(reply.status)
        spent += float(reply.headers.get("x-weir-cost", 0))
    assert 200 in statuses and spent <= 0.6, (statuses, spent)
    assert 429 in statuses, statuses

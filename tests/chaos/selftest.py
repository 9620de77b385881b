"""Is each invariant able to fail? Doctored answers, books, logs and exits are given to the checks: each planted fault
must be seen, under its own invariant, and what is good must pass. Runs before every world: a check that sees nothing
has shown nothing."""
import asyncio
import json
from types import SimpleNamespace

from books import books
from callers import Ask
from checks import half_closed, judge
from record import INVARIANTS, Record
from upsets import edit_is_wrong, reload_is_wrong
from wire import Reply
from world import exits


class Quiet(Record):
    """A record that says nothing."""

    def violation(self, kind, ask, what):
        from record import OF_KIND
        self.violations[OF_KIND.get(kind, kind)].append(what)


def reply_of(ask, body, status=200, ending="whole", headers=None):
    reply = Reply()
    reply.status, reply.ending, reply.body = (status, ending,
                                              body if isinstance(body, bytes) else json.dumps(body).encode())
    reply.headers = {
        "x-weir-request-id": ask.id, "x-weir-provider": "steady", "x-weir-attempts": "1", **(headers or {})
    }
    return reply


def ask_of(stream, steady=True, usage=False):
    """The first of a caller's asks that is a plain chat; `usage`: one that asks for it."""
    for number in range(10000):
        ask = Ask(SimpleNamespace(seed=1, keyed=True), "self", number, steady)
        if (ask.dialect.name == "chat" and ask.stream == stream and ask.behaviour == "polite" and not ask.fault and
                not ask.raw and ask.usage >= usage):
            ask.expect("steady")
            return ask
    raise RuntimeError("no such ask")


def whole_of(ask, **changes):
    usage = {"prompt_tokens": 3, "completion_tokens": ask.output, "total_tokens": 3 + ask.output}
    choice = {"index": 0, "message": {"role": "assistant", "content": ask.expected}, "finish_reason": ask.finish}
    body = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}
    choice["message"]["content"] = changes.get("text", ask.expected)
    choice["finish_reason"] = changes.get("finish", ask.finish)
    usage["completion_tokens"] = changes.get("output", ask.output)
    return body


def stream_of(ask, text=None, end=True, error=None):
    def data(value):
        return f"data: {value if isinstance(value, str) else json.dumps(value)}\n\n"

    def chunk(delta, finish=None):
        return data({
            "id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]
        })
    out = chunk({"role": "assistant", "content": ask.expected if text is None else text})
    if error:
        out += data({"error": {"message": "x", "type": error, "param": None, "code": error}})
    if end:
        out += chunk({}, ask.finish)
        if ask.usage:
            out += data({
                "id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [],
                "usage": {"completion_tokens": ask.output}
            })
        out += data("[DONE]")
    return out.encode()


def answers():
    """(what is planted, the invariant or None, the ask, the reply)"""
    whole, stream, other = ask_of(False), ask_of(True), ask_of(False, steady=False)
    wrong = reply_of(whole, whole_of(whole))
    wrong.wrong = "two headers content-length"
    error = {"error": {"message": "x", "type": "api_error", "param": None, "code": "provider_error"}}
    foreign = {"error": {"message": "x", "type": "INTERNAL", "param": None, "code": "INTERNAL"}}
    steady_error = reply_of(whole, error, 502)
    yield "a good whole answer", None, whole, reply_of(whole, whole_of(whole))
    yield "a good stream", None, stream, reply_of(stream, stream_of(stream))
    yield "an honest error", None, other, reply_of(other, error, 502)
    yield "an honestly broken stream", None, unhurt(stream), reply_of(
        stream, stream_of(stream, stream.expected[:5], False, "provider_error"))
    yield "another text", "answers", whole, reply_of(whole, whole_of(whole, text=whole.expected + "?"))
    yield "another finish", "answers", whole, reply_of(whole, whole_of(whole, finish="tool_calls"))
    yield "other usage", "answers", whole, reply_of(whole, whole_of(whole, output=0))
    asked = ask_of(True, usage=True)
    untold = stream_of(asked).replace(b'"completion_tokens"', b'"other"')
    yield "a bystander's usage that is not told", "answers", asked, reply_of(asked, untold)
    yield "usage that was cut away", None, unhurt(asked), reply_of(unhurt(asked), untold)
    yield "other usage in a stream", "answers", unhurt(asked), reply_of(
        asked, stream_of(asked).replace(b'"completion_tokens": ', b'"completion_tokens": 1'))
    yield "no JSON", "answers", whole, reply_of(whole, b"<html>")
    yield "another form", "answers", whole, reply_of(whole, {"choices": 5})
    yield "two framings", "answers", whole, wrong
    yield "a held answer that is cut", "answers", other, reply_of(other, whole_of(other), ending="cut")
    yield "no answer at all", "answers", other, Reply()
    yield "the id of another request", "answers", whole, reply_of(whole, whole_of(whole),
                                                                  headers={"x-weir-request-id": "other"})
    yield "half a stream that looks whole", "answers", unhurt(stream), reply_of(
        stream, stream_of(stream, stream.expected[:5], False))
    yield "a stream cut without an error", "answers", unhurt(stream), reply_of(
        stream, stream_of(stream, stream.expected[:5], False), ending="cut")
    yield "an end after an error", "answers", unhurt(stream), reply_of(stream,
                                                                       stream_of(stream, error="provider_error"))
    yield "a foreign code in a stream", "answers", unhurt(stream), reply_of(stream,
                                                                            stream_of(stream, "", False, "INTERNAL"))
    yield "a foreign code", "answers", other, reply_of(other, foreign, 502)
    yield "an error in another form", "answers", other, reply_of(other, {"detail": "no"}, 502)
    yield "a bystander's error", "bystanders", whole, steady_error
    yield "a bystander's broken stream", "bystanders", stream, reply_of(
        stream, stream_of(stream, stream.expected[:5], False, "provider_error"))
    yield "another's words", "own", whole, reply_of(whole, whole_of(whole, text=whole.expected + " nz012345678"))
    yield "a credential in the body", "own", whole, reply_of(whole, whole_of(whole, text="sk-chaos-provider-secret-x"))
    yield "a credential in a header", "own", whole, reply_of(whole, whole_of(whole),
                                                             headers={"x-request-id": "sk-chaos-1"})


def unhurt(ask):
    """The same ask, of one whose providers may be hurt."""
    from copy import copy
    other = copy(ask)
    other.steady = False
    return other


def half_closes():
    ask = ask_of(False)
    good, health = reply_of(ask, whole_of(ask), headers={"content-length": "9"}), reply_of(ask, b"ok\n")
    cut, none = reply_of(ask, b"{", ending="cut", headers={"content-length": "9"}), Reply()
    yield "a good end", None, ([health] * 3, good, "cut", b"")
    yield "nobody waits for what is not finished", None, ([health], none, "cut", b"")
    yield "a finished answer that is cut", "answers", ([], cut, "cut", b"")
    yield "a reset after a whole answer", "answers", ([], good, "reset", b"")
    yield "bytes behind the last answer", "answers", ([], good, None, b"HTTP/1.1 200 OK")
    yield "an earlier answer is missing", "answers", ([health, none], none, "cut", b"")


class Books:
    """A world at rest, in figures."""

    def __init__(self, **planted):
        at = {
            "requests": 5, "attempts": 7, "steady": 4, "relay": 3, "steady_seen": 4, "open": 0, "lines": None,
            "text": b"", "estimated": {}, **planted
        }
        self.dropped, self.admin_key, self.keyed = 0, "the-admin-key", True
        lines = ([{"event": "request_done", "level": "info", "request_id": f"r{i}", "attempts": 1 + (i < 2)}
                  for i in range(5)] if at["lines"] is None else at["lines"])
        self.lines = lines
        self.weir = SimpleNamespace(err=SimpleNamespace(read_bytes=lambda: at["text"]))
        self.figures = {
            "weir_requests_total": [({}, at["requests"])], "weir_failovers_total": [], "weir_callers_gone_total": [],
            "weir_stream_events_total": [],
            "weir_attempts_total": [({"provider": "steady"}, at["steady"]),
                                    ({"provider": "c-gemini"}, at["attempts"] - at["steady"])]
        }
        self.relays = {"c-gemini": SimpleNamespace(name="c-gemini", requests=at["relay"])}
        self.mocks = {"steady": None}
        self.estimated = lambda names: at["estimated"]
        self.seen = {"count": at["steady_seen"] + 1, "paths": {"/v1/models": 1}, "open": at["open"]}

    def log(self):
        return self.lines, 0

    @staticmethod
    def total(metrics, name, **labels):
        return sum(v for found, v in metrics.get(name, []) if all(found.get(k) == w for k, w in labels.items()))

    async def mock_counts(self, name):
        return self.seen


def ledgers():
    """(what is planted, the invariant or None, the world, the state at the end)"""
    def end(**changes):
        return SimpleNamespace(**{"descriptors": 20, "memory": 60 << 20, "leads_to": [], "estimates": {}, **changes})
    done = Books().lines
    yield "books that add up", None, Books(), end()
    yield "a descriptor more", "descriptors", Books(), end(descriptors=21)
    yield "much more memory", "memory", Books(), end(memory=200 << 20)
    yield "a request that no line tells of", "books", Books(requests=6), end()
    yield "an attempt that no line tells of", "books", Books(attempts=8, relay=4), end()
    yield "a request sent twice below the engine", "books", Books(relay=4), end()
    yield "an attempt that nobody was sent", "books", Books(steady_seen=3), end()
    yield "a count of weir's own", None, Books(estimated={"r1": [7]}), end(estimates={"r1": 7})
    yield "a provider's count that is another", "answers", Books(estimated={"r1": []}), end(estimates={"r1": 7})
    yield "another count of weir's own", "answers", Books(estimated={"r1": [8]}), end(estimates={"r1": 7})
    yield "a provider that still waits", "rest", Books(open=1), end()
    yield "a request that is told twice", "log", Books(lines=done + [done[0]], requests=6, attempts=9, relay=5), end()
    yield "an answer without a line", "log", Books(lines=done[1:], requests=4, attempts=5, relay=1), end()
    yield "other attempts than the caller was told of", "books", Books(lines=[{**done[0], "attempts": 3}] + done[1:],
                                                                       attempts=8, relay=4), end()
    yield "an internal error", "log", Books(lines=done[:-1] + [{**done[-1], "error": "internal"}]), end()
    yield "a line at level error", "log", Books(lines=done + [{"event": "log_failed", "level": "error"}]), end()
    yield "an alert that nothing explains", "log", Books(
        lines=done + [{"event": "alert", "level": "error", "kind": "ledger_failed"}]), end()
    yield "no JSON in the log", "log", Books(lines=done + [{"event": None, "line": "hello"}]), end()
    yield "a credential in the log", "log", Books(text=b"... sk-chaos-1 ..."), end()


def programs():
    def program(text="", reports=()):
        return SimpleNamespace(name="weir", text=lambda: text, reports=lambda: list(reports))
    yield "a good exit", None, program(), {"weir": 0}
    yield "a crash", "alive", program("Segmentation fault"), {"weir": -11}
    yield "one that had to be killed", "alive", program(), {"weir": None}
    yield "a sanitizer speaks", "alive", program(reports=["ERROR: AddressSanitizer: heap-use-after-free"]), {"weir": 0}


def changes():
    done, failed = {"event": "reloaded"}, {"event": "reload_failed"}
    yield "good changes", None, reload_is_wrong(done, True) or reload_is_wrong(failed, False) or edit_is_wrong(
        SimpleNamespace(status=200), (200,))
    yield "a bad file that is taken", "changes", reload_is_wrong(done, False)
    yield "a good file that is not", "changes", reload_is_wrong(failed, True)
    yield "a reload without an end", "changes", reload_is_wrong(None, True)
    yield "an edit that is refused", "changes", edit_is_wrong(SimpleNamespace(status=400), (200, 404))
    yield "an edit without an answer", "changes", edit_is_wrong(None, (200,))


def seen():
    """(what is planted, the invariant that must see it, those that did)"""
    world = SimpleNamespace(keyed=True)
    for name, invariant, ask, reply in answers():
        record = Quiet(1)
        judge(world, record, ask, reply)
        yield name, invariant, record.violations
    for name, invariant, given in half_closes():
        yield name, invariant, {"answers": True} if half_closed(*given) else {}
    for name, invariant, books_of, state in ledgers():
        record = Quiet(1)
        record.ids, record.estimates = {"r0": "2"}, state.estimates
        state.metrics = books_of.figures
        asyncio.run(
            books(books_of, record, SimpleNamespace(descriptors=20, memory=60 << 20, leads_to=[]), state, quiet=True))
        yield name, invariant, record.violations
    for name, invariant, program, statuses in programs():
        record = Quiet(1)
        exits(record, [program], statuses)
        yield name, invariant, record.violations
    for name, invariant, wrong in changes():
        yield name, invariant, {"changes": True} if wrong else {}


def selftest():
    """What was not seen, or seen where nothing is wrong; all invariants must have had a fault of their own."""
    wrong, count, had = [], 0, set()
    for name, invariant, found in seen():
        count += invariant is not None
        had.add(invariant)
        if (invariant is None and found) or (invariant is not None and invariant not in found):
            wrong.append(f"{name}: wanted {invariant}, seen {dict(found)}")
    wrong += [f"nothing is planted for `{name}`" for name in INVARIANTS if name not in had]
    for line in wrong:
        print(f"chaos: selftest: {line}"[:2000], flush=True)
    print(f"chaos: selftest: {count} planted faults, {len(wrong)} not seen or seen wrongly", flush=True)
    return wrong

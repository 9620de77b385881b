"""The verdict on one answer: whole, honestly broken, or wrong."""
import json

from dialects import BY_NAME
from said import nonces

# What an honest error may be called: weir's own codes, and the mock's words where a provider's refusal is passed on.
CODES = {
    "openai": {
        "invalid_request", "invalid_client_key", "not_allowed", "model_not_found", "unknown_path",
        "unknown_response", "request_timeout", "body_too_large", "unsupported", "rate_limited", "too_many_in_flight",
        "quota_exhausted", "unsupported_country_region_territory", "upstream_unreachable", "upstream_timeout",
        "provider_error", "content_filtered", "provider_auth", "overloaded", "no_provider_available", "shutting_down",
        "rate_limit_exceeded", "server_error", "invalid_request_error", "requests", "unknown_provider", "api_error"
    },
    "anthropic": {
        "invalid_request_error", "authentication_error", "permission_error", "not_found_error", "request_too_large",
        "rate_limit_error", "api_error", "overloaded_error", "timeout_error"
    },
    "google": {
        "INVALID_ARGUMENT", "FAILED_PRECONDITION", "UNAUTHENTICATED", "PERMISSION_DENIED", "NOT_FOUND",
        "RESOURCE_EXHAUSTED", "INTERNAL", "UNAVAILABLE", "DEADLINE_EXCEEDED", "ABORTED", "UNKNOWN", "OUT_OF_RANGE",
        "CANCELLED", "ALREADY_EXISTS"
    },
}
FAMILY = {"messages": "anthropic", "generate": "google", "generate_array": "google"}
HELD_BYTES = 256 * 1024  # a whole reply beyond it is passed on as it comes, so it may be cut off


def _family(ask):
    return FAMILY.get(ask.dialect.name, "openai")


def _text(ask, said, whole):
    """What is wrong with the text; None: nothing."""
    if ask.free_text:
        return None
    if whole and said.text != ask.expected:
        at = next((i for i, (a, b) in enumerate(zip(said.text, ask.expected)) if a != b),
                  min(len(said.text), len(ask.expected)))
        return (
            f"the text differs at {at} of {len(ask.expected)} (has {len(said.text)}): "
            f"{said.text[max(0, at - 30):at + 60]!r}, not {ask.expected[max(0, at - 30):at + 60]!r}"
        )
    if not whole and not ask.expected.startswith(said.text):
        return f"a part that is no part of the answer: {said.text[-200:]!r}"
    return None


def _facts(ask, said):
    """Finish and usage of a whole answer."""
    if ask.free_text:
        return None
    if said.finish != ask.finish:
        return f"finish {said.finish}, not {ask.finish}"
    # a fault of the whole provider (slow bytes) goes before the request's own: then the count was told, and is right
    if (ask.fault.startswith("no-usage") and said.output not in (None, ask.output) and _family(ask) != "anthropic" and
            not ask.provider.endswith("anthropic")):
        return f"output tokens {said.output}, which no provider told"
    counted = ask.usage or not ask.stream or ask.dialect.name not in ("chat", "completions")
    # one that is cut, ends or stands still behind its finish reason has told no usage yet: by its own fault, its
    # provider's or the relay's, and only a bystander has none of the three
    untold = ask.stream and not ask.steady and said.output is None
    if (counted and not untold and not ask.fault.startswith("no-usage") and ask.model not in ("reason", "hedged") and
            said.output != ask.output):
        if not ask.stream or ask.steady or ask.dialect.name not in ("messages", "responses"):
            return f"output tokens {said.output}, not {ask.output}"
        ask.estimate = said.output  # these cannot go without a count: it is weir's own, which the books have to say
    return None


def _stream(ask, reply):
    said = ask.dialect.stream(reply.body)
    ask.said = said
    if said.wrong:
        return "wrong", said.wrong
    if said.error:
        if said.ended and _family(ask) != "google":
            return "wrong", f"an end after the error {said.error}"
        if reply.ending == "whole" and said.error not in CODES[_family(ask)]:
            return "wrong", f"unknown code {said.error}"
        return "broken", _text(ask, said, False)
    if said.ended and reply.ending == "whole":
        return "whole", _text(ask, said, True) or _facts(ask, said)
    if reply.ending == "whole":
        return (
            "wrong",
            f"half an answer that looks whole: {len(said.text)} of {len(ask.expected)} characters, no end and no error")
    return "cut", _text(ask, said, False)


def _whole(ask, reply):
    try:
        root = json.loads(reply.body)
    except ValueError:
        return "wrong", "200 with a body that is no JSON"
    try:
        said = ask.said = ask.dialect.whole(root)
    except (KeyError, IndexError, TypeError) as error:
        return "wrong", f"200 with a body of another form: {error!r}"
    if ask.dialect.name == "embeddings":
        good = len(said.vectors) == 3 and said.vectors[0] == said.vectors[2] != said.vectors[1]
        return "whole", None if good else "vectors mixed up"
    return "whole", _text(ask, said, True) or _facts(ask, said)


def _error(ask, reply):
    try:
        root = json.loads(reply.body)
    except ValueError:
        return "wrong", f"status {reply.status} with a body that is no JSON"
    code = ask.dialect.error(root)
    if code is None and reply.status == 408 and reply.header("connection") == "close":
        code = BY_NAME["chat"].error(root)  # the head was not there yet: nobody knows whose dialect it is
        return ("error", None) if code == "request_timeout" else ("wrong", f"code {code}")
    if code is None:
        return "wrong", f"status {reply.status} in a form that is not {_family(ask)}'s"
    if code not in CODES[_family(ask)]:
        return "wrong", f"unknown code {code}"
    return "error", None


def half_closed(answers, reply, ended, rest):
    """What is wrong with what a caller got who has said its last: `answers` to what it asked before, each finished at
    once, and the last one; `ended`, `rest`: how the connection ended, and what came beyond. None: nothing."""
    for number, answer in enumerate(answers):
        if answer.status != 200 or answer.ending != "whole" or answer.body != b"ok\n":
            return f"answer {number + 1} of {len(answers)} before the last: {answer}"
    # its length is known because it is all there
    finished = reply.status is not None and "content-length" in reply.headers
    if finished and reply.ending != "whole":
        return f"a finished answer is not whole: {reply}"
    if reply.ending == "whole" and (ended != "cut" or rest):
        return f"no FIN after a whole answer, but {ended} and {rest[:200]!r}: {reply}"
    return None


def judge(world, record, ask, reply):
    """Records what the answer was; a violation when it is neither whole nor honestly broken."""
    gone = ask.behaviour in ("hang_up", "half_close")
    provider = reply.header("x-weir-provider")
    ask.expect(provider)
    ask.provider = provider
    # A continuation has words of its own; a conversation goes to this one as a transcript, which the mock says again.
    ask.free_text = ask.model == "resumed" or (ask.previous and provider == "c-huggingface")
    foreign = nonces(reply.body) - ask.known
    if foreign and ask.dialect.name != "embeddings":
        record.violation("another caller's bytes", ask, f"{foreign} in {reply}")
    if b"sk-chaos" in reply.body or any("sk-chaos" in v for v in reply.headers.values()):
        record.violation("a credential", ask, repr(reply))
    ask.whole, ask.estimate = False, None
    if reply.wrong:
        record.violation("framing", ask, f"{reply.wrong}: {reply}")
        return
    if reply.status is None:
        kind, problem = "nothing", None if gone else f"no answer ({reply.ending})"
    elif reply.header("x-weir-request-id") not in ("", ask.id):
        kind, problem = "wrong", f"the id of another request: {reply.header('x-weir-request-id')}"
    elif reply.ending != "whole" and not (ask.stream and reply.status == 200):
        kind, problem = "cut", None if gone or len(reply.body) > HELD_BYTES // 2 else f"cut off ({reply.ending})"
    elif reply.status != 200:
        kind, problem = _error(ask, reply)
    elif ask.stream:
        kind, problem = _stream(ask, reply)
        if kind == "cut" and not gone and not problem:
            problem = f"a stream cut off without an error ({reply.ending})"
    else:
        kind, problem = _whole(ask, reply)
    if ask.raw and kind in ("wrong", "cut") and reply.status == 200:
        kind, problem = "raw", None  # passed on as the provider said it, whatever that was
    if ask.steady and kind != "whole" and not problem:
        record.violation("a bystander hurt", ask, f"{kind}: {reply}")
    if problem:
        record.violation("answer", ask, f"{problem}: {reply}")
    ask.whole = kind == "whole" and not problem
    record.answered(ask, reply, "wrong" if problem else kind)
    if ask.estimate is not None:
        record.estimates[ask.id] = ask.estimate

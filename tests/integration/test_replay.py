"""Recorded exchanges with real providers, replayed whole: one weir, in front of a provider that answers with what was
recorded, asked in every dialect that callers speak. What is expected is read from the recording by the small readers
here, which share nothing with weir's own. The folder is named by WEIR_TRAFFIC, or lies beside the project; without it
all of this is skipped.

A caller names the recording by the header x-replay, which weir passes on. The provider answers in randomly drawn
pieces; WEIR_REPLAY_SEED draws the same ones again."""
import functools
import json
import os
import random
import re
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from replay_said import READERS, READERS_OF_WAYS, array_as_events, expectation, message_of, vectors_of
from weirlib import ROOT, RawProvider, Weir, http

FOLDER = Path(os.environ.get("WEIR_TRAFFIC") or ROOT.parent / "shared/traffic")
SEED = os.environ.get("WEIR_REPLAY_SEED") or str(random.SystemRandom().randrange(10**9))
KEY = "sk-of-the-provider"

# -- what is replayed: (provider, kind, a piece of the recorded path) -> (type of weir's provider, the recording's
# dialect)

OPENAI_VENDORS = ("openai", "azure", "groq", "mistral", "deepseek", "xai", "together", "openrouter", "cerebras",
                  "perplexity", "zai", "huggingface", "vercel")
SPOKEN = [(vendor, "chat", "/chat/completions", vendor, "openai") for vendor in OPENAI_VENDORS] + [
    ("gemini", "chat", "/openai/chat/completions", "openai", "openai"),
    ("ollama", "chat", "/v1/chat/completions", "ollama", "openai"),
    ("ollama", "chat", "/api/chat", "ollama-native", "ollama"),
    ("anthropic", "messages", "/v1/messages", "anthropic", "anthropic"),
    ("anthropic", "count_tokens", "/v1/messages/count_tokens", "anthropic", "anthropic"),
    ("gemini", "generate", "", "gemini", "gemini"),
    ("gemini", "count_tokens", ":countTokens", "gemini", "gemini"),
    ("openai", "completions", "/v1/completions", "openai", "openai"),
    ("together", "completions", "/v1/completions", "together", "openai"),
    ("openai", "embed", "/embeddings", "openai", "openai"),
    ("azure", "embed", "/embeddings", "azure", "openai"),
    ("mistral", "embed", "/embeddings", "mistral", "openai"),
    ("openrouter", "embed", "/embeddings", "openrouter", "openai"),
    ("perplexity", "embed", "/embeddings", "openai", "openai"),
    ("voyage", "embed", "/embeddings", "voyage", "openai"),
    ("gemini", "embed", ":batchEmbedContents", "gemini", "gemini"),
    ("huggingface", "embed", "/pipeline/feature-extraction/", "huggingface-native", "huggingface"),
    ("huggingface", "inference", "", "huggingface-native", "huggingface"),
] + [(vendor, "responses", "/responses", "has-responses", "responses")
     for vendor in ("openai", "azure", "xai", "openrouter", "deepseek")]

# A type of its own that has the Responses API; the vendors are asked as if they had none, so that the recorded chat
# answers callers of it.
CATALOGUE = (
    '{"extends":"built-in"}\n{"provider":"has-responses","base_url":"http://127.0.0.1","endpoints":["chat",'
    '"responses"]}\n'
    + "".join(f'{{"provider":"{name}","endpoints":["chat","completions","embeddings"]}}\n'
              for name in ("openai", "azure", "xai", "openrouter")))

# What cannot be carried at all: (provider or *, kind, a piece of the recorded path or file name, why).
NOT_ASKED = [
    ("*", "models", "", "lists of models are weir's own"),
    ("*", "moderations", "", "no chat and no embedding: passed through, test_passthrough.py"),
    ("*", "rerank", "", "no chat and no embedding: passed through, test_passthrough.py"),
    ("replicate", "predictions", "", "weir does not speak Replicate's API"),
    ("huggingface", "inference", "/fill-mask/", "no chat and no embedding"),
    ("cohere", "chat", "", "weir asks Cohere at /compatibility/v1, in OpenAI's dialect"),
    ("cohere", "generate", "", "weir asks Cohere at /compatibility/v1, in OpenAI's dialect"),
    ("cohere", "embed", "", "weir asks Cohere at /compatibility/v1, in OpenAI's dialect"),
    ("anthropic", "complete", "", "Anthropic's text completions, which weir does not speak"),
    ("ollama", "generate", "/api/generate", "weir asks Ollama at /api/chat, for a prompt without roles too"),
    ("ollama", "embed", "/api/embeddings", "weir asks Ollama at /api/embed, which replaced it"),
    ("openai", "responses", "/input_tokens", "weir has no such path"),
    ("openai", "responses", "/responses/resp_", "weir stores no responses"),
]

CHATS, EMBEDS = ("chat", "messages", "generate", "generate-array", "responses",
                 "completions"), ("embeddings", "embedContent", "batchEmbedContents")
COUNTS = ("count_tokens", "countTokens")
# asked there, and not for a chat
HAVE_COMPLETIONS = ("openai", "azure", "xai", "together", "openrouter", "cerebras", "ollama")
SPEAKS = {
    "chat": "openai", "completions": "openai", "embeddings": "openai", "messages": "anthropic",
    "count_tokens": "anthropic", "generate": "gemini", "generate-array": "gemini", "countTokens": "gemini",
    "embedContent": "gemini", "batchEmbedContents": "gemini", "responses": "responses"
}
SAME = {("openai", "chat"): "chat", ("anthropic", "messages"): "messages", ("gemini", "generate"): "generate",
        ("responses", "responses"): "responses", ("openai", "completions"): "completions",
        ("openai", "embed"): "embeddings", ("gemini", "embed"): "batchEmbedContents",
        ("anthropic", "count_tokens"): "count_tokens", ("gemini", "count_tokens"): "countTokens"}


# What weir answers itself, or does not carry, on purpose: (recording, from where, status, is the provider asked?, why).
NOT_CARRIED = [
    ("anthropic-messages-whole-400-75e5c74ec1", ("messages",), 400, False,
     "no messages at all: weir reads them before anybody is asked"),
    ("openai-chat-whole-400-9c203f46f4", ("chat",), 400, False,
     "sound for a model that cannot hear: no target is asked"),
    ("perplexity-embed-whole-200-6852541616", ("batchEmbedContents",), 502, True,
     "vectors of bytes in base64, which are no numbers to others"),
]


class Exchange:
    def __init__(self, path):
        recorded = json.loads(path.read_text())
        self.name = path.stem
        self.provider, self.kind = recorded["provider"], recorded["kind"]
        self.url, self.asked = urlsplit(recorded["request"]["url"]).path, recorded["request"]["body"]
        self.sse_asked = "alt=sse" in recorded["request"]["url"]
        answer = recorded["response"]
        self.status, self.headers, self.stream, self.framing = (answer["status"], answer["headers"], answer["stream"],
                                                                answer["framing"])
        self.body = answer["body"].encode()
        self.type = self.dialect = None
        for provider, kind, piece, kind_of_provider, dialect in SPOKEN:
            if (provider, kind) == (self.provider, self.kind) and piece in self.url and not self.why_not_asked:
                self.type, self.dialect = kind_of_provider, dialect

    @functools.cached_property
    def why_not_asked(self):
        return next(
            (row for row in NOT_ASKED if row[0] in ("*", self.provider) and row[1] == self.kind and row[2] in self.url),
            None)

    @property
    def model(self):
        in_path = re.search(r"/models/([^:]+):", self.url)
        return (in_path.group(1) if in_path and self.dialect == "gemini" else
                self.asked["model"] if isinstance(self.asked, dict) and "model" in self.asked else "m")

    @property
    def operation(self):
        """chat, embed, count_tokens or completions."""
        if self.kind == "inference":
            return "embed" if "-embed-" in self.url else "chat"
        return self.kind if self.kind in ("embed", "count_tokens", "completions") else "chat"

    @property
    def same(self):
        return SAME.get((self.dialect, self.kind))

    def inbounds(self):
        """The words in which callers ask for it."""
        if self.dialect == "responses" or self.kind == "completions":
            return [self.same]
        if self.operation == "count_tokens":
            return COUNTS
        if self.operation == "embed":
            return [
                way for way in EMBEDS
                if way != "embedContent" or self.status >= 400 or len(vectors_of(self.dialect, self.body)) == 1
            ]
        return [
            way for way in CHATS
            if (way != "generate-array" or self.stream) and (way != "completions" or self.type not in HAVE_COMPLETIONS)
        ]


@functools.lru_cache(1)
def exchanges():
    return [Exchange(path) for path in sorted(FOLDER.glob("*.json"))] if FOLDER.is_dir() else []


def groups():
    if not exchanges():
        return [
            pytest.param(None, None, None, marks=pytest.mark.skip(reason=f"recorded traffic is not here ({FOLDER})"))
        ]
    found = sorted({(e.provider, e.kind, way) for e in exchanges() if e.dialect for way in e.inbounds()})
    return [pytest.param(*group, id="-".join(group[:2]) + " from " + group[2]) for group in found]


# -- the provider ------------------------------------------------------------------------------------------------------

def answer_of(exchange, path, asked=None):
    """(content type, body): as recorded, but in the form that is asked for where the provider has two."""
    content_type = next((v for k, v in exchange.headers.items() if k.lower() == "content-type"), None)
    body = exchange.body
    if exchange.framing == "json-array" and "alt=sse" in path:
        return "text/event-stream", array_as_events(body)
    if exchange.status < 300 and path.endswith(":embedContent"):
        body = json.dumps({"embedding": json.loads(body)["embeddings"][0]}).encode()
    if (exchange.status < 300 and exchange.kind == "embed" and exchange.asked.get("encoding_format") == "base64" and
            asked and asked.get("encoding_format") != "base64"):
        vectors = vectors_of("openai", body)
        body = json.dumps(
            {**json.loads(body), "data": [{**at, "embedding": v}
                                          for at, v in zip(json.loads(body)["data"], vectors)]}).encode()
    if asked and isinstance(asked.get("inputs"), list) and exchange.operation == "embed":
        body = b"[" + body + b"]"
    if content_type is None and exchange.status < 300:  # recordings without it
        content_type = {"sse": "text/event-stream",
                        "ndjson": "application/x-ndjson"}.get(exchange.framing, "application/json")
    return content_type, body


def pieces_of(body, draw):
    longest = draw.choice((3, 40, 700, 9000, 1 << 20))
    longest = max(longest, len(body) // 300)
    at = 0
    while at < len(body):
        length = draw.randint(1, longest)
        yield body[at:at + length]
        at += length


class Recorded(RawProvider):
    """Answers with the recording that x-replay names, in pieces: chunks of HTTP, and writes that end anywhere."""

    def __init__(self):
        self.by_name = {e.name: e for e in exchanges()}
        self.asked = {}
        super().__init__(self.replay)

    def replay(self, connection, head, body):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        path = head.split(b" ", 2)[1].decode()
        headers = {
            k.decode().lower(): v.strip().decode() for k, v in (line.split(b":", 1) for line in head.split(b"\r\n")[1:])
        }
        exchange = self.by_name[headers["x-replay"]]
        self.asked[exchange.name] = (path, headers, body)
        draw = random.Random(f"{SEED} {exchange.name} {headers['x-replay-way']}")
        content_type, body = answer_of(exchange, path, json.loads(body))
        kept = {
            k: v for k, v in exchange.headers.items()
            if k.lower() not in ("content-type", "transfer-encoding", "content-length", "connection")
        }
        lines = {**kept, **({"Content-Type": content_type} if content_type else {})}
        chunked = exchange.stream or draw.random() < 0.5
        if chunked:
            wire = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces_of(body, draw)) + b"0\r\n\r\n"
        else:
            wire = body
        lines["Transfer-Encoding" if chunked else "Content-Length"] = "chunked" if chunked else str(len(body))
        wire = (f"HTTP/1.1 {exchange.status} Recorded\r\n".encode() +
                "".join(f"{k}: {v}\r\n" for k, v in lines.items()).encode() + b"\r\n" + wire)
        cuts = sorted(draw.randrange(len(wire)) for _ in range(draw.randint(0, 8)))
        for start, end in zip([0] + cuts, cuts + [len(wire)]):
            connection.sendall(wire[start:end])


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("replay")
    (folder / "catalogue.jsonl").write_text(CATALOGUE)
    with Recorded() as provider:
        types = {}
        for exchange in exchanges():
            if exchange.dialect:
                types.setdefault(exchange.type, {}).setdefault(exchange.model)
        base = f"http://127.0.0.1:{provider.port}/below"
        weir = Weir(
            folder, {
                "catalog": str(folder / "catalogue.jsonl"), "retry": {"max_retries": 0},
                "forward_headers": ["x-replay", "x-replay-way"], "health_check_interval": 86400, "providers": {
                    name: {
                        "type": name, "base_url": base, "api_key": KEY, "models": list(models), "max_retries": 0,
                        "adaptive_throttling": False
                    } for name, models in types.items()
                }
            })
        yield weir, provider
        weir.stop()


# -- what is asked: a simple request in each dialect that means the same -----------------------------------------------

def words_of(asked):
    """The longest text of the user in a recorded request, cut short."""
    found = ["Hello"]

    def walk(value):
        if isinstance(value, dict):
            if isinstance(value.get("text"), str):
                found.append(value["text"])
            if isinstance(value.get("content"), str):
                found.append(value["content"])
            for member in value.values():
                walk(member)
        elif isinstance(value, list):
            for member in value:
                walk(member)
    for name in ("messages", "contents", "input"):
        walk(asked.get(name))
    return re.sub(r"[^A-Za-z0-9 ,.?]", " ", max(found, key=len))[:200]


def tools_of(asked):
    names = set()
    for tool in asked.get("tools") or []:
        for one in tool.get("functionDeclarations") or tool.get("function_declarations") or [
                tool.get("function") or tool
        ]:
            if isinstance(one.get("name"), str) and one.get("type") in (None, "function", "custom"):
                names.add(one["name"])
    return sorted(names)


SCHEMA = {"type": "object", "properties": {"value": {"type": "string"}}}


def ask_openai(model, text, tools, stream, reasons):
    return "/v1/chat/completions", {
        "model": model, "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": text}],
        **({"tools": [{"type": "function", "function": {"name": n,
                                                        "parameters": SCHEMA}} for n in tools]} if tools else {}),
        **({"reasoning_effort": "low"} if reasons else {}),
        **({"stream": True, "stream_options": {"include_usage": True}} if stream else {})
    }


def ask_responses(model, text, tools, stream, reasons):
    return "/v1/responses", {
        "model": model, "instructions": "Be brief.", "input": text, "store": False, "stream": stream,
        **({"tools": [{"type": "function", "name": n, "parameters": SCHEMA} for n in tools]} if tools else {}),
        **({"reasoning": {"effort": "low", "summary": "auto"}} if reasons else {})}


def ask_anthropic(model, text, tools, stream, reasons):
    return "/v1/messages", {
        "model": model, "max_tokens": 4096, "system": "Be brief.", "messages": [{"role": "user", "content": text}],
        "stream": stream, **({"tools": [{"name": n, "input_schema": SCHEMA} for n in tools]} if tools else {}),
        **({"thinking": {"type": "enabled", "budget_tokens": 1024}} if reasons else {})
    }


def ask_gemini(model, text, tools, stream, reasons):
    return f"/v1beta/models/{model}:" + ("streamGenerateContent?alt=sse" if stream else "generateContent"), {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [{"role": "user", "parts": [{"text": text}]}],
        **({"tools": [{"functionDeclarations": [{"name": n, "parameters": SCHEMA} for n in tools]}]} if tools else {}),
        **({"generationConfig": {"thinkingConfig": {"includeThoughts": True}}} if reasons else {})
    }


def ask_completions(model, text, tools, stream, reasons):
    return ("/v1/completions", {
        "model": model, "prompt": text, "max_tokens": 4096,
        **({"stream": True, "stream_options": {"include_usage": True}} if stream else {})
    })


def ask_count_tokens(model, text, tools, stream, reasons):
    return "/v1/messages/count_tokens", {"model": model, "messages": [{"role": "user", "content": text}]}


def ask_countTokens(model, text, tools, stream, reasons):
    return f"/v1beta/models/{model}:countTokens", {"contents": [{"role": "user", "parts": [{"text": text}]}]}


ASK = {
    "chat": ask_openai, "responses": ask_responses, "messages": ask_anthropic, "generate": ask_gemini,
    "generate-array": ask_gemini, "completions": ask_completions, "count_tokens": ask_count_tokens,
    "countTokens": ask_countTokens
}
ASKED_AT = {
    "openai": "/chat/completions", "anthropic": "/v1/messages", "ollama": "/api/chat", "gemini": "enerateContent",
    "huggingface": "/models/", "count_tokens": "ount"
}


def recorded_request(exchange, way):
    """The recorded request itself, sent to weir."""
    model = f"{exchange.type}/{exchange.model}"
    if way == "batchEmbedContents":
        return (f"/v1beta/models/{model}:{way}",
                {"requests": [{**one, "model": f"models/{model}"} for one in exchange.asked["requests"]]})
    if SPEAKS[way] == "gemini":
        method = {
            "generate": "streamGenerateContent?alt=sse" if exchange.stream else "generateContent",
            "generate-array": "streamGenerateContent"
        }.get(way, way)
        return f"/v1beta/models/{model}:{method}", exchange.asked
    path = {"chat": "/v1/chat/completions", "messages": "/v1/messages",
            "count_tokens": "/v1/messages/count_tokens"}.get(way, "/v1/" + way)
    return path, {**exchange.asked, "model": model}


def embed_request(exchange, way):
    model, count = f"{exchange.type}/{exchange.model}", 1
    if exchange.status < 300:
        count = len(vectors_of(exchange.dialect, exchange.body))
    texts = [f"Text {i}" for i in range(count)]
    if way == "embeddings":
        return "/v1/embeddings", {"model": model, "input": texts if count > 1 else texts[0]}
    parts = [{"content": {"parts": [{"text": t}]}} for t in texts]
    if way == "embedContent":
        return f"/v1beta/models/{model}:embedContent", parts[0]
    return (f"/v1beta/models/{model}:batchEmbedContents",
            {"requests": [{"model": f"models/{model}", **p} for p in parts]})


# -- checks: each adds to a list what is wrong -------------------------------------------------------------------------

def without_usage_chunk(body):
    """As weir passes a stream on to a caller who did not ask for the usage: events whose choices are empty and that
    tell of it."""
    kept = b""
    for event in re.split(rb"(?<=\n\n)|(?<=\r\n\r\n)", body):
        data = re.sub(rb"^data: ?", b"", event.strip())
        if data.startswith(b"{"):
            told = json.loads(data)
            if told.get("choices") == [] and told.get("usage"):
                continue
        kept += event
    return kept


def first_difference(got, wanted):
    at = next((i for i, (a, b) in enumerate(zip(got, wanted)) if a != b), min(len(got), len(wanted)))
    return (
        f"at {at} of {len(got)}, wanted {len(wanted)}: {got[max(0, at - 60):at + 100]!r}, wanted "
        f"{wanted[max(0, at - 60):at + 100]!r}"
    )


def check_identical(exchange, way, path, reply):
    _, wanted = answer_of(exchange, path)
    if way == "responses" and exchange.stream:  # OpenRouter's [DONE] comes after the stream's own end
        wanted = wanted.removesuffix(b"data: [DONE]\n\n")
    if (exchange.stream and SPEAKS[way] == "openai" and
            not (exchange.asked.get("stream_options") or {}).get("include_usage")):
        wanted = without_usage_chunk(wanted)
    done = b"data: [DONE]\n\n"
    finished = re.search(rb'"finish_reason": ?"', wanted) and b'"error"' not in wanted[-4096:]
    if exchange.stream and way == "chat" and finished and not wanted.endswith(done):
        wanted += done  # an end that the provider forgot
    if reply.body != wanted:
        yield "not the provider's bytes: " + first_difference(reply.body, wanted)


def is_auth(exchange):
    """Some answer a bad key with 400."""
    return exchange.status in (401, 402, 403) or (exchange.status == 400 and "API key" in message_of(exchange.body))


def has_error_inside(exchange):
    reply = None if exchange.stream else json.loads(exchange.body)
    return exchange.status < 300 and isinstance(reply, dict) and bool(reply.get("error"))


def check_error(exchange, way, reply):
    told, body = message_of(exchange.body), reply.json
    if SPEAKS[way] == "anthropic" and body.get("type") != "error":
        yield f"not an error of Anthropic's: {body}"
    if (SPEAKS[way] == "gemini" and
            not (isinstance(body["error"].get("status"), str) and body["error"]["code"] == reply.status)):
        yield f"not an error of Google's: {body}"
    if is_auth(exchange):  # weir's own key is none of the caller's business
        if reply.status != 502 or told in message_of(reply.body):
            yield f"{exchange.status} became {reply.status}: {message_of(reply.body)}"
        return
    if reply.status != exchange.status:
        yield f"{exchange.status} became {reply.status}: {reply.body[:300]}"
    elif told not in message_of(reply.body):
        yield f"said `{message_of(reply.body)}`, wanted `{told}`"


def check_said(exchange, way, reply):
    want, dialect = expectation(exchange), SPEAKS[way]
    got = READERS_OF_WAYS.get(way, READERS[dialect])[exchange.stream](reply.body)
    if way == "completions":  # a text, and no more
        for said in want.choices.values():
            said.update(reasoning="", calls=[], finish="stop" if said["finish"] == "calls" else said["finish"])
    if want.error or got.error:
        if not (got.error and want.error and want.error in got.error):
            yield f"error `{got.error}`, wanted `{want.error}`"
        return
    several = dialect == "openai" or (dialect == "gemini" and not exchange.stream)  # only one was asked for
    for index, said in want.choices.items():
        if index and not several:
            continue
        have = got.choices.get(index)
        if have is None:
            yield f"choice {index} is missing"
            continue
        for what in ("text", "reasoning"):
            if have[what] != said[what]:
                yield f"{what} {first_difference(have[what], said[what])}"
        for what in ("calls", "finish"):
            if have[what] != said[what]:
                yield f"{what} {have[what]}, wanted {said[what]}"
    if dialect == "anthropic" and "cached" in want.usage:  # they are part of the input there
        want.usage["cached"] = min(want.usage["cached"], want.usage["input"])
    for what, count in want.usage.items():
        if count and got.usage.get(what) != count:
            yield f"{what} {got.usage.get(what)} tokens, wanted {count}"


def check_asked(exchange, way, asked, text, tools):
    """What the provider was asked says the same."""
    path, headers, body = asked
    if ASKED_AT.get(exchange.kind, ASKED_AT[exchange.dialect]) not in path:
        yield f"asked at {path}"
    if (exchange.dialect in ("gemini", "huggingface") and (f"/models/{exchange.model}" not in path or
                                                           ("stream" in path) != exchange.stream)):
        yield f"asked at {path}"
    request = json.loads(body)
    if (exchange.dialect not in ("gemini", "huggingface") and
        (request["model"] != exchange.model or bool(request.get("stream")) != exchange.stream)):
        yield f"asked for {request['model']}, stream {request.get('stream')}"
    system = [] if way in COUNTS + ("completions",) else ["Be brief."]
    for word in [text, *system, *(tools if system else ())]:
        if json.dumps(word)[1:-1] not in json.dumps(request):
            yield f"`{word}` is not in what was asked: {body[:400]}"
    if KEY not in str(headers):
        yield "asked without the key"


def check_recorded(exchange, way, asked):
    """The recorded request arrives as it is, but for what docs/http.md says; in Gemini's words, where it was sent
    to."""
    request = json.loads(asked[2])
    if SPEAKS[way] == "gemini" and asked[0].split("?")[0].rsplit("/", 1)[1] != exchange.url.rsplit("/", 1)[1]:
        yield f"asked at {asked[0]}"
    wanted = dict(exchange.asked)
    if request.get("stream_options") != wanted.get("stream_options"):
        request["stream_options"] = {k: v for k, v in request["stream_options"].items() if k != "include_usage"} or None
        wanted.setdefault("stream_options", None)
    if request != wanted:
        other = {key: request.get(key) for key in {**request, **wanted} if request.get(key) != wanted.get(key)}
        yield f"the provider was asked for {json.dumps(other)[:600]}"


def check_embedding(exchange, way, reply):
    want, got = vectors_of(exchange.dialect, exchange.body), vectors_of(SPEAKS[way], reply.body)
    if len(want) != len(got) or any(a != pytest.approx(b, rel=1e-5, abs=1e-9) for a, b in zip(got, want)):
        yield f"{len(got)} vectors, wanted {len(want)}, or their numbers differ"
    if (SPEAKS[way] == exchange.dialect == "openai" and
            reply.json.get("usage") != json.loads(exchange.body).get("usage")):
        yield "the usage differs"


def replay(world, exchange, way):
    """Asks, checks, and tells what is wrong."""
    weir, provider = world
    text, tools, simple = words_of(exchange.asked), tools_of(exchange.asked), False
    if way == exchange.same or (way == "generate-array" and exchange.dialect == "gemini"):
        path, body = recorded_request(exchange, way)
    elif exchange.operation == "embed":
        path, body = embed_request(exchange, way)
    else:
        simple = True
        chats = exchange.operation == "chat" and exchange.status < 300 and not has_error_inside(exchange)
        reasons = chats and any(c["reasoning"] for c in expectation(exchange).choices.values())
        path, body = ASK[way](f"{exchange.type}/{exchange.model}", text, tools, exchange.stream, reasons)
        path = path.replace("?alt=sse", "") if way == "generate-array" else path
    provider.asked.pop(exchange.name, None)
    reply = http(weir.port, "POST", path, body, {"x-replay": exchange.name, "x-replay-way": way})
    asked = provider.asked.get(exchange.name)
    excused = next((row for row in NOT_CARRIED if row[0] == exchange.name and way in row[1]), None)
    if excused:
        if (reply.status, asked is not None) != excused[2:4]:
            yield f"{reply.status}, {'asked' if asked else 'not asked'}, though {excused[4]}: {reply.body[:300]}"
        return
    if asked is None:
        yield f"the provider was not asked: {reply.status} {reply.body[:400]}"
        return
    if exchange.status >= 400:
        http(weir.port, "POST", f"/admin/v1/providers/{exchange.type}/resume",
             headers={"authorization": f"Bearer {weir.admin_key}"})
    if not reply.complete:
        yield "the reply is cut"
    if (way == exchange.same or
            not simple and SPEAKS[way] == exchange.dialect == "gemini" and exchange.kind == "generate"):
        yield from check_recorded(exchange, way, asked)
    elif simple:
        yield from check_asked(exchange, way, asked, text, tools)
    if exchange.status >= 400:
        yield from check_error(exchange, way, reply)
        if way == exchange.same and not is_auth(exchange):
            yield from check_identical(exchange, way, asked[0], reply)
        return
    if has_error_inside(exchange):  # as if it had failed, in its own words
        said = json.loads(exchange.body)["error"]["message"]
        if reply.status not in (400, 502) or message_of(reply.body) != said:
            yield f"an error inside became {reply.status}: {reply.body[:300]}"
    elif reply.status != exchange.status:
        yield f"{reply.status}: {reply.body[:400]}"
    elif way == exchange.same:
        yield from check_identical(exchange, way, asked[0], reply)
    elif exchange.operation == "count_tokens":
        want, got = (r.get("input_tokens", r.get("totalTokens")) for r in (json.loads(exchange.body), reply.json))
        if want != got or "x-weir-estimated" in reply.headers:
            yield f"{got} tokens counted, wanted {want}"
    elif exchange.operation == "embed":
        yield from check_embedding(exchange, way, reply)
    else:
        yield from check_said(exchange, way, reply)


@pytest.mark.parametrize("provider,kind,way", groups())
def test_what_was_recorded_reaches_every_caller(world, provider, kind, way):
    wrong = []
    for exchange in exchanges():
        if (not exchange.dialect or (exchange.provider, exchange.kind) != (provider, kind) or
                way not in exchange.inbounds()):
            continue
        try:
            wrong += [f"{exchange.name}: {what}" for what in replay(world, exchange, way)]
        except (AssertionError, KeyError, ValueError, TypeError, IndexError, OSError) as failure:
            wrong.append(f"{exchange.name}: {type(failure).__name__} {failure}")
    assert not wrong, f"WEIR_REPLAY_SEED={SEED}\n" + "\n".join(wrong)


def test_every_recording_is_replayed_or_has_its_reason():
    if not exchanges():
        pytest.skip(f"recorded traffic is not here ({FOLDER})")
    assert [e.name for e in exchanges() if not e.dialect and not e.why_not_asked] == []
    used = {row for e in exchanges() if (row := e.why_not_asked)}
    assert [row for row in NOT_ASKED if row not in used] == []
    assert ([
        row for row in NOT_CARRIED
        if not any(e.name == row[0] and set(row[1]) <= set(e.inbounds()) for e in exchanges())
    ] == [])
    replayed = sum(len(e.inbounds()) for e in exchanges() if e.dialect)
    print(f"{sum(1 for e in exchanges() if e.dialect)} recordings, {replayed} replays")
    assert replayed > 1000

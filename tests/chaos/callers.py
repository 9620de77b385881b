"""Callers: each draws what to ask and how to behave from the seed, its name and the request's number, and judges what
comes back."""
import asyncio
import json
import random

from checks import half_closed, judge
from dialects import BY_NAME, DIALECTS
from said import answer
from wire import Broken, Link, Reader, Reply
from world import KINDS, client_key

EVENTS_FAULTS = ("reset-mid-stream", "end-mid-stream", "invalid-json-event", "error-in-stream", "stall-mid-stream")
PLAIN_FAULTS = ("hang", "hang-after-head", "reset", "reset-mid-body", "truncated-chunk", "bad-chunk-size",
                "bad-status-line", "invalid-json", "wrong-content-type", "huge-headers", "error-200", "no-usage",
                "double-usage", "empty-body", "wrong-length", "both-framings", "until-close", "informational",
                "close-idle")
STATUSES = (400, 404, 408, 409, 413, 422, 429, 500, 502, 503, 504, 529, 301, 418, 500, 503, 401, 402, 403)
BEHAVIOURS = (("polite", 52), ("slow_reader", 8), ("slow_sender", 8), ("hang_up", 10), ("hang_up_sending", 6),
              ("half_close", 5), ("pipeline", 6), ("nonsense", 5))
MODELS = ([(f"only-{kind}", 5) for kind in KINDS] + [("any", 12), ("pair", 12), ("lock", 10), ("hedged", 8),
                                                     ("resumed", 8), ("reason", 5)])
LIMITS = {"steady-a": 4096, "c-anthropic": 4096, "d-anthropic": 4096, "c-cloudflare": 2048}
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
PATIENCE_S = 150.0  # beyond every deadline of the configuration


def weighted(draw, choices):
    return draw.choices([c for c, _ in choices], [w for _, w in choices])[0]


class Ask:
    """One request, drawn whole: what is asked, what the answer must be, how its caller behaves."""

    def __init__(self, world, caller, number, steady, goes_on=None):
        """goes_on: (id of a stored response, the client that it is of, its nonce)"""
        draw = self.draw = random.Random(f"{world.seed}/{caller}/{number}")
        self.id = f"{caller}-{number}"
        self.nonce = f"nz{draw.getrandbits(36):09x}"
        self.steady = steady
        # a transcript says the earlier one too
        self.known = {self.nonce.encode()} | ({goes_on[2].encode()} if goes_on else set())
        self.dialect, self.previous = (BY_NAME["responses"], goes_on[0]) if goes_on else (draw.choice(DIALECTS), None)
        self.behaviour = ("polite" if steady and draw.random() < 0.7 else weighted(
            draw, BEHAVIOURS[:3] if steady else BEHAVIOURS))
        embeds = self.dialect.name == "embeddings"
        self.model = (("steady-embed" if embeds else "steady")
                      if steady else "embed" if embeds else weighted(draw, MODELS))
        self.stream = self.dialect.streams and draw.random() < 0.6
        self.usage = draw.random() < 0.5
        self.fault = "" if steady or draw.random() < 0.6 else self._fault(draw)
        self.tokens = self._tokens(draw)
        if self.fault.startswith("slow-bytes"):
            self.tokens = min(self.tokens or 8, 8)  # a long answer would take minutes
        self.max_tokens = None if draw.random() < 0.6 else max(1, int(10 ** draw.uniform(0, 3.5)))
        if self.dialect.name == "responses" and self.max_tokens:
            self.max_tokens = max(16, self.max_tokens)  # the vendor's least
        self.client = ("steady" if steady else weighted(draw,
                                                        (("free", 70), ("limited", 12), ("raw", 10), ("narrow", 8))))
        if goes_on:
            self.client = goes_on[1]
        self.raw = self.client == "raw" and draw.random() < 0.5 and self.dialect.name == "chat"
        self._compose(world)

    def expect(self, provider):
        """What the answer must be, of this provider: where the caller has no limit, weir gives some their own."""
        limit = LIMITS.get(provider) if self.limit is None else self.limit
        self.expected, self.finish, self.output = answer(self.prompt, self.tokens, limit)

    @staticmethod
    def _fault(draw):
        kind = draw.random()
        if kind < 0.35:
            return f"{draw.choice(EVENTS_FAULTS)}={int(10 ** draw.uniform(0, 2.5))}"
        if kind < 0.60:
            return (f"status={draw.choice(STATUSES)}" + draw.choice(
                ("", "", ",retry-after=1", ",retry-after-ms=20", ",retry-after=0")))
        if kind < 0.64:
            return f"refuse={draw.randrange(20, 200)}"
        if kind < 0.70:
            return "slow-bytes=1"
        if kind < 0.76:
            return f"stall-before-token={draw.choice((5, 200, 0))}"
        return draw.choice(PLAIN_FAULTS)

    @staticmethod
    def _tokens(draw):
        kind = draw.random()
        if kind < 0.25:
            return 0
        if kind < 0.85:
            return 1 + int(10 ** draw.uniform(0, 2.5))
        if kind < 0.97:
            return 300 + int(10 ** draw.uniform(0, 3.2))
        return draw.randrange(2000, 9000)

    def _compose(self, world):
        draw = self.draw
        words = [self.nonce]
        for _ in range(int(10 ** draw.uniform(0, 2.3))):
            words += ([self.nonce] if draw.random() < 0.2 else
                      [draw.choice(("tell", "me", "of", "seven", "rivers", "a", "long-story-without-end", "x" * 30))])
        prompt = " ".join(words)
        directive = [f"fault={self.fault}"] if self.fault else []
        if self.tokens:
            directive.append(f"tokens={self.tokens}")
        if self.stream and self.tokens and self.tokens < 60 and draw.random() < 0.3:
            directive.append(f"rate={draw.choice((30, 200, 2000))}")
        if draw.random() < 0.2:
            directive.append(f"latency={draw.randrange(1, 150)}")
        said = f"[mock {' '.join(directive)}] {prompt}" if directive else prompt
        model = self.model
        if self.raw:
            model = "m"
        path, body = self.dialect.request(model, said, self.max_tokens, self.stream, self.usage)
        if self.raw:
            path = f"/providers/c-openai/{path.removeprefix('/v1/')}"
            body["prediction"] = {"kept": [1, 2.50]} if draw.random() < 0.5 else {}  # nothing of it is weir's affair
        if self.previous:
            body["previous_response_id"] = self.previous
        self.limit = (body.get("max_tokens", self.max_tokens) if self.dialect.name in ("completions",
                                                                                       "messages") else self.max_tokens)
        self.prompt = prompt
        self.path, self.body = path, json.dumps(body).encode()
        headers = {"Host": "127.0.0.1", "Content-Type": "application/json", "x-weir-request-id": self.id}
        if world.keyed:
            key = client_key(self.client)
            headers[draw.choice(("Authorization", "x-api-key", "x-goog-api-key"))] = key
            if "Authorization" in headers:
                headers["Authorization"] = f"Bearer {key}"
        pieces = "".join(f"{k}: {v}\r\n" for k, v in headers.items())
        if draw.random() < 0.15:
            self.bytes = (f"POST {path} HTTP/1.1\r\n{pieces}Transfer-Encoding: chunked\r\n\r\n".encode() +
                          self._chunked(draw))
        else:
            self.bytes = (f"POST {path} HTTP/1.1\r\n{pieces}Content-Length: {len(self.body)}\r\n\r\n".encode() +
                          self.body)

    def _chunked(self, draw):
        parts, at = [], 0
        while at < len(self.body):
            step = 1 + int(10 ** draw.uniform(0, 3))
            piece = self.body[at:at + step]
            parts.append(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            at += step
        return b"".join(parts) + b"0\r\n\r\n"

    def __repr__(self):
        return (
            f"{self.id}: {self.behaviour} {self.dialect.name}{' stream' if self.stream else ''} {self.model} "
            f"fault={self.fault or 'none'} tokens={self.tokens} max={self.max_tokens} "
            f"client={self.client}{' raw' if self.raw else ''}"
        )


NONSENSE = (
    b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00",
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"POST /v1/chat/completions HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"BREW /pot HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"\r\n\r\n\r\n\r\n" * 50, b"\x00" * 4000, b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\n" +
    b"a: b\r\n" * 300 + b"\r\n")


class Caller:
    """One who asks again and again; steady ones are never hurt, whatever the others do."""

    def __init__(self, world, name, steady, record):
        self.world, self.name, self.steady, self.record = world, name, steady, record
        self.number, self.link = 0, None

    async def run(self, until):
        loop = asyncio.get_running_loop()
        while loop.time() < until() and not self.world.stopping:
            ask = Ask(self.world, self.name, self.number, self.steady)
            self.number += 1
            try:
                await asyncio.wait_for(getattr(self, ask.behaviour)(ask), PATIENCE_S)
            except asyncio.TimeoutError:
                heard = self.link.last_heard() if self.link else "no connection"
                self.record.violation("silence", ask, f"nothing decided within {PATIENCE_S} s: {heard}")
                self.drop()
            if ask.draw.random() < 0.15:
                await asyncio.sleep(ask.draw.uniform(0, 0.3))
        self.drop()

    def drop(self, hard=False):
        if self.link:
            self.link.reset() if hard else self.link.close()
        self.link = None

    async def connection(self, ask, receive_buffer=None):
        """The kept one, or a new one."""
        if self.link and (receive_buffer or ask.draw.random() < 0.3):
            self.drop()
        if not self.link:
            self.link = await Link(self.world.endpoint).open(receive_buffer)
        return self.link

    def kept(self, reply):
        if reply.ending != "whole" or not reply.keeps:
            self.drop()

    async def exchange(self, ask, send, pace=None, receive_buffer=None):
        """One request; a kept connection that turns out closed before a byte came back is replaced once, as a caller
        does."""
        for attempt in (0, 1):
            fresh = not self.link
            try:
                link = await self.connection(ask, receive_buffer)
                fresh = fresh or link.used == 0
            except Broken as error:
                self.record.violation("no connection", ask, str(error))
                return
            try:
                await send(link)
            except Broken:
                pass  # an answer may stand there all the same
            reply = await Reader(link, pace).reply()
            if reply.ending in ("none", "reset") and reply.status is None and not fresh and attempt == 0:
                self.drop()
                continue
            break
        self.kept(reply)
        judge(self.world, self.record, ask, reply)

    async def polite(self, ask):
        await self.exchange(ask, lambda link: link.send(ask.bytes))
        if (ask.dialect.name == "responses" and getattr(ask, "said", None) and ask.said.id and ask.whole and
                not ask.previous and ask.draw.random() < 0.5):
            await self.conversation(ask)

    async def conversation(self, ask):
        """What is stored is there for its client, for nobody else, and can be gone on from and deleted."""
        path, key = f"/v1/responses/{ask.said.id}", client_key(ask.client)
        reply = await self.world.ask("GET", path, key=key)
        root = json.loads(reply.body) if reply is not None and reply.status == 200 else {}
        if not root or ask.dialect.whole(root).text != ask.said.text:
            self.record.violation("answer", ask, f"the stored response is another, or none: {reply}")
        if self.world.keyed:
            other = await self.world.ask("GET", path, key=client_key("narrow" if ask.client != "narrow" else "free"))
            if other is None or other.status != 404:
                self.record.violation("another caller's bytes", ask, f"a stored response of another client: {other}")
        on = Ask(self.world, f"{self.name}on", self.number, self.steady, (ask.said.id, ask.client, ask.nonce))
        on.behaviour = "polite"
        await self.exchange(on, lambda link: link.send(on.bytes))
        gone = await self.world.ask("DELETE", path, key=key)
        after = await self.world.ask("GET", path, key=key)
        if gone is None or gone.status != 200 or after is None or after.status != 404:
            self.record.violation("answer", ask, f"a stored response that does not go: {gone}, then {after}")

    async def slow_reader(self, ask):
        pace = (ask.draw.choice((1, 100, 1000, 4000)), ask.draw.uniform(0, 0.02))
        # through a small one a long answer takes the kernel a minute
        window = 4096 if ask.tokens < 200 and ask.dialect.streams else 65536
        await self.exchange(ask, lambda link: link.send(ask.bytes), pace, window)

    async def slow_sender(self, ask):
        async def drip(link):
            at, steps = 0, ask.draw.randrange(5, 60)
            step = max(1, len(ask.bytes) // steps)
            while at < len(ask.bytes):
                await link.send(ask.bytes[at:at + step])
                at += step
                await asyncio.sleep(ask.draw.uniform(0, 0.02))
        await self.exchange(ask, drip)

    async def hang_up(self, ask):
        """Goes away after so many bytes of the answer."""
        after = int(10 ** ask.draw.uniform(0, 4.5)) if ask.draw.random() < 0.8 else 0
        try:
            link = await self.connection(ask)
            await link.send(ask.bytes)
            reader = Reader(link, stop_after=after)
            if after == 0:
                await asyncio.sleep(ask.draw.uniform(0, 0.1))
            else:
                reply = await reader.reply()
                judge(self.world, self.record, ask, reply)
        except Broken:
            pass
        self.drop(hard=ask.draw.random() < 0.5)

    async def hang_up_sending(self, ask):
        """Goes away inside its own request."""
        try:
            link = await self.connection(ask)
            await link.send(ask.bytes[:ask.draw.randrange(len(ask.bytes))])
            await asyncio.sleep(ask.draw.uniform(0, 0.05))
        except Broken:
            pass
        self.drop(hard=ask.draw.random() < 0.5)

    async def half_close(self, ask):
        """Says all, then closes its side. An answer that is still being made is not awaited; one that is finished comes
        whole, and what was asked before it too, and then FIN."""
        self.drop()
        before = ask.draw.choice((0, 0, 1, 7, 40))
        try:
            link = await self.connection(ask)
            await link.send(HEALTH * before + ask.bytes)
            await asyncio.sleep(ask.draw.choice((0, 0, 0.05)))
            link.half_close()
        except Broken as error:
            self.record.violation("no connection", ask, str(error))
            self.drop()
            return
        reader = Reader(link)
        answers = [await reader.reply("GET") for _ in range(before)]
        reply = await reader.reply()
        if reply.ending == "whole":
            await reader.more()  # FIN, a reset, or bytes that nobody asked for
        judge(self.world, self.record, ask, reply)
        problem = half_closed(answers, reply, reader.ended, bytes(reader.buffer))
        if problem:
            self.record.violation("answer", ask, f"half closed: {problem}")
        self.drop()

    async def pipeline(self, ask):
        """Several at once, and the answers in their order."""
        asks = (
            [ask] +
            [Ask(self.world, f"{self.name}p{self.number}", i, self.steady) for i in range(ask.draw.randrange(1, 6))])
        self.drop()
        try:
            link = await self.connection(ask)
            data = b"".join(a.bytes for a in asks)
            cut = ask.draw.randrange(len(data))
            sender = asyncio.ensure_future(self._twice(link, data[:cut], data[cut:]))
        except Broken as error:
            self.record.violation("no connection", ask, str(error))
            return
        reader = Reader(link)
        for a in asks:
            a.behaviour = "pipeline"
            reply = await reader.reply()
            judge(self.world, self.record, a, reply)
            if reply.ending != "whole" or not reply.keeps:
                break
        sender.cancel()
        await asyncio.gather(sender, return_exceptions=True)
        self.drop()

    @staticmethod
    async def _twice(link, first, second):
        try:
            await link.send(first)
            await asyncio.sleep(0.01)
            await link.send(second)
        except Broken:
            pass

    async def nonsense(self, ask):
        """What is no request, or one that cannot be: an error or a close, never more."""
        self.drop()
        kind = ask.draw.random()
        if kind < 0.5:
            data = ask.draw.choice(NONSENSE)
        else:
            body = ask.draw.choice(
                (b"", b"{", b"[" * 5000, b'{"model":1}', b'{"model":"any","model":"pair","messages":[]}',
                 b'{"model":"any","messages":"x"}',
                 b'{"model":"nobody/knows","messages":[{"role":"user","content":"x"}]}', b"\xff\xfe",
                 b'{"model":"any","input":[[[]]]}',
                 json.dumps({
                     "model": "any", "messages": [{
                         "role": "user",
                         "content": [{"type": "image_url", "image_url": {"url": "http://127.0.0.1:1/x.png"}}]
                     }]
                 }).encode()))
            head = ask.bytes.split(b"\r\n\r\n")[0].split(b"\r\n")
            head = [line for line in head if not line.lower().startswith((b"content-length", b"transfer-encoding"))]
            data = b"\r\n".join(head) + f"\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        try:
            link = await self.connection(ask)
            await link.send(data)
            link.half_close()
            reply = await Reader(link).reply()
            if reply.status and reply.status < 400 and b"model" in data:
                self.record.violation("nonsense answered", ask, f"{data[:300]!r} -> {reply}")
            self.record.seen("nonsense", reply)
        except Broken:
            pass
        self.drop()

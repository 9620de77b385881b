"""Connections of which every byte is ours: sockets that asyncio only waits for, TLS pumped by hand, HTTP/1.1 replies
read with their framing judged. Nothing here knows what an answer should say."""
import asyncio
import re
import socket
import ssl
import struct


class Broken(Exception):
    """The other side reset the connection, or broke TLS."""


class Link:
    """One connection. recv answers b"" at the end and raises Broken after a reset."""

    def __init__(self, endpoint):
        self.endpoint = endpoint
        self.loop = asyncio.get_running_loop()
        self.socket, self.tls = None, None
        self.used = 0  # replies read from it
        self.heard, self.heard_at = 0, None  # bytes of the other side so far, the last of them at this time of the loop

    async def open(self, receive_buffer=None):
        e = self.endpoint
        self.socket = socket.socket(socket.AF_UNIX if e.unix else socket.AF_INET, socket.SOCK_STREAM)
        self.socket.setblocking(False)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        try:
            await self.loop.sock_connect(self.socket, e.unix or (e.host, e.port))
            if not e.unix:
                self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if e.tls:
                await self._handshake(e.tls)
        except OSError as error:
            self.close()
            raise Broken(f"connect: {error}") from None
        return self

    async def _handshake(self, context):
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")
        while True:
            try:
                self.tls.do_handshake()
                await self._flush()
                return
            except ssl.SSLWantReadError:
                await self._flush()
                if not await self._fill():
                    raise Broken("closed in the handshake") from None
            except ssl.SSLError as error:
                raise Broken(f"handshake: {error}") from None

    async def _flush(self):
        data = self.outgoing.read()
        if data:
            await self.loop.sock_sendall(self.socket, data)

    async def _fill(self, most=65536):
        data = await self.loop.sock_recv(self.socket, most)
        if data:
            self.incoming.write(data)
        else:
            self.incoming.write_eof()
        return data

    async def send(self, data):
        try:
            if self.tls:
                self.tls.write(data)
                await self._flush()
            else:
                await self.loop.sock_sendall(self.socket, data)
        except (OSError, ssl.SSLError) as error:
            raise Broken(f"send: {error}") from None

    async def recv(self, most=65536):
        try:
            data = await self._recv(most)
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""
        except (OSError, ssl.SSLError) as error:
            raise Broken(f"recv: {error}") from None
        self.heard, self.heard_at = self.heard + len(data), self.loop.time()
        return data

    async def _recv(self, most):
        if not self.tls:
            return await self.loop.sock_recv(self.socket, most)
        while True:
            try:
                return self.tls.read(most)
            except ssl.SSLWantReadError:
                await self._fill(most)
                await self._flush()

    def last_heard(self):
        """As it is told of one who waits in vain: a trickle is no silence."""
        ago = "" if self.heard_at is None else f", the last of them {self.loop.time() - self.heard_at:.1f} s ago"
        return f"{self.heard} bytes heard on this connection{ago}"

    def half_close(self):
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def reset(self):
        if self.socket:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self):
        if self.socket:
            self.socket.close()
            self.socket = None


class Reply:
    """What came back. `ending`: whole, cut (FIN too early), reset, silent (nothing within the time), none (not one
    byte)."""

    def __init__(self):
        self.status, self.headers, self.body, self.ending, self.keeps, self.wrong = None, {}, b"", "none", False, None

    def header(self, name):
        return self.headers.get(name, "")

    def __repr__(self):
        return (
            f"<{self.status} {self.ending}{' wrong: ' + self.wrong if self.wrong else ''} {self.headers} "
            f"{len(self.body)} bytes {self.body[:700]!r} .. {self.body[-500:]!r}>"
        )


class Reader:
    """Replies of one link, one after the other. pace: None, or (bytes a read, seconds between reads), for the first 400
    reads."""

    def __init__(self, link, pace=None, stop_after=None):
        self.link, self.pace, self.stop_after = link, pace, stop_after
        self.buffer, self.taken, self.reads = bytearray(), 0, 0
        self.ended = None  # cut or reset

    async def more(self):
        if self.ended:
            return False
        if self.stop_after is not None and self.taken >= self.stop_after:
            self.ended = "stopped"
            return False
        self.reads += 1
        slow = self.pace and self.reads <= 400
        most = self.pace[0] if slow else 65536
        if slow and self.pace[1]:
            await asyncio.sleep(self.pace[1])
        if self.stop_after is not None:
            most = max(1, min(most, self.stop_after - self.taken))
        try:
            piece = await self.link.recv(most)
        except Broken:
            self.ended = "reset"
            return False
        if not piece:
            self.ended = "cut"
            return False
        self.taken += len(piece)
        self.buffer += piece
        return True

    async def until(self, mark):
        start = 0
        while (at := self.buffer.find(mark, start)) < 0:
            start = max(0, len(self.buffer) - len(mark))
            if not await self.more():
                return None
        taken = bytes(self.buffer[:at + len(mark)])
        del self.buffer[:at + len(mark)]
        return taken

    async def exactly(self, count):
        while len(self.buffer) < count and await self.more():
            pass
        taken = bytes(self.buffer[:count])
        del self.buffer[:count]
        return taken

    async def reply(self, method="POST"):
        reply = Reply()
        while True:
            head = await self.until(b"\r\n\r\n")
            if head is None:
                reply.ending = "none" if not self.buffer and self.ended == "cut" else self.ended
                reply.body = bytes(self.buffer)
                return reply
            lines = head.decode("latin-1").split("\r\n")
            first = re.match(r"HTTP/1\.1 (\d{3}) ", lines[0])
            if not first:
                reply.ending, reply.wrong, reply.body = "whole", f"no status line: {lines[0]!r}", head
                return reply
            reply.status, reply.headers = int(first.group(1)), {}
            for line in filter(None, lines[1:]):
                name, _, value = line.partition(":")
                if (name.lower() in reply.headers and
                        name.lower() in ("content-length", "transfer-encoding", "content-type", "x-weir-request-id")):
                    reply.wrong = f"two headers {name}"
                reply.headers[name.lower()] = value.strip()
            if reply.status >= 200:
                break
        reply.keeps = reply.header("connection").lower() != "close"
        await self._body(reply, method)
        self.link.used += 1
        return reply

    async def _body(self, reply, method):
        if method == "HEAD" or reply.status in (204, 304):
            reply.ending = "whole"
        elif "chunked" in reply.header("transfer-encoding"):
            if "content-length" in reply.headers:
                reply.wrong = "both framings"
            await self._chunks(reply)
        elif "content-length" in reply.headers:
            wanted = int(reply.header("content-length"))
            reply.body = await self.exactly(wanted)
            reply.ending = "whole" if len(reply.body) == wanted else self.ended
        else:
            reply.wrong = "no framing"
            while await self.more():
                pass
            reply.body, reply.ending = bytes(self.buffer), self.ended

    async def _chunks(self, reply):
        parts = []
        while True:
            line = await self.until(b"\r\n")
            if line is None:
                break
            if not re.fullmatch(rb"[0-9a-fA-F]+\r\n", line):
                reply.wrong = f"chunk size {line[:40]!r}"
                break
            size = int(line, 16)
            data = await self.exactly(size + 2)
            parts.append(data[:size])
            if len(data) < size + 2:
                break
            if data[size:] != b"\r\n":
                reply.wrong = "a chunk that does not end"
                break
            if size == 0:
                reply.body, reply.ending = b"".join(parts), "whole"
                return
        reply.body, reply.ending = b"".join(parts), self.ended or "whole"


class Endpoint:
    """Where a server listens, and how it is spoken to."""

    def __init__(self, host="127.0.0.1", port=0, unix=None, tls=None):
        self.host, self.port, self.unix, self.tls = host, port, unix, tls


async def once(endpoint, method, path, body=b"", headers=None, limit_s=30.0):
    """One request on a connection of its own; the reply is whole, or None."""
    link = Link(endpoint)
    try:
        await link.open()
        lines = {"Host": "127.0.0.1", "Content-Length": str(len(body)), "Connection": "close", **(headers or {})}
        await link.send(f"{method} {path} HTTP/1.1\r\n".encode() +
                        "".join(f"{k}: {v}\r\n" for k, v in lines.items()).encode() + b"\r\n" + body)
        reply = await asyncio.wait_for(Reader(link).reply(method), limit_s)
        return reply if reply.ending == "whole" else None
    except (Broken, asyncio.TimeoutError):
        return None
    finally:
        link.close()

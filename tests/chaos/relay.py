"""A bad network between weir and a mock: bytes are cut into crumbs, gathered into one write, held back, broken off at
any place, or left as they are. It also counts the requests that come through, so that weir's books can be checked
against them."""
import asyncio
import random
import re
import socket
import struct


class Counter:
    """Requests in the bytes of one connection; weir sends each with a Content-Length or none at all."""

    def __init__(self):
        self.head, self.body, self.count = b"", 0, 0

    def feed(self, data):
        while data:
            if self.body:
                taken = min(self.body, len(data))
                self.body -= taken
                data = data[taken:]
                continue
            at = (self.head + data).find(b"\r\n\r\n")
            if at < 0:
                self.head += data
                return
            whole = self.head + data
            head, data, self.head = whole[:at], whole[at + 4:], b""
            length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.I)
            self.body = int(length.group(1)) if length else 0
            self.count += not head.startswith(b"GET ")  # a probe is no attempt


class Line:
    """How one connection behaves, drawn from its number."""

    KINDS = (("plain", 50), ("crumbs", 14), ("gathered", 16), ("late", 5), ("cut", 6), ("reset", 4), ("stall", 2),
             ("deaf", 2), ("shut", 1))
    GOOD = KINDS[:4]

    def __init__(self, seed, name, number, good):
        draw = random.Random(f"{seed}/relay/{name}/{number}")
        kinds = self.GOOD if good else self.KINDS
        self.kind = draw.choices([k for k, _ in kinds], [w for _, w in kinds])[0]
        self.after = int(10 ** draw.uniform(0, 5))  # bytes, then it happens
        self.wait = draw.uniform(0, 0.2)
        self.draw = draw


class Relay:
    def __init__(self, seed, name, upstream_port, good=False, tls=None, ca=None):
        self.seed, self.name, self.upstream_port, self.good, self.tls = seed, name, upstream_port, good, tls
        self.number, self.counters, self.past, self.tasks = 0, set(), 0, set()

    async def start(self):
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.tls)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def stop(self):
        self.server.close()
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    @property
    def requests(self):
        return self.past + sum(c.count for c in self.counters)

    async def _serve(self, reader, writer):
        self.number += 1
        line, counter = Line(self.seed, self.name, self.number, self.good), Counter()
        self.counters.add(counter)
        task = asyncio.current_task()
        self.tasks.add(task)
        below = None
        try:
            if line.kind == "shut":
                return
            writer.transport.set_write_buffer_limits(1, 0)  # drained means gone: nothing is lost at the end
            below_reader, below = await asyncio.open_connection("127.0.0.1", self.upstream_port)
            ways = [
                asyncio.create_task(self._up(reader, below, counter, line)),
                asyncio.create_task(self._down(below_reader, writer, line))
            ]
            try:
                await asyncio.gather(*ways)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        except (OSError, asyncio.CancelledError, asyncio.TimeoutError, EOFError):
            pass
        finally:
            self.counters.discard(counter)
            self.past += counter.count
            self.tasks.discard(task)
            for end in (writer, below):
                if end:
                    self._abort(end)

    @staticmethod
    def _abort(writer):
        try:
            writer.transport.abort()
        except AttributeError:  # TLS that is over already
            pass

    @staticmethod
    def _reset(writer):
        sock = writer.get_extra_info("socket")
        if sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        Relay._abort(writer)

    async def _up(self, reader, below, counter, line):
        total = 0
        while True:
            data = await reader.read(1 + line.draw.randrange(200) if line.kind == "deaf" and total < 20000 else 65536)
            if not data:
                below.write_eof()
                return
            counter.feed(data)
            below.write(data)
            await below.drain()
            total += len(data)
            if line.kind == "deaf":
                await asyncio.sleep(0.002)

    async def _down(self, below, writer, line):
        total = 0
        while True:
            data = await below.read(65536)
            if not data:
                if writer.can_write_eof():
                    writer.write_eof()
                else:
                    writer.close()
                    await asyncio.wait_for(writer.wait_closed(), 5)
                raise EOFError
            if line.kind == "gathered":
                data = await self._gather(below, data)
            if line.kind == "late" and not total:
                await asyncio.sleep(line.wait)
            if line.kind in ("cut", "reset", "stall") and total + len(data) >= line.after:
                writer.write(data[:line.after - total])
                await writer.drain()
                if line.kind == "stall":
                    await asyncio.sleep(30)
                await asyncio.sleep(0.005)  # what was written may arrive
                if line.kind == "reset":
                    self._reset(writer)
                raise EOFError
            if line.kind == "crumbs" and total < 6000:
                await self._crumble(writer, data, line)
            else:
                writer.write(data)
                await writer.drain()
            total += len(data)

    @staticmethod
    async def _gather(below, data):
        """All that comes until nothing has come for a moment, at most 2 MB: many frames in one read."""
        parts, size = [data], len(data)
        while size < 2 << 20:
            try:
                more = await asyncio.wait_for(below.read(65536), 0.015)
            except asyncio.TimeoutError:
                break
            if not more:
                break
            parts.append(more)
            size += len(more)
        return b"".join(parts)

    @staticmethod
    async def _crumble(writer, data, line):
        at = 0
        while at < len(data):
            most = 20 if at < 2000 else 3000
            step = 1 + line.draw.randrange(most)
            writer.write(data[at:at + step])
            await writer.drain()
            await asyncio.sleep(0)
            at += step

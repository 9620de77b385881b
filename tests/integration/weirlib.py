"""What the integration tests share: the binary as `mock` and as `serve`, a small HTTP client that shows everything, and
a provider in Python for what the mock cannot do. Standard library only; every wait has a deadline."""
import json
import os
import re
import select
import signal
import socket
import ssl
import subprocess
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BINARY = str(Path(os.environ.get("WEIR_BINARY", ROOT / "build/weir")).resolve())
SLOW = 25.0  # the longest that anything here may take, on a busy machine under a sanitizer
SANITIZER = re.compile(r"AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:|check failed", re.I)


def poll(what, deadline_s=SLOW, every_s=0.01):
    """Asks until the answer is true; answers it."""
    end = time.monotonic() + deadline_s
    while True:
        answer = what()
        if answer:
            return answer
        assert time.monotonic() < end, f"did not become true in {deadline_s} s"
        time.sleep(every_s)


def environment(**changes):
    """The test's environment without proxies and keys, which would change what weir does."""
    kept = {
        k: v for k, v in os.environ.items()
        if "PROXY" not in k.upper() and not k.endswith("_API_KEY") and not k.startswith("WEIR_")
    }
    kept.pop("XDG_CONFIG_HOME", None)
    kept["SSL_CERT_FILE"] = os.devnull  # the system's 150 roots take longer to read than all else of a start
    kept.update({k: v for k, v in changes.items() if v is not None})
    return kept


def on_terminal(*arguments, **env):
    """(status, what is shown) of a weir command whose standard output is a terminal."""
    screen, terminal = os.openpty()
    with subprocess.Popen([BINARY, *arguments], stdin=subprocess.DEVNULL, stdout=terminal,
                          env=environment(**env)) as run:
        os.close(terminal)
        shown = b""
        while True:
            try:
                piece = os.read(screen, 65536)
            except OSError:  # how Linux tells that the other side is closed
                break
            if not piece:
                break
            shown += piece
        os.close(screen)
        return run.wait(timeout=SLOW), shown.decode().replace("\r\n", "\n")


def readable(sockets, seconds):
    """Those of them that can be read, or were closed, within this time. select() knows no descriptor past 1,023."""
    poller = select.poll()
    by_number = {one.fileno(): one for one in sockets}
    for number in by_number:
        poller.register(number, select.POLLIN)
    return [by_number[number] for number, _ in poller.poll(max(0, seconds) * 1000)]


class Process:
    """A running weir; its output is read by threads, line by line."""

    def __init__(self, arguments, cwd=None, env=None):
        self.process = subprocess.Popen([BINARY, *arguments], cwd=cwd, env=env or environment(),
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.out, self.err = [], []
        self.threads = [threading.Thread(target=self._read, args=a, daemon=True) for a in
                        ((self.process.stdout, self.out), (self.process.stderr, self.err))]
        for thread in self.threads:
            thread.start()

    @staticmethod
    def _read(pipe, lines):
        for line in pipe:
            lines.append(line.decode("utf-8", "replace").rstrip("\n"))

    def line(self, lines, wanted):
        def look():
            ended = self.process.poll() is not None
            for line in list(lines):
                if wanted in line:
                    return line
            assert not ended, "ended early:\n" + "\n".join(self.out + self.err)
            return None
        return poll(look)

    def wait(self, deadline_s=SLOW):
        status = self.process.wait(deadline_s)
        for thread in self.threads:
            thread.join(5)
        return status

    def stop(self, with_signal=signal.SIGTERM, status=0):
        if self.process.poll() is None:
            self.process.send_signal(with_signal)
        try:
            ended = self.wait()
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.wait()
            raise AssertionError("did not end after its signal:\n" + "\n".join(self.err[-20:]))
        self.check_output()
        assert ended == status, f"exit status {ended}\n" + "\n".join(self.err[-20:])

    def check_output(self):
        for line in self.out + self.err:
            assert not SANITIZER.search(line), "\n".join(self.err[-60:])

    def rss_bytes(self):
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Mock(Process):
    def __init__(self, *arguments, listen="127.0.0.1:0"):
        super().__init__(["mock", "--listen", listen, *arguments])
        line = self.line(self.out, "listens on")
        self.port = int(re.search(r":(\d+)/v1", line).group(1)) if "/v1" in line else 0
        self.base_url = f"http://127.0.0.1:{self.port}/v1"

    def _ask(self, method, path, body=None):
        reply = http(self.port, method, path, body)
        assert reply.status == 200, reply
        return reply.json

    def requests(self):
        return self._ask("GET", "/mock/requests")

    def last(self):
        seen = self.requests()["requests"]
        return seen[-1] if seen else None

    faulted = False

    def fault(self, spec, count=-1):
        self.faulted = True
        self._ask("POST", "/mock/fault", {"spec": spec, "count": count})

    def reset(self):
        self._ask("DELETE", "/mock/fault")
        self._ask("DELETE", "/mock/requests")


class Weir(Process):
    """`weir serve` with a configuration: a dict (JSON is YAML) or text."""

    def __init__(self, folder, config, env=None, wait=True):
        self.folder = Path(folder)
        self.path = self.folder / "weir.yaml"
        self.state_dir = self.folder / "state"
        self.write(config)
        super().__init__(["serve", "-c", str(self.path)], cwd=folder, env=env)
        self.port = json.loads(self.line(self.err, '"ready"'))["port"] if wait else 0

    def write(self, config):
        if isinstance(config, dict):
            config = json.dumps(
                {"listen": "127.0.0.1:0", "state_dir": str(self.state_dir), "workers": 1, "drain_seconds": 3, **config},
                indent=1)
        self.path.write_text(config)

    def log(self, event):
        """Every log line of this event so far."""
        parsed = [json.loads(line) for line in list(self.err) if line.startswith("{")]
        return [line for line in parsed if line.get("event") == event]

    @property
    def admin_key(self):
        return (self.state_dir / "admin.key").read_text().strip()

    def metric(self, name, **labels):
        """The sum of a metric's samples that have these labels; None when there is none."""
        total = None
        for line in http(self.port, "GET", "/metrics").text.splitlines():
            matched = re.match(rf"{name}(?:{{(.*)}})? (\S+)$", line)
            if matched and all(f'{k}="{v}"' in (matched.group(1) or "") for k, v in labels.items()):
                total = (total or 0.0) + float(matched.group(2))
        return total


def provider(mock, models=("m",), **more):
    """A provider block for a mock (or a base URL), with short timeouts."""
    url = mock if isinstance(mock, str) else mock.base_url
    return {
        "type": "openai", "base_url": url, "api_key": "sk-provider-secret", "models": list(models),
        "timeout_seconds": 1, "reply_timeout_seconds": 1.5, "stall_timeout_seconds": 0.6, "connect_timeout_seconds": 1,
        **more
    }


# -- a small HTTP client -----------------------------------------------------------------------------------------------

class Reply:
    def __init__(self, status, headers, body, complete, closed):
        self.status, self.headers, self.body, self.complete, self.closed = status, headers, body, complete, closed

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        """The error object, with its shape checked."""
        error = self.json["error"]
        assert isinstance(error["message"], str) and error["message"], self
        assert {"message", "type", "param", "code"} <= set(error), self
        return error

    @property
    def events(self):
        """The data of every server-sent event; JSON where it is JSON."""
        data = [e[e.index("data: ") + 6:] for e in self.text.replace("\r\n", "\n").split("\n\n") if "data: " in e]
        return [d if d == "[DONE]" else json.loads(d) for d in data]

    @property
    def content(self):
        """The text of a chat reply, streamed or not."""
        if "event-stream" in self.headers.get("content-type", ""):
            return "".join((c["delta"].get("content") or "") for e in self.events if e != "[DONE]"
                           for c in e.get("choices", []))
        return self.json["choices"][0]["message"]["content"]

    def __repr__(self):
        return f"<{self.status} complete={self.complete} closed={self.closed} {self.headers} {self.body[:600]!r}>"


class Connection:
    """A raw connection: send bytes, read replies with their framing checked."""

    def __init__(self, port, host="127.0.0.1", tls=None, unix=None, timeout=SLOW):
        if unix:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(timeout)
            self.socket.connect(str(unix))
        else:
            self.socket = socket.create_connection((host, port), timeout=timeout)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self.buffer = b""
        self.ended = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())

    def more(self):
        """Reads on; false at the end or after a reset."""
        if self.ended:
            return False
        try:
            piece = self.socket.recv(65536)
        except (ConnectionResetError, BrokenPipeError, ssl.SSLError):
            piece = b""
        self.ended = not piece
        self.buffer += piece
        return bool(piece)

    def read_until(self, mark):
        while mark not in self.buffer:
            if not self.more():
                return None
        at = self.buffer.index(mark) + len(mark)
        taken, self.buffer = self.buffer[:at], self.buffer[at:]
        return taken

    def read_exactly(self, count):
        while len(self.buffer) < count and self.more():
            pass
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def head(self):
        """Status and headers of the next reply; (None, {}) at the end."""
        raw = self.read_until(b"\r\n\r\n")
        if raw is None:
            return None, {}
        lines = raw.decode("latin-1").split("\r\n")
        assert re.match(r"HTTP/1\.1 \d{3} ", lines[0]), raw
        headers = {}
        for line in filter(None, lines[1:]):
            name, value = line.split(":", 1)
            name = name.lower()
            headers[name] = headers[name] + ", " + value.strip() if name in headers else value.strip()
        return int(lines[0].split()[1]), headers

    def reply(self, method="POST"):
        status, headers = self.head()
        while status and 100 <= status < 200:
            status, headers = self.head()
        body, complete = b"", status is not None
        if status is None or method == "HEAD" or status in (204, 304):
            pass
        elif "chunked" in headers.get("transfer-encoding", ""):
            body, complete = self.chunks()
        elif "content-length" in headers:
            body = self.read_exactly(int(headers["content-length"]))
            complete = len(body) == int(headers["content-length"])
        else:
            while self.more():
                pass
            body, self.buffer = self.buffer, b""
        return Reply(status, headers, body, complete, self.ended or headers.get("connection", "").lower() == "close")

    def chunks(self):
        """(body, complete) of a chunked body."""
        parts = []
        while True:
            line = self.read_until(b"\r\n")
            size = int(line.strip(), 16) if line else 0
            data = self.read_exactly(size + 2) if line else b""
            parts.append(data[:size])
            if len(data) < size + 2 or size == 0:
                return b"".join(parts), line is not None and len(data) == size + 2

    def is_closed(self, within_s=3.0):
        """Does the other side close (or reset) within the time?"""
        end = time.monotonic() + within_s
        while time.monotonic() < end and not self.ended:
            ready = readable([self.socket], end - time.monotonic())
            if ready:
                self.more()
        return self.ended

    def reset(self):
        """Closes with RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        self.socket.close()


def request_bytes(method, path, body=None, headers=None, host="127.0.0.1"):
    data = (b"" if body is None else
            body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode())
    lines = {"Host": host, **({"Content-Type": "application/json"} if body is not None else {}), **(headers or {})}
    if body is not None or method == "POST":
        lines.setdefault("Content-Length", str(len(data)))
    return (f"{method} {path} HTTP/1.1\r\n".encode() + "".join(f"{k}: {v}\r\n"
                                                               for k, v in lines.items()).encode() + b"\r\n" + data)


def http(port, method, path, body=None, headers=None, host_header="127.0.0.1", **connection):
    with Connection(port, **connection) as c:
        c.send(request_bytes(method, path, body, headers, host_header))
        return c.reply(method)


def chat_body(text="Hello", model="m", **more):
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}


def chat(port, text="Hello", model="m", headers=None, **more):
    return http(port, "POST", "/v1/chat/completions", chat_body(text, model, **more), headers)


# -- a provider in Python, for what the mock cannot do -----------------------------------------------------------------

class RawProvider:
    """Answers every request with the same bytes and closes, or with what answer(connection, head, body) does (False:
    closes); counts its connections."""

    def __init__(self, answer, tls=None, family=socket.AF_INET):
        self.answer, self.tls = answer, tls
        self.connections, self.heads, self.bodies = 0, [], []
        self.socket = socket.socket(family)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
        self.socket.listen(64)
        self.port = self.socket.getsockname()[1]
        host = "[::1]" if family == socket.AF_INET6 else "127.0.0.1"
        self.base_url = f"http{'s' if tls else ''}://{host}:{self.port}/v1"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            connection.settimeout(SLOW)
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
            buffer = b""
            while True:
                while b"\r\n\r\n" not in buffer:
                    piece = connection.recv(65536)
                    if not piece:
                        return
                    buffer += piece
                head, buffer = buffer.split(b"\r\n\r\n", 1)
                length = re.search(rb"content-length: *(\d+)", head, re.I)
                wanted = int(length.group(1)) if length else 0
                while len(buffer) < wanted:
                    buffer += connection.recv(65536)
                body, buffer = buffer[:wanted], buffer[wanted:]
                self.heads.append(head.decode("latin-1"))
                self.bodies.append(body)
                if not callable(self.answer):
                    connection.sendall(self.answer)
                    return
                if self.answer(connection, head, body) is False:
                    return
        except OSError:
            pass
        finally:
            connection.close()


GOOD_BODY = json.dumps({"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m", "choices": [
    {"index": 0, "message": {"role": "assistant", "content": "fine"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 1, "total_tokens": 6}}).encode()


def good_reply(body=GOOD_BODY, extra=""):
    return (
        f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{extra}\r\n".encode() +
        body)


def answers_well(connection, head, body):
    connection.sendall(good_reply())


dead_ports = []  # held, so that no test beside this one is given them


def dead_port():
    """A port on which nobody listens as long as the tests run: bound, so that nobody else gets it, and refusing."""
    dead_ports.append(socket.socket())
    dead_ports[-1].bind(("127.0.0.1", 0))
    return dead_ports[-1].getsockname()[1]


# -- certificates ------------------------------------------------------------------------------------------------------

class Certificates:
    """An authority and a certificate for localhost, 127.0.0.1 and ::1, by the openssl program."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.ca, self.cert, self.key = (str(self.folder / n) for n in ("ca.pem", "cert.pem", "key.pem"))
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        self._run("req", "-x509", *curve, "-days", "2", "-keyout", "ca.key", "-out", "ca.pem", "-subj",
                  "/CN=test authority")
        self._run("req", *curve, "-keyout", "key.pem", "-out", "cert.csr", "-subj", "/CN=localhost")
        (self.folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1\n")
        self._run("x509", "-req", "-in", "cert.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days",
                  "2", "-out", "cert.pem", "-extfile", "names")

    def _run(self, *arguments):
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True, timeout=30)

    def server(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cert, self.key)
        return context

    def client(self):
        return ssl.create_default_context(cafile=self.ca)

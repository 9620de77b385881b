"""One world: mocks, relays, and one weir in front of them, with its configuration, its log, its books and its
descriptors."""
import asyncio
import contextlib
import hashlib
import json
import os
import re
import signal
import sqlite3
import ssl
import subprocess
from pathlib import Path

from relay import Relay
from wire import Endpoint, once

SANITIZER = re.compile(
    r"AddressSanitizer|LeakSanitizer|UndefinedBehaviorSanitizer|runtime error:|check failed|SUMMARY:", re.I)
SANITIZED = {
    "ASAN_OPTIONS": "detect_leaks=1:exitcode=99:quarantine_size_mb=8:malloc_context_size=12:allocator_release_to_os_int"
                    "erval_ms=500",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1"
}
ESTIMATED = 8  # of an attempt's flags: record.h
CLIENTS = {"steady": {}, "free": {}, "limited": {"rate_limit_rpm": 300, "max_concurrent": 3}, "raw": {"raw": True},
           "narrow": {"models": ["only-*", "pair"]}}
KINDS = ("openai", "groq", "anthropic", "gemini", "ollama", "cloudflare", "huggingface")
TYPES = {"ollama": "ollama-native", "cloudflare": "cloudflare-native", "huggingface": "huggingface-native"}
SECRET = "sk-chaos-provider-secret-"


def client_key(name):
    return f"wk-chaos-{name}-0123456789abcdef"


class Program:
    """A running weir, its output in files."""

    def __init__(self, binary, arguments, folder, name):
        self.name, self.out, self.err = name, folder / f"{name}.out", folder / f"{name}.err"
        kept = {
            k: v for k, v in os.environ.items()
            if "PROXY" not in k.upper() and not k.endswith("_API_KEY") and not k.startswith("WEIR_")
        }
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.process = subprocess.Popen([binary, *arguments], cwd=folder, env={**kept, **SANITIZED},
                                            stdin=subprocess.DEVNULL, stdout=out, stderr=err)

    @property
    def alive(self):
        return self.process.poll() is None

    def text(self):
        return self.out.read_text(errors="replace") + self.err.read_text(errors="replace")

    async def line(self, pattern, limit_s=30.0):
        for _ in range(int(limit_s / 0.02)):
            found = re.search(pattern, self.text())
            if found:
                return found
            if not self.alive:
                break
            await asyncio.sleep(0.02)
        raise RuntimeError(f"{self.name} did not say {pattern}:\n{self.text()[-3000:]}")

    async def stop(self, limit_s=30.0):
        """Its exit status after SIGTERM; None: it had to be killed."""
        if self.alive:
            self.process.send_signal(signal.SIGTERM)
        for _ in range(int(limit_s / 0.02)):
            if not self.alive:
                return self.process.returncode
            await asyncio.sleep(0.02)
        self.process.kill()
        self.process.wait()
        return None

    def descriptors(self):
        """What each leads to."""
        folder, found = f"/proc/{self.process.pid}/fd", []
        for name in os.listdir(folder):
            try:
                found.append(re.sub(r"\[\d+\]", "", os.readlink(f"{folder}/{name}")))
            except OSError:
                pass
        return sorted(found)

    def resident(self):
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def reports(self):
        """Lines of a sanitizer or of a failed check."""
        return [line for line in self.text().splitlines() if SANITIZER.search(line)]


class Certificates:
    """An authority and a certificate for localhost, by the openssl program."""

    def __init__(self, folder):
        self.folder = folder
        self.ca, self.cert, self.key = (str(folder / n) for n in ("ca.pem", "cert.pem", "key.pem"))
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        self._run("req", "-x509", *curve, "-days", "90", "-keyout", "ca.key", "-out", "ca.pem", "-subj",
                  "/CN=chaos authority")
        self._run("req", *curve, "-keyout", "key.pem", "-out", "cert.csr", "-subj", "/CN=localhost")
        (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        self._run("x509", "-req", "-in", "cert.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days",
                  "90", "-out", "cert.pem", "-extfile", "names")

    def _run(self, *arguments):
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True, timeout=30)

    def server(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cert, self.key)
        return context

    def client(self):
        return ssl.create_default_context(cafile=self.ca)


class World:
    """listen: tcp, tls or unix. Without keys on a unix socket."""

    def __init__(self, binary, folder, seed, listen, certificates):
        self.binary, self.folder, self.seed, self.listen, self.certificates = binary, folder, seed, listen, certificates
        self.keyed = listen != "unix"
        self.mocks, self.relays, self.weir, self.stopping = {}, {}, None, False

    # -- beginning and end

    async def start(self):
        self.folder.mkdir()
        for name in ("steady", "one", "two"):
            mock = Program(self.binary, ["mock", "--listen", "127.0.0.1:0"], self.folder, f"mock-{name}")
            mock.port = int((await mock.line(r"listens on http://127\.0\.0\.1:(\d+)/v1")).group(1))
            mock.endpoint = Endpoint(port=mock.port)
            self.mocks[name] = mock
        for kind in KINDS:
            self.relays[f"c-{kind}"] = Relay(self.seed, f"c-{kind}", self.mocks["one"].port)
        for kind in ("openai", "anthropic"):
            self.relays[f"d-{kind}"] = Relay(self.seed, f"d-{kind}", self.mocks["two"].port,
                                             tls=self.certificates.server())
        self.relays["steady-tls"] = Relay(self.seed, "steady-tls", self.mocks["steady"].port, good=True,
                                          tls=self.certificates.server())
        self.relays["steady-a"] = Relay(self.seed, "steady-a", self.mocks["steady"].port, good=True)
        for relay in self.relays.values():
            await relay.start()
        self.config = self.configuration()
        self.write(self.config)
        self.weir = Program(self.binary, ["serve", "-c", str(self.folder / "weir.yaml")], self.folder, "weir")
        ready = await self.weir.line(r'"event":"ready".*')
        port = re.search(r'"port":(\d+)', ready.group(0))
        if self.listen == "unix":
            self.endpoint = Endpoint(unix=str(self.folder / "weir.sock"))
        else:
            self.endpoint = Endpoint(port=int(port.group(1)),
                                     tls=self.certificates.client() if self.listen == "tls" else None)
        self.admin_key = (self.folder / "state/admin.key").read_text().strip()
        return self

    def base(self, name, kind):
        """The base URL of a provider of this kind behind a relay, or at the mock itself."""
        relay = self.relays.get(name)
        port = relay.port if relay else self.mocks["steady"].port
        scheme = "https" if relay and relay.tls else "http"
        return f"{scheme}://127.0.0.1:{port}" + {"openai": "/v1", "groq": "/v1", "gemini": "/v1beta"}.get(kind, "")

    def provider(self, name, kind, number, **more):
        block = {
            "type": TYPES.get(kind, kind), "base_url": self.base(name, kind), "models": ["m", "reason-m", "embed-m"],
            "priority": 10 + number, "api_keys": [f"{SECRET}{name}-{i}" for i in range(4)], "timeout_seconds": 4,
            "reply_timeout_seconds": 8, "stall_timeout_seconds": 4, "connect_timeout_seconds": 4,
            "circuit_breaker": {"failure_threshold": 6, "timeout_seconds": 1, "ramp_seconds": 1}, **more
        }
        if self.base(name, kind).startswith("https"):
            block["ca_file"] = self.certificates.ca
        if kind == "cloudflare":
            block["account"] = "acct"
        return block

    def configuration(self):
        patient = {
            "timeout_seconds": 60, "reply_timeout_seconds": 60, "stall_timeout_seconds": 60,
            "connect_timeout_seconds": 30, "adaptive_throttling": False
        }
        providers = {
            "steady": self.provider("steady", "openai", 1,
                                    **patient), "steady-a": self.provider("steady-a", "anthropic", 2, **patient),
            "steady-g": self.provider("steady-g", "gemini", 3,
                                      **patient), "steady-tls": self.provider("steady-tls", "openai", 4, **patient)
        }
        for number, kind in enumerate(KINDS):
            providers[f"c-{kind}"] = self.provider(f"c-{kind}", kind, 10 + number)
        for number, kind in enumerate(("openai", "anthropic")):
            providers[f"d-{kind}"] = self.provider(f"d-{kind}", kind, 30 + number)
        every = [f"c-{kind}/m" for kind in KINDS]
        routes = [{
            "model": "steady", "strategy": "round_robin",
            "targets": ["steady/m", "steady-a/m", "steady-g/m", "steady-tls/m"]
        }, {"model": "steady-embed", "strategy": "round_robin", "targets": ["steady/embed-m", "steady-g/embed-m"]},
                  {"model": "any", "strategy": "adaptive", "targets": every + ["d-openai/m", "d-anthropic/m"]},
                  {"model": "pair", "strategy": "priority", "targets": ["c-openai/m", "d-openai/m", "c-anthropic/m"]},
                  {"model": "lock", "strategy": "exclusive",
                   "targets": ["d-openai/m", "c-openai/m", "d-anthropic/m"]}, {
                       "model": "hedged", "strategy": "fastest_response",
                       "targets": ["c-openai/m", "d-openai/m",
                                   "c-anthropic/m"], "hedge": {"after": "40ms", "max_share": 1}
                   }, {
                       "model": "resumed", "strategy": "round_robin", "resume_streams": True,
                       "targets": ["c-openai/m", "d-openai/m", "c-groq/m"]
                   }, {
                       "model": "reason", "strategy": "round_robin",
                       "targets": ["c-openai/reason-m", "c-anthropic/reason-m", "c-gemini/reason-m"]
                   }, {
                       "model": "embed", "strategy": "round_robin",
                       "targets": ["c-openai/embed-m", "c-gemini/embed-m", "c-ollama/embed-m"]
                   }]
        routes += [{"model": f"only-{kind}", "targets": [f"c-{kind}/m"]} for kind in KINDS]
        address = f"unix:{self.folder / 'weir.sock'}" if self.listen == "unix" else "127.0.0.1:0"
        listen = ({"address": address, "tls": {"cert": self.certificates.cert, "key": self.certificates.key}}
                  if self.listen == "tls" else address)
        config = {
            "listen": listen, "state_dir": str(self.folder / "state"), "workers": 2, "drain_seconds": 5,
            "header_timeout_seconds": 60, "body_timeout_seconds": 60, "request_timeout_seconds": 60,
            "health_check_interval": 3600, "retry": {"base_ms": 5, "max_ms": 50}, "providers": providers,
            "routes": routes, "log": {"format": "json"}
        }
        if self.keyed:
            config["clients"] = [{
                "name": name, "key_hash": hashlib.sha256(client_key(name).encode()).hexdigest(), **facts
            } for name, facts in CLIENTS.items()]
        return config

    def write(self, config):
        text = config if isinstance(config, str) else json.dumps(config, indent=1)
        path = self.folder / "weir.yaml"
        (self.folder / "weir.yaml.new").write_text(text)
        os.replace(self.folder / "weir.yaml.new", path)

    async def stop(self):
        """The exit statuses of all, by name; the relays go last."""
        self.stopping = True
        statuses = {}
        if self.weir:
            statuses["weir"] = await self.weir.stop()
        for relay in self.relays.values():
            await relay.stop()
        for mock in self.mocks.values():
            statuses[mock.name] = await mock.stop()
        return statuses

    # -- looking

    def programs(self):
        return [self.weir, *self.mocks.values()]

    async def ask(self, method, path, body=None, key=None):
        data = b"" if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {key or self.admin_key}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        return await once(self.endpoint, method, path, data, headers)

    async def metrics(self):
        """{name: [(labels, value)]}"""
        reply = await self.ask("GET", "/metrics")
        found = {}
        if reply is None or reply.status != 200:
            raise RuntimeError(f"/metrics: {reply}")
        for line in reply.body.decode().splitlines():
            matched = re.match(r"([a-z_]+)(?:\{(.*)\})? (\S+)$", line)
            if matched:
                labels = dict(re.findall(r'([a-z_]+)="([^"]*)"', matched.group(2) or ""))
                found.setdefault(matched.group(1), []).append((labels, float(matched.group(3))))
        return found

    @staticmethod
    def total(metrics, name, **labels):
        return sum(v for found, v in metrics.get(name, []) if all(found.get(k) == w for k, w in labels.items()))

    def estimated(self, names):
        """The output tokens of those attempts of these requests in the ledger that weir has counted itself, by
        request; a request that is not there yet is left out."""
        found = {}
        with contextlib.closing(sqlite3.connect(f"file:{self.folder}/state/ledger.db?mode=ro", uri=True)) as ledger:
            for name in names:
                rows = ledger.execute("SELECT flags, output_tokens FROM attempts WHERE ?1 IN (request_id, caller_id)",
                                      (name,)).fetchall()
                if rows:
                    found[name] = [output for flags, output in rows if flags & ESTIMATED]
        return found

    async def mock_counts(self, name):
        reply = await once(self.mocks[name].endpoint, "GET", "/mock/requests")
        return json.loads(reply.body)

    def log(self, from_byte=0):
        """(events from there on, where the next reading begins); a line that is no JSON comes as {"event": None,
        "line"}."""
        with open(self.weir.err, "rb") as file:
            file.seek(from_byte)
            data = file.read()
        end = data.rfind(b"\n") + 1
        found = []
        for line in data[:end].splitlines():
            try:
                found.append(json.loads(line))
            except ValueError:
                found.append({"event": None, "line": line.decode("utf-8", "replace")})
        return found, from_byte + end


def exits(record, programs, statuses):
    """Every process ends well, and no sanitizer has spoken."""
    for program in programs:
        if program is None:
            continue
        if statuses.get(program.name) != 0:
            record.violation("alive", None,
                             f"{program.name} ended with {statuses.get(program.name)}\n" + program.text()[-6000:])
        elif program.reports():
            record.violation("alive", None, f"{program.name}: " + "\n".join(program.reports()[:20]))

"""make soak's day: weir serves for 24 simulated hours, of which one takes 15 s; see README.md.

python3 tests/soak [--hours N] [--rate N] [--binary PATH] [--keep]"""
import argparse
import datetime
import hashlib
import http.server
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "integration")]
parser = argparse.ArgumentParser()
parser.add_argument("--hours", type=int, default=24)
parser.add_argument("--rate", type=int, default=240, help="seconds of a simulated one")
parser.add_argument("--binary", default="build/weir")
parser.add_argument("--callers", type=int, default=6)
parser.add_argument("--selftest", action="store_true", help="only see that each check can fail")
parser.add_argument("--keep", action="store_true", help="keep the folder in any case")
OPTIONS = parser.parse_args()
os.environ["WEIR_BINARY"] = str(Path(OPTIONS.binary).resolve())

import verdict  # noqa: E402
from weirlib import Mock, Weir, environment, http as ask, poll  # noqa: E402

KEY = "weir-key-of-app"
BEGINS = datetime.datetime(2026, 11, 23, tzinfo=datetime.timezone.utc)
WARM_HOURS = 4
NEVER = 86400
FAILING = ("breaker_open", "provider_errors", "provider_down")


class Day:
    """The simulated clock, as the process has it."""

    def __init__(self, rate):
        self.rate, self.real_ns = rate, time.monotonic_ns()
        self.wall_ns = int(BEGINS.timestamp()) * 10**9

    def env(self, shim):
        return {"LD_PRELOAD": str(shim), "SOAK_RATE": str(self.rate), "SOAK_REAL_NS": str(self.real_ns),
                "SOAK_WALL_NS": str(self.wall_ns)}

    def ms(self):
        return (self.wall_ns + (time.monotonic_ns() - self.real_ns) * self.rate) // 10**6

    def hours(self):
        return (self.ms() - self.wall_ns // 10**6) / 3600000

    def wait(self, hours):
        time.sleep(max(0.0, (hours - self.hours()) * 3600 / self.rate))


class Receiver:
    """Takes what is posted to the webhook; in the machine's own time."""

    def __init__(self):
        posts = self.posts = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                posts.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def told(self):
        def ms(post):
            at = datetime.datetime.fromisoformat(post["raised_at"].replace("Z", "+00:00"))
            return int(at.timestamp() * 1000)
        seen = {(post["event"], post["id"]): {**post, "raised_ms": ms(post)} for post in list(self.posts)}
        return list(seen.values())  # what was posted again, as its answer was late, is the same


class Quiet(Weir):
    """Of its log what is no request's."""

    @staticmethod
    def _read(pipe, lines):
        for line in pipe:
            if b'"request_done"' not in line and b'"attempt_' not in line:
                lines.append(line.decode("utf-8", "replace").rstrip("\n"))

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def admin(self, method, path, body=None):
        return ask(self.port, method, "/admin/v1" + path, body, {"authorization": f"Bearer {self.admin_key}"})


def config(steady, shaky, receiver):
    def one(mock, **more):
        return {"type": "openai", "base_url": mock.base_url, "api_key": "sk-p", "models": ["m"],
                "timeout_seconds": NEVER, "reply_timeout_seconds": NEVER, "stall_timeout_seconds": NEVER,
                "connect_timeout_seconds": 3600, "prices": {"m": {"input": 500, "output": 500}}, **more}
    return {
        "providers": {"steady": one(steady), "shaky": one(shaky)},
        "routes": [{"model": "safe", "targets": ["steady/m"], "cache": {"enabled": False}},
                   {"model": "both", "targets": ["shaky/m", "steady/m"], "cache": {"enabled": False}},
                   {"model": "kept", "targets": ["steady/m"]}],
        "clients": [{"name": "app", "key_hash": hashlib.sha256(KEY.encode()).hexdigest(),
                     "budgets": [{"name": "hourly", "usd": 1, "window": "hour", "mode": "warn"}]}],
        "cache": {"mode": "all", "ttl_seconds": 1800, "max_bytes": 4 << 20}, "request_timeout_seconds": NEVER,
        "header_timeout_seconds": 3600, "body_timeout_seconds": 3600, "write_timeout_seconds": 3600,
        "workers": 2, "drain_seconds": 3600,
        "alerts": {"webhook": receiver.url, "secret": "soak", "webhook_timeout_seconds": 300, "burn_after": 0,
                   "least_answers": 3,  # an open breaker lets few through: all of them fail
                   "spend_factor": 0, "latency_factor": 0, "ledger_behind_seconds": 7200},
    }


class Callers:
    """Ask without pause while they run: routes with and without the cache, streams among them."""

    def __init__(self, weir, day, count):
        self.weir, self.day, self.lock, self.running = weir, day, threading.Lock(), threading.Event()
        self.got = {"requests": 0, "cache_hits": 0, "cache_shared": 0}
        self.asked, self.bad, self.hours = 0, [], set()
        self.idle, self.over = threading.Barrier(count + 1), False
        self.threads = [threading.Thread(target=self._run, args=(i,), daemon=True) for i in range(count)]
        for thread in self.threads:
            thread.start()

    def _one(self, draw):
        model = draw.choice(("safe", "both", "kept", "kept"))
        text = f"question {draw.randrange(40)}" if model == "kept" else f"{model} {draw.random()}"
        body = {"model": model, "messages": [{"role": "user", "content": text}], "stream": draw.random() < 0.3}
        reply = ask(self.weir.port, "POST", "/v1/chat/completions", body, {"authorization": f"Bearer {KEY}"})
        how = reply.headers.get("x-weir-cache")
        with self.lock:
            self.asked += 1
            if reply.status != 200 or not reply.complete:
                self.bad.append(f"{self.day.hours():.2f} h, {model}: {reply}"[:300])
            elif how in ("hit", "shared"):
                self.got["cache_hits" if how == "hit" else "cache_shared"] += 1
            else:
                self.got["requests"] += 1

    def _run(self, number):
        draw = random.Random(number)
        while True:
            self.idle.wait()
            if self.over:
                return
            while self.running.is_set():
                try:
                    self._one(draw)
                except OSError as problem:
                    with self.lock:
                        self.bad.append(f"{self.day.hours():.2f} h: {problem!r}")
            self.idle.wait()

    def go(self):
        self.running.set()
        self.idle.wait()

    def rest(self):
        self.running.clear()
        self.idle.wait()

    def end(self):
        self.over = True
        self.idle.wait()


def measured(weir, most=None):
    """(memory, descriptors) at rest: connections that nobody uses are closed by and by."""
    time.sleep(1)
    end = time.monotonic() + 10
    while weir.descriptors() > (most if most is not None else 0) and time.monotonic() < end:
        time.sleep(0.2)
        if most is None and time.monotonic() > end - 8:
            break
    return weir.rss_bytes(), weir.descriptors()


def hour_of(hours):
    return (BEGINS + datetime.timedelta(hours=int(hours))).strftime("%Y-%m-%dT%H:00:00Z")


def the_day(weir, day, shaky, callers):
    """What was to be alerted, and the two measurements."""
    upsets, before, spent = [], None, []
    callers.go()
    for hour in range(int(day.hours()) + 1, OPTIONS.hours):
        day.wait(hour + 0.1)
        begins = day.ms()
        if hour % 3 == 1:  # its provider fails for 20 minutes
            shaky.fault("status=503", -1)
            day.wait(hour + 0.45)
            shaky.reset()
            ends = day.ms() + 40 * 60000
            upsets += [(kind, "provider shaky", begins, ends) for kind in FAILING]
        if hour % 3 == 2:  # it is drained, and taken back
            assert weir.admin("POST", "/providers/shaky/drain").status == 200
            day.wait(hour + 0.3)
            assert weir.admin("POST", "/providers/shaky/resume").status == 200
            upsets.append(("provider_out", "provider shaky", begins, day.ms()))
        day.wait(hour + 0.95)
        spent.append(hour_of(hour))
        if before is None and (hour >= WARM_HOURS or hour == OPTIONS.hours - 2):
            callers.rest()
            before = measured(weir)
            callers.go()
        shaky._ask("DELETE", "/mock/requests")
        print(f"soak: hour {hour}: {callers.asked} asked, {weir.rss_bytes() / verdict.MB:.1f} MB, "
              f"{weir.descriptors()} descriptors", flush=True)
    callers.rest()
    return upsets, spent, before, measured(weir, before[1])


def verdicts(weir, receiver, callers, seen):
    upsets, spent, before, after = seen
    usage = weir.admin("GET", "/usage?since=2026-11-22").json["total"]
    told = [json.loads(line) for line in list(weir.err) if '"event":"alert' in line]
    lines = [line for line in told if line["event"] in ("alert", "alert_ended")]
    poll(lambda: not verdict.posts_missed(lines, receiver.told()) or None, 10)
    posts = receiver.told()
    first = hour_of(0)
    return {
        "every request was answered": callers.bad[:5],
        "no alert is told twice": verdict.told_twice(lines),
        "no budget's alert is missed": verdict.windows_missed(
            [post for post in posts if post.get("window_started_at") != first], spent),
        "no other alert is missed": verdict.upsets_missed(posts, upsets),
        "each alert is posted": verdict.posts_missed(lines, posts),
        "memory is flat": verdict.memory_grows(before[0], after[0]),
        "no descriptor is leaked": verdict.descriptors_leak(before[1], after[1]),
        "the ledger has what callers got": verdict.books_differ(callers.got, usage),
    }


def main():
    unseen = verdict.selftest()
    for one in unseen:
        print(f"soak: the self test planted a fault, and nobody saw it: {one}")
    if unseen or OPTIONS.selftest:
        print(f"{0 if unseen else 1} passed, {len(unseen)} failed")
        return 1 if unseen else 0
    folder = Path(tempfile.mkdtemp(prefix="weir-soak-"))
    shim = folder / "clock.so"
    subprocess.run([*os.environ.get("CC", "cc").split(), "-O2", "-D_GNU_SOURCE", "-shared", "-fPIC", "-o", str(shim),
                    str(HERE / "clock.c")], check=True, timeout=60)
    receiver, steady, shaky = Receiver(), Mock(), Mock()
    day = Day(OPTIONS.rate)
    weir = Quiet(folder, config(steady, shaky, receiver), env=environment(**day.env(shim)))
    found = {}
    try:
        callers = Callers(weir, day, OPTIONS.callers)
        seen = the_day(weir, day, shaky, callers)
        found = verdicts(weir, receiver, callers, seen)
        callers.end()
        weir.stop()
    except AssertionError as problem:
        found["the run itself"] = [str(problem)]
    finally:
        for process in (weir, steady, shaky):
            if process.process.poll() is None:
                process.process.kill()
    failed = [name for name, problems in found.items() if problems]
    for name in failed:
        print(f"soak: FAILED: {name}: " + "; ".join(found[name][:10]))
    (folder / "weir.log").write_text("\n".join(weir.err))
    (folder / "posts.jsonl").write_text("\n".join(json.dumps(post) for post in receiver.posts))
    if failed or OPTIONS.keep:
        print(f"soak: everything is kept in {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"soak: {day.hours():.1f} simulated hours, {callers.asked} requests, {len(receiver.told())} posts of alerts")
    print(f"{len(found) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

"""max_memory_bytes is what it says: with every kind of caller at once that has weir hold something, far more of them
than it has room for, the process stays within it and a constant; and no one of them takes what the next needs."""
import os
import re
import threading
from pathlib import Path

import pytest

from test_auth import bearer, client
from test_slow_callers import LARGE, anthropic_reply, answers, small_window
from weirlib import Connection, RawProvider, chat_body, http, poll, provider, readable, request_bytes

SANITIZED = os.environ.get("WEIR_BINARY", "").find("san") >= 0
# what docs/operations.md says stands beside the bound: for the process, and for each loop
BESIDE = 8_000_000 + 2 * 4_000_000


def peak_bytes(weir):
    return int(re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{weir.process.pid}/status").read_text()).group(1)) * 1024


def held_bytes(weir, tls=None):
    text = http(weir.port, "GET", "/metrics", tls=tls).text
    return sum(float(line.split()[1]) for line in text.splitlines() if line.startswith("weir_memory_held_bytes "))


def connect(make):
    """A connection, or None where weir takes no more."""
    try:
        return make()
    except OSError:
        return None


def feed(c, *pieces):
    """Sends as much as is taken."""
    try:
        c.socket.settimeout(0.5)
        for piece in pieces:
            c.send(piece)
    except OSError:
        pass
    return c


def stuck(connection, head, body):
    """A provider that begins a stream and says no more."""
    event = (
        b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,'
        b'"delta":{"content":"%s"}}]}\n\n'
    )
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n" + event %
                       (b"y" * 60_000) + event[:-2] % (b"y" * 200_000))
    threading.Event().wait(30)


def crowd(weir, tls):
    """Of each kind several: (who, how one begins)."""
    admin = bearer(weir.admin_key)
    big, small = (request_bytes("POST", "/v1/chat/completions",
                                chat_body("x" * 3_000_000)), request_bytes("POST", "/v1/chat/completions", chat_body()))
    stream = request_bytes("POST", "/v1/chat/completions", chat_body(model="stuck", stream=True))

    def new():
        return Connection(weir.port, tls=tls)

    return [
        ("open", 60, lambda: new()),
        ("slow reader", 24, lambda: feed(small_window(weir.port, tls=tls), small)),
        ("slow sender", 24, lambda: feed(new(), big[:2_500_000])),
        ("dripping head", 60, lambda: feed(new(), b"GET / HTTP/1.1\r\nHost: a\r\n" + b"x-a: " + b"y" * 60_000)),
        ("translated body", 10, lambda: feed(
            new(),
            request_bytes("POST", "/v1/chat/completions",
                          chat_body([{"type": "text", "text": "é\\n" * 40_000}] * 20, model="say")))),
        ("stream", 40, lambda: feed(new(), stream)),
        ("pipelined", 40, lambda: feed(new(), stream + (b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n" * 400))),
        ("admin body", 40,
         lambda: feed(new(),
                      request_bytes("POST", "/admin/v1/providers", b"{" + b" " * 250_000, admin)[:-10])),
    ]


def is_served(weir, tls):
    reply = http(weir.port, "POST", "/v1/chat/completions", chat_body(), tls=tls)
    return reply.status == 200 and reply.complete and len(reply.body) > LARGE


@pytest.mark.parametrize("over_tls", [False, True])
def test_every_kind_of_caller_at_once_stays_within_the_bound(start, certificates, over_tls):
    listen = ({"listen": [{"address": "127.0.0.1:0", "tls": {"cert": certificates.cert, "key": certificates.key}}]}
              if over_tls else {})
    tls = certificates.client() if over_tls else None
    bound = 48_000_000
    with RawProvider(answers(anthropic_reply())) as whole, RawProvider(stuck) as open_ended:
        patient = {"type": "anthropic", "reply_timeout_seconds": 60, "timeout_seconds": 60}
        weir = start({
            **listen, "workers": "2", "max_memory_bytes": bound, "write_timeout_seconds": 60,
            "header_timeout_seconds": 60, "retry": {"max_retries": 0}, "providers": {
                "p": provider(whole.base_url.replace("/v1", ""),
                              **patient), "q": provider(whole.base_url.replace("/v1", ""), ["n"], **patient),
                "s": provider(open_ended.base_url, ["x"], stall_timeout_seconds=60, timeout_seconds=60)
            }, "routes": [{"model": "stuck", "targets": ["s/x"], "resume_streams": True},
                          {"model": "say", "targets": ["q/n"]}]
        })
        assert is_served(weir, tls)
        poll(lambda: held_bytes(weir, tls) < 2_000_000)
        idle, at_rest, most = weir.rss_bytes(), held_bytes(weir, tls), 0
        held, refused = [], 0
        kinds = [begin for _, count, begin in crowd(weir, tls) for _ in range(count)]
        for i in range(len(kinds)):  # all kinds mixed
            c = connect(kinds[i * 89 % len(kinds)])
            refused += c is None
            held += [c] if c else []
            if i % 20 == 0:
                most = max(most, weir.rss_bytes())
        most = max(most, weir.rss_bytes())
        assert SANITIZED or peak_bytes(weir) - idle <= bound + BESIDE, f"{peak_bytes(weir) - idle} bytes"
        assert SANITIZED or most - idle > bound / 3, f"only {most - idle} bytes: nothing was tried"
        assert (weir.log("request_refused") or refused or
                [line for line in weir.log("request_done") if line["status"] in (502, 503)])
        for c in held:
            try:
                c.reset()
            except OSError:
                pass
        poll(lambda: is_served(weir, tls), 20)  # nobody's provider rests for it
        # and everything was given back, but for what providers' connections keep
        poll(lambda: held_bytes(weir, tls) <= at_rest + 400_000, 40)
        assert weir.process.poll() is None


def test_one_client_that_takes_all_it_gets_leaves_room_for_the_next(start, start_mock):
    """One key's slow senders against requests of another key, and of nobody."""
    bound = 64_000_000
    greedy, modest = bearer("greedy-greedy-greedy"), bearer("modest-modest-modest")
    weir = start({
        "max_memory_bytes": bound,
        "clients": [client("greedy", "greedy-greedy-greedy"),
                    client("modest", "modest-modest-modest")], "providers": {"p": provider(start_mock())}
    })

    def ask(key, size):
        return http(weir.port, "POST", "/v1/chat/completions", chat_body("x" * size), key)
    whole = request_bytes("POST", "/v1/chat/completions", chat_body("x" * 1_000_000), greedy)
    held = [feed(Connection(weir.port), whole[:-100]) for _ in range(80)]  # far more than there is room for
    poll(lambda: [line for line in weir.log("request_done") if line["status"] == 503])
    for _ in range(3):
        reply = ask(modest, 1_000_000)
        assert reply.status == 200 and reply.complete, reply
        assert http(weir.port, "GET", "/healthz").status == 200
    with Connection(weir.port) as c:  # more than the refused ones have left; nobody reads on for long behind a refusal
        more = request_bytes("POST", "/v1/chat/completions", chat_body("x" * 6_000_000), greedy)
        for at in range(0, len(more), 50_000):
            c.send(more[at:at + 50_000])
            if readable([c.socket], 0.005):
                break
        reply = c.reply("POST")
    assert reply.status == 503 and reply.error["code"] == "overloaded" and reply.headers["retry-after"], reply
    for c in held:
        c.socket.close()
    poll(lambda: ask(greedy, 1_000_000).status == 200)


def test_strangers_at_the_page_take_no_memory_that_clients_need(start, start_mock):
    """POST /page/enter is open to anybody: a byte of a body each, which is held until the rest of it comes."""
    weir = start({
        "max_memory_bytes": 16_777_216, "clients": [client("modest", "modest-modest-modest")],
        "providers": {"p": provider(start_mock())}
    })
    at_rest = held_bytes(weir)
    whole = request_bytes("POST", "/page/enter", '{"code": "%s"}' % ("0" * 32))
    held = [feed(Connection(weir.port), whole[:-1]) for _ in range(100)]
    for _ in range(3):
        reply = http(weir.port, "POST", "/v1/chat/completions", chat_body("x" * 400_000),
                     bearer("modest-modest-modest"))
        assert reply.status == 200, reply
    assert held_bytes(weir) - at_rest < 4_000_000
    for c in held:
        c.send(whole[-1:])
        assert c.reply("POST").status == 403
        c.socket.close()
    assert http(weir.port, "POST", "/page/enter", '{"code": "%s"}' % ("0" * 5000)).status == 413

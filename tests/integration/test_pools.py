"""Connections to providers belong to the configuration: TLS as its files say at each load, pools with limits, nothing
of an old one in use."""
import signal
import subprocess
import threading

import pytest

from weirlib import (BINARY, Certificates, Connection, RawProvider, answers_well, chat, chat_body, good_reply, http,
                     poll, provider, request_bytes)


def hup(weir, event="reloaded"):
    before = len(weir.log(event))
    weir.process.send_signal(signal.SIGHUP)
    return poll(lambda: len(weir.log(event)) > before and weir.log(event)[-1])


def check(path):
    return subprocess.run([BINARY, "check", "-c", str(path)], capture_output=True, text=True, timeout=30)


@pytest.fixture
def another(tmp_path):
    """Another authority, with the same names."""
    folder = tmp_path / "another"
    folder.mkdir()
    return Certificates(folder)


def copy(source, target):
    with open(source, "rb") as read, open(target, "wb") as write:
        write.write(read.read())


def test_twenty_ca_files_work_as_check_says(start, certificates, tmp_path):
    with RawProvider(answers_well, tls=certificates.server()) as raw:
        url = raw.base_url.replace("127.0.0.1", "localhost")
        own = open(certificates.ca).read()
        providers = {}
        for i in range(20):
            path = tmp_path / f"ca{i}.pem"
            path.write_text(own + f"\n# {i}\n")
            providers[f"p{i}"] = provider(url, ca_file=str(path))
        weir = start({"providers": providers})
        for i in range(20):
            assert chat(weir.port, model=f"p{i}/m").content == "fine", i
        assert check(weir.path).returncode == 0


def test_a_rotated_ca_is_read_at_the_next_reload(start, certificates, another, tmp_path):
    ca = tmp_path / "ca.pem"
    copy(certificates.ca, ca)
    with RawProvider(answers_well, tls=certificates.server()) as raw, RawProvider(answers_well,
                                                                                  tls=another.server()) as moved:
        config = lambda r: {"providers": {"p": provider(r.base_url.replace("127.0.0.1", "localhost"), ca_file=str(ca))}}
        weir = start(config(raw))
        assert chat(weir.port).status == 200
        copy(another.ca, ca)
        assert chat(weir.port).status == 200, "until then the one that was deployed counts"
        hup(weir)
        assert chat(weir.port).status == 502 and raw.connections == 2, "the kept connection was verified by other roots"
        weir.write(config(moved))
        hup(weir)
        assert chat(weir.port).status == 200


@pytest.mark.parametrize("content", [None, "no certificate\n", ""])
def test_a_ca_file_that_cannot_be_used_is_an_error_of_check(start, certificates, tmp_path, content):
    ca = tmp_path / "ca.pem"
    if content is not None:
        ca.write_text(content)
    with RawProvider(answers_well, tls=certificates.server()) as raw:
        weir = start({"providers": {"p": provider(raw.base_url, ca_file=certificates.ca)}})
        assert chat(weir.port).status == 200
        weir.write(
            f"providers:\n  p:\n    type: openai\n    api_key: k\n    base_url: {raw.base_url}\n    models: [m]\n    "
            f"ca_file: {ca}\n"
        )
        checked = check(weir.path)
        assert checked.returncode == 2 and f"{weir.path}:7:" in checked.stdout and str(ca) in checked.stdout, checked
        assert str(ca) in hup(weir, "reload_failed")["said"]
        assert chat(weir.port).status == 200
        reply = http(weir.port, "PATCH", "/admin/v1/providers/p", {"ca_file": str(ca)},
                     {"Authorization": f"Bearer {weir.admin_key}"})
        assert reply.status == 400 and str(ca) in reply.error["message"]
        assert chat(weir.port).status == 200


def test_the_listeners_certificate_is_read_again_at_a_reload(start, start_mock, certificates, another, tmp_path):
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    copy(certificates.cert, cert), copy(certificates.key, key)
    config = {
        "listen": {"address": "127.0.0.1:0", "tls": {"cert": str(cert), "key": str(key)}},
        "providers": {"p": provider(start_mock())}
    }
    weir = start(config)
    assert http(weir.port, "GET", "/healthz", tls=certificates.client()).status == 200
    with Connection(weir.port, tls=certificates.client()) as open_before:
        copy(another.cert, cert)
        assert check(weir.path).returncode == 2, "the key is another's"
        assert str(key) in hup(weir, "reload_failed")["said"]
        assert http(weir.port, "GET", "/healthz", tls=certificates.client()).status == 200
        copy(another.key, key)
        hup(weir)
        assert http(weir.port, "GET", "/healthz", tls=another.client()).status == 200
        open_before.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert open_before.reply("GET").status == 200


def test_a_changed_key_or_url_leaves_no_old_connection(start):
    with RawProvider(answers_well) as raw:
        weir = start({"providers": {"p": provider(raw.base_url), "q": provider(raw.base_url, api_key="other")}})
        admin = {"Authorization": f"Bearer {weir.admin_key}"}
        edit = lambda change: http(weir.port, "PATCH", "/admin/v1/providers/p", change, admin)
        ask = lambda name: chat(weir.port, model=f"{name}/m").status
        assert [ask("p"), ask("q"), ask("p"), ask("q")] == [200] * 4 and raw.connections == 2
        assert edit({"weight": 2}).status == 200
        assert [ask("p"), ask("q")] == [200] * 2 and raw.connections == 2, "what has not changed is kept"
        assert edit({"api_key": "sk-new"}).status == 200
        assert [ask("p"), ask("q")] == [200] * 2 and raw.connections == 3, "only the changed one's is new"
        poll(lambda: weir.metric("weir_upstream_connections", state="idle") == 2)


# -- pool: {max_idle, max_connections} ---------------------------------------------------------------------------------

class Gate:
    """A provider that answers when it is let, and knows the most connections at once."""

    def __init__(self):
        self.go, self.lock, self.inside, self.most = threading.Event(), threading.Lock(), 0, 0

    def __call__(self, connection, head, body):
        with self.lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        self.go.wait(20)
        with self.lock:
            self.inside -= 1
        connection.sendall(good_reply())


def in_threads(count, run):
    results = [None] * count
    def one(i):
        results[i] = run(i)
    threads = [threading.Thread(target=one, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    return threads, results


def test_past_max_connections_requests_wait_for_one(start):
    gate = Gate()
    with RawProvider(gate) as raw:
        weir = start({
            "providers": {
                "p": provider(raw.base_url, reply_timeout_seconds=20, connect_timeout_seconds=20,
                              pool={"max_connections": 2})
            }
        })
        threads, results = in_threads(8, lambda i: chat(weir.port, f"x{i}"))
        poll(lambda: gate.inside == 2 and weir.metric("weir_requests_in_flight") == 8)
        gate.go.set()
        for thread in threads:
            thread.join(20)
        assert [r.status for r in results] == [200] * 8 and gate.most == 2 and raw.connections == 2
        assert all(r.headers["x-weir-attempts"] == "1" for r in results)


def test_who_waits_too_long_goes_on_to_the_next_target(start):
    gate = Gate()
    with RawProvider(gate) as raw, RawProvider(answers_well) as other:
        full = provider(raw.base_url, ["m", "only"], priority=1, reply_timeout_seconds=20, connect_timeout_seconds=0.3,
                        pool={"max_connections": 1})
        weir = start({"retry": {"max_retries": 3}, "providers": {"p": full, "q": provider(other.base_url, priority=2)}})
        threads, results = in_threads(1, lambda i: chat(weir.port))
        poll(lambda: gate.inside == 1)
        reply = chat(weir.port)
        assert (reply.status == 200 and reply.headers["x-weir-provider"] == "q" and
                reply.headers["x-weir-attempts"] == "2")
        refused = chat(weir.port, model="only")
        assert (refused.status == 429 and refused.error["code"] == "too_many_in_flight" and
                refused.headers["x-weir-attempts"] == "1"), refused
        gate.go.set()
        threads[0].join(20)
        assert results[0].status == 200 and results[0].headers["x-weir-provider"] == "p"
        assert chat(weir.port, model="only").status == 200, "its breaker has not opened"


def test_a_caller_that_leaves_the_line_is_not_missed(start):
    gate = Gate()
    with RawProvider(gate) as raw:
        weir = start({
            "providers": {
                "p": provider(raw.base_url, reply_timeout_seconds=20, connect_timeout_seconds=20,
                              pool={"max_connections": 1})
            }
        })
        threads, results = in_threads(1, lambda i: chat(weir.port))
        poll(lambda: gate.inside == 1)
        leaving = Connection(weir.port)
        leaving.send(request_bytes("POST", "/v1/chat/completions", chat_body("left")))
        poll(lambda: weir.metric("weir_requests_in_flight") == 2)
        more, answers = in_threads(1, lambda i: chat(weir.port, "stays"))
        poll(lambda: weir.metric("weir_requests_in_flight") == 3)
        leaving.socket.close()
        poll(lambda: weir.metric("weir_callers_gone_total") == 1)
        gate.go.set()
        for thread in threads + more:
            thread.join(20)
        assert results[0].status == 200 and answers[0].status == 200 and not any(b"left" in b for b in raw.bodies)


def test_max_idle_keeps_so_many(start):
    gate = Gate()
    with RawProvider(gate) as raw:
        weir = start({"providers": {"p": provider(raw.base_url, reply_timeout_seconds=20, pool={"max_idle": 1})}})
        threads, results = in_threads(4, lambda i: chat(weir.port))
        poll(lambda: gate.inside == 4)
        gate.go.set()
        for thread in threads:
            thread.join(20)
        assert all(r.status == 200 for r in results)
        poll(lambda: weir.metric("weir_upstream_connections", state="idle") == 1)


@pytest.mark.parametrize("pool, words", [("{max_idle: 9, max_connections: 2}", "max_idle"),
                                         ("{max_connections: 0}", "max_connections"), ("{size: 3}", "size")])
def test_check_refuses_nonsense(tmp_path, pool, words):
    path = tmp_path / "weir.yaml"
    path.write_text(f"providers:\n  p:\n    type: openai\n    api_key: k\n    pool: {pool}\n")
    checked = check(path)
    assert checked.returncode == 2 and words in checked.stdout and ":5:" in checked.stdout, checked


def test_limits_change_at_run_time_and_nonsense_is_refused(start):
    gate = Gate()
    with RawProvider(gate) as raw:
        weir = start({
            "providers": {
                "p": provider(raw.base_url, reply_timeout_seconds=20, connect_timeout_seconds=20,
                              pool={"max_connections": 1})
            }
        })
        edit = lambda change: http(weir.port, "PATCH", "/admin/v1/providers/p", change,
                                   {"Authorization": f"Bearer {weir.admin_key}"})
        threads, results = in_threads(3, lambda i: chat(weir.port))
        poll(lambda: gate.inside == 1 and weir.metric("weir_requests_in_flight") == 3)
        assert edit({"pool": {"max_connections": 1, "max_idle": 5}}).status == 400
        assert edit({"pool": {"max_connections": 3}}).status == 200
        poll(lambda: gate.inside == 3)
        gate.go.set()
        for thread in threads:
            thread.join(20)
        assert [r.status for r in results] == [200] * 3

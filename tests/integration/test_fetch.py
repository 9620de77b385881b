"""Images and documents that a request names by URL, for providers that take only bytes: fetched by weir, and by its
rules."""
import base64
import http.server
import json
import threading
import time

import pytest

from weirlib import chat, http as ask, provider, poll

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
PDF = b"%PDF-1.4 a very short one"


class Files(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        files = self.server
        files.seen.append((self.path, dict(self.headers)))
        name = self.path.split("?")[0]
        if name == "/moved":
            return self.reply(302, b"", {"Location": "/picture.png"})
        if name == "/moved-in-full":
            return self.reply(301, b"", {"Location": f"http://127.0.0.1:{files.server_port}/picture.png"})
        if name == "/moved-away":
            return self.reply(302, b"", {"Location": f"http://127.0.0.2:{files.server_port}/picture.png"})
        if name == "/moved-to-file":
            return self.reply(302, b"", {"Location": "file:///etc/passwd"})
        if name == "/moved-round":
            return self.reply(307, b"", {"Location": "/moved-round"})
        if name == "/late":
            time.sleep(3)
        if name == "/large":
            return self.reply(200, PNG + b"x" * 5000, {"Content-Type": "image/png"})
        if name == "/nine-megabytes":
            return self.reply(200, PNG + b"x" * 9_000_000, {"Content-Type": "image/png"})
        if name == "/large-unsaid":
            self.send_response(200)
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(PNG + b"x" * 5000)
            self.close_connection = True
            return None
        if name == "/page":
            return self.reply(200, b"<html>", {"Content-Type": "text/html"})
        if name == "/lies":
            return self.reply(200, PNG, {"Content-Type": "text/plain"})
        if name == "/paper.pdf":
            return self.reply(200, PDF, {"Content-Type": "application/octet-stream"})
        if name.startswith("/picture"):
            return self.reply(200, PNG, {"Content-Type": "image/png; charset=x"})
        return self.reply(404, b"no", {})

    def reply(self, status, body, headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            pass

    def log_message(self, *_):
        pass


@pytest.fixture
def files():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files)
    server.daemon_threads = True
    server.seen = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.url = f"http://127.0.0.1:{server.server_port}"
    yield server
    server.shutdown()
    server.server_close()


def config(mock, **fetch):
    base = f"http://127.0.0.1:{mock.port}"
    kinds = {"gemini": f"{base}/v1beta", "ollama-native": base, "openai": f"{base}/v1", "anthropic": base}
    return {"providers": {kind: provider(url, type=kind, reply_timeout_seconds=5) for kind, url in kinds.items()},
            "routes": [{"model": kind, "targets": [f"{kind}/m"]} for kind in kinds] +
                      [{"model": "both", "strategy": "priority", "targets": ["openai/m", "gemini/m"]}],
            "request_timeout_seconds": 5, **({"fetch": fetch} if fetch else {})}


OPEN = {"allow": ["127.0.0.1/32"], "max_bytes": 4000, "timeout_seconds": 1}


def look(port, url, model="gemini", **more):
    return chat(port, [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": url}}],
                model=model, **more)


def refused(reply, words):
    assert reply.status == 400 and reply.error["code"] == "invalid_request" and words in reply.error["message"], reply
    assert "base64" in reply.error["message"]


def test_the_bytes_reach_providers_that_take_no_urls(start, start_mock, files):
    mock = start_mock()
    weir = start(config(mock, **OPEN))
    for path in ("/picture.png?key=1", "/moved", "/moved-in-full", "/lies"):
        reply = look(weir.port, files.url + path)
        assert reply.status == 200, (path, reply)
        part = json.loads(mock.last()["body"])["contents"][0]["parts"][1]["inlineData"]
        assert part["mimeType"] == "image/png" and base64.b64decode(part["data"]) == PNG
    assert files.seen[0][0] == "/picture.png?key=1"
    assert "weir/" in files.seen[0][1]["User-Agent"] and not {"Authorization", "Cookie"} & set(files.seen[0][1])
    assert look(weir.port, files.url + "/picture.png", "ollama-native", stream=True).complete
    assert base64.b64decode(json.loads(mock.last()["body"])["messages"][0]["images"][0]) == PNG


def test_it_is_fetched_once_and_only_when_it_is_needed(start, start_mock, files):
    mock = start_mock()
    weir = start(config(mock, **OPEN))
    url = files.url + "/picture.png"
    for model in ("openai", "anthropic", "both"):
        assert look(weir.port, url, model).status == 200
        assert url in mock.last()["body"]
    assert files.seen == []
    twice = [{"type": "image_url", "image_url": {"url": url}}, {"type": "image_url", "image_url": {"url": url}}]
    assert chat(weir.port, twice, model="gemini").status == 200
    assert len(files.seen) == 1 and mock.last()["body"].count("inlineData") == 2


def test_a_short_request_does_not_become_a_huge_one(start, start_mock, files):
    weir = start(config(start_mock(), **{**OPEN, "max_bytes": 10_000_000, "timeout_seconds": 5}))
    url = files.url + "/nine-megabytes"
    assert look(weir.port, url).status == 200
    places = [{"type": "image_url", "image_url": {"url": url}}] * 3  # one file, said three times: 36 MB
    refused(chat(weir.port, places, model="gemini"), "larger than 32 MB together")
    others = [{"type": "image_url", "image_url": {"url": f"{url}?{i}"}} for i in range(3)]
    refused(chat(weir.port, others, model="gemini"), "larger than 32 MB together")


def test_documents_too(start, start_mock, files):
    mock = start_mock()
    weir = start(config(mock, **OPEN))
    body = {
        "model": "gemini", "max_tokens": 9, "messages": [{
            "role": "user",
            "content": [{"type": "document", "source": {"type": "url", "url": files.url + "/paper.pdf"}},
                        {"type": "text", "text": "Sum up"}]
        }]
    }
    assert ask(weir.port, "POST", "/v1/messages", body).status == 200
    part = json.loads(mock.last()["body"])["contents"][0]["parts"][0]["inlineData"]
    assert part["mimeType"] == "application/pdf" and base64.b64decode(part["data"]) == PDF


def test_what_cannot_be_fetched_is_told(start, start_mock, files):
    mock = start_mock()
    weir = start(config(mock, **OPEN))
    for path, words in (("/missing", "status 404"), ("/large", "too large"), ("/large-unsaid", "too large"),
                        ("/page", "no image"), ("/late", "too long"), ("/moved-round", "moved too often"),
                        ("/moved-away", "no public address"), ("/moved-to-file", "http://"), ("/paper.pdf",
                                                                                              "no image")):
        refused(look(weir.port, files.url + path), words)
    refused(look(weir.port, "http://127.0.0.1:1/x?secret=1"), "connect")
    assert "secret" not in look(weir.port, "http://127.0.0.1:1/x?secret=1").error["message"]
    assert mock.requests()["count"] == 0


@pytest.mark.parametrize("host", [
    "127.0.0.1", "localhost", "2130706433", "0x7f.1", "0", "[::1]", "[::ffff:127.0.0.1]", "10.0.0.1", "169.254.169.254",
    "192.168.1.1", "[fe80::1]", "[fd00::1]", "100.64.0.1"
])
def test_nothing_inside_is_asked(start, start_mock, files, host):
    mock = start_mock()
    weir = start(config(mock, timeout_seconds=2))
    refused(look(weir.port, f"http://{host}:{files.server_port}/picture.png"), "no public address")
    assert files.seen == [] and mock.requests()["count"] == 0


def test_urls_that_are_none(start, start_mock, files):
    mock = start_mock()
    weir = start(config(mock, **OPEN))
    for url, words in ((f"http://user@127.0.0.1:{files.server_port}/picture.png", "user name"),
                       (f"{files.url}/picture.png\r\nX: y", "blank"), ("http:///x", "no host")):
        refused(look(weir.port, url), words)
    for model in ("gemini", "ollama-native"):  # none is left out without a word
        for url in ("ftp://example.com/a.png", "file:///etc/passwd", "picture.png"):
            refused(look(weir.port, url, model), "http://")
    reply = look(weir.port, "gs://bucket/a.png", "ollama-native")  # Google's own
    assert reply.status == 400 and "`file_id`" in reply.error["message"], reply
    assert files.seen == [] and mock.requests()["count"] == 0
    assert look(weir.port, "gs://bucket/a.png").status == 200 and "gs://bucket/a.png" in mock.last()["body"]


def test_it_may_be_switched_off(start, start_mock, files):
    weir = start(config(start_mock(), enabled=False))
    reply = look(weir.port, files.url + "/picture.png")
    assert reply.status == 400 and reply.error["code"] == "unsupported" and "base64" in reply.error["message"]
    assert files.seen == []


def test_a_caller_that_hangs_up_ends_it(start, start_mock, files):
    from weirlib import Connection, request_bytes
    weir = start(config(start_mock(), allow=["127.0.0.1/32"], timeout_seconds=20))
    with Connection(weir.port) as caller:
        caller.send(
            request_bytes(
                "POST", "/v1/chat/completions", {
                    "model": "gemini", "messages": [{
                        "role": "user", "content": [{"type": "image_url", "image_url": {"url": files.url + "/late"}}]
                    }]
                }))
        poll(lambda: files.seen)
    poll(lambda: weir.metric("weir_requests_in_flight") == 0)
    assert chat(weir.port, model="openai").status == 200


def test_a_wrong_network_is_told(start, start_mock):
    weir = start(config(start_mock(), allow=["10.0.0.0/99"]), wait=False)
    assert weir.wait() == 2

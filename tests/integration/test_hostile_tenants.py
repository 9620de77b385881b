"""A caller who chooses every word, and a provider that means no good: what one does stays its own affair."""
import contextlib
import hashlib
import json
import os
import pty
import subprocess
import tty

import pytest

from weirlib import (BINARY, GOOD_BODY, Connection, RawProvider, chat, chat_body, environment, good_reply, http,
                     poll, provider, request_bytes)

EXHAUSTED = (
    "x-ratelimit-limit-requests: 10\r\nx-ratelimit-remaining-requests: 0\r\nx-ratelimit-reset-requests: 100h\r\n")


def client(name, **more):
    return {"name": name, "key_hash": hashlib.sha256(f"key-of-{name}".encode()).hexdigest(), **more}


def bearer(name):
    return {"authorization": f"Bearer key-of-{name}"}


def reply_of(status, body=GOOD_BODY, extra=""):
    return good_reply(body, extra).replace(b"200 OK", status.encode())


def test_a_raw_answer_rests_no_key_and_no_answer_rests_one_for_hours(start):
    raw = RawProvider(lambda connection, head, body: connection.sendall(good_reply(extra=EXHAUSTED)))
    weir = start({
        "clients": [client("evil", raw=True), client("good")],
        "providers": {"p": provider(raw.base_url, ["m"], rate_limit_rpm=0)}
    })
    assert http(weir.port, "POST", "/providers/p/chat/completions", chat_body(), bearer("evil")).status == 200
    # and now the provider has said it to an ordinary caller
    assert chat(weir.port, headers=bearer("good")).status == 200
    refused = chat(weir.port, headers=bearer("good"))
    assert refused.status == 429 and int(refused.headers["retry-after"]) <= 60, refused


@pytest.mark.parametrize("status", ("501 Not Implemented", "505 HTTP Version Not Supported"))
def test_what_a_server_does_not_implement_opens_no_breaker(start, status):
    def answer(connection, head, body):
        connection.sendall(
            reply_of(status, b'{"error":{"message":"no such feature","type":"t"}}') if b"odd" in body else good_reply())
    raw = RawProvider(answer)
    weir = start({
        "providers": {
            "p": provider(raw.base_url, ["m"], circuit_breaker={"failure_threshold": 2, "timeout_seconds": 60})
        }, "retry": {"max_retries": 0}
    })
    for _ in range(6):
        assert chat(weir.port, "odd").status in (404, int(status[:3]))
    assert chat(weir.port, "usual").status == 200


@pytest.mark.parametrize("name", ("host", "Content-Length", "authorization", "X-Api-Key", "cookie", "set-cookie",
                                  "content-type", "transfer-encoding", "x-weir-targets"))
@pytest.mark.parametrize("place", ("top", "provider"))
def test_no_header_is_forwarded_that_is_weirs_own_or_a_credential(tmp_path, name, place):
    config = {
        "listen": "127.0.0.1:0", "state_dir": str(tmp_path / "state"),
        "providers": {"p": provider("http://127.0.0.1:1/v1")}
    }
    (config if place == "top" else config["providers"]["p"])["forward_headers"] = [name]
    path = tmp_path / "weir.yaml"
    path.write_text(json.dumps(config, indent=1))
    for command in ("check", "serve"):
        run = subprocess.run([BINARY, command, "-c", str(path)], env=environment(), capture_output=True, text=True,
                             timeout=20)
        assert run.returncode == 2 and "forward_headers" in run.stdout + run.stderr, (command, run)


@pytest.mark.parametrize("size", (60_000, 70_000, 300_000))
def test_an_error_too_long_to_hold_is_never_passed_on_in_part(start, size):
    """In many pieces, so that one that does not fit is followed by one that would."""
    body = json.dumps({"error": {"message": "m" * size, "type": "invalid_request_error", "param": None,
                                 "code": None}}).encode()

    def answer(connection, head, asked):
        whole = reply_of("400 Bad Request", body)
        for at in range(0, len(whole), 9973):
            connection.sendall(whole[at:at + 9973])
    raw = RawProvider(answer)
    weir = start({"providers": {"p": provider(raw.base_url, ["m"])}})
    reply = chat(weir.port)
    assert reply.status == 400 and reply.complete, reply.headers
    assert reply.body == body or len(reply.body) < 1000, len(reply.body)
    assert reply.error["message"]


@pytest.mark.parametrize("coding", ("gzip", "deflate", "br"))
def test_a_body_in_a_coding_that_nobody_asked_for_is_not_passed_on(start, coding):
    raw = RawProvider(lambda connection, head, body: connection.sendall(
        good_reply(b"\x1f\x8b\x08\x00anything", f"Content-Encoding: {coding}\r\n")))
    weir = start({"providers": {"p": provider(raw.base_url, ["m"])}})
    for path, body in (("/v1/chat/completions", chat_body()), ("/providers/p/anything", {}),
                       ("/v1/audio/speech", {"model": "m", "input": "x", "voice": "alloy"})):
        reply = http(weir.port, "POST", path, body)
        assert reply.status == 502 and b"anything" not in reply.body, (path, reply)


@pytest.mark.parametrize("name",
                         ("cf-aig-authorization", "x-auth-key", "X-Auth-Token", "ocp-apim-subscription-key",
                          "x-goog-iam-authorization-token", "x_api_key", "cookie2", "X-Method", "X-Host",
                          "True-Client-IP", "X-Client-IP", "CF-Connecting-IP", "X-Forwarded", "Range", "If-Range"))
def test_raw_sends_no_credential_of_the_callers_up_by_another_name(start, name):
    raw = RawProvider(lambda connection, head, body: connection.sendall(good_reply()))
    weir = start({"providers": {"p": provider(raw.base_url, ["m"])}})
    assert (http(weir.port, "POST", "/providers/p/x?api_key=callers&bearer_token=callers&a=1", {},
                 {name: "callers", "x-ordinary": "yes"}).status == 200)
    assert ("callers" not in raw.heads[-1] and "x-ordinary: yes" in raw.heads[-1].lower() and
            "a=1" in raw.heads[-1]), raw.heads[-1]


@pytest.mark.parametrize("origin", ("chrome-extension://localhost", "x://[::1]", "null", "file://localhost"))
def test_an_extensions_page_is_no_page_of_this_machines(start, start_mock, origin):
    weir = start({"providers": {"p": provider(start_mock())}})
    assert chat(weir.port, headers={"Origin": origin}).status == 403
    assert chat(weir.port, headers={"Origin": "http://localhost:3000"}).status == 200


@pytest.mark.parametrize("more", ({}, {"stream": True}, {"store": False}))
def test_no_work_is_had_in_the_background_that_nobody_is_charged_for(start, more):
    """Its reply ends before its work begins: only who may see what lies at the provider may ask for it."""
    queued = json.dumps({"id": "resp_1", "object": "response", "status": "queued", "output": [], "usage": None})
    raw = RawProvider(lambda connection, head, body: connection.sendall(good_reply(queued.encode())))
    weir = start({
        "clients": [client("evil"), client("good", raw=True)],
        "providers": {"p": {**provider(raw.base_url, ["gpt-5"]), "type": "openai"}}
    })
    def ask(name, background):
        body = json.dumps({"model": "gpt-5", "input": "Hello", "background": background, **more})
        return http(weir.port, "POST", "/v1/responses", body=body,
                    headers={**bearer(name), "content-type": "application/json"})
    for background in (True, 1, "true"):
        refused = ask("evil", background)
        assert refused.status == 403 and refused.json["error"]["param"] == "background"
    assert ask("evil", False).status == ask("evil", None).status == ask("good", True).status == 200


def test_one_that_asks_for_its_usage_without_end_keeps_nobody_else_from_asking(start, mocks):
    """The ledger answers one question after the other: who asks many at once has a share of the places."""
    weir = start({"workers": 2, "clients": [client("evil"), client("good")],
                  "providers": {"p": provider(mocks[0], ["m"])}})
    flood = [Connection(weir.port) for _ in range(100)]
    try:
        for connection in flood:
            connection.send(request_bytes("GET", "/v1/usage", headers=bearer("evil")) * 5)
        operators = {"authorization": f"Bearer {weir.admin_key}"}
        for _ in range(3):
            assert http(weir.port, "GET", "/v1/usage", headers=bearer("good")).status == 200
            assert http(weir.port, "GET", "/admin/v1/usage", headers=operators).status == 200
            assert http(weir.port, "GET", "/admin/v1/audit", headers=operators).status == 200
        seen = [connection.reply("GET").status for connection in flood]
        assert set(seen) == {200, 503}
    finally:
        for connection in flood:
            connection.socket.close()


def on_terminal(*words):
    """What a command writes to one."""
    ours, its = pty.openpty()
    tty.setraw(its)
    with subprocess.Popen([BINARY, *words], env=environment(), stdout=its, stderr=its, stdin=subprocess.DEVNULL):
        os.close(its)
        pieces = []
        with contextlib.suppress(OSError):  # that it has ended
            while piece := os.read(ours, 65536):
                pieces.append(piece)
    os.close(ours)
    return b"".join(pieces).decode()


def test_what_strangers_call_things_steers_no_terminal(folder, start_mock):
    """Sessions and end users of a caller's choice, as the commands show them."""
    steer = "\x1b]0;mine\x07\x1b[2J\x9b1m\x7f\r"
    mock = start_mock("--tokens", "10")
    budget = {"usd": 3, "window": "day", "per": "end_user"}
    weir = folder({
        "clients": [client("evil", budgets=[budget])], "alerts": {"budget": [0.001]},
        "providers": {"p": provider(mock, ["m"], prices={"m": {"input": 1000.0, "output": 1000.0}})}
    })
    for i in range(2):
        body = chat_body() | {"model": "m", "user": f"u{i}{steer}", "prompt_cache_key": f"s{i}{steer}",
                                          "max_tokens": 10}
        assert http(weir.port, "POST", "/v1/chat/completions", json.dumps(body), bearer("evil")).status == 200
    admin = {"authorization": f"Bearer {weir.admin_key}"}
    poll(lambda: http(weir.port, "GET", "/admin/v1/alerts", headers=admin).json["alerts"])
    for words in (["usage", "--by", "session"], ["alert", "list"]):
        shown = on_terminal(*words, "--url", f"http://127.0.0.1:{weir.port}", "--admin-key", weir.admin_key)
        assert "0;mine" in shown and not any(byte in shown for byte in "\x1b\x07\x9b\x7f\r"), (words, shown)

"""TLS on the listener and towards providers: verified, unless written out."""
import hashlib
import socket
import ssl
import warnings

import pytest

from weirlib import (GOOD_BODY, SLOW, Connection, RawProvider, answers_well, chat, chat_body, http, poll, provider,
                     request_bytes)


@pytest.fixture
def secure(certificates, start, start_mock):
    mock = start_mock()
    weir = start({
        "listen": {"address": "127.0.0.1:0", "tls": {"cert": certificates.cert, "key": certificates.key}},
        "providers": {"p": provider(mock)}
    })
    return weir, mock


def test_the_listener_speaks_tls(secure, certificates):
    weir, _ = secure
    with Connection(weir.port, tls=certificates.client()) as c:
        assert c.socket.version() in ("TLSv1.2", "TLSv1.3")
        for streamed in (False, True, False):
            c.send(request_bytes("POST", "/v1/chat/completions", chat_body("x", stream=streamed)))
            assert c.reply().content == "You said: x"


def test_old_tls_and_plain_http_are_refused(secure, certificates):
    weir, _ = secure
    context = certificates.client()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, OSError)):
        Connection(weir.port, tls=context)
    with Connection(weir.port) as c:
        c.send(request_bytes("GET", "/healthz"))
        assert c.is_closed() and b"200" not in c.buffer
    assert http(weir.port, "GET", "/healthz", tls=certificates.client()).status == 200


@pytest.mark.parametrize("asked", [request_bytes("GET", "/healthz", headers={"Connection": "close"}),
                                   b"nonsense\r\n\r\n"])
def test_an_end_is_said_before_the_connection_ends(secure, certificates, asked):
    weir, _ = secure
    with socket.create_connection(("127.0.0.1", weir.port), timeout=SLOW) as plain:
        with certificates.client().wrap_socket(plain, server_hostname="localhost", suppress_ragged_eofs=False) as c:
            c.sendall(asked)
            heard = b""
            while piece := c.recv(65536):  # an end without a close_notify raises
                heard += piece
    assert heard.startswith(b"HTTP/1.1 ")


def test_a_large_stream_over_tls_and_a_caller_that_leaves(secure, certificates):
    weir, mock = secure
    reply = http(weir.port, "POST", "/v1/chat/completions", chat_body("[mock tokens=5000] x", stream=True),
                 tls=certificates.client())
    assert reply.events[-1] == "[DONE]" and reply.body.count(b"\n\n") > 5000
    with Connection(weir.port, tls=certificates.client()) as c:
        c.send(request_bytes("POST", "/v1/chat/completions", chat_body("[mock tokens=1000 rate=50] x", stream=True)))
        c.read_until(b"said:")
    poll(lambda: mock.requests()["aborted"] == 1)


def test_a_provider_with_a_certificate_of_our_authority(certificates, start):
    with RawProvider(answers_well, tls=certificates.server()) as raw:
        url = raw.base_url.replace("127.0.0.1", "localhost")
        weir = start({
            "providers": {
                "by_name": provider(url, ca_file=certificates.ca),
                "by_address": provider(raw.base_url, ca_file=certificates.ca), "unknown": provider(url),
                "open": provider(url, insecure=True)
            }
        })
        for name in ("by_name", "by_address", "open"):
            for _ in range(3):
                assert chat(weir.port, model=f"{name}/m").content == "fine", name
        refused = chat(weir.port, model="unknown/m")
        assert (refused.status == 502 and refused.error["code"] == "upstream_unreachable" and
                "TLS" in refused.error["message"])
        assert raw.connections <= 5, "connections were not used again"


def test_a_certificate_for_another_name_is_refused(certificates, start):
    with RawProvider(answers_well, tls=certificates.server()) as raw:
        weir = start({"providers": {"p": provider(f"https://127.0.0.2:{raw.port}/v1", ca_file=certificates.ca)}})
        # 127.0.0.2 is this machine too, but the certificate does not name it
        assert chat(weir.port).status == 502
        assert not raw.heads


def test_a_provider_that_speaks_no_tls(start, start_mock):
    mock = start_mock()
    weir = start({
        "providers": {
            "p": provider(mock.base_url.replace("http:", "https:"), priority=1), "good": provider(mock, priority=2)
        }
    })
    assert chat(weir.port).headers["x-weir-provider"] == "good"


@pytest.mark.parametrize("told", [True, False])
def test_a_body_until_the_close_is_whole_only_with_a_close_notify(certificates, start, told):
    """A FIN can come from anybody on the way (RFC 9112, 9.8)."""
    def answer(connection, head, body):
        path = head.split()[1]
        kind, sent = ("application/json", GOOD_BODY) if b"chat" in path else ("audio/mpeg", b"A" * 1000)
        connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n\r\n".encode() + sent)
        if told:
            connection.unwrap()
        return False

    key = "weir_caller"
    auth = {"authorization": f"Bearer {key}"}
    with RawProvider(answer, tls=certificates.server()) as raw:
        weir = start({"retry": {"max_retries": 0}, "providers": {"p": provider(raw.base_url, ca_file=certificates.ca)},
                      "clients": [{"name": "c", "key_hash": hashlib.sha256(key.encode()).hexdigest(), "raw": True}]})
        for path, body in (("/v1/audio/speech", {"model": "m", "input": "x",
                                                 "voice": "alloy"}), ("/providers/p/audio", {"x": 1})):
            reply = http(weir.port, "POST", path, body, auth)
            assert (reply.status, reply.body, reply.complete) == (200, b"A" * 1000, told), path
        reply = http(weir.port, "POST", "/v1/chat/completions", chat_body("x"), auth)
        assert reply.status == (200 if told else 502), reply
        assert poll(lambda: len(weir.log("attempt_failed")) == (0 if told else 3))
        assert {entry["failure"] for entry in weir.log("attempt_failed")} == (set() if told else {"cut"})


def test_http_1_1_is_agreed_on_by_name(certificates, start, secure):
    """ALPN (RFC 7301): servers that speak HTTP/2 as well must not guess, on either side."""
    agreed = []

    def answer(connection, head, body):
        agreed.append(connection.selected_alpn_protocol())
        return answers_well(connection, head, body)

    server = certificates.server()
    server.set_alpn_protocols(["h2", "http/1.1"])
    with RawProvider(answer, tls=server) as raw:
        weir = start({"providers": {"p": provider(raw.base_url, ca_file=certificates.ca)}})
        assert chat(weir.port).status == 200
    assert agreed == ["http/1.1"]
    client = certificates.client()
    client.set_alpn_protocols(["h2", "http/1.1"])
    with Connection(secure[0].port, tls=client) as caller:
        assert caller.socket.selected_alpn_protocol() == "http/1.1"

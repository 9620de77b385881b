"""Malformed requests: each gets the right 4xx in the OpenAI shape, and its connection the right fate: closed where its
framing cannot be trusted any more, kept where only the content was wrong. Nothing of it reaches a provider."""
import json

import pytest

from weirlib import Connection, RawProvider, chat, chat_body, http, provider, request_bytes

PATH = "/v1/chat/completions"
GOOD = json.dumps(chat_body()).encode()
SMUGGLED = b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n\r\n{}"


def post(*lines, body=GOOD, length=True, start=b"POST /v1/chat/completions HTTP/1.1", host=b"Host: 127.0.0.1"):
    head = [start] + ([host] if host else []) + ([b"Content-Length: %d" % len(body)] if length else []) + list(lines)
    return b"\r\n".join(head) + b"\r\n\r\n" + body


CHUNKED = b"Transfer-Encoding: chunked"

# Framing and heads: name, bytes, statuses allowed. The connection is closed after each.
FRAMING = {
    "two equal lengths": (post(b"Content-Length: %d" % len(GOOD)), {400}),
    "two different lengths": (post(b"Content-Length: 3"), {400}),
    "length list": (post(b"Content-Length: 5, 5", length=False), {400}),
    "negative length": (post(b"Content-Length: -1", length=False), {400}),
    "plus length": (post(b"Content-Length: +5", length=False), {400}),
    "hex length": (post(b"Content-Length: 0x10", length=False), {400}),
    "length with blanks inside": (post(b"Content-Length: 1 0", length=False), {400}),
    "length with zeros before it": (post(b"Content-Length: 0%d" % len(GOOD), length=False), {400}),
    "length of two zeros": (post(b"Content-Length: 00", length=False, body=b""), {400}),
    "huge length": (post(b"Content-Length: 99999999999999999999999", length=False), {400, 413}),
    "length of 2^64": (post(b"Content-Length: 18446744073709551616", length=False), {400, 413}),
    "length over the limit": (post(b"Content-Length: 9999999999", length=False), {413}),
    "length that is no number": (post(b"Content-Length: many", length=False), {400}),
    "empty length": (post(b"Content-Length:", length=False), {400}),
    "length and chunked": (post(CHUNKED, body=b"0\r\n\r\n" + SMUGGLED), {400}),
    "chunked and length": (post(CHUNKED, b"Content-Length: 5", length=False, body=b"0\r\n\r\n" + SMUGGLED), {400}),
    "chunked twice": (post(CHUNKED, CHUNKED, length=False, body=b"0\r\n\r\n"), {400}),
    "chunked, chunked": (post(b"Transfer-Encoding: chunked, chunked", length=False, body=b"0\r\n\r\n"), {400}),
    "chunked not last": (post(b"Transfer-Encoding: chunked, identity", length=False, body=b"0\r\n\r\n"), {400}),
    "identity": (post(b"Transfer-Encoding: identity"), {400}),
    "gzip": (post(b"Transfer-Encoding: gzip, chunked", length=False, body=b"0\r\n\r\n"), {400, 501}),
    "xchunked": (post(b"Transfer-Encoding: xchunked", length=False, body=b"0\r\n\r\n"), {400, 501}),
    "chunked behind a tab": (post(b"Transfer-Encoding:\x0bchunked", length=False, body=b"0\r\n\r\n"), {400}),
    "blank before the colon": (post(b"Transfer-Encoding : chunked", length=False, body=b"0\r\n\r\n"), {400}),
    "length behind a blank name": (post(b"Content-Length : 5", length=False), {400}),
    "folded header": (post(b"X-Folded: a\r\n b"), {400}),
    "chunked on HTTP/1.0": (post(CHUNKED, length=False, start=b"POST /v1/chat/completions HTTP/1.0",
                                 body=b"0\r\n\r\n"), {400}),
    "bad chunk size": (post(CHUNKED, length=False, body=b"zz\r\nabc\r\n0\r\n\r\n"), {400}),
    "negative chunk size": (post(CHUNKED, length=False, body=b"-5\r\nabcde\r\n0\r\n\r\n"), {400}),
    "empty chunk size": (post(CHUNKED, length=False, body=b"\r\nabcde\r\n0\r\n\r\n"), {400}),
    "huge chunk size": (post(CHUNKED, length=False, body=b"fffffffffffffffff\r\nabc"), {400, 413}),
    "0x chunk size": (post(CHUNKED, length=False, body=b"0x5\r\nabcde\r\n0\r\n\r\n"), {400}),
    "chunk longer than said": (post(CHUNKED, length=False, body=b"3\r\nabcdef\r\n0\r\n\r\n"), {400}),
    "chunk ended by LF": (post(CHUNKED, length=False, body=b"5\nabcde\n0\n\n"), {400}),
    "bare CR in a header": (post(b"X-A: a\rContent-Length: 5"), {400}),
    "bare LF line ends": (post().replace(b"\r\n", b"\n"), {400, 505}),
    "NUL in a header value": (post(b"X-A: a\x00b"), {400}),
    "NUL in a header name": (post(b"X-\x00A: b"), {400}),
    "control character in a value": (post(b"X-A: a\x01b"), {400}),
    "header without a colon": (post(b"JustText"), {400}),
    "empty header name": (post(b": value"), {400}),
    "blank in a header name": (post(b"X A: b"), {400}),
    "no host": (post(host=None), {400}),
    "two hosts": (post(b"Host: 127.0.0.1"), {400}),
    "host list": (post(host=b"Host: 127.0.0.1, evil"), {400}),
    "host with user": (post(host=b"Host: user@127.0.0.1"), {400}),
    "host with path": (post(host=b"Host: 127.0.0.1/v1"), {400}),
    "host with two ports": (post(host=b"Host: 127.0.0.1:1:2"), {400}),
    "host with a name for a port": (post(host=b"Host: localhost:1.evil.com"), {400}),
    "host behind an address": (post(host=b"Host: [::1].evil.com"), {400}),
    "host without its bracket": (post(host=b"Host: [::1"), {400}),
    "host with a blank": (post(host=b"Host: a b"), {400}),
    "host with a backslash": (post(host=b"Host: 127.0.0.1\\@evil"), {400}),
    "whole address with a user": (post(start=b"POST http://u@127.0.0.1/v1/chat/completions HTTP/1.1"), {400}),
    "two blanks before the path": (post(start=b"POST  /v1/chat/completions HTTP/1.1"), {400}),
    "two blanks behind the path": (post(start=b"POST /v1/chat/completions  HTTP/1.1"), {400}),
    "a blank first": (post(start=b" POST /v1/chat/completions HTTP/1.1"), {400}),
    "a blank last": (post(start=b"POST /v1/chat/completions HTTP/1.1 "), {400, 505}),
    "empty lines without end": (b"\r\n" * 50 + post(), {400}),
    "a chunk extension of 5 MB": (post(CHUNKED, length=False,
                                       body=b"5;x=" + b"y" * 5_000_000 + b"\r\nabcde\r\n0\r\n\r\n"), {400}),
    "many chunk extensions": (post(CHUNKED, length=False,
                                   body=b"1;x=yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\na\r\n" * 2000), {400}),
    "a chunk extension of more than 1 KB": (post(CHUNKED, length=False, body=b"200;x=" + b"y" * 1100 + b"\r\n" +
                                                 b"a" * 512 + b"\r\n0\r\n\r\n"), {400}),
    "no version": (post(start=b"POST /v1/chat/completions"), {400}),
    "HTTP/2.0": (post(start=b"POST /v1/chat/completions HTTP/2.0"), {505}),
    "HTTP/3.0": (post(start=b"POST /v1/chat/completions HTTP/3.0"), {505}),
    "HTTP/1.9": (post(start=b"POST /v1/chat/completions HTTP/1.9"), {505}),
    "HTTP/9": (post(start=b"POST /v1/chat/completions HTTP/9"), {400}),
    "HTTP/1.1.1": (post(start=b"POST /v1/chat/completions HTTP/1.1.1"), {400}),
    "HTTP/11": (post(start=b"POST /v1/chat/completions HTTP/11"), {400}),
    "HTTP/1.x": (post(start=b"POST /v1/chat/completions HTTP/1.x"), {400}),
    "HTTQ/1.1": (post(start=b"POST /v1/chat/completions HTTQ/1.1"), {400}),
    "http in lower case": (post(start=b"POST /v1/chat/completions http/1.1"), {400}),
    "HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {400, 405, 501, 505}),
    "unknown method": (post(start=b"BREW /v1/chat/completions HTTP/1.1"), {400, 405, 501}),
    "method in lower case": (post(start=b"post /v1/chat/completions HTTP/1.1"), {400, 405, 501}),
    "CONNECT": (b"CONNECT api.openai.com:443 HTTP/1.1\r\nHost: api.openai.com\r\n\r\n", {400, 405, 501}),
    "TRACE": (b"TRACE / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", {400, 405, 501}),
    "no path": (post(start=b"POST  HTTP/1.1"), {400}),
    "path without a slash": (post(start=b"POST v1/chat/completions HTTP/1.1"), {400}),
    "NUL in the path": (post(start=b"POST /v1/chat\x00/completions HTTP/1.1"), {400}),
    "fragment in the path": (post(start=b"POST /v1/chat/completions#x HTTP/1.1"), {400}),
    "three blanks": (post(start=b"POST /v1/chat /completions HTTP/1.1"), {400, 505}),
    "target too long": (post(start=b"POST /v1/" + b"a" * 9000 + b" HTTP/1.1"), {414}),
    "headers too large": (post(*[b"X-%d: %s" % (i, b"a" * 1000) for i in range(80)]), {431}),
    "one header too large": (post(b"X: " + b"a" * 70000), {431}),
    "too many headers": (post(*[b"X-%d: a" % i for i in range(200)]), {431}),
    "unknown expectation": (post(b"Expect: 200-maybe"), {417}),
    "not HTTP at all": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello\r\n\r\n", {400}),
    "noise": (bytes(range(128, 256)) * 4 + b"\r\n\r\n", {400}),
}

DEEP = b'{"model":"m","messages":' + b"[" * 300 + b"]" * 300 + b"}"

# Bodies: the framing is fine, so the connection is kept.
BODIES = {
    "nothing": b"",
    "blank": b"  \r\n ",
    "an array": b"[]",
    "a string": b'"x"',
    "a number": b"1",
    "null": b"null",
    "a word": b"hello",
    "truncated object": GOOD[:-1],
    "truncated string": b'{"model":"m',
    "truncated in the key": b'{"mod',
    "only a brace": b"{",
    "trailing comma": b'{"model":"m",}',
    "text behind": GOOD + b"x",
    "two documents": GOOD + GOOD,
    "single quotes": b"{'model':'m'}",
    "a comment": b'{/* */"model":"m"}',
    "unquoted key": b'{model:"m"}',
    "a control character": b'{"model":"m","x":"a\x01b"}',
    "a NUL": b'{"model":"m\x00"}',
    "NUL behind": GOOD + b"\x00",
    "bad UTF-8": b'{"model":"m","x":"\xff\xfe"}',
    "overlong UTF-8": b'{"model":"m","x":"\xc0\xaf"}',
    "a surrogate in UTF-8": b'{"model":"m","x":"\xed\xa0\x80"}',
    "a byte order mark": b"\xef\xbb\xbf" + GOOD,
    "UTF-16": GOOD.decode().encode("utf-16"),
    "half a surrogate escape": b'{"model":"\\ud800"}',
    "a bad escape": b'{"model":"\\q"}',
    "leading zero": b'{"model":"m","n":01}',
    "a bare dot": b'{"model":"m","n":1.}',
    "NaN": b'{"model":"m","n":NaN}',
    "hex": b'{"model":"m","n":0x1}',
    "deep nesting": DEEP,
    "very deep nesting": b"[" * 100000,
    "deep objects": b'{"a":' * 5000,
    "model twice": b'{"model":"m","model":"other"}',
    "model twice, escaped": b'{"model":"m","\\u006dodel":"other"}',
    "MODEL": b'{"MODEL":"m"}',
    "Model besides model": b'{"model":"m","Model":"other"}',
    "stream twice": b'{"model":"m","stream":true,"stream":false}',
    "stream_options twice": b'{"model":"m","stream_options":{},"stream_options":null}',
    "model is a number": b'{"model":1}',
    "model is an object": b'{"model":{"a":1}}',
    "model is empty": b'{"model":""}',
    "model is too long": b'{"model":"' + b"m" * 2000 + b'"}',
    "stream is a string": b'{"model":"m","stream":"true"}',
    "stream_options is a list": b'{"model":"m","stream_options":[]}',
    "include_usage is a word": b'{"model":"m","stream_options":{"include_usage":"yes"}}',
    "max_tokens is a word": b'{"model":"m","max_tokens":"many"}',
}


@pytest.mark.parametrize("name", FRAMING)
def test_bad_framing_is_refused_and_the_connection_closed(pair, name):
    weir, one, two = pair
    data, statuses = FRAMING[name]
    with Connection(weir.port) as c:
        try:
            c.send(data + request_bytes("GET", "/v1/models"))
        except (BrokenPipeError, ConnectionResetError):
            pass
        reply = c.reply()
        assert reply.status in statuses, reply
        assert reply.error["code"] and reply.headers["content-type"].startswith("application/json")
        try:
            c.socket.shutdown(1)
        except OSError:
            pass
        assert c.is_closed(), "kept open"
        assert b"HTTP/1.1" not in c.buffer, "what stood behind was served as a request"
    assert one.last() is None and two.last() is None, "it reached a provider"


@pytest.mark.parametrize("name", BODIES)
def test_a_bad_body_is_a_400_and_the_connection_is_kept(pair, name):
    weir, one, two = pair
    with Connection(weir.port) as c:
        c.send(request_bytes("POST", PATH, BODIES[name]))
        reply = c.reply()
        assert reply.status == 400, reply
        assert reply.error["code"] == "invalid_request" and reply.error["type"] == "invalid_request_error"
        assert reply.error["weir"]["category"] == "configuration" and reply.error["weir"]["request_id"]
        c.send(request_bytes("POST", PATH, chat_body()))
        assert c.reply().status == 200, "the connection was not kept"
    assert one.requests()["paths"].get(PATH) == 1 and two.last() is None, "it reached a provider"


@pytest.mark.parametrize("target, path", [("http://127.0.0.1?x=/healthz", "/"), ("http://127.0.0.1", "/"),
                                          ("http://127.0.0.1/healthz?x", "/healthz"),
                                          ("http://127.0.0.1:80/v1/models", "/v1/models")])
def test_a_whole_address_is_taken_apart_as_it_is_written(pair, target, path):
    with Connection(pair[0].port) as c:
        c.send(f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        served = c.reply("GET")
        c.send(request_bytes("GET", path))
        wanted = c.reply("GET")
        assert served.status == 200 and served.body == wanted.body


def test_a_whole_address_counts_as_the_host(pair):
    """RFC 9112, 3.2.2: not the Host header."""
    for target, host, status in (("evil.example", "127.0.0.1", 403), ("127.0.0.1", "evil.example", 200)):
        with Connection(pair[0].port) as c:
            c.send(f"GET http://{target}/healthz HTTP/1.1\r\nHost: {host}\r\n\r\n")
            assert c.reply("GET").status == status


def test_an_empty_line_before_a_request_is_let_pass(pair):
    with Connection(pair[0].port) as c:
        for _ in range(3):
            c.send(b"\r\n" + request_bytes("GET", "/healthz"))
            assert c.reply("GET").text == "ok\n"


def test_there_are_enough():
    assert len(FRAMING) >= 60 and len(BODIES) >= 40


@pytest.mark.parametrize("body, param", [(b'{"model":1}', "model"), (b'{"model":"m","stream":1}', "stream"),
                                         (b'{"model":"m","model":"n"}', "model")])
def test_the_key_at_fault_is_named(pair, body, param):
    assert http(pair[0].port, "POST", PATH, body).error["param"] == param


def test_json_of_another_type_is_a_415(pair):
    reply = http(pair[0].port, "POST", PATH, GOOD, {"Content-Type": "application/xml"})
    assert reply.status == 415 and reply.error["code"] == "unsupported_media_type"


def test_deep_but_allowed_nesting_passes(pair):
    weir, one, _ = pair
    body = b'{"model":"m","messages":[{"role":"user","content":"x"}],"metadata":' + b"[" * 200 + b"]" * 200 + b"}"
    assert http(weir.port, "POST", PATH, body).status == 200 and one.last()["body"].encode() == body


def test_an_upgrade_is_ignored_and_the_body_read(pair):
    weir, _, _ = pair
    with Connection(weir.port) as c:
        c.send(post(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAAP__"))
        assert c.reply().status == 200


def test_what_a_caller_sends_cannot_forge_a_log_line(pair):
    weir, _, _ = pair
    chat(weir.port, model='x"}\n{"event":"forged"}')
    http(weir.port, "GET", "/%0a{%22event%22:%22forged%22}")
    assert chat(weir.port).status == 200
    assert not weir.log("forged")


@pytest.mark.parametrize("extension", [1000, 1024])
def test_a_small_chunk_extension_is_passed_over(pair, extension):
    weir = pair[0]
    body = b"%x;%s\r\n%s\r\n0\r\n\r\n" % (len(GOOD), b"x" * extension, GOOD)
    with Connection(weir.port) as c:
        c.send(post(CHUNKED, length=False, body=body))
        assert c.reply().status == 200


TAKES = {
    "/v1/chat/completions": "POST", "/v1/models": "GET, HEAD", "/v1/responses/resp_1": "GET, HEAD, POST, DELETE",
    "/healthz": "GET, HEAD", "/v1beta/models/m:generateContent": "POST",
    "/admin/v1/providers/p": "GET, HEAD, POST, PUT, DELETE, PATCH", "/admin/v1/reload": "POST"
}


@pytest.mark.parametrize("path", TAKES)
def test_a_refused_method_is_told_which_are_taken(pair, path):
    weir = pair[0]
    for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        if method in TAKES[path].split(", "):
            continue
        reply = http(weir.port, method, path)
        assert reply.status == 405 and reply.headers["allow"] == TAKES[path], (method, reply)


def test_the_server_itself_says_what_it_takes(pair):
    weir = pair[0]
    reply = http(weir.port, "OPTIONS", "*")
    assert reply.status == 200 and {"GET", "POST", "OPTIONS"} <= set(reply.headers["allow"].split(", "))
    assert http(weir.port, "GET", "*").status == 400


@pytest.mark.parametrize("method", ["OPTIONS", "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"])
def test_every_method_goes_to_a_providers_own_api(start, method):
    def answer(connection, head, body):
        connection.sendall(b"HTTP/1.1 200 OK\r\nAllow: GET\r\nContent-Length: 0\r\n\r\n")
    with RawProvider(answer) as far:
        weir = start({"providers": {"p": provider(far.base_url)}})
        assert http(weir.port, method, "/providers/p/things").status == 200
        assert far.heads[-1].startswith(f"{method} /v1/things "), far.heads

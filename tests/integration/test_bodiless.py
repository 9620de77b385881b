"""Answers that have no body by nature, whatever length a provider declares with them: 204, 304, and those to HEAD."""
import pytest

from weirlib import Connection, RawProvider, provider, request_bytes

HEALTH = request_bytes("GET", "/healthz")


@pytest.mark.parametrize("status", ["304 Not Modified", "204 No Content"])
@pytest.mark.parametrize("length",
                         ["Content-Length: 1234\r\n", "Content-Length: 0\r\n", "Transfer-Encoding: chunked\r\n", ""])
@pytest.mark.parametrize("interim", ["", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"])
def test_an_answer_without_a_body_is_whole(start, status, length, interim):
    with RawProvider(
            lambda c, h, b: c.sendall(f"{interim}HTTP/1.1 {status}\r\nETag: \"x\"\r\n{length}\r\n".encode())) as raw:
        weir = start({"providers": {"p": provider(raw.base_url)}})
        with Connection(weir.port) as c:
            for _ in range(2):  # the connections on both sides go on
                c.send(request_bytes("GET", "/providers/p/files/f", headers={"If-None-Match": '"x"'}) + HEALTH)
                reply = c.reply("GET")
                assert (reply.status == int(status[:3]) and "transfer-encoding" not in reply.headers and
                        reply.body == b"")
                assert c.reply("GET").text == "ok\n", "its end was taken for something else"


@pytest.mark.parametrize("length", ["Content-Length: 1234\r\n", "Transfer-Encoding: chunked\r\n", ""])
def test_an_answer_to_head_is_whole(start, length):
    with RawProvider(lambda c, h, b: c.sendall(f"HTTP/1.1 200 OK\r\n{length}\r\n".encode())) as raw:
        weir = start({"providers": {"p": provider(raw.base_url)}})
        with Connection(weir.port) as c:
            for _ in range(2):
                c.send(request_bytes("HEAD", "/providers/p/files/f") + HEALTH)
                reply = c.reply("HEAD")
                assert (reply.status == 200 and
                        (not length.startswith("Content") or reply.headers["content-length"] == "1234"))
                assert c.reply("GET").text == "ok\n"

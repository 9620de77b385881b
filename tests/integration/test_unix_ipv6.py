"""Other addresses than IPv4: unix sockets and IPv6, on both sides."""
import socket
import stat

import pytest

from weirlib import Connection, RawProvider, answers_well, chat, chat_body, http, provider, request_bytes


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as s:
            s.bind(("::1", 0))
        return True
    except OSError:
        return False


def test_a_unix_socket_serves(start, start_mock, tmp_path):
    path = tmp_path / "weir.sock"
    weir = start({"listen": f"unix:{path}", "providers": {"p": provider(start_mock())}})
    assert stat.S_IMODE(path.stat().st_mode) & 0o007 == 0
    with Connection(0, unix=path) as c:
        c.send(request_bytes("POST", "/v1/chat/completions", chat_body("x", stream=True)))
        assert c.reply().content == "You said: x"
    weir.stop()
    assert not path.exists()


def test_a_left_over_socket_file_is_replaced(start, start_mock, tmp_path):
    path = tmp_path / "weir.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    start({"listen": f"unix:{path}", "providers": {"p": provider(start_mock())}})
    assert http(0, "GET", "/healthz", unix=path).status == 200


def test_a_provider_behind_a_unix_socket(start, start_mock, tmp_path):
    path = tmp_path / "mock.sock"
    start_mock(listen=f"unix:{path}")
    weir = start({"providers": {"p": provider(f"unix:{path}")}})
    assert chat(weir.port).content == "You said: Hello"


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 on this machine")
def test_ipv6_on_both_sides(start):
    with RawProvider(answers_well, family=socket.AF_INET6) as raw:
        weir = start({"listen": "[::1]:0", "providers": {"p": provider(raw.base_url)}})
        reply = http(weir.port, "POST", "/v1/chat/completions", chat_body(), host="::1",
                     host_header=f"[::1]:{weir.port}")
        assert reply.status == 200 and reply.content == "fine"
        assert f"Host: [::1]:{raw.port}" in raw.heads[0]


def test_several_listeners(start, start_mock, tmp_path):
    path = tmp_path / "weir.sock"
    weir = start({"listen": ["127.0.0.1:0", f"unix:{path}"], "workers": 2, "providers": {"p": provider(start_mock())}})
    for _ in range(8):
        assert chat(weir.port).status == 200 and http(0, "GET", "/readyz", unix=path).status == 200

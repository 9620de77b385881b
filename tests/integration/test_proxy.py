"""HTTPS_PROXY, http_proxy and NO_PROXY: CONNECT for TLS, absolute-form for plain."""
import socket
import threading

import pytest

from weirlib import RawProvider, answers_well, chat, environment, provider


class Proxy:
    """A CONNECT proxy. Every name leads to one port of this machine; remembers what was asked."""

    def __init__(self, port, answer=b"HTTP/1.1 200 Connection established\r\n\r\n"):
        self.port_to, self.answer, self.asked = port, answer, []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            head = b""
            while b"\r\n\r\n" not in head:
                piece = connection.recv(65536)
                if not piece:
                    return
                head += piece
            self.asked.append(head.decode("latin-1"))
            connection.sendall(self.answer)
            if b" 200 " not in self.answer.split(b"\r\n")[0]:
                return
            with socket.create_connection(("127.0.0.1", self.port_to), 5) as other:
                back = threading.Thread(target=self._pump, args=(other, connection), daemon=True)
                back.start()
                self._pump(connection, other)
                back.join(5)
        except OSError:
            pass
        finally:
            connection.close()

    @staticmethod
    def _pump(source, target):
        try:
            while piece := source.recv(65536):
                target.sendall(piece)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass


@pytest.fixture
def tunnelled(certificates, start):
    def run(url_host="localhost", answer=None, **variables):
        raw = RawProvider(answers_well, tls=certificates.server())
        proxy = Proxy(raw.port, answer) if answer else Proxy(raw.port)
        env = environment(**{k: v.format(proxy=proxy.url, authority=proxy.url[7:]) for k, v in variables.items()})
        weir = start(
            {
                "providers": {
                    "p": provider(f"https://{url_host}:{raw.port}/v1", ca_file=certificates.ca, insecure=url_host
                                  != "localhost")
                }
            }, env=env)
        return weir, proxy, raw
    return run


def test_connect_carries_tls(tunnelled):
    weir, proxy, raw = tunnelled("provider.test", HTTPS_PROXY="{proxy}")
    for _ in range(3):
        assert chat(weir.port).content == "fine"
    assert proxy.asked[0].startswith(f"CONNECT provider.test:{raw.port} HTTP/1.1\r\n") and len(proxy.asked) == 1
    assert "sk-provider-secret" not in proxy.asked[0]


def test_a_proxy_with_a_password(tunnelled):
    weir, proxy, _ = tunnelled("provider.test", HTTPS_PROXY="http://user:pa%40ss@{authority}")
    assert chat(weir.port).status == 200
    assert "Proxy-Authorization: Basic dXNlcjpwYUBzcw==" in proxy.asked[0]


def test_a_proxy_that_refuses(tunnelled):
    weir, _, raw = tunnelled("provider.test",
                             answer=b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
                             HTTPS_PROXY="{proxy}")
    reply = chat(weir.port)
    assert reply.status == 502 and "proxy" in reply.error["message"] and not raw.heads


def test_no_proxy_goes_straight(certificates, start):
    with RawProvider(answers_well, tls=certificates.server()) as raw:
        dead = "http://127.0.0.1:9"
        weir = start({"providers": {"p": provider(f"https://localhost:{raw.port}/v1", ca_file=certificates.ca)}},
                     env=environment(HTTPS_PROXY=dead, NO_PROXY="localhost"))
        assert chat(weir.port).content == "fine"


def test_loopback_is_never_proxied(start, start_mock):
    weir = start({"providers": {"p": provider(start_mock())}}, env=environment(HTTP_PROXY="http://127.0.0.1:9",
                                                                               http_proxy="http://127.0.0.1:9"))
    assert chat(weir.port).status == 200


def test_a_plain_provider_is_asked_in_absolute_form(start):
    with RawProvider(answers_well) as raw:
        weir = start({"providers": {"p": provider("http://provider.test/v1")}},
                     env=environment(http_proxy=f"http://127.0.0.1:{raw.port}"))
        reply = chat(weir.port)
        assert reply.status == 200, reply
        assert (raw.heads[0].startswith("POST http://provider.test/v1/chat/completions HTTP/1.1\r\n") and
                "Host: provider.test" in raw.heads[0])


def test_a_proxy_of_one_provider_only(start, start_mock):
    mock = start_mock()
    with RawProvider(answers_well) as raw:
        weir = start({
            "providers": {
                "a": provider("http://provider.test/v1", proxy=f"http://127.0.0.1:{raw.port}"),
                "b": provider(mock, proxy="none")
            }
        })
        assert (chat(weir.port, model="a/m").content == "fine" and
                chat(weir.port, model="b/m").content == "You said: Hello")

"""Who is told of alerts and traces may answer as it likes: it holds up nobody, is followed nowhere, and gets what it
was owed when it answers as it should."""
import itertools
import json
import threading
import time

import pytest

from weirlib import RawProvider, chat, http, poll, provider

GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def endless(connection):
    connection.sendall(b"HTTP/1.1 503 Later\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        connection.sendall(b"4000\r\n" + b"x" * 0x4000 + b"\r\n")


def long_head(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    for i in itertools.count():
        connection.sendall(b"x-%d: %s\r\n" % (i, b"y" * 4000))


def interim(connection):
    while True:
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)


def trickle(connection):
    for byte in itertools.chain(b"HTTP/1.1 200 OK\r\n", itertools.cycle(b"a")):
        connection.sendall(bytes([byte]))
        time.sleep(0.05)


def garbage(connection):
    connection.sendall(b"\0\xff\x16\x03\x01" * 100)


def half(connection):
    connection.sendall(b"HTTP/1.1 503 Later\r\nContent-Length: 100\r\n\r\nhalf")


LIES = [endless, long_head, interim, trickle, garbage, half]


class Liar(RawProvider):
    """Lies once, in its way, to each path; then takes what it is given."""

    def __init__(self, lie):
        self.lie, self.lied, self.taken = lie, set(), []
        super().__init__(self.reply)

    def reply(self, connection, head, body):
        path = head.split(b" ")[1]
        if path not in self.lied:
            self.lied.add(path)
            self.lie(connection)
            return False
        self.taken.append((path, body))
        connection.sendall(GOOD)
        return True


@pytest.mark.parametrize("lie", LIES)
def test_of_traces(start, mocks, lie):
    with Liar(lie) as liar:
        weir = start({"providers": {"one": provider(mocks[0])}, "traces": {
            "endpoint": liar.base_url.removesuffix("/v1"), "timeout_seconds": 1}})
        assert all(chat(weir.port).status == 200 for _ in range(3))
        assert poll(lambda: liar.lied)
        assert all(chat(weir.port).status == 200 for _ in range(3))
        assert poll(lambda: weir.metric("weir_traces_total", outcome="delivered") == 6)
        spans = [s for _, body in liar.taken for r in json.loads(body)["resourceSpans"]
                 for one in r["scopeSpans"] for s in one["spans"]]
        assert len({s["spanId"] for s in spans}) == len(spans) == 12
        weir.stop()


@pytest.mark.parametrize("lie", LIES)
def test_of_alerts(start, mocks, lie):
    with Liar(lie) as liar:
        weir = start({"providers": {"one": provider(mocks[0], quota={"requests_per_day": 5})},
                      "alerts": {"webhook": liar.base_url + "/hook", "webhook_timeout_seconds": 1}})
        assert all(chat(weir.port).status == 200 for _ in range(4))
        assert poll(lambda: liar.lied)
        assert chat(weir.port).status == 200
        assert poll(lambda: {json.loads(body)["kind"] for _, body in liar.taken} >= {"quota"})
        ids = [json.loads(body)["id"] for _, body in liar.taken]
        assert len(set(ids)) == len(ids)
        weir.stop()


def test_nobody_is_followed(start, mocks):
    with RawProvider(GOOD) as elsewhere:
        away = b"HTTP/1.1 307 Away\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % elsewhere.base_url.encode()
        with RawProvider(lambda connection, *_: connection.sendall(away)) as liar:
            weir = start({"providers": {"one": provider(mocks[0])},
                          "traces": {"endpoint": liar.base_url.removesuffix("/v1"), "timeout_seconds": 1}})
            assert chat(weir.port).status == 200
            assert poll(lambda: weir.metric("weir_traces_total", outcome="dropped") == 1)
            assert elsewhere.connections == 0


def test_a_reload_in_the_middle_of_a_post(start, mocks):
    """Each time to another place, and at last to nowhere."""
    gate = threading.Event()

    def waits(connection, *_):
        gate.wait(20)
        connection.sendall(GOOD)

    with RawProvider(waits) as one, RawProvider(waits) as two:
        config = {"providers": {"one": provider(mocks[0])}}
        weir = start(config)
        for i in range(6):
            place = (one, two)[i % 2]
            before = place.connections
            weir.write(config | {"traces": {"endpoint": place.base_url.removesuffix("/v1"), "metrics": i % 3 == 0,
                                            "timeout_seconds": 30, "headers": {"x-turn": str(i)}}})
            assert http(weir.port, "POST", "/admin/v1/reload",
                        headers={"authorization": f"Bearer {weir.admin_key}"}).status == 200
            assert chat(weir.port).status == 200
            assert poll(lambda: place.connections > before)
        weir.write(config)
        assert http(weir.port, "POST", "/admin/v1/reload",
                    headers={"authorization": f"Bearer {weir.admin_key}"}).status == 200
        gate.set()
        assert chat(weir.port).status == 200
        weir.stop()


def asked(weir, method, path):
    return http(weir.port, method, "/admin/v1/" + path, headers={"authorization": f"Bearer {weir.admin_key}"})


def test_an_edit_of_something_else_in_the_middle_of_a_post_of_an_alert_posts_nothing_twice(start, mocks):
    gate, taken = threading.Event(), []

    def waits(connection, head, body):
        taken.append((json.loads(body)["id"], json.loads(body)["event"]))
        gate.wait(20)
        connection.sendall(GOOD)

    with RawProvider(waits) as slow:
        quota = {"requests_per_day": 1}
        weir = start({"providers": {"one": provider(mocks[0], quota=quota), "two": provider(mocks[1])},
                      "alerts": {"webhook": slow.base_url + "/hook", "webhook_timeout_seconds": 30}})
        assert chat(weir.port, headers={"x-weir-targets": "one/m"}).status == 200
        assert poll(lambda: taken)
        for act, out in (("drain", True), ("resume", False)) * 2:
            assert asked(weir, "POST", f"providers/two/{act}").status == 200
            assert poll(lambda: out == any(a["kind"] == "provider_out" and a["active"]
                                           for a in asked(weir, "GET", "alerts").json["alerts"]))
        assert len(taken) == 1
        gate.set()
        assert poll(lambda: sum(event == "ended" for _, event in taken) == 2)
        assert len(set(taken)) == len(taken)
        weir.stop()

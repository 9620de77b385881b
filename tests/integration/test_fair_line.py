"""A line that several clients share: none fills it, and none waits behind all that another has put there."""
import json
import threading

import pytest

from test_decisions import admin, story_of
from test_hostile_tenants import bearer, client
from weirlib import Connection, RawProvider, chat, chat_body, good_reply, http, poll, provider, request_bytes


class Slow:
    """A provider that answers one request each time it is let; who asked stands in `order`."""

    def __init__(self):
        self.order, self.may = [], threading.Semaphore(0)
        self.raw = RawProvider(self.answer)
        self.threads, self.replies = [], []

    def answer(self, connection, head, body):
        self.order.append(json.loads(body)["messages"][-1]["content"])
        assert self.may.acquire(timeout=30)
        connection.sendall(good_reply())

    def begin(self, start, names=("evil", "good"), line=16, pool=None, **more):
        clients = {"clients": [client(name) for name in names]} if names else {}
        bound = ({"pool": pool, "connect_timeout_seconds": 30}
                 if pool else {"max_concurrent": 1, "queue": {"max": line, "wait_ms": 30000}})
        self.weir = start({
            **clients, "retry": {"max_retries": 0}, **more, "providers": {
                "p": provider(self.raw.base_url, ["m"], rate_limit_rpm=0, timeout_seconds=60, **bound)
            }
        })

    def waiting(self):
        return admin(self.weir, "GET", "/health").json["providers"][0]["waiting"]

    def ask(self, name, words):
        thread = threading.Thread(target=lambda: self.replies.append(
            (name, http(self.weir.port, "POST", "/v1/chat/completions", chat_body(words), bearer(name), timeout=60))))
        thread.start()
        self.threads.append(thread)

    def ask_and_wait(self, name, words, waiting):
        """Until it stands in line, or has the only place."""
        self.ask(name, words)
        poll(lambda: self.waiting() == waiting and len(self.order) >= 1)

    def end(self):
        for _ in range(100):
            self.may.release()
        for thread in self.threads:
            thread.join()
        return self.replies


@pytest.fixture
def slow():
    slow = Slow()
    yield slow
    slow.end()


def test_clients_take_turns_in_line(start, slow):
    slow.begin(start, workers=1)
    for i in range(6):
        slow.ask_and_wait("evil", f"evil {i}", i)
    slow.ask_and_wait("good", "good 0", 6)
    slow.ask_and_wait("good", "good 1", 7)
    slow.end()
    assert slow.order == ["evil 0", "evil 1", "good 0", "evil 2", "good 1", "evil 3", "evil 4", "evil 5"]


@pytest.mark.parametrize("names", ((), ("evil",)))
def test_one_caller_alone_is_served_in_order(start, slow, names):
    slow.begin(start, names, line=4, workers=1)
    for i in range(5):
        slow.ask_and_wait("evil", f"evil {i}", i)
    assert chat(slow.weir.port, headers=bearer("evil")).status == 429
    slow.end()
    assert slow.order == [f"evil {i}" for i in range(5)]


def test_and_for_the_connections_of_a_pool(start, slow):
    slow.begin(start, pool={"max_connections": 1}, workers=1)
    for i, (name, words) in enumerate([("evil", "evil 0"), ("evil", "evil 1"), ("evil", "evil 2"), ("evil", "evil 3"),
                                       ("good", "good 0")]):
        slow.ask(name, words)
        poll(lambda: slow.weir.metric("weir_requests_in_flight") == i + 1 and len(slow.order) == 1)
    slow.end()
    assert slow.order == ["evil 0", "evil 1", "good 0", "evil 2", "evil 3"]


def test_no_client_fills_the_line_of_a_pool(start, slow):
    """1,024 calls may wait, of which one client's are half."""
    slow.begin(start, pool={"max_connections": 1}, workers=1)
    in_flight = lambda count: poll(lambda: slow.weir.metric("weir_requests_in_flight") == count)
    evil = []
    for _ in range(513):  # one has the connection, 512 wait
        evil.append(Connection(slow.weir.port))
        evil[-1].send(request_bytes("POST", "/v1/chat/completions", chat_body("evil"), bearer("evil")))
    in_flight(513)
    refused = chat(slow.weir.port, "evil", headers=bearer("evil"))
    assert refused.status == 429 and refused.error["code"] == "too_many_in_flight", refused
    slow.ask("good", "good")
    in_flight(514)
    for connection in evil:
        connection.socket.close()
    replies = slow.end()
    assert [(name, reply.status) for name, reply in replies] == [("good", 200)]


@pytest.mark.parametrize("workers", (1, 2))
def test_no_client_fills_the_line(start, slow, workers):
    slow.begin(start, line=8, workers=workers)
    for i in range(5):
        slow.ask_and_wait("evil", f"evil {i}", i)
    refused = chat(slow.weir.port, headers=bearer("evil"))
    assert (refused.status == 429 and refused.error["code"] == "too_many_in_flight" and
            refused.error["weir"]["scope"] == "client"), refused
    assert story_of(slow.weir, refused)["candidates"][0]["refused"] == "line_share"
    slow.ask_and_wait("good", "good 0", 5)
    slow.ask_and_wait("good", "good 1", 6)
    replies = slow.end()
    assert [reply.status for _, reply in replies] == [200] * 7 and sorted(slow.order)[-2:] == ["good 0", "good 1"]
    assert slow.waiting() == 0
    for i in range(5, 9):
        slow.ask("evil", f"evil {i}")  # its places came back
    for thread in slow.threads:
        thread.join()
    assert {reply.status for _, reply in replies} == {200}


def test_who_hangs_up_in_line_leaves_its_place_to_the_next_of_its_client(start, slow):
    slow.begin(start, workers=1)
    slow.ask_and_wait("evil", "evil 0", 0)
    with pytest.raises(OSError):
        http(slow.weir.port, "POST", "/v1/chat/completions", chat_body("gone"), bearer("evil"), timeout=0.5)
    poll(lambda: slow.waiting() == 0)
    slow.ask_and_wait("evil", "evil 1", 1)
    slow.ask_and_wait("good", "good 0", 2)
    slow.end()
    assert slow.order == ["evil 0", "evil 1", "good 0"]

"""Fixtures: mocks and gateways. Those of a module are shared by its tests and put back to a clean state before each."""
import os
import signal

import pytest

import postgres
import tokens
import weirlib
from weirlib import Mock, Weir, http, provider


class Limit(Exception):
    pass


# Files that take long, the longest first: several run at a time, and none of these is to be the last, alone.
LONG = ("promises_streams", "postgres", "cache", "decisions", "events", "promises_library", "jwt", "emulations",
        "backup", "terminators", "clients", "alerts", "drain", "failover", "ledger", "extend")


def pytest_collection_modifyitems(items):
    part = os.environ.get("WEIR_TEST_PART")  # "1/4": of four files the second
    if part:
        place, parts = map(int, part.split("/"))
        files = sorted({item.path.name for item in items})
        items[:] = [item for item in items if files.index(item.path.name) % parts == place]
    places = {f"test_{name}.py": place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.path.name, len(LONG)))


@pytest.fixture(autouse=True)
def bounded():
    """No test runs longer than a minute."""
    def over(*_):
        raise Limit("a test ran for 60 s")
    signal.signal(signal.SIGALRM, over)
    signal.alarm(60)
    yield
    signal.alarm(0)


@pytest.fixture
def start(tmp_path):
    """start(config, ...) -> a running gateway, stopped and checked at the end of the test."""
    started = []

    def run(config, **more):
        folder = tmp_path / f"weir{len(started)}"
        folder.mkdir()
        weir = Weir(folder, config, **more)
        started.append(weir)
        return weir
    yield run
    for weir in started:
        if weir.process.poll() is None:
            weir.stop()


@pytest.fixture
def folder(tmp_path):
    """folder(config, ...) -> a running gateway, again and again in the one folder of this test."""
    running = []

    def begin(config, **more):
        running.append(Weir(tmp_path, config, **more))
        return running[-1]
    yield begin
    for weir in running:
        if weir.process.poll() is None:
            weir.stop()


@pytest.fixture
def start_mock():
    started = []

    def run(*arguments, **more):
        mock = Mock(*arguments, **more)
        started.append(mock)
        return mock
    yield run
    for mock in started:
        mock.stop()


@pytest.fixture(scope="module")
def mocks():
    """Two mocks for a module."""
    pair = [Mock(), Mock()]
    yield pair
    for mock in pair:
        mock.stop()


@pytest.fixture(scope="module")
def shared(mocks, tmp_path_factory):
    """A gateway with providers one (tried first) and two: model `m` at both, `single` at one, `other` at two."""
    weir = Weir(tmp_path_factory.mktemp("shared"), {"retry": {"base_ms": 1, "max_ms": 5}, "providers": {
        "one": provider(mocks[0], ["m", "single", "mock-reason"], priority=1),
        "two": provider(mocks[1], ["m", "other"], priority=2)}})
    yield weir
    weir.stop()


@pytest.fixture
def pair(shared, mocks):
    """(weir, mock one, mock two), with nothing set and nothing remembered."""
    for name, mock in zip(("one", "two"), mocks):
        mock.reset()
        if mock.faulted:  # its breaker and its keys are well again too
            assert (http(shared.port, "POST", f"/admin/v1/providers/{name}/resume",
                         headers={"authorization": f"Bearer {shared.admin_key}"}).status == 200)
            mock.faulted = False
    yield shared, mocks[0], mocks[1]
    assert shared.process.poll() is None, "\n".join(shared.err[-40:])


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    return weirlib.Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def server():
    """A real PostgreSQL server, of the module's own."""
    if not postgres.programs():
        pytest.skip("no PostgreSQL server is installed (scripts/setup)")
    running = postgres.Postgres()
    yield running
    running.end()


@pytest.fixture
def issuer():
    """Of tokens, with one key."""
    made = tokens.Issuer()
    made.key("ES256")
    yield made
    made.close()

"""A caller who can make a provider fail: its failures shut the target for itself, and take nothing from the others."""
import pytest

from test_decisions import admin, lock, story_of
from test_hostile_tenants import bearer, client, reply_of
from weirlib import RawProvider, chat, good_reply, poll, provider

FAILED = reply_of("500 Internal Server Error", b'{"error":{"message":"oops","type":"server_error"}}')


def poisoned():
    """Fails on a prompt that says so, and as long as `.down` is set."""
    def answer(connection, head, body):
        connection.sendall(FAILED if b"poison" in body or raw.down else good_reply())
    raw = RawProvider(answer)
    raw.down = False
    return raw


def begin(start, raw, names=("evil", "good", "other"), breaker=None, **more):
    rules = {"failure_threshold": 3, "timeout_seconds": 60, **(breaker or {})}
    clients = {"clients": [client(name) for name in names]} if names else {}
    return start({
        **clients, "providers": {"p": provider(raw.base_url, ["m"], circuit_breaker=rules)},
        "retry": {"max_retries": 0}, **more
    })


def says(weir, name, words):
    return chat(weir.port, words, headers=bearer(name)).status


def health(weir):
    return admin(weir, "GET", "/health").json["providers"][0]


def test_a_poisoned_prompt_shuts_the_target_for_its_caller_only(start):
    weir = begin(start, poisoned())
    assert [says(weir, "evil", "poison") for _ in range(3)] == [500] * 3
    refused = chat(weir.port, "usual", headers=bearer("evil"))
    assert refused.status == 503 and "retry-after" in refused.headers, refused
    assert story_of(weir, refused)["candidates"][0]["refused"] == "breaker_open_for_client"
    assert [says(weir, "good", "usual") for _ in range(5)] == [200] * 5
    assert (health(weir)["breaker"] == "closed" and health(weir)["breaker_client"] == "evil" and
            health(weir)["health"] == "healthy")
    assert says(weir, "evil", "usual") == 503, "what the others are served does not open it again"


def test_a_share_of_failures_that_is_one_clients_shuts_it_for_that_one(start):
    weir = begin(
        start, poisoned(),
        breaker={"failure_threshold": 60000, "failure_share": 0.5, "window_calls_min": 10, "window_seconds": 3600})
    for _ in range(4):
        assert says(weir, "good", "usual") == 200
    while says(weir, "evil", "poison") == 500:
        pass
    assert (says(weir, "evil", "usual") == 503 and says(weir, "good", "usual") == 200 and
            says(weir, "other", "usual") == 200)


def test_failures_of_several_clients_open_it_for_all(start):
    raw = poisoned()
    weir = begin(start, raw)
    raw.down = True
    assert [says(weir, name, "usual") for name in ("good", "other", "good")] == [500] * 3
    assert [says(weir, name, "usual") for name in ("good", "other", "evil")] == [503] * 3
    assert health(weir)["breaker"] == "open" and "breaker_client" not in health(weir)


@pytest.mark.parametrize("names", ((), ("evil",)))
def test_where_there_is_one_caller_it_opens_as_ever(start, names):
    raw = poisoned()
    weir = begin(start, raw, names=names, breaker={"timeout_seconds": 1})
    who = names[0] if names else "nobody"
    assert [says(weir, who, "poison") for _ in range(3)] == [500] * 3
    refused = chat(weir.port, "usual", headers=bearer(who))
    assert refused.status == 503 and story_of(weir, refused)["candidates"][0]["refused"] == "breaker_open"
    assert (health(weir)["breaker"] == "open" and health(weir)["health"] == "unhealthy" and
            "breaker_client" not in health(weir))
    poll(lambda: says(weir, who, "usual") == 200, every_s=0.05)
    assert health(weir)["breaker"] == "closed"


def test_a_probe_that_one_client_spoils_is_tried_again_by_another(start):
    raw = poisoned()
    weir = begin(start, raw, breaker={"timeout_seconds": 1, "half_open_max_calls": 1, "ramp_seconds": 0.001})
    raw.down = True
    assert [says(weir, name, "usual") for name in ("good", "evil", "good")] == [500] * 3
    assert says(weir, "good", "usual") == 503
    raw.down = False
    poll(lambda: says(weir, "evil", "poison") == 500, every_s=0.02)
    assert says(weir, "good", "usual") == 200


def test_one_clients_failures_move_no_lock_while_others_are_served(start):
    raws = [poisoned(), poisoned()]
    rules = {"failure_threshold": 60000}
    weir = start({
        "clients": [client(name) for name in ("evil", "good")], "retry": {"base_ms": 1, "max_ms": 5},
        "providers": {name: provider(raw.base_url, ["x"], circuit_breaker=rules) for name, raw in zip("ab", raws)},
        "routes": [{"model": "m", "strategy": "exclusive", "targets": ["a/x", "b/x"]}]
    })
    assert says(weir, "good", "usual") == 200
    assert [says(weir, "evil", "poison") for _ in range(4)] == [500] * 4
    assert lock(weir)["holder"] == "a/x" and lock(weir)["epoch"] == 1
    raws[0].down = True
    served = chat(weir.port, "usual", headers=bearer("evil"))
    assert (served.status == 200 and served.headers["x-weir-provider"] == "b" and
            lock(weir)["holder"] == "a/x"), "it is served as a guest"
    assert (says(weir, "good", "usual") == 200 and
            lock(weir)["holder"] == "b/x"), ("and when others fail too, the lock moves")


def test_a_caller_that_is_alone_moves_the_lock(start):
    raws = [poisoned(), poisoned()]
    weir = start({"clients": [client(name) for name in ("evil", "good")], "retry": {"base_ms": 1, "max_ms": 5},
                  "providers": {name: provider(raw.base_url, ["x"]) for name, raw in zip("ab", raws)},
                  "routes": [{"model": "m", "strategy": "exclusive", "targets": ["a/x", "b/x"]}]})
    raws[0].down = True
    assert says(weir, "good", "usual") == 200 and lock(weir)["holder"] == "b/x"

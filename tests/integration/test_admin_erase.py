"""POST /admin/v1/purge and GET /admin/v1/export: what the commands do, of a gateway that serves, and what it remembers
itself."""
import concurrent.futures
import hashlib
import json
import sqlite3
import time

import pytest

from weirlib import Connection, chat, http, poll, provider, request_bytes

KEYS = {name: f"weir-key-of-{name}" for name in ("wilhelmina", "other", "boss", "ops")}
ROLES = {"boss": {"role": "admin"}, "ops": {"role": "operator"}}


@pytest.fixture
def run(folder, mocks):
    mocks[0].reset()

    def begin(**top):
        clients = [{"name": name, "key_hash": hashlib.sha256(key.encode()).hexdigest(), "conversations": "store",
                    **ROLES.get(name, {"in": "search", "budgets": [{"usd": 0.0001, "window": "day", "mode": "warn"}]})}
                   for name, key in KEYS.items()]
        one = provider(mocks[0], prices={"m": {"input": 1000.0, "output": 2000.0}})
        return folder({"providers": {"one": one}, "clients": clients, "owners": [{"name": "search", "kind": "team"}],
                       **top})
    return begin


def of(name):
    return {"authorization": f"Bearer {KEYS[name]}"}


def ask(weir, method, path, body=None, name="boss"):
    return http(weir.port, method, f"/admin/v1/{path}", body, of(name))


def lines(weir, whose, name="boss"):
    reply = ask(weir, "GET", f"export?{whose}", None, name)
    assert reply.status == 200 and reply.complete, reply
    assert reply.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in reply.text.splitlines()]


def test_an_export_has_attempts_hours_responses_and_turns_of_one_client(run):
    weir = run()
    ids = [chat(weir.port, f"secret words {i}", headers=of("wilhelmina")).headers["x-weir-request-id"]
           for i in range(3)]
    chat(weir.port, "of the other", headers=of("other"))
    http(weir.port, "POST", "/v1/responses", {"model": "m", "input": "stored"}, of("wilhelmina"))
    found = poll(lambda: (rows := lines(weir, "client=wilhelmina")) and
                 sum(row["kind"] == "turn" for row in rows) == 4 and rows)
    kinds = [row["kind"] for row in found]
    assert {row["request_id"] for row in found if row["kind"] == "attempt"} >= set(ids)
    assert kinds.count("attempt") == 4 and kinds.count("response") == 1 and "hour" in kinds
    assert "of the other" not in json.dumps(found) and lines(weir, "client=nobody") == []
    assert len([row for row in lines(weir, "owner=search") if row["kind"] == "attempt"]) == 5


def test_a_purge_covers_what_the_gateway_itself_remembers(run):
    weir = run()
    first = chat(weir.port, "secret words", headers=of("wilhelmina")).headers["x-weir-request-id"]
    other = chat(weir.port, "of the other", headers=of("other")).headers["x-weir-request-id"]
    poll(lambda: b"secret words" in b"".join(path.read_bytes() for path in weir.state_dir.glob("responses.db*")))
    poll(lambda: "wilhelmina" in ask(weir, "GET", "alerts").text)
    assert ask(weir, "GET", f"requests/{first}").status == 200
    told = ask(weir, "POST", "purge", {"client": "wilhelmina"})
    assert told.status == 200, told
    assert told.json["attempts"] == 1 and told.json["tombstone"].startswith("(erased ") and told.json["responses"] == 1
    assert ask(weir, "GET", f"requests/{first}").status == 404
    assert ask(weir, "GET", f"requests/{other}").status == 200
    poll(lambda: "wilhelmina" not in ask(weir, "GET", "alerts").text)
    clients = [row["client"] for row in ask(weir, "GET", "usage?by=client").json["rows"]]
    assert told.json["tombstone"] in clients and "wilhelmina" not in clients and "other" in clients
    assert b"secret words" not in b"".join(path.read_bytes() for path in weir.state_dir.glob("responses.db*"))
    assert [row["subject"] for row in ask(weir, "GET", "audit").json["rows"] if row["action"] == "client.purge"] == \
        ["(erased)"]
    assert chat(weir.port, "goes on", headers=of("wilhelmina")).status == 200


def test_a_purge_takes_the_answers_of_the_cache_that_the_client_asked_for(run):
    weir = run(cache={"mode": "all"})

    def kept(words):
        return words in b"".join(path.read_bytes() for path in weir.state_dir.glob("cache.db*"))
    for name, words in (("wilhelmina", "words of hers"), ("other", "words of the other")):
        chat(weir.port, words, headers=of(name))
    poll(lambda: kept(b"words of hers") and kept(b"words of the other"))
    assert chat(weir.port, "words of hers", headers=of("wilhelmina")).headers["x-weir-cache"] == "hit"
    assert ask(weir, "POST", "purge", {"client": "wilhelmina"}).status == 200
    assert not kept(b"words of hers") and not kept(b"wilhelmina") and kept(b"words of the other")
    assert chat(weir.port, "words of hers", headers=of("wilhelmina")).headers["x-weir-cache"] == "miss"
    assert chat(weir.port, "words of the other", headers=of("other")).headers["x-weir-cache"] == "hit"
    assert ask(weir, "POST", "purge", {"owner": "search"}).status == 200
    assert ask(weir, "GET", "cache").json["answers"] == 0 and not kept(b"words of")


def test_an_owner_is_purged_with_its_clients(run):
    weir = run()
    for name in ("wilhelmina", "other"):
        assert chat(weir.port, headers=of(name)).status == 200
    told = ask(weir, "POST", "purge", {"owner": "search"})
    assert told.status == 200 and told.json["clients"] == 2 and told.json["attempts"] == 2, told
    with sqlite3.connect(weir.state_dir / "ledger.db") as ledger:
        names = {name for name, in ledger.execute("SELECT name FROM names")}
    assert not names & {"wilhelmina", "other", "search"}


@pytest.mark.parametrize("body", [None, {}, {"client": "a", "owner": "b"}, {"client": ""}, {"client": 7}, [1],
                                  {"client": "x" * 1000}, {"client": "a\0b"}])
def test_who_must_be_said_and_be_one(run, body):
    weir = run()
    assert ask(weir, "POST", "purge", body).status == 400
    assert ask(weir, "GET", "export").status == 400
    assert ask(weir, "GET", "export?client=a&owner=b").status == 400


def test_it_is_for_admins_alone(run):
    weir = run()
    chat(weir.port, headers=of("wilhelmina"))
    for name in ("wilhelmina", "other", "ops"):
        assert ask(weir, "POST", "purge", {"client": "wilhelmina"}, name).status == 403
        assert ask(weir, "GET", "export?client=wilhelmina", None, name).status == 403
    assert http(weir.port, "GET", "/admin/v1/export?client=wilhelmina").status == 401


def test_a_slow_or_gone_reader_of_an_export_keeps_nobody_waiting(run):
    weir = run()
    for i in range(6):
        assert chat(weir.port, "w" * 900_000 + str(i), headers=of("wilhelmina")).status == 200
    poll(lambda: sum(row["kind"] == "turn" for row in lines(weir, "client=wilhelmina")) == 6)
    stalled = Connection(weir.port)
    stalled.send(request_bytes("GET", "/admin/v1/export?client=wilhelmina", None, of("boss")))
    stalled.head()
    begun = time.monotonic()
    assert chat(weir.port, headers=of("other")).status == 200
    assert ask(weir, "GET", "usage?by=client").status == 200
    assert time.monotonic() - begun < 5
    stalled.reset()
    assert sum(row["kind"] == "turn" for row in lines(weir, "client=wilhelmina")) == 6


def test_many_at_once_are_done_or_told_to_come_again(run):
    weir = run()
    chat(weir.port, headers=of("wilhelmina"))
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(lambda i: ask(weir, *(("POST", "purge", {"client": "wilhelmina"}) if i % 2 else
                                                      ("GET", "export?client=other"))).status, range(32)))
    assert set(replies) <= {200, 503} and 200 in replies


def test_a_gateway_that_ends_in_the_middle_of_an_export_ends(run):
    weir = run(drain_seconds=1)
    for i in range(6):
        assert chat(weir.port, "w" * 900_000 + str(i), headers=of("wilhelmina")).status == 200
    poll(lambda: sum(row["kind"] == "turn" for row in lines(weir, "client=wilhelmina")) == 6)
    with Connection(weir.port) as stalled:
        stalled.send(request_bytes("GET", "/admin/v1/export?client=wilhelmina", None, of("boss")))
        stalled.head()
        weir.stop()

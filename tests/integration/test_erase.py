"""weir usage export and purge: all that is kept of one client is told; or its name and words are gone, also from what
comes late, and amounts and times stay."""
import contextlib
import hashlib
import json
import signal
import sqlite3
import subprocess

import pytest

from weirlib import BINARY, Weir, chat, environment, http, poll, provider

KEYS = {name: f"weir-key-of-{name}" for name in ("wilhelmina", "one", "other")}
PRICES = {"m": {"input": 1.0, "output": 2.0}}


@pytest.fixture
def run(tmp_path, mocks):
    running = []

    def begin(**top):
        clients = [{"name": name, "key_hash": hashlib.sha256(key.encode()).hexdigest()} for name, key in KEYS.items()]
        running.append(Weir(tmp_path, {"providers": {"one": provider(mocks[0], prices=PRICES)}, "clients": clients,
                                       "responses": {"store": True}, **top}))
        return running[-1]
    yield begin
    for weir in running:
        if weir.process.poll() is None:
            weir.stop()


def of(name):
    return {"authorization": f"Bearer {KEYS[name]}"}


def store(weir, name):
    reply = http(weir.port, "POST", "/v1/responses", {"model": "m", "input": "my secret prompt", "store": True},
                 of(name))
    assert reply.status == 200, reply
    return reply.json["id"]


def usage(weir):
    reply = http(weir.port, "GET", "/admin/v1/usage?by=client", headers={"authorization": f"Bearer {weir.admin_key}"})
    assert reply.status == 200, reply
    return {row["client"]: row for row in reply.json["rows"]}


def command(weir, action, name, *more, status=0):
    done = subprocess.run([BINARY, "usage", action, "--client", name, "--state-dir", str(weir.state_dir), *more],
                          capture_output=True, text=True, timeout=30, env=environment())
    assert done.returncode == status, done
    return done


def holding(folder, word):
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and word in path.read_bytes())


def test_all_that_is_kept_of_a_client_is_told_and_nothing_of_another(run):
    weir = run()
    stored = store(weir, "wilhelmina")
    store(weir, "other")
    ids = [chat(weir.port, headers=of("wilhelmina")).headers["x-weir-request-id"] for _ in range(2)]
    usage(weir)
    lines = [json.loads(line) for line in command(weir, "export", "wilhelmina").stdout.splitlines()]
    assert {line["request_id"] for line in lines if line["kind"] == "attempt"} >= set(ids)
    assert all(line["client"] == "wilhelmina" for line in lines if line["kind"] == "attempt")
    assert sum(line["attempts"] for line in lines if line["kind"] == "hour") == 3
    kept, = [line for line in lines if line["kind"] == "response"]
    assert kept["id"] == stored and "my secret prompt" in json.dumps(kept["input"])
    assert command(weir, "export", "nobody").stdout == ""


def test_a_purge_takes_the_name_and_the_words_and_leaves_amounts_and_times(run):
    weir = run()
    stored, others = store(weir, "wilhelmina"), store(weir, "other")
    for _ in range(3):
        assert chat(weir.port, headers=of("wilhelmina")).status == 200
    before = usage(weir)
    told = json.loads(command(weir, "purge", "wilhelmina", "--json").stdout)
    assert (told["attempts"], told["responses"]) == (4, 1)
    after = usage(weir)
    assert "wilhelmina" not in after
    same = ("requests", "cost_usd", "input_tokens", "latency_ms")
    assert [after[told["tombstone"]][key] for key in same] == [before["wilhelmina"][key] for key in same]
    assert after["other"] == before["other"]
    assert http(weir.port, "GET", f"/v1/responses/{stored}", headers=of("wilhelmina")).status == 404
    assert http(weir.port, "GET", f"/v1/responses/{others}", headers=of("other")).status == 200
    assert chat(weir.port, headers=of("wilhelmina")).status == 200  # what comes after it is its own again
    assert usage(weir)["wilhelmina"]["requests"] == 1
    weir.stop()
    with contextlib.closing(sqlite3.connect(weir.state_dir / "ledger.db")) as ledger:
        purged = ledger.execute("SELECT request_id, cost_nano_usd > 0, time_ms > 0 FROM attempts WHERE client = "
                                "(SELECT id FROM names WHERE name = ?)", (told["tombstone"],)).fetchall()
        assert purged == [("", 1, 1)] * 4
        assert ledger.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_no_byte_of_the_name_is_left_in_the_folder(run):
    weir = run()
    store(weir, "wilhelmina")
    assert chat(weir.port, headers=of("wilhelmina")).status == 200
    usage(weir)
    weir.stop()
    assert holding(weir.state_dir, b"wilhelmina") == ["ledger.db", "responses.db"]
    command(weir, "purge", "wilhelmina")
    assert holding(weir.state_dir, b"wilhelmina") == [] and holding(weir.state_dir, b"secret prompt") == []
    verdict = subprocess.run([BINARY, "audit", "verify", "--state-dir", str(weir.state_dir)], capture_output=True,
                             text=True, timeout=20, env=environment())
    assert verdict.stdout.startswith("whole: ") and "erased: 1 name\n" in verdict.stdout


def test_budgets_and_alerts_of_a_client_name_it_no_more(run):
    weir = run(clients=[{"name": "wilhelmina", "key_hash": hashlib.sha256(b"weir-k").hexdigest(),
                         "budgets": [{"usd": 5, "window": "day"}]}])
    reply = http(weir.port, "POST", "/admin/v1/budgets/raise", {"budget": "day", "usd": "1"},
                 {"authorization": f"Bearer {weir.admin_key}"})
    assert reply.status == 200, reply
    weir.stop()
    with contextlib.closing(sqlite3.connect(weir.state_dir / "ledger.db")) as ledger:
        for subject in ("client wilhelmina budget day", "client wilhelmina-2 budget day"):
            ledger.execute("INSERT INTO alerts(kind, subject, said, permille, window_s, raised_ms, owed) "
                           "VALUES('budget', ?, '80% of it is spent', 800, 0, 1, 0)", (subject,))
        ledger.commit()
    tombstone = json.loads(command(weir, "purge", "wilhelmina", "--json").stdout)["tombstone"]
    with contextlib.closing(sqlite3.connect(weir.state_dir / "ledger.db")) as ledger:
        assert [row[0] for row in ledger.execute("SELECT subject FROM alerts ORDER BY id")] == \
            [f"{tombstone} budget day", "client wilhelmina-2 budget day"]
        words = [row[0] for row in ledger.execute("SELECT word FROM audit_words")]
    assert not [word for word in words if "wilhelmina" in word]


def test_what_a_killed_process_left_in_its_journal_comes_to_the_tombstone(run):
    weir = run()
    assert chat(weir.port, headers=of("wilhelmina")).status == 200
    usage(weir)
    told = json.loads(command(weir, "purge", "wilhelmina", "--json").stdout)
    with contextlib.closing(sqlite3.connect(weir.state_dir / "ledger.db")) as ledger:  # as if it had not come yet
        ledger.execute("DELETE FROM attempts")
        ledger.execute("DELETE FROM usage")
        ledger.commit()
    weir.stop(signal.SIGKILL, status=-signal.SIGKILL)
    weir = run()
    assert weir.log("journal_replayed")
    assert set(usage(weir)) == {told["tombstone"]}


def test_a_name_that_a_provider_has_too_stays_the_providers(run):
    weir = run()
    assert chat(weir.port, headers=of("one")).status == 200
    usage(weir)
    command(weir, "purge", "one")
    assert "one" not in usage(weir)
    reply = http(weir.port, "GET", "/admin/v1/usage?by=provider",
                 headers={"authorization": f"Bearer {weir.admin_key}"}).json
    assert [row["provider"] for row in reply["rows"]] == ["one"]


def test_who_it_was_that_purged_is_in_the_audit_and_not_who_was(run):
    weir = run()
    command(weir, "export", "other")
    command(weir, "purge", "other")
    rows = poll(lambda: http(weir.port, "GET", "/admin/v1/audit",
                             headers={"authorization": f"Bearer {weir.admin_key}"}).json["rows"])[-2:]
    assert [(row["action"], row["subject"], row["actor"][:4]) for row in rows] == \
        [("client.export", "(erased)", "uid "), ("client.purge", "(erased)", "uid ")]
    assert "there is no ledger" in subprocess.run(
        [BINARY, "usage", "purge", "--client", "x", "--state-dir", "/nowhere"], capture_output=True, text=True,
        timeout=20, env=environment()).stderr
    asked_badly = subprocess.run([BINARY, "usage", "purge"], capture_output=True, timeout=20, env=environment())
    assert asked_badly.returncode == 2


def test_a_name_that_nothing_was_kept_of_is_told(run):
    weir = run()
    for action in ("export", "purge"):
        for whose in ("client", "owner"):
            mistyped = subprocess.run([BINARY, "usage", action, "--" + whose, "wilhelmima", "--state-dir",
                                       str(weir.state_dir)], capture_output=True, text=True, timeout=20,
                                      env=environment())
            assert (mistyped.returncode, mistyped.stderr) == (
                0, "weir: nothing was kept of the %s `wilhelmima`: is the name written as the configuration has it?\n"
                % whose)


OWNERS = [{"name": "acme", "kind": "organization"}, {"name": "search", "kind": "team", "in": "acme"}]


def owned(**where):
    return [{"name": name, "key_hash": hashlib.sha256(KEYS[name].encode()).hexdigest(),
             **({"in": where[name]} if name in where else {})} for name in KEYS]


def by_owner(weir):
    rows = http(weir.port, "GET", "/admin/v1/usage?by=owner", headers={"authorization": f"Bearer {weir.admin_key}"})
    return {row["owner"]: row["requests"] for row in rows.json["rows"]}


def owners(weir, action, name, *more, status=0):
    done = subprocess.run([BINARY, "usage", action, "--owner", name, "--state-dir", str(weir.state_dir), *more],
                          capture_output=True, text=True, timeout=30, env=environment())
    assert done.returncode == status, done
    return done


def test_an_owners_records_are_those_of_its_clients_and_its_name_goes_too(run):
    weir = run(owners=OWNERS, clients=owned(wilhelmina="search", one="acme"))
    stored, others = store(weir, "wilhelmina"), store(weir, "other")
    for name in ("wilhelmina", "one", "one", "other"):
        assert chat(weir.port, headers=of(name)).status == 200
    assert by_owner(weir) == {"acme": 4, "search": 2, "": 2}
    lines = [json.loads(line) for line in owners(weir, "export", "acme").stdout.splitlines()]
    assert sorted(line["client"] for line in lines if line["kind"] == "attempt") == ["one", "one"] + ["wilhelmina"] * 2
    assert [line["id"] for line in lines if line["kind"] == "response"] == [stored]
    told = json.loads(owners(weir, "purge", "search", "--json").stdout)
    assert (told["clients"], told["attempts"], told["responses"], told["left"]) == (1, 2, 1, [])
    assert by_owner(weir) == {"acme": 4, told["tombstone"]: 2, "": 2}
    told = json.loads(owners(weir, "purge", "acme", "--json").stdout)
    assert (told["clients"], told["attempts"]) == (1, 2)
    assert by_owner(weir)[told["tombstone"]] == 4 and set(usage(weir)) >= {"other"}
    assert not {"one", "wilhelmina"} & set(usage(weir))
    assert http(weir.port, "GET", f"/v1/responses/{stored}", headers=of("wilhelmina")).status == 404
    assert http(weir.port, "GET", f"/v1/responses/{others}", headers=of("other")).status == 200
    assert chat(weir.port, headers=of("one")).status == 200  # what comes after it is its own again
    assert by_owner(weir)["acme"] == 1
    weir.stop()
    owners(weir, "purge", "acme")
    assert holding(weir.state_dir, b"acme") == [] and holding(weir.state_dir, b"wilhelmina") == []
    verdict = subprocess.run([BINARY, "audit", "verify", "--state-dir", str(weir.state_dir)], capture_output=True,
                             text=True, timeout=20, env=environment())
    assert verdict.stdout.startswith("whole: ")


def test_a_client_that_was_anothers_too_is_left_and_named(run):
    weir = run(owners=OWNERS, clients=owned(wilhelmina="search", other="search"))
    for name in ("wilhelmina", "other"):
        assert chat(weir.port, headers=of(name)).status == 200
    usage(weir)
    weir.stop()
    weir = run(owners=OWNERS + [{"name": "mail", "in": "acme"}], clients=owned(wilhelmina="mail", other="search"))
    assert chat(weir.port, headers=of("wilhelmina")).status == 200
    usage(weir)
    done = owners(weir, "purge", "search", "--json", status=1)
    told = json.loads(done.stdout)
    assert (told["clients"], told["attempts"], told["left"]) == (1, 1, ["wilhelmina"])
    assert "left as they are" in done.stderr and '"wilhelmina"' in done.stderr
    assert usage(weir)["wilhelmina"]["requests"] == 2 and "other" not in usage(weir)
    assert "search" not in by_owner(weir) and by_owner(weir)["mail"] == 1


def test_what_comes_late_of_an_owner_comes_without_its_name(run):
    weir = run(owners=OWNERS, clients=owned(wilhelmina="search"))
    assert chat(weir.port, headers=of("wilhelmina")).status == 200
    usage(weir)
    told = json.loads(owners(weir, "purge", "acme", "--json").stdout)
    with contextlib.closing(sqlite3.connect(weir.state_dir / "ledger.db")) as ledger:  # as if it had not come yet
        ledger.execute("DELETE FROM attempts")
        ledger.execute("DELETE FROM usage")
        ledger.commit()
    weir.stop(signal.SIGKILL, status=-signal.SIGKILL)
    weir = run(owners=OWNERS, clients=owned(wilhelmina="search"))
    assert by_owner(weir) == {"search": 1, told["tombstone"]: 1} and "wilhelmina" not in usage(weir)


def test_an_owner_that_a_provider_is_called_like_leaves_the_provider_its_name(run):
    weir = run(owners=[{"name": "one"}], clients=owned(wilhelmina="one"))
    assert chat(weir.port, headers=of("wilhelmina")).status == 200
    usage(weir)
    told = json.loads(owners(weir, "purge", "one", "--json").stdout)
    assert by_owner(weir) == {told["tombstone"]: 1}
    reply = http(weir.port, "GET", "/admin/v1/usage?by=provider",
                 headers={"authorization": f"Bearer {weir.admin_key}"}).json
    assert [row["provider"] for row in reply["rows"]] == ["one"]
    assert subprocess.run([BINARY, "usage", "purge", "--owner", "one", "--client", "x"], capture_output=True,
                          timeout=20, env=environment()).returncode == 2

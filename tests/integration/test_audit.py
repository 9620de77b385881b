"""The audit: every change by an admin, a signal or a command leaves a row before it is made; the rows are chained, so
that an edit, a removal, another order and a cut end show; what it cannot take is not done."""
import contextlib
import hashlib
import json
import re
import signal
import sqlite3
import subprocess
import threading

import pytest

from weirlib import BINARY, ROOT, chat, environment, http, on_terminal, poll, provider

ADMIN_KEY = "weir-the-admins-own-key"
EXCLUSIVE = [{"model": "one-at-a-time", "strategy": "exclusive", "targets": ["one/m", "two/m"]}]


@pytest.fixture
def run(folder, mocks):
    def begin(wait=True, **top):
        config = {"providers": {"one": provider(mocks[0]), "two": provider(mocks[1])}, "routes": EXCLUSIVE, **top}
        return folder(config, wait=wait)
    return begin


def admin(weir, method, path, body=None, key=None):
    return http(weir.port, method, path, body, {"authorization": f"Bearer {key or weir.admin_key}"})


def rows(weir):
    reply = admin(weir, "GET", "/admin/v1/audit")
    assert reply.status == 200, reply
    return reply.json["rows"]


def command(weir, *arguments, status=0, given=None):
    done = subprocess.run([BINARY, *arguments, "--config", str(weir.path)], capture_output=True, text=True, timeout=30,
                          cwd=weir.folder, env=environment(), input=given)
    assert done.returncode == status, done
    return done


def edited(weir, *statements):
    with contextlib.closing(sqlite3.connect(weir.state_dir / "ledger.db")) as ledger:
        for statement in statements:
            ledger.execute(statement)
        ledger.commit()


# What is asked for at each path that changes something: the least that is a change, and the rows that it leaves.
CHANGES = {
    ("POST", "/admin/v1/providers"): [("", {"name": "three", "type": "openai", "base_url": "http://127.0.0.1:9/v1",
                                            "models": ["x"], "api_key": "sk-three"}, "provider.add", "three")],
    ("PATCH", "/admin/v1/providers/*"): [("two", {"priority": 2}, "provider.update", "two")],
    ("PUT", "/admin/v1/providers/*"): [("two", {"priority": 3}, "provider.replace", "two")],
    ("POST", "/admin/v1/providers/*"): [("two/drain", None, "provider.state", "two"),
                                        ("two/maintenance", None, "provider.state", "two"),
                                        ("two/resume", None, "provider.state", "two"),
                                        ("two/reset", None, "provider.reset", "two"),
                                        ("two/probe", None, None, "it changes nothing")],
    ("DELETE", "/admin/v1/providers/*"): [("three", None, "provider.remove", "three")],
    ("PUT", "/admin/v1/credentials/*"): [("one/spare", {"secret": "sk-Spare-0001"}, "credential.set", "one/spare")],
    ("POST", "/admin/v1/credentials/*"): [
        ("one/spare/next", {"secret": "sk-Spare-0002"}, "credential.next", "one/spare"),
        ("one/spare/rotate", {"secret": "sk-Spare-0003"}, "credential.rotate", "one/spare"),
        ("rekey", None, "credential.rekey", ""), ("one/spare/validate", None, None, "it changes nothing")],
    ("DELETE", "/admin/v1/credentials/*"): [("one/spare", None, "credential.remove", "one/spare")],
    ("POST", "/admin/v1/clients"): [("", {"name": "app", "rate_limit_rpm": 6}, "client.add", "app")],
    ("PATCH", "/admin/v1/clients/*"): [("app", {"rate_limit_rpm": 7}, "client.change", "app")],
    ("POST", "/admin/v1/clients/*"): [("app/rotate", {"grace_seconds": 5}, "client.rotate", "app"),
                                      ("app/disable", None, "client.disable", "app"),
                                      ("app/enable", None, "client.enable", "app"),
                                      ("app/reset", None, None, "it is none of the file's")],
    ("DELETE", "/admin/v1/clients/*"): [("app", None, "client.revoke", "app")],
    ("POST", "/admin/v1/budgets/*"): [
        ("raise", {"budget": "day", "usd": "2.50", "until": "90m"}, "budget.raise", "team acme: day"),
        ("credit", {"budget": "day", "usd": 1}, "budget.credit", "team acme: day"),
        ("reset", {"budget": "day"}, "budget.reset", "team acme: day")],
    ("POST", "/admin/v1/cache/purge"): [("", {"route": "m"}, "cache.purge", "route m")],
    ("POST", "/admin/v1/routes"): [("", {"model": "new", "targets": ["one/m"]}, "route.add", "new")],
    ("PATCH", "/admin/v1/routes/*"): [("new", {"strategy": "weighted"}, "route.change", "new")],
    ("POST", "/admin/v1/routes/*"): [("new/reset", None, None, "it is none of the file's")],
    ("DELETE", "/admin/v1/routes/*"): [("new", None, "route.remove", "new")],
    ("POST", "/admin/v1/rules"): [("", {"name": "r", "targets": ["one/m"]}, "rule.add", "r")],
    ("PATCH", "/admin/v1/rules/*"): [("r", {"enabled": False}, "rule.change", "r")],
    ("POST", "/admin/v1/rules/*"): [("r/reset", None, None, "it is none of the file's")],
    ("DELETE", "/admin/v1/rules/*"): [("r", None, "rule.remove", "r")],
    ("POST", "/admin/v1/owners"): [("", {"name": "o"}, "owner.add", "o")],
    ("PATCH", "/admin/v1/owners/*"): [("o", {"daily_budget": 5}, "owner.change", "o")],
    ("POST", "/admin/v1/owners/*"): [("o/reset", None, None, "it is none of the file's")],
    ("DELETE", "/admin/v1/owners/*"): [("o", None, "owner.remove", "o")],
    ("POST", "/admin/v1/templates"): [("", {"name": "t"}, "template.add", "t")],
    ("PATCH", "/admin/v1/templates/*"): [("t", {"rate_limit_rpm": 5}, "template.change", "t")],
    ("POST", "/admin/v1/templates/*"): [("t/reset", None, None, "it is none of the file's")],
    ("DELETE", "/admin/v1/templates/*"): [("t", None, "template.remove", "t")],
    ("POST", "/admin/v1/budgets"): [("", {"name": "b", "usd": 1, "window": "week"}, "budget.add", "b")],
    ("PATCH", "/admin/v1/budgets/*"): [("b", {"usd": 2}, "budget.change", "b")],
    ("DELETE", "/admin/v1/budgets/*"): [("b", None, "budget.remove", "b")],
    ("POST", "/admin/v1/lock/*"): [("one-at-a-time", {"target": "two/m"}, "lock.move", "one-at-a-time")],
    ("DELETE", "/admin/v1/conversations/*"): [],  # of one that is there: test_conversations.py
    ("POST", "/admin/v1/purge"): [("", {"client": "nobody-yet"}, "client.purge", "(erased)")],
    ("DELETE", "/admin/v1/conversations"): [("?client=app", None, "conversation.purge", "app")],
    ("POST", "/admin/v1/usage/recost"): [("", {"prices": ["p"], "rows": [[1, 2, 0]]}, "usage.recost", "p")],
    ("POST", "/admin/v1/reload"): [("", None, "config.reload", "")],
    ("POST", "/admin/v1/route"): [("", {"model": "m", "messages": []}, None, "it is a question")],
    ("POST", "/admin/v1/drain"): [("", None, "gateway.drain", "")],  # the last
}


def changing_routes():
    """Every path of the gateway's table that an admin may ask by another method than GET."""
    table = (ROOT / "src/gateway/routes.c").read_text()
    found = re.findall(r'\{http_(post|put|patch|delete), STR\("(/admin/[^"]*)"\), access_(\w+)', table)
    assert len(found) > 8
    return [(method.upper(), path) for method, path, _ in found]


def test_every_admin_path_that_changes_something_leaves_a_row_before_it_answers(run):
    weir = run(owners=[{"name": "acme", "budgets": [{"usd": 5, "window": "day"}]}])
    untold = [route for route in changing_routes() if route not in CHANGES]
    assert not untold, f"{untold}: say in CHANGES what is asked there, and which row of the audit it leaves"
    for (method, path), asked in CHANGES.items():
        for rest, body, action, subject in asked:
            before = rows(weir)
            reply = admin(weir, method, path.rstrip("*") + rest, body)
            if action == "gateway.drain":  # it takes no other connection
                assert reply.status == 202
                break
            assert reply.status < 300 or action is None, reply
            left = rows(weir)[len(before):]
            assert [row["action"] for row in left] == ([action] if action else []), (method, path, rest, left)
            for row in left:
                assert (row["subject"], row["outcome"]) == (subject, "ok")
                assert (row["actor"], row["address"]) == ("admin key", "127.0.0.1")
                assert row["request_id"] and row["seq"] == len(before) + 1
    weir.wait()
    told = json.loads(command(weir, "audit", "list", "--json").stdout)["rows"]
    assert (told[-1]["action"], told[-1]["actor"], told[-1]["address"]) == ("gateway.drain", "admin key", "127.0.0.1")
    assert "sk-" not in json.dumps(told)  # names of keys, and never what they hold
    assert command(weir, "audit", "verify").stdout.startswith("whole: ")


def test_who_it_was_is_the_client_whose_key_it_was(run):
    key_hash = hashlib.sha256(ADMIN_KEY.encode()).hexdigest()
    weir = run(clients=[{"name": "olga", "key_hash": key_hash, "role": "admin"}])
    assert admin(weir, "POST", "/admin/v1/providers/two/drain", key=ADMIN_KEY).status == 200
    row = rows(weir)[-1]
    assert (row["actor"], row["action"], row["detail"]) == ("olga", "provider.state", "draining")
    line = poll(lambda: [line for line in weir.log("audited") if line["action"] == "provider.state"])[0]
    assert (line["seq"], line["action"], line["head"]) == (row["seq"], row["action"], row["head"])


def test_no_client_is_written_down_as_somebody_else(run):
    keys = {name: f"weir-key-{name}-of-an-admin" for name in ("library", "rotate_after_days", "x")}
    weir = run(clients=[{"name": name, "key_hash": hashlib.sha256(key.encode()).hexdigest(), "role": "admin"}
                        for name, key in keys.items()])
    for key in keys.values():
        assert admin(weir, "POST", "/admin/v1/providers/two/drain", key=key).status == 200
    assert [row["actor"] for row in rows(weir)[1:]] == ["client library", "client rotate_after_days", "x"]


def test_a_start_a_signal_and_a_command_say_who_they_were(run):
    weir = run()
    start = rows(weir)[0]
    assert start["action"] == "gateway.start" and start["actor"].startswith("uid ")
    assert hashlib.sha256(weir.path.read_bytes()).hexdigest() in start["detail"] and "admin key " in start["detail"]
    weir.process.send_signal(signal.SIGHUP)
    reload = poll(lambda: [row for row in rows(weir) if row["action"] == "config.reload"])[0]
    assert (reload["actor"], reload["address"]) == ("signal SIGHUP", "process")
    assert hashlib.sha256(weir.path.read_bytes()).hexdigest() in reload["detail"]
    weir.stop()
    command(weir, "key", "set", "one", given="sk-By-the-command-1")
    last = json.loads(command(weir, "audit", "list", "--json").stdout)["rows"][-2:]
    assert [(row["action"], row["actor"][:4], row["address"]) for row in last] == \
        [("gateway.drain", "sign", "process"), ("credential.set", "uid ", "cli")]


def test_what_is_refused_leaves_no_row_and_what_came_to_nothing_leaves_two(run):
    weir = run()
    before = rows(weir)
    assert admin(weir, "PATCH", "/admin/v1/providers/nobody", {"priority": 1}).status == 404
    assert admin(weir, "POST", "/admin/v1/lock/nothing", {"target": "one/m"}).status == 404
    weir.path.write_text("providers: [")
    assert admin(weir, "POST", "/admin/v1/reload").status >= 400
    assert rows(weir) == before
    (weir.state_dir / "runtime.yaml").mkdir()  # the change cannot be put there
    assert admin(weir, "POST", "/admin/v1/providers/two/drain").status >= 400
    assert [row["outcome"] for row in rows(weir)[len(before):]] in (["ok", "failed"], [])


@pytest.mark.parametrize("edit, says", [
    ("UPDATE audit SET action = 'provider.add' WHERE seq = 3", "row 3 "),
    ("UPDATE audit SET time_ms = time_ms - 1 WHERE seq = 2", "row 2 "),
    ("UPDATE audit SET outcome = 'failed' WHERE seq = 4", "row 4 "),
    ("DELETE FROM audit WHERE seq = 3", "row 3 is missing"),
    ("DELETE FROM audit WHERE seq = 1", "row 1 is missing"),
    ("UPDATE audit SET actor = subject WHERE seq = 4", "row 4 "),
    ("UPDATE audit_words SET word = 'mallory' WHERE word = 'admin key'", "row 2 has a name that was edited"),
    ("UPDATE audit SET seq = CASE seq WHEN 2 THEN -3 WHEN 3 THEN -2 END WHERE seq IN (2, 3);"
     "UPDATE audit SET seq = -seq WHERE seq < 0", "row 2 "),
    ("DELETE FROM audit WHERE seq > 3", "row 4 is missing: the end was cut off"),
    ("DELETE FROM audit WHERE seq > 3; UPDATE sqlite_sequence SET seq = 3 WHERE name = 'audit'", None),
    ("UPDATE audit SET head = x'00' WHERE seq = 4", "row 4 "),
])
def test_every_edit_shows_and_the_first_wrong_row_is_named(run, edit, says):
    weir = run()
    for state in ("drain", "resume", "drain"):
        assert admin(weir, "POST", f"/admin/v1/providers/two/{state}").status == 200
    head = command(weir, "audit", "head").stdout.strip()
    assert command(weir, "audit", "verify", "--head", head).stdout.startswith("whole: 4 rows")
    edited(weir, *edit.split(";"))
    if says:
        told = command(weir, "audit", "verify", status=1).stdout
        assert told.startswith("WRONG: ") and says in told
    else:  # who knows the numbers too is found by a head that was kept elsewhere
        assert command(weir, "audit", "verify").stdout.startswith("whole: 3 rows")
        assert "no row has that head" in command(weir, "audit", "verify", "--head", head, status=1).stdout
        assert admin(weir, "GET", "/admin/v1/audit/verify?head=" + head).json["good"] is False
    assert admin(weir, "POST", "/admin/v1/providers/two/resume").status == 200  # it goes on, and the gap stays
    if says:
        assert says.split(":")[0] in command(weir, "audit", "verify", status=1).stdout


def test_a_name_is_erased_and_the_chain_stays_whole(run):
    weir = run()
    assert admin(weir, "POST", "/admin/v1/providers/two/drain").status == 200
    edited(weir, "DELETE FROM audit_words WHERE word = 'two'")
    assert rows(weir)[-1]["subject"] == "(erased)"
    verdict = admin(weir, "GET", "/admin/v1/audit/verify").json
    assert verdict["good"] and verdict["erased"] == 1
    assert admin(weir, "POST", "/admin/v1/providers/two/resume").status == 200  # it is another hash from now on
    assert [row["subject"] for row in rows(weir)[-2:]] == ["(erased)", "two"]


def test_anybody_can_check_the_chain_with_what_the_page_says(run):
    weir = run()
    assert admin(weir, "POST", "/admin/v1/providers/two/drain").status == 200
    page = (ROOT / "docs/audit.md").read_text()
    script = re.search(r"```python\n(.*?)```", page, re.S).group(1)
    done = subprocess.run(["/usr/bin/python3", "-c", script, str(weir.state_dir / "ledger.db")], capture_output=True,
                          text=True, timeout=20)
    assert done.stdout.strip() == command(weir, "audit", "head").stdout.strip(), done


def test_the_pages_of_actions_and_of_paths_are_the_tables(run):
    header = (ROOT / "src/store/audit.h").read_text()
    actions = re.findall(r'X\(\w+, "([\w.]+)", "([^"]*)",\s*"([^"]*)"\)', header.replace("\\\n", " "))
    page = (ROOT / "docs/audit.md").read_text()
    assert [f"| `{word}` | {subject or '-'} | {sentence} |" for word, subject, sentence in actions] == \
        [line for line in page.split("\n") if line.startswith("| `") and line.count("|") == 4]
    assert {action for asked in CHANGES.values() for _, _, action, _ in asked if action} <= {a for a, _, _ in actions}


def test_it_is_listed_as_a_table_as_json_and_for_a_spreadsheet(run):
    weir = run()
    for state in ("drain", "resume"):
        assert admin(weir, "POST", f"/admin/v1/providers/two/{state}").status == 200
    status, shown = on_terminal("audit", "list", "--config", str(weir.path))
    assert status == 0 and "provider.state" in shown and "two: draining" in shown
    csv = command(weir, "audit", "list", "--csv").stdout
    assert csv.startswith("seq,time,action,outcome,actor,") and csv.count("\n") == 4
    page = admin(weir, "GET", "/admin/v1/audit?limit=1").json
    assert page["more"] and [row["seq"] for row in page["rows"]] == [3]
    assert [row["seq"] for row in admin(weir, "GET", "/admin/v1/audit?before=3&limit=2").json["rows"]] == [1, 2]
    assert not admin(weir, "GET", "/admin/v1/audit?since=2020-01-01&until=2020-01-02").json["rows"]
    assert http(weir.port, "GET", "/admin/v1/audit").status == 401
    by_url = command(weir, "audit", "verify", "--url", f"http://127.0.0.1:{weir.port}").stdout
    assert by_url.startswith("whole: 3 rows")


@pytest.mark.parametrize("path, says", [
    ("?limit=0", "from 1 to 10000"), ("?since=yesterday", "24h"), ("?what=1", "is not understood"),
    ("/verify?head=abc", "64 hexadecimal digits"), ("/verify?limit=2", "is not understood"),
    ("?before=x", "whole number"),
    ("/head?head=" + "0" * 64, "is not understood"), ("?since=" + "9" * 300, "too long"),
])
def test_a_question_that_is_not_understood_says_what_is(run, path, says):
    weir = run()
    reply = admin(weir, "GET", "/admin/v1/audit" + path)
    assert reply.status == 400 and says in reply.error["message"]
    assert admin(weir, "GET", "/admin/v1/audit/heads").status == 404


def test_who_reads_the_ledger_beside_the_gateway_takes_nothing_from_it(run):
    """The last to close a database removes its log: the gateway's own connections must count as open."""
    weir = run()
    for state in ("drain", "resume") * 2:
        assert admin(weir, "POST", f"/admin/v1/providers/two/{state}").status == 200
        command(weir, "audit", "verify")  # opens and closes it in another process
        assert chat(weir.port).status == 200
        poll(lambda: admin(weir, "GET", "/admin/v1/usage").json["total"]["requests"])
        assert (weir.state_dir / "ledger.db-wal").exists()
    weir.stop()
    with contextlib.closing(sqlite3.connect(weir.state_dir / "ledger.db")) as ledger:
        assert ledger.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert ledger.execute("SELECT count(*) FROM attempts").fetchall() == [(4,)]
    assert command(weir, "audit", "verify").stdout.startswith("whole: 6 rows")

def test_a_row_is_on_the_disk_before_its_answer_is_sent(run):
    weir = run()
    for count in range(6):
        state = ("drain", "resume")[count % 2]
        assert admin(weir, "POST", f"/admin/v1/providers/two/{state}").status == 200
        weir.stop(signal.SIGKILL, status=-signal.SIGKILL)
        last = json.loads(command(weir, "audit", "list", "--json").stdout)["rows"][-1]
        assert (last["action"], last["detail"]) == ("provider.state", "draining" if state == "drain" else "active")
        weir = run()
    assert command(weir, "audit", "verify").stdout.startswith("whole: 13 rows")


def test_several_processes_write_one_chain(run):
    weir = run()
    catalogue = weir.folder / "newer.jsonl"
    catalogue.write_text((ROOT / "catalog/built_in.jsonl").read_text())
    ended = threading.Event()

    def edit():
        while not ended.is_set():
            assert admin(weir, "POST", "/admin/v1/providers/two/drain").status == 200
    editor = threading.Thread(target=edit, daemon=True)
    editor.start()
    try:
        for _ in range(4):
            command(weir, "catalog", "update", str(catalogue))
            command(weir, "catalog", "reset")
    finally:
        ended.set()
        editor.join()
    told = rows(weir)
    assert [row["seq"] for row in told] == list(range(1, len(told) + 1))
    assert sum(row["action"] == "catalog.update" for row in told) == 4
    assert admin(weir, "GET", "/admin/v1/audit/verify").json["good"]


# -- what cannot be written --------------------------------------------------------------------------------------------

DEAF = "CREATE TRIGGER deaf BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'disk I/O error'); END"


@pytest.mark.parametrize("on_failure", ["refuse", "serve"])
def test_what_the_audit_cannot_take_is_not_done_or_told_loudly(run, on_failure):
    weir = run(on_ledger_failure=on_failure)
    edited(weir, DEAF)
    for count, (method, path, body) in enumerate((
            ("POST", "/admin/v1/providers/two/drain", None), ("POST", "/admin/v1/reload", None),
            ("PUT", "/admin/v1/credentials/one", {"secret": "sk-Another-0001"}),
            ("POST", "/admin/v1/lock/one-at-a-time", {"target": "two/m"}))):
        reply = admin(weir, method, path, body)
        failed = poll(lambda: weir.log("audit_failed")[count:])[0]
        assert "disk I/O error" in failed["why"] and failed["outcome"] == "ok"
        if on_failure == "serve":
            assert reply.status < 300
            assert (failed["actor"], failed["address"]) == ("admin key", "127.0.0.1")
        else:
            assert reply.status == 500 and "Nothing was changed" in reply.error["message"]
    state = admin(weir, "GET", "/admin/v1/providers/two").json["state"]
    assert state == ("draining" if on_failure == "serve" else "active")
    assert admin(weir, "POST", "/admin/v1/drain").status == 202  # what ends it is possible all the same
    weir.wait()
    assert weir.log("audit_failed")[-1]["action"] == "gateway.drain"


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "state"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs", str(folder)],
                      capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_on_a_full_disk_nothing_is_changed_and_it_goes_on_when_there_is_room(run, small_disk):
    weir = run()
    full = small_disk / "full"
    with full.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"x" * 4096) == 4096:
            pass
    replies = [admin(weir, "POST", f"/admin/v1/providers/two/{state}") for state in ("drain", "resume") * 8]
    refused = [reply for reply in replies if reply.status != 200]
    assert refused and all(reply.status == 500 for reply in refused)
    full.unlink()
    assert admin(weir, "POST", "/admin/v1/providers/two/drain").status == 200
    assert rows(weir)[-1]["detail"] == "draining"
    assert admin(weir, "GET", "/admin/v1/audit/verify").json["good"]
    assert chat(weir.port).status == 200


def test_a_catalogue_that_the_audit_cannot_take_is_not_taken(run):
    weir = run()
    weir.stop()
    edited(weir, DEAF)
    catalogue = weir.folder / "newer.jsonl"
    catalogue.write_text((ROOT / "catalog/built_in.jsonl").read_text())
    done = command(weir, "catalog", "update", str(catalogue), status=2)
    assert "audit" in done.stderr and not (weir.state_dir / "catalog.jsonl").exists()
    edited(weir, "DROP TRIGGER deaf")
    command(weir, "catalog", "update", str(catalogue))
    command(weir, "catalog", "reset")
    told = json.loads(command(weir, "audit", "list", "--json").stdout)["rows"][-2:]
    assert [row["action"] for row in told] == ["catalog.update", "catalog.reset"]

"""The state folder: whose it is, what it remembers, and that what was closed stays closed."""
import hashlib
import json
import os
import sqlite3
import stat
import subprocess

import pytest

from weirlib import BINARY, SLOW, Process, Weir, chat, environment, http, poll, provider

EMPTY = hashlib.sha256(b"").hexdigest()


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def client(name, key, **more):
    return {"name": name, "key_hash": hashlib.sha256(key.encode()).hexdigest(), **more}


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture
def folder(tmp_path, start_mock):
    """begin(config) serves with one and the same folder; status(config) is how a start that is refused ends."""
    mock = start_mock()
    started = []

    def begin(wait=True, **config):
        if started and started[-1].process.poll() is None:
            started[-1].stop()
        weir = Weir(tmp_path, {"providers": {"p": provider(mock)}, **config}, wait=wait)
        started.append(weir)
        return weir

    def refused(**config):
        weir = begin(wait=False, **config)
        assert weir.wait() in (1, 2), "\n".join(weir.err)
        return "\n".join(weir.err)
    begin.refused, begin.state = refused, tmp_path / "state"
    yield begin
    for weir in started:
        if weir.process.poll() is None:
            weir.stop()


def reload(weir, **config):
    weir.write({"providers": json.loads(weir.path.read_text())["providers"], **config})
    reply = http(weir.port, "POST", "/admin/v1/reload", "", bearer(weir.admin_key))
    assert reply.status == 200, reply


def test_removing_the_last_client_leaves_the_gateway_closed(folder):
    weir = folder(clients=[client("app", "key-app")])
    assert chat(weir.port).status == 401 and chat(weir.port, headers=bearer("key-app")).status == 200
    reload(weir)
    for headers in ({}, bearer("key-app"), bearer("")):
        reply = chat(weir.port, headers=headers)
        assert reply.status == 401 and "auth: none" in reply.error["message"], reply
    assert http(weir.port, "GET", "/v1/models").status == 401 and http(weir.port, "GET", "/healthz").status == 200
    assert chat(weir.port, headers=bearer(weir.admin_key)).status == 200
    weir = folder()
    assert any("there were clients" in line for line in weir.err)
    assert chat(weir.port).status == 401, "also after a restart"
    weir = folder(clients=[])
    assert chat(weir.port).status == 401
    reload(weir, auth="none")
    assert chat(weir.port).status == 200
    reload(weir)
    assert chat(weir.port).status == 401, "`auth: none` opens it while it is written"


def test_clients_that_come_with_a_reload_are_remembered_too(folder):
    weir = folder()
    assert chat(weir.port).status == 200
    reload(weir, clients=[client("app", "key-app")])
    weir.process.kill()
    weir.wait()
    assert chat(folder().port).status == 401


def test_a_memory_that_cannot_be_read_closes(folder):
    weir = folder()
    assert chat(weir.port).status == 200
    for damage in (lambda path: path.write_text(""), lambda path: path.write_text("weir ma"), lambda path:
                   (path.unlink(), path.mkdir())):
        weir.stop()
        damage(folder.state / "marks")
        weir = folder()
        assert chat(weir.port).status == 401 and any("marks" in line and "mend it" in line for line in weir.err)


def test_a_memory_that_cannot_be_written_refuses_the_clients_rather_than_forget_them(folder):
    weir = folder()
    (folder.state / "marks.tmp").mkdir()  # nothing can be written there
    weir.write({"providers": json.loads(weir.path.read_text())["providers"], "clients": [client("app", "key-app")]})
    reply = http(weir.port, "POST", "/admin/v1/reload", "", bearer(weir.admin_key))
    assert reply.status >= 400 and "marks" in reply.error["message"], reply
    assert chat(weir.port).status == 200, "nothing has changed"
    assert "marks" in folder.refused(clients=[client("app", "key-app")])


@pytest.mark.parametrize("owner, status", [("", 200), ("app", 401)])
def test_an_older_folder_is_remembered_by_its_stored_responses(folder, owner, status):
    folder().stop()
    (folder.state / "marks").unlink()
    (folder.state / "responses.db").unlink(missing_ok=True)
    database = sqlite3.connect(folder.state / "responses.db")
    database.executescript(
        "CREATE TABLE responses(client TEXT NOT NULL, id TEXT NOT NULL, created_s INTEGER NOT NULL, previous TEXT NOT "
        "NULL,"
        " input TEXT NOT NULL, output TEXT NOT NULL, response TEXT NOT NULL, PRIMARY KEY(client, id)); PRAGMA "
        "user_version = 1;"
    )
    database.execute("INSERT INTO responses VALUES(?, 'resp_1', 1, '', '[]', '[]', '{}')", (owner,))
    database.commit()
    database.close()
    assert chat(folder().port).status == status


def bare(tmp_path, **variables):
    env = environment(WEIR_LISTEN="127.0.0.1:0", WEIR_STATE_DIR=str(tmp_path / "state"), HOME=str(tmp_path),
                      XDG_CONFIG_HOME=str(tmp_path), **variables)
    return Process(["serve"], cwd=tmp_path, env=env), env


def test_a_folder_that_served_real_providers_never_simulates_unasked(tmp_path):
    simulated, _ = bare(tmp_path)
    simulated.line(simulated.err, '"ready"')
    simulated.stop()
    simulated, _ = bare(tmp_path)
    assert json.loads(simulated.line(simulated.err, '"ready"'))["simulated"] is True, "nothing real has served"
    simulated.stop()
    real, _ = bare(tmp_path, OPENAI_API_KEY="sk-x")
    real.line(real.err, '"ready"')
    real.stop()
    refused, env = bare(tmp_path)
    assert refused.wait() == 2 and "has served real providers" in "\n".join(refused.err)
    for command in (["check"], ["ask", "hello"]):
        run = subprocess.run([BINARY, *command], capture_output=True, text=True, timeout=SLOW, cwd=tmp_path, env=env)
        assert run.returncode == 2 and "has served real providers" in run.stdout + run.stderr, run
    asked, _ = bare(tmp_path, ENABLE_PROVIDER_SYSTEM="false")
    assert json.loads(asked.line(asked.err, '"ready"'))["simulated"] is True
    asked.stop()


def test_a_provider_that_was_added_at_run_time_is_remembered(tmp_path):
    weir, _ = bare(tmp_path)
    port = json.loads(weir.line(weir.err, '"ready"'))["port"]
    admin = bearer((tmp_path / "state/admin.key").read_text().strip())
    assert (http(port, "POST", "/admin/v1/providers", {"name": "x", "type": "openai", "api_key": "k"},
                 admin).status == 201)
    reply = http(port, "DELETE", "/admin/v1/providers/x", None, admin)
    assert reply.status == 400 and "has served real providers" in reply.error["message"], reply
    weir.stop()


# -- rights ------------------------------------------------------------------------------------------------------------

def test_everything_in_the_folder_is_its_owners_alone(folder, start_mock):
    before = os.umask(0)
    try:
        weir = folder(routes=[{"model": "x", "strategy": "exclusive", "targets": ["p/m"]}], responses={"store": True})
    finally:
        os.umask(before)
    assert http(weir.port, "POST", "/v1/responses", {"model": "m", "input": "x"}).status == 200
    chat(weir.port, model="x")
    assert http(weir.port, "PATCH", "/admin/v1/providers/p", {"priority": 2}, bearer(weir.admin_key)).status == 200
    poll(lambda: (folder.state / "locks").exists() and (folder.state / "responses.db-wal").exists())
    assert mode(folder.state) == 0o700
    found = {path.name: mode(path) for path in folder.state.rglob("*") if path.is_file()}
    assert {mode(path) for path in folder.state.rglob("*") if path.is_dir()} == {0o700}
    assert set(found.values()) == {0o600}, found
    assert {"admin.key", "lock", "locks", "marks", "runtime.yaml", "responses.db", "responses.db-wal"} <= set(found)


def test_what_others_could_read_or_write_is_mended_and_said(folder):
    folder().stop()
    folder.state.chmod(0o777)
    for name in ("admin.key", "marks", "lock"):
        (folder.state / name).chmod(0o644)
    weir = folder()
    said = "\n".join(weir.err)
    assert mode(folder.state) == 0o700 and "0700 now" in said
    for name in ("admin.key", "marks", "lock"):
        assert mode(folder.state / name) == 0o600 and f"{name} could be read by other users" in said


@pytest.mark.parametrize("content, rights, said",
                         [("a-key-that-is-long-enough", 0o666, "can be written by other users"),
                          ("a-key-that-is-long-enough", 0o620, "can be written by other users"),
                          ("x", 0o600, "too short"), ("fifteen-letters", 0o600, "too short"),
                          (" \n", 0o600, "too short"), ("k" * 257, 0o600, "too long"), ("k" * 5000, 0o600, "too long"),
                          ("a key that has blanks", 0o600, "holds a blank"),
                          ("a-key-of-two-lines\na-key-of-two-lines", 0o600, "holds a blank"),
                          ("k\u00e9y-that-is-long-enough", 0o600, "holds a blank")])
def test_a_bad_admin_key_is_refused_with_its_cure(folder, content, rights, said):
    folder.state.mkdir(0o700)
    path = folder.state / "admin.key"
    path.write_text(content)
    path.chmod(rights)
    refused = folder.refused()
    assert said in refused and "emove it" in refused and (len(content) < 10 or content not in refused)


def test_an_admin_key_of_ones_own_is_taken(folder):
    folder.state.mkdir(0o700)
    (folder.state / "admin.key").write_text("sixteen-letters!\n")
    (folder.state / "admin.key").chmod(0o600)
    weir = folder()
    assert http(weir.port, "GET", "/admin/v1/status", headers=bearer("sixteen-letters!")).status == 200
    for wrong in ("", "sixteen-letters", "sixteen-letters!!"):
        assert http(weir.port, "GET", "/admin/v1/status", headers=bearer(wrong)).status == 401


def test_an_empty_admin_key_of_a_start_that_was_cut_short_is_made_anew(folder):
    folder.state.mkdir(0o700)
    (folder.state / "admin.key").write_text("")
    (folder.state / "admin.key").chmod(0o600)
    assert len(folder().admin_key) > 30


@pytest.mark.parametrize("key", ["", "\n", "\r\n"])
def test_the_hash_of_an_empty_key_is_refused(folder, key):
    assert "is that of an empty key" in folder.refused(clients=[client("app", key)])

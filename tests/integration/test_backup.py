"""weir backup while it runs, and weir restore: nothing that was sent before it began is missing or there twice; a file
that is not whole, or not one of weir's, touches nothing."""
import contextlib
import hashlib
import io
import json
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import tarfile
import threading

import pytest

from weirlib import BINARY, Weir, chat, environment, http, poll, provider


@pytest.fixture
def run(tmp_path, mocks):
    running = []
    mocks[0].reset()

    def begin(name="first", wait=True, **top):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        running.append(Weir(folder, {"providers": {"one": provider(mocks[0]), "two": provider(mocks[1])}, **top},
                            wait=wait))
        return running[-1]
    yield begin
    for weir in running:
        if weir.process.poll() is None:
            weir.stop()


def command(*arguments, status=0, cwd=None):
    done = subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=60, cwd=cwd,
                          env=environment())
    assert done.returncode == status, done
    return done


def backup(weir, file, status=0):
    return command("backup", file, "--state-dir", weir.state_dir, status=status)


def restore(file, folder, *more, status=0):
    return command("restore", file, "--state-dir", folder, *more, status=status)


def admin(weir, method, path, body=None):
    return http(weir.port, method, "/admin/v1/" + path, body, {"authorization": f"Bearer {weir.admin_key}"})


def attempts(folder):
    with contextlib.closing(sqlite3.connect(folder / "ledger.db")) as ledger:
        return ledger.execute("SELECT request_id, (SELECT name FROM names WHERE id = outcome) FROM attempts").fetchall()


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*")
            if path.is_file()} if folder.exists() else {}


def load(weir, got, stop):
    while not stop.is_set():
        with contextlib.suppress(OSError, AssertionError):
            reply = chat(weir.port)
            if reply.status == 200 and reply.complete:
                got.append(reply.headers["x-weir-request-id"])


def test_under_load_nothing_that_was_answered_before_is_missing_or_there_twice(run, tmp_path):
    weir, got, stop = run(workers=2), [], threading.Event()
    callers = [threading.Thread(target=load, args=(weir, got, stop), daemon=True) for _ in range(6)]
    for caller in callers:
        caller.start()
    taken = []
    try:
        for i in range(4):
            seen = len(got)
            poll(lambda: len(got) >= seen + 50)
            before = list(got)
            backup(weir, tmp_path / f"{i}.tar")
            taken.append(before)
        weir.stop(signal.SIGKILL, status=-signal.SIGKILL)
    finally:
        stop.set()
    for caller in callers:
        caller.join()
    for i, before in enumerate(taken):
        folder = tmp_path / f"again{i}"
        folder.mkdir()
        restore(tmp_path / f"{i}.tar", folder / "state")
        again = run(f"again{i}")
        assert not again.log("journal_damaged")
        again.stop()
        kept = attempts(folder / "state")
        ids = [request for request, _ in kept]
        assert len(ids) == len(set(ids))
        missing = set(before) - {request for request, outcome in kept if outcome in ("ok", "lost")}
        assert not missing, f"{len(missing)} of {len(before)} are not in backup {i}"
        assert {outcome for _, outcome in kept} <= {"ok", "lost"}


def test_what_is_under_way_is_in_it_as_lost_and_charged(run, mocks, tmp_path):
    weir = run()
    mocks[0].fault("hang")
    with contextlib.ExitStack() as stack:
        caller = threading.Thread(target=chat, args=(weir.port,), daemon=True)
        caller.start()
        poll(lambda: mocks[0].requests()["requests"])
        backup(weir, tmp_path / "b.tar")
        stack.callback(caller.join)
        weir.stop(signal.SIGKILL, status=-signal.SIGKILL)
    (tmp_path / "again").mkdir()
    restore(tmp_path / "b.tar", tmp_path / "again/state")
    again = run("again")
    assert again.log("journal_replayed")[0]["lost"] == 1
    again.stop()
    assert [outcome for _, outcome in attempts(tmp_path / "again/state")] == ["lost"]


@pytest.fixture
def full(run, mocks):
    """A gateway whose state folder has one of everything."""
    weir = run(responses={"store": True}, routes=[
        {"model": "lone", "strategy": "exclusive", "targets": ["one/m", "two/m"]}])
    stored = http(weir.port, "POST", "/v1/responses", {"model": "m", "input": "Hello", "store": True})
    assert stored.status == 200, stored
    assert chat(weir.port, model="lone").status == 200
    assert admin(weir, "POST", "lock/lone", {"target": "two/m"}).status == 200
    assert admin(weir, "PATCH", "providers/one", {"api_key": "sk-In-the-vault-77", "priority": 1}).status == 200
    chat(weir.port)
    assert mocks[0].last()["headers"]["authorization"] == "Bearer sk-In-the-vault-77"
    poll(lambda: (weir.state_dir / "locks").exists())
    return weir, stored.json["id"]


def test_a_restored_folder_is_the_same_gateway(run, full, mocks, tmp_path):
    weir, stored = full
    said = backup(weir, tmp_path / "b.tar")
    assert "master.key is not in it: it opens the vault" in said.stderr and "admin.key is not in it" in said.stderr
    assert "does not know" not in said.stderr  # the table of parts has every file that a gateway makes
    assert (tmp_path / "b.tar").stat().st_mode & 0o777 == 0o600
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".tmp")]
    weir.stop()
    folder = tmp_path / "again"
    folder.mkdir()
    told = restore(tmp_path / "b.tar", folder / "state").stdout
    assert "put master.key there" in told
    assert re.match(rf"{re.escape(str(folder))}/state: \d+ parts, \d{{4,}} bytes, checked and restored\n", told), told
    shutil.copy(weir.state_dir / "master.key", folder / "state/master.key")
    again = run("again", responses={"store": True}, routes=[
        {"model": "lone", "strategy": "exclusive", "targets": ["one/m", "two/m"]}])
    assert http(again.port, "GET", f"/v1/responses/{stored}").json["id"] == stored
    chat(again.port)
    assert mocks[0].last()["headers"]["authorization"] == "Bearer sk-In-the-vault-77"
    assert admin(again, "GET", "lock").json["locks"][0]["holder"] == "two/m"
    assert admin(again, "GET", "usage").json["total"]["requests"] >= 4
    rows = admin(again, "GET", "audit").json["rows"]
    assert [row["action"] for row in rows][-3:] == ["backup.make", "backup.restore", "gateway.start"]
    assert admin(again, "GET", "audit/verify").json["good"]
    assert weir.admin_key != again.admin_key  # who has the file cannot open the gateway that it is of


def test_any_tar_lists_it_and_its_sums_are_those_of_its_parts(full, tmp_path):
    backup(full[0], tmp_path / "b.tar")
    with tarfile.open(tmp_path / "b.tar") as tar:
        parts = {member.name: tar.extractfile(member).read() for member in tar}
    assert list(parts)[0] == "weir-backup" and list(parts)[-1] == "SHA256SUMS"
    sums = parts.pop("SHA256SUMS").decode()
    assert sums == "".join(f"{hashlib.sha256(part).hexdigest()}  {name}\n" for name, part in parts.items())
    assert {"ledger.db", "responses.db", "runtime.yaml", "vault", "marks", "locks"} <= set(parts)
    assert not {"master.key", "admin.key"} & set(parts)

def test_vault_and_overlay_of_a_backup_belong_together_while_both_are_changed(run, mocks, tmp_path):
    weir, ended = run(), threading.Event()
    keys = []

    def edit():
        while not ended.is_set():
            key = f"sk-Given-{len(keys):04}-at-run-time"
            keys.append(key)
            assert admin(weir, "PATCH", "providers/one", {"api_key": key, "priority": 1}).status == 200
    editor = threading.Thread(target=edit, daemon=True)
    editor.start()
    try:
        for i in range(3):
            seen = len(keys)
            poll(lambda: len(keys) >= seen + 3)
            backup(weir, tmp_path / f"{i}.tar")
    finally:
        ended.set()
        editor.join()
    weir.stop()
    for i in range(3):
        folder = tmp_path / f"again{i}"
        folder.mkdir()
        restore(tmp_path / f"{i}.tar", folder / "state")
        shutil.copy(weir.state_dir / "master.key", folder / "state/master.key")
        again = run(f"again{i}")
        assert chat(again.port).status == 200
        assert mocks[0].last()["headers"]["authorization"].removeprefix("Bearer ") in keys
        again.stop()


# -- what is no good ---------------------------------------------------------------------------------------------------


@pytest.fixture
def plain(run, tmp_path):
    weir = run()
    assert chat(weir.port).status == 200
    backup(weir, tmp_path / "b.tar")
    weir.stop()
    return tmp_path / "b.tar"


def refused(file, folder, says=""):
    before = files(folder.parent)
    told = restore(file, folder, status=1)
    after = files(folder.parent)
    for there in (before, after):
        there.pop(f"{folder.name}/lock", None)
    assert after == before, (told, sorted(set(after) ^ set(before)))
    assert says in told.stderr, told
    return told.stderr


def test_a_file_with_a_bit_turned_or_cut_off_touches_nothing(plain, tmp_path):
    whole, draw = plain.read_bytes(), random.Random()
    folder, bad = tmp_path / "other/state", tmp_path / "bad.tar"
    folder.parent.mkdir()
    for i in range(40):
        place = draw.randrange(len(whole)) if i % 2 else draw.randrange(512) + 512 * draw.randrange(len(whole) // 512)
        if not i % 4:
            bad.write_bytes(whole[:place])
        else:
            bad.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << draw.randrange(8)]) + whole[place + 1:])
        done = subprocess.run([BINARY, "restore", str(bad), "--state-dir", str(folder)], capture_output=True, text=True,
                              timeout=60, env=environment())
        if done.returncode == 0:  # a head's fields that mean nothing: the file's times and rights
            with tarfile.open(bad) as tar, tarfile.open(plain) as good:
                assert [tar.extractfile(m).read() for m in tar] == [good.extractfile(m).read() for m in good], place
            shutil.rmtree(folder)
            continue
        assert done.returncode == 1 and "bad.tar" in done.stderr, (place, done)
        assert set(files(folder)) <= {"lock"}


def crafted(file, members, kind=tarfile.REGTYPE, link=""):
    """A tar that is whole by its sums, of what should not be in one."""
    with tarfile.open(file, "w", format=tarfile.USTAR_FORMAT) as tar:
        sums = ""
        for name, content in members:
            sums += f"{hashlib.sha256(content).hexdigest()}  {name}\n"
            member = tarfile.TarInfo(name)
            member.size, member.type, member.linkname = len(content), kind, link
            tar.addfile(member, io.BytesIO(content))
        member = tarfile.TarInfo("SHA256SUMS")
        member.size = len(sums)
        tar.addfile(member, io.BytesIO(sums.encode()))


@pytest.mark.parametrize("name", [
    "../outside", "/tmp/outside", "runtime.yaml/../../outside", "journal/../../outside",
    "journal/0123456789abcdef/../../x",
    "journal/0123456789abcdef/s0.1/x", "journal/0123456789abcde/s0.1", "journal/0123456789abcdef/x0.1", "admin.key",
    "master.key", "lock", "restore.unfinished", "ledger.db-wal", "unknown", ".", "journal", "./runtime.yaml", "a" * 99,
])
def test_a_part_that_is_none_is_refused_and_no_path_leaves_the_folder(plain, tmp_path, name):
    with tarfile.open(plain) as tar:
        members = [(m.name, tar.extractfile(m).read()) for m in tar if m.name != "SHA256SUMS"]
    folder, bad = tmp_path / "other/state", tmp_path / "bad.tar"
    folder.mkdir(parents=True)
    crafted(bad, [*members, (name, b"x")])
    refused(bad, folder, "no part of a state folder")


def test_links_and_parts_that_stand_twice_are_refused(plain, tmp_path):
    with tarfile.open(plain) as tar:
        members = [(m.name, tar.extractfile(m).read()) for m in tar if m.name != "SHA256SUMS"]
    folder, bad = tmp_path / "other/state", tmp_path / "bad.tar"
    folder.mkdir(parents=True)
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE):
        crafted(bad, [("runtime.yaml", b"")], kind, "/etc/passwd")
        refused(bad, folder)
    crafted(bad, [*members, members[1]])
    refused(bad, folder, "File exists")
    crafted(bad, members)
    restore(bad, folder)


def test_a_database_that_is_damaged_or_of_a_later_version_is_refused(plain, tmp_path):
    with tarfile.open(plain) as tar:
        members = {m.name: tar.extractfile(m).read() for m in tar if m.name != "SHA256SUMS"}
    folder, bad, ledger = tmp_path / "other/state", tmp_path / "bad.tar", tmp_path / "ledger.db"
    folder.mkdir(parents=True)
    content = members["ledger.db"]
    crafted(bad, {**members, "ledger.db": content[:4096] + b"\x5a" * 4096 + content[8192:]}.items())
    refused(bad, folder)
    ledger.write_bytes(content)
    with contextlib.closing(sqlite3.connect(ledger)) as database:
        database.execute("INSERT INTO schema_versions VALUES(1000, 0)")
        database.commit()
    crafted(bad, {**members, "ledger.db": ledger.read_bytes()}.items())
    refused(bad, folder, "a later version of weir")
    crafted(bad, [(name, part) for name, part in members.items() if name != "ledger.db"])
    refused(bad, folder, "no ledger.db")
    bad.write_bytes(b"")
    refused(bad, folder, "cut off")


def test_a_folder_that_is_served_or_has_state_is_not_overwritten(run, plain, tmp_path):
    weir = run("live")
    before = weir.state_dir / "ledger.db"
    assert "another weir serves" in restore(plain, weir.state_dir, "--force", status=1).stderr
    assert chat(weir.port).status == 200
    assert admin(weir, "POST", "providers/one/drain").status == 200
    weir.stop()
    assert "--force" in restore(plain, weir.state_dir, status=1).stderr
    assert before.exists() and (weir.state_dir / "runtime.yaml").exists()
    key = weir.admin_key
    restore(plain, weir.state_dir, "--force")
    assert not (weir.state_dir / "runtime.yaml").exists()  # the backup has none
    assert len(attempts(weir.state_dir)) == 1 or (weir.state_dir / "journal").exists()
    weir = run("live")
    assert weir.admin_key == key  # what is in no backup stays
    assert admin(weir, "GET", "providers/one").json["state"] == "active"


def test_a_restore_that_was_cut_short_is_not_served_with(run, plain, tmp_path):
    (tmp_path / "half/state").mkdir(parents=True, mode=0o700)
    (tmp_path / "half/state/restore.unfinished").touch()
    weir = run("half", wait=False)
    assert weir.wait() == 1
    assert "a restore was cut short" in "\n".join(weir.err)
    restore(plain, tmp_path / "half/state", "--force")
    weir = run("half")
    assert not (weir.state_dir / "restore.unfinished").exists() and chat(weir.port).status == 200


def test_where_there_is_no_room_the_file_before_stays(plain, run, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(small)], capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        (small / "b.tar").write_text("the one before")
        weir = run()
        assert "No space left" in backup(weir, small / "b.tar", status=1).stderr
        assert [path.name for path in small.iterdir()] == ["b.tar"]
        assert (small / "b.tar").read_text() == "the one before"
        assert "No space left" in restore(plain, small / "state", status=1).stderr
        assert set(files(small / "state")) <= {"lock"}
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)


def test_what_is_no_state_folder_says_so(tmp_path):
    told = command("backup", tmp_path / "b.tar", "--state-dir", tmp_path, status=1).stderr
    assert "ledger.db" in told and "is it a state folder" in told
    assert "No such file" in restore(tmp_path / "none.tar", tmp_path / "state", status=1).stderr
    assert command("restore", tmp_path / "none.tar", status=2).stderr.startswith("usage: weir restore")
    assert json.dumps(sorted(path.name for path in tmp_path.iterdir())) == '["state"]'

"""The vault: credentials encrypted at rest. What is given at run time, what a configuration names, and what happens to
the file: each trouble is told with its cure, and loses nothing."""
import itertools
import json
import os
import signal
import subprocess

import pytest

from weirlib import BINARY, Weir, chat, environment, http, poll, provider

SECRET = "sk-Zq7-run-time-Secret-0042"
MASTER = "5f" * 32


def ask(weir, method, path="", body=None):
    return http(weir.port, method, "/admin/v1/providers" + path, body, {"Authorization": f"Bearer {weir.admin_key}"})


def overlay(weir):
    return (weir.state_dir / "runtime.yaml").read_text()


def sent(mock):
    return mock.last()["headers"]["authorization"]


def again(weir, **more):
    config = weir.path.read_text()
    if weir.process.poll() is None:
        weir.stop()
    return Weir(weir.folder, config, **more)


def held(folder, secret):
    """The files below the folder that hold the secret, or much of it."""
    part = secret.encode()[4:-4]
    return [str(p) for p in folder.rglob("*") if p.is_file() and not p.is_symlink() and part in p.read_bytes()]


def check(weir, **env):
    run = subprocess.run([BINARY, "check", "-c", str(weir.path)], capture_output=True, text=True, timeout=20,
                         cwd=weir.folder, env=environment(**env))
    return run.returncode, run.stdout + run.stderr


def in_clear(mock, secret=SECRET):
    """An overlay as earlier versions left it."""
    return json.dumps({"providers": {
        "one": {"api_key": secret},
        "two": {"added": True, **provider(mock, ["n"]), "api_key": secret + "-two",
                "headers": {"X-Account": secret + "-h"}}
    }})


@pytest.fixture
def one(start, start_mock):
    mock = start_mock()
    return start({"workers": 2, "providers": {"one": provider(mock)}}), mock


# -- keys given at run time --------------------------------------------------------------------------------------------

def test_a_key_given_at_run_time_stands_nowhere_in_clear_and_is_there_after_a_restart(one):
    weir, mock = one
    assert ask(weir, "PATCH", "/one", {"api_key": SECRET, "headers": {"X-Account": SECRET + "-header"}}).status == 200
    chat(weir.port)
    assert sent(mock) == f"Bearer {SECRET}"
    assert held(weir.folder, SECRET) == []
    for name in ("vault", "master.key", "runtime.yaml"):
        assert (weir.state_dir / name).stat().st_mode & 0o777 == 0o600
    weir = again(weir)
    chat(weir.port)
    assert sent(mock) == f"Bearer {SECRET}" and mock.last()["headers"]["x-account"] == SECRET + "-header"
    assert ask(weir, "POST", "/one/drain").status == 200 and ask(weir, "POST", "/one/resume").status == 200
    chat(weir.port)
    assert sent(mock) == f"Bearer {SECRET}" and SECRET not in "\n".join(weir.err)
    weir.stop()


def test_keys_in_clear_of_earlier_versions_move_at_the_first_start(one):
    weir, mock = one
    weir.stop()
    (weir.state_dir / "runtime.yaml").write_text(in_clear(mock))
    (weir.state_dir / "runtime.yaml.tmp").write_text(in_clear(mock))  # of a writer that was killed
    weir = again(weir)
    assert held(weir.folder, SECRET) == []
    assert weir.log("credentials_moved") and SECRET not in "\n".join(weir.err)
    chat(weir.port)
    assert sent(mock) == f"Bearer {SECRET}"
    chat(weir.port, model="n")
    assert sent(mock) == f"Bearer {SECRET}-two" and mock.last()["headers"]["x-account"] == SECRET + "-h"
    before = overlay(weir)
    weir = again(weir)
    assert overlay(weir) == before and not weir.log("credentials_moved")
    weir.stop()


def test_a_crash_between_vault_and_overlay_loses_nothing(one):
    """The vault is there, the overlay still holds the keys: the next start begins again, and nothing stays twice."""
    weir, mock = one
    weir.stop()
    (weir.state_dir / "runtime.yaml").write_text(in_clear(mock))
    weir = again(weir)
    weir.stop()
    (weir.state_dir / "runtime.yaml").write_text(in_clear(mock))
    size = (weir.state_dir / "vault").stat().st_size
    weir = again(weir)
    chat(weir.port)
    assert sent(mock) == f"Bearer {SECRET}" and held(weir.folder, SECRET) == []
    assert (weir.state_dir / "vault").stat().st_size == size  # what no text names has gone
    weir.stop()


def test_a_start_that_is_killed_while_keys_move_loses_nothing(one):
    weir, mock = one
    weir.stop()
    for wait_ms in itertools.chain(range(0, 60, 6), range(60, 200, 30)):
        (weir.state_dir / "runtime.yaml").write_text(in_clear(mock))
        process = subprocess.Popen([BINARY, "serve", "-c", str(weir.path)], cwd=weir.folder, env=environment(),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(wait_ms / 1000)  # any moment will do
        except subprocess.TimeoutExpired:
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()
    weir = again(weir)
    chat(weir.port)
    assert sent(mock) == f"Bearer {SECRET}" and held(weir.folder, SECRET) == []
    weir.stop()


def test_what_cannot_be_written_is_refused_whole_and_keys_stay_as_they_were(one):
    weir, mock = one
    assert ask(weir, "PATCH", "/one", {"api_key": SECRET}).status == 200
    for name in ("vault.tmp", "runtime.yaml.tmp"):
        (weir.state_dir / name).mkdir()
        reply = ask(weir, "PATCH", "/one", {"api_key": "sk-another-one-0001"})
        assert reply.status == 500 and reply.error["code"] == "storage_failed", reply
        assert "Nothing was changed" in reply.error["message"]
        (weir.state_dir / name).rmdir()
        chat(weir.port)
        assert sent(mock) == f"Bearer {SECRET}"
    weir = again(weir)
    chat(weir.port)
    assert sent(mock) == f"Bearer {SECRET}"
    weir.stop()


# -- the master key ----------------------------------------------------------------------------------------------------

def test_a_missing_wrong_or_open_master_key_is_told_with_its_cure(one):
    weir, mock = one
    assert ask(weir, "PATCH", "/one", {"api_key": SECRET}).status == 200
    weir.stop()
    key = weir.state_dir / "master.key"
    text = key.read_text()

    def refused(words):
        run = subprocess.run([BINARY, "serve", "-c", str(weir.path)], capture_output=True, text=True, timeout=20,
                             cwd=weir.folder, env=environment())
        assert run.returncode == 2 and words in run.stderr and SECRET not in run.stderr, run

    key.unlink()
    refused("is missing, and its vault cannot be opened without it")
    status, said = check(weir)
    assert status == 0 and "and not what it holds" in said and "is missing" in said  # what can be looked at is fine
    key.write_text("ab" * 32 + "\n")
    key.chmod(0o600)
    refused("is not the master key that the vault there was made with")
    key.write_text(text)
    key.chmod(0o644)
    refused("chmod 600")
    key.chmod(0o600)
    weir = again(weir)
    chat(weir.port)
    assert sent(mock) == f"Bearer {SECRET}"
    weir.stop()


@pytest.mark.parametrize("variable, value", [("WEIR_MASTER_KEY", MASTER), ("WEIR_MASTER_PASSPHRASE", "correct horse")])
def test_the_master_key_may_come_from_a_variable_and_a_passphrase(start_mock, tmp_path, variable, value):
    mock = start_mock()
    config = {"workers": 1, "providers": {"one": provider(mock)}}
    weir = Weir(tmp_path, config, env=environment(**{variable: value}))
    assert ask(weir, "PATCH", "/one", {"api_key": SECRET}).status == 200
    assert not (weir.state_dir / "master.key").exists()
    weir = again(weir, env=environment(**{variable: value}))
    chat(weir.port)
    assert sent(mock) == f"Bearer {SECRET}"
    assert held(tmp_path, value) == [] and held(tmp_path, SECRET) == []
    weir.stop()
    run = subprocess.run([BINARY, "serve", "-c", str(weir.path)], capture_output=True, text=True, timeout=20,
                         cwd=tmp_path, env=environment())
    assert run.returncode == 2 and variable in run.stderr, run


# -- damage ------------------------------------------------------------------------------------------------------------

def test_a_flipped_bit_costs_one_key_that_is_named_and_the_others_serve(one, start_mock):
    weir, mock = one
    two = start_mock()
    assert ask(weir, "POST", "", {"name": "two", **provider(two, ["n"]), "api_key": SECRET + "-two"}).status == 201
    assert ask(weir, "PATCH", "/one", {"api_key": SECRET}).status == 200
    weir.stop()
    path = weir.state_dir / "vault"
    whole = bytearray(path.read_bytes())
    at = whole.index(b"WREC") + 40
    damaged = bytearray(whole)
    damaged[at] ^= 8
    path.write_bytes(damaged)
    weir = again(weir)
    event = poll(lambda: weir.log("vault_damaged"))
    assert "`two/rt-" in str(event) and "weir key set" in str(event)
    chat(weir.port)
    assert sent(mock) == f"Bearer {SECRET}"
    assert ask(weir, "PATCH", "/two", {"api_key": SECRET + "-anew"}).status == 200
    chat(weir.port, model="n")
    assert sent(two) == f"Bearer {SECRET}-anew"
    assert (weir.state_dir / "vault.damaged").read_bytes() == damaged  # for another hand
    weir.stop()


def test_a_vault_that_is_none_is_told_and_left_alone(one):
    weir, _ = one
    assert ask(weir, "PATCH", "/one", {"api_key": SECRET}).status == 200
    weir.stop()
    path = weir.state_dir / "vault"
    path.write_bytes(b"nonsense" * 40)
    run = subprocess.run([BINARY, "serve", "-c", str(weir.path)], capture_output=True, text=True, timeout=20,
                         cwd=weir.folder, env=environment())
    assert run.returncode == 2 and "it is no vault. Put it back from a backup" in run.stderr, run
    assert path.read_bytes() == b"nonsense" * 40


# -- references --------------------------------------------------------------------------------------------------------

def test_check_finds_what_the_vault_does_not_have_by_its_name(tmp_path):
    (tmp_path / "weir.yaml").write_text("state_dir: s\nproviders:\n  openai:\n    api_key: vault:openai\n"
                                        "  off: {type: openai, enabled: false, api_key: vault:off}\n")
    run = subprocess.run([BINARY, "check", "-c", str(tmp_path / "weir.yaml")], capture_output=True, text=True,
                         timeout=20, cwd=tmp_path, env=environment())
    assert run.returncode == 2 and "weir.yaml:4:14: the vault has no entry `openai`: weir key set openai" in run.stdout
    assert "off" not in run.stdout and not os.path.exists(tmp_path / "s")


def test_a_reference_is_never_taken_from_the_admin_api(one):
    weir, _ = one
    reply = ask(weir, "PATCH", "/one", {"api_key": "vault:one"})
    assert reply.status == 400 and "references" in reply.error["message"]
    reply = ask(weir, "PATCH", "/one", {"vault": {"api_key": "one"}})
    assert reply.status == 400 and "unknown key `vault`" in reply.error["message"]

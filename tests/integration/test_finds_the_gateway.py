"""Commands that ask a running gateway find it, and its admin key, by the configuration that `serve` reads; options and
variables win."""
import json
import os
import subprocess

import pytest

from weirlib import BINARY, dead_port, environment, provider

STATUS = {"providers", "totals"}


def run(folder, *arguments, **env):
    done = subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=20, cwd=folder,
                          env=environment(**env))
    return done.returncode, done.stdout, done.stderr


def gateway(start, mock, name="weir.yaml", **more):
    """A running one, and beside its own configuration one that says its port, with a variable that nobody set."""
    weir = start({"providers": {"one": provider(mock)}, **more})
    config = {
        "listen": f"127.0.0.1:{weir.port}", "state_dir": str(weir.state_dir),
        "providers": {"one": {"type": "openai", "api_key": "${A_KEY_THAT_IS_NOT_SET}", "models": ["m"]}}, **more
    }
    weir.path = weir.folder / name
    weir.path.write_text(json.dumps(config, indent=1))
    return weir, config


@pytest.fixture
def mock(mocks):
    mocks[0].reset()
    return mocks[0]


def test_every_command_asks_the_gateway_of_the_configuration(start, mock):
    weir, _ = gateway(start, mock)
    for arguments in (["status"], ["route", "-m", "m"], ["provider", "list"], ["provider", "list", "one"],
                      ["provider", "probe", "one"], ["provider", "update", "one", "priority=2"], ["provider", "reset",
                                                                                                 "one"]):
        status, out, err = run(weir.folder, *arguments)
        assert status == 0 and "one" in out and "cannot be told" not in err, (arguments, out, err)
    assert "never-was" not in run(weir.folder, "explain", "never-was")[1]
    assert "No request of that id" in run(weir.folder, "explain", "never-was")[2]
    weir.write({"providers": {"one": provider(mock)}, "listen": f"127.0.0.1:{weir.port}"})
    for command in ("reload", "drain"):
        status, out, err = run(weir.folder, command)
        assert status == 0 and command in out, (out, err)
    assert weir.wait() == 0


def test_it_is_searched_for_as_serve_does(start, mock, tmp_path):
    weir, _ = gateway(start, mock, name="other.yaml")
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "weir").mkdir(parents=True)
    assert run(elsewhere, "status", "--json", "-c", str(weir.path))[0] == 0
    assert run(elsewhere, "status", "--json", WEIR_CONFIG=str(weir.path))[0] == 0
    (elsewhere / "weir" / "weir.yaml").write_text(weir.path.read_text())
    assert run(elsewhere, "status", "--json", XDG_CONFIG_HOME=str(elsewhere))[0] == 0
    assert run(elsewhere, "status", "--json", WEIR_LISTEN=f"127.0.0.1:{weir.port}",
               WEIR_STATE_DIR=str(weir.state_dir))[0] == 0  # without any file


def test_options_and_variables_win(start, mock):
    weir, config = gateway(start, mock)
    wrong = f"http://127.0.0.1:{dead_port()}"
    right = f"http://127.0.0.1:{weir.port}"
    assert run(weir.folder, "status", "--url", right, WEIR_URL=wrong)[0] == 0
    weir.path.write_text(json.dumps({**config, "listen": wrong[7:]}))
    assert run(weir.folder, "status", WEIR_URL=right)[0] == 0  # the key is still the configuration's
    status, _, err = run(weir.folder, "status")
    assert status == 1 and wrong in err and "weir.yaml:1:12" in err, err
    status, _, err = run(weir.folder, "status", "--url", wrong)
    assert status == 1 and wrong in err and "--url" in err
    weir.path.write_text(json.dumps(config))
    status, _, err = run(weir.folder, "status", "--admin-key", "a-wrong-key-0123456789")
    assert status == 1 and "with the key of --admin-key" in err, err
    status, _, err = run(weir.folder, "status", WEIR_STATE_DIR=str(weir.folder / "nowhere"))
    assert status == 1 and "nowhere/admin.key: No such file" in err, err


def test_the_key_goes_to_no_other_machine(start, mock):
    """Nor does what the configuration says of its own state folder matter for a gateway that is named elsewhere."""
    weir, _ = gateway(start, mock)
    status, _, err = run(weir.folder, "status", "--url", "http://weir.invalid:1")
    assert status == 1 and "weir.invalid" in err and weir.admin_key not in err


def test_who_listens_everywhere_is_asked_on_loopback(start, mock):
    weir, config = gateway(start, mock)
    for address in (f"0.0.0.0:{weir.port}", {"address": f"0.0.0.0:{weir.port}"},
                    [{"address": "127.0.0.1:1", "tls": {"cert": "c", "key": "k"}}, f"127.0.0.1:{weir.port}"]):
        weir.path.write_text(json.dumps({**config, "listen": address}))
        status, out, err = run(weir.folder, "status", "--json")
        assert status == 0 and STATUS <= set(json.loads(out)), (address, err)
    weir.path.write_text(json.dumps({**config, "listen": f"[::]:{weir.port}"}))
    assert f"http://[::1]:{weir.port}" in run(weir.folder, "status")[2]


def test_a_unix_socket(start, mock, tmp_path):
    path = f"unix:{tmp_path}/w.sock"
    weir = start({"providers": {"one": provider(mock)}, "listen": ["127.0.0.1:0", path]})
    weir.path.write_text(json.dumps({"listen": path, "state_dir": str(weir.state_dir)}))
    assert run(weir.folder, "status", "--json")[0] == 0


def test_a_listener_with_tls(start, mock, certificates):
    tls = {"cert": certificates.cert, "key": certificates.key}
    weir = start({"providers": {"one": provider(mock)}, "listen": {"address": "127.0.0.1:0", "tls": tls}})
    weir.path.write_text(
        json.dumps({"listen": {"address": f"127.0.0.1:{weir.port}", "tls": tls}, "state_dir": str(weir.state_dir)}))
    status, _, err = run(weir.folder, "status", "--json")
    assert status == 0, err
    status, _, err = run(weir.folder, "status", "--url", f"https://127.0.0.1:{weir.port}")
    assert status == 1 and "tls" in err.lower()  # that one was named, and nobody vouches for it


def test_what_is_wrong_with_the_rest_does_not_matter(start, mock):
    weir, _ = gateway(start, mock)
    text = (f"listen: ${{WHERE:-127.0.0.1:{weir.port}}}\nstate_dir: {weir.state_dir}\nproviders: [nonsense]\n"
            "routes: 7\ninclude: nowhere.yaml\n")
    weir.path.write_text(text)
    assert run(weir.folder, "status", "--json")[0] == 0
    (weir.folder / "more.yaml").write_text(f"listen: 127.0.0.1:{weir.port}\nstate_dir: {weir.state_dir}\n")
    weir.path.write_text("include: more.yaml\n")
    assert run(weir.folder, "status", "--json")[0] == 0


@pytest.mark.parametrize("text, words", [
    ("listen: ${NOT_SET_ANYWHERE}\n", "weir.yaml:1:9: "), ("listen: [\n", "weir.yaml:2:1: "),
    ("listen: 127.0.0.1:0\n", "weir.yaml:1:9: `127.0.0.1:0` is another port at each start"),
    ("state_dir: [a]\n", "weir.yaml:1:12: "), (None, "weir.yaml: cannot be read")])
def test_what_cannot_be_told_is_said_with_its_place(tmp_path, text, words):
    if text is not None:
        (tmp_path / "weir.yaml").write_text(text)
    status, _, err = run(tmp_path, "status", WEIR_CONFIG="weir.yaml")
    assert status == 1 and words in err and "--url" in err, err
    assert os.listdir(tmp_path) in (["weir.yaml"], [])

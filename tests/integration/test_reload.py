"""Reload by SIGHUP and by the admin API: atomic, good or not at all."""
import signal
import subprocess

from weirlib import BINARY, Connection, chat, chat_body, environment, http, poll, provider, request_bytes


def hup(weir, event):
    before = len(weir.log(event))
    weir.process.send_signal(signal.SIGHUP)
    return poll(lambda: len(weir.log(event)) > before and weir.log(event)[-1])


def status(weir):
    return http(weir.port, "GET", "/admin/v1/status", headers={"Authorization": f"Bearer {weir.admin_key}"}).json


def test_a_good_file_takes_effect_and_open_requests_go_on(start, start_mock):
    one, two = start_mock(), start_mock()
    weir = start({"workers": 2, "providers": {"p": provider(one, ["m"])}})
    with Connection(weir.port) as c:
        c.send(request_bytes("POST", "/v1/chat/completions", chat_body("[mock tokens=20 rate=20] x", stream=True)))
        assert c.head()[0] == 200
        weir.write({"workers": 2, "providers": {"p": provider(two, ["new"])}})
        generation = status(weir)["generation"]
        hup(weir, "reloaded")
        assert status(weir)["generation"] == generation + 1
        for _ in range(6):
            assert chat(weir.port, model="new").status == 200
            assert chat(weir.port, model="m").status == 404
        body, complete = c.chunks()
        assert complete and body.endswith(b"data: [DONE]\n\n")
    assert one.requests()["count"] == 1 and two.requests()["count"] == 6


def test_a_bad_file_changes_nothing_and_says_why(start, start_mock):
    weir = start({"providers": {"p": provider(start_mock())}})
    weir.write("providers:\n  p:\n    typ: openai\n")
    line = hup(weir, "reload_failed")
    assert "unknown key `typ`" in str(line) and ":3:" in str(line)
    assert chat(weir.port).status == 200
    weir.write("providers: [\n")
    hup(weir, "reload_failed")
    assert chat(weir.port).status == 200 and status(weir)["generation"] == 0


def test_included_files_are_read_again_and_stay_in_force_through_a_change_at_run_time(start, start_mock):
    mock = start_mock()
    weir = start({"providers": {"p": provider(mock)}, "include": ["more/*.yaml"]})
    assert chat(weir.port, model="fast").status == 404
    (weir.folder / "more").mkdir()
    (weir.folder / "more" / "routes.yaml").write_text("routes: [{model: fast, targets: [p/m]}]\n")
    hup(weir, "reloaded")
    assert chat(weir.port, model="fast").status == 200
    (weir.folder / "more" / "routes.yaml").write_text("routes: [")
    headers = {"Authorization": f"Bearer {weir.admin_key}"}
    assert http(weir.port, "POST", "/admin/v1/providers/p/drain", headers=headers).status == 200
    assert http(weir.port, "POST", "/admin/v1/providers/p/resume", headers=headers).status == 200
    assert chat(weir.port, model="fast").status == 200, "what is in force, not what is half written"
    assert "routes.yaml" in hup(weir, "reload_failed")["said"]
    assert "routes.yaml" in status(weir)["configuration"]["said"]


def test_a_reload_says_what_waits_for_a_restart(start, start_mock):
    config = {"workers": 1, "max_connections": 1000, "providers": {"p": provider(start_mock())}}
    weir = start(config)
    hup(weir, "reloaded")
    assert not weir.log("restart_needed")
    weir.write({**config, "workers": 2, "max_connections": 2000, "log": {"level": "debug"}})
    assert hup(weir, "restart_needed")["keys"] == "log, workers, max_connections"
    run = [subprocess.run([BINARY, command, *more], capture_output=True, text=True, timeout=10, cwd=weir.folder,
                          env=environment(WEIR_URL=f"http://127.0.0.1:{weir.port}", WEIR_ADMIN_KEY=weir.admin_key))
           for command, more in (("reload", []), ("reload", ["--json"]), ("drain", []))]
    assert [r.returncode for r in run] == [0, 0, 0], run
    assert "after a restart only: log, workers, max_connections" in run[0].stdout
    assert '"restart_for":"log, workers, max_connections"' in run[1].stdout and "draining" in run[2].stdout
    assert weir.process.wait(10) == 0


def test_an_empty_file_is_no_configuration(start, start_mock):
    """Cut and not written yet, or a full disk: whatever runs goes on, with its clients, and `check` says the same."""
    mock = start_mock()
    weir = start({"providers": {"p": provider(mock)}})
    admin = {"Authorization": f"Bearer {weir.admin_key}"}
    added = {"name": "q", **provider(mock, ["n"])}
    assert http(weir.port, "POST", "/admin/v1/providers", added, admin).status == 201  # so a provider would be left
    for text in ("", "\n \n", "# providers:\n", "---\n", "{}\n", "null\n", "ai_providers:\n", "ai_providers: {}\n"):
        weir.write(text)
        line = hup(weir, "reload_failed")
        assert "the file is empty: it holds no key, and nothing was changed" in line["said"], (text, line)
        assert str(weir.path) in line["said"]
        assert chat(weir.port).status == 200 and chat(weir.port, model="n").status == 200, text
        checked = subprocess.run([BINARY, "check", "-c", str(weir.path)], cwd=weir.folder, env=environment(),
                                 capture_output=True, text=True, timeout=30)
        assert checked.returncode == 2 and line["said"].strip() == checked.stdout.strip(), (text, checked)
    assert not weir.log("reloaded")


def test_the_admin_api_reloads(start, start_mock):
    mock = start_mock()
    weir = start({"providers": {"p": provider(mock)}})
    admin = {"Authorization": f"Bearer {weir.admin_key}"}
    weir.write({"providers": {"p": provider(mock, ["m", "more"])}})
    assert http(weir.port, "POST", "/admin/v1/reload", "", admin).status == 200
    assert chat(weir.port, model="more").status == 200
    weir.write({"providers": {"p": provider(mock, timeout_seconds=-1)}})
    reply = http(weir.port, "POST", "/admin/v1/reload", "", admin)
    assert reply.status >= 400 and "timeout_seconds" in reply.error["message"]
    assert chat(weir.port, model="more").status == 200


def test_many_reloads_under_load(start, start_mock):
    mock = start_mock()
    weir = start({"workers": 2, "providers": {"p": provider(mock)}})
    connections = [Connection(weir.port) for _ in range(8)]
    for i in range(12):
        for c in connections:
            c.send(request_bytes("POST", "/v1/chat/completions", chat_body("x", stream=i % 2 == 0)))
        weir.write({"workers": 2, "providers": {"p": provider(mock, ["m", f"m{i}"])}})
        hup(weir, "reloaded")
        for c in connections:
            assert c.reply().content == "You said: x"


def test_client_keys_are_revoked_by_a_reload(start, start_mock):
    import hashlib
    mock = start_mock()
    client = {"name": "app", "key_hash": hashlib.sha256(b"secret").hexdigest(), "role": "user"}
    weir = start({"providers": {"p": provider(mock)}, "clients": [client]})
    assert chat(weir.port, headers={"Authorization": "Bearer secret"}).status == 200
    weir.write(
        {"providers": {"p": provider(mock)}, "clients": [{**client, "key_hash": hashlib.sha256(b"other").hexdigest()}]})
    hup(weir, "reloaded")
    assert chat(weir.port, headers={"Authorization": "Bearer secret"}).status == 401
    assert chat(weir.port, headers={"Authorization": "Bearer other"}).status == 200

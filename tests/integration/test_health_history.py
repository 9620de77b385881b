"""The history of health goes on after a restart, after kill -9 and after its file was damaged: it is in the ledger."""
import json
import signal
import sqlite3

import pytest

from weirlib import Weir, chat, http, on_terminal, poll, provider


def ask(weir, method, path):
    return http(weir.port, method, "/admin/v1" + path, headers={"authorization": f"Bearer {weir.admin_key}"})


def history(weir, name=""):
    return ask(weir, "GET", f"/health/history{name}").json["records"]


def probe(weir, times=1):
    for _ in range(times):
        assert ask(weir, "POST", "/providers/one/probe").json["good"]


def kept(weir):
    path = weir.state_dir / "health"
    return path.read_text().count("\n") if path.exists() else 0


def in_ledger(weir, event="probe"):
    with sqlite3.connect(weir.state_dir / "ledger.db") as db:
        return db.execute("SELECT count(*) FROM health WHERE event = ?", (event,)).fetchone()[0]


def forget(weir):
    with sqlite3.connect(weir.state_dir / "ledger.db") as db:
        db.execute("DELETE FROM health")


@pytest.fixture
def run(tmp_path, mocks):
    running = []

    def begin():
        running.append(Weir(tmp_path, {"providers": {"one": provider(mocks[0])}}))
        return running[-1]
    yield begin
    for weir in running:
        if weir.process.poll() is None:
            weir.stop()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_it_goes_on_where_it_was(run, how):
    weir = run()
    probe(weir, 3)
    assert poll(lambda: kept(weir) >= 3 and in_ledger(weir) == 3)
    before = [record for record in history(weir) if "probe" in record]
    assert len(before) == 3
    weir.stop(how, status=0 if how == signal.SIGTERM else -how)
    weir = run()
    assert [record for record in history(weir, "/one") if "probe" in record] == before
    probe(weir)
    assert len([record for record in history(weir) if "probe" in record]) == 4
    assert (weir.state_dir / "health").stat().st_mode & 0o777 == 0o600


def test_a_torn_tail_is_nothing_and_damage_is_said_and_kept_aside(run):
    weir = run()
    probe(weir, 2)
    poll(lambda: kept(weir) >= 2)
    weir.stop()
    path = weir.state_dir / "health"
    forget(weir)  # as of a version that had the file alone
    path.write_bytes(path.read_bytes() + b"17\tone\t0\t100")
    weir = run()
    assert len(history(weir)) >= 2 and not weir.log("health_history_damaged")
    probe(weir)
    poll(lambda: kept(weir) >= 3)
    weir.stop()
    forget(weir)
    whole = path.read_bytes()
    path.write_bytes(b"\0\xff not ours\n" + whole.replace(b"one", b"two", 1))
    weir = run()
    assert len([r for r in history(weir) if "probe" in r]) == 2 and history(weir, "/one")
    assert poll(lambda: weir.log("health_history_damaged"))[0]["lines"] == 2
    assert b"not ours" in (weir.state_dir / "health.bad").read_bytes()
    weir.stop()
    weir = run()
    assert not weir.log("health_history_damaged")


def test_where_it_cannot_be_kept_the_gateway_runs_on(run):
    weir = run()
    weir.stop()
    (weir.state_dir / "health").unlink(missing_ok=True)
    for name in ("health", "health.bad"):
        (weir.state_dir / name).mkdir()
        (weir.state_dir / name / "x").touch()
    weir = run()
    probe(weir, 2)
    assert poll(lambda: weir.log("health_history_not_saved"))
    assert len([r for r in history(weir) if "probe" in r]) == 2


def test_changes_stand_there_and_are_asked_for_by_name_time_and_number(folder, start_mock):
    """A breaker that opens, a provider that is drained, a lock that moves: in the ledger, after a kill too."""
    mock, other = start_mock(), start_mock()
    config = {"providers": {"one": {**provider(mock), "circuit_breaker": {"failure_threshold": 1,
                                                                         "timeout_seconds": 600}},
                            "two": provider(other)}, "retry": {"max_retries": 0},
              "routes": [{"model": "questions", "strategy": "exclusive", "targets": ["one/m", "two/m"]}]}
    weir = folder(config)

    def events(query=""):
        return [(r.get("provider") or r["route"], r["event"], r["from"], r["to"]) for r in history(weir, query)
                if r["event"] in ("breaker", "state", "lock")]
    assert chat(weir.port, model="questions").status == 200
    mock.fault("status=500")
    chat(weir.port, model="one/m")
    assert poll(lambda: ("one", "breaker", "closed", "open") in events()), history(weir)
    chat(weir.port, model="questions")
    assert poll(lambda: ("questions", "lock", "one/m", "two/m") in events()), history(weir)
    assert ask(weir, "POST", "/providers/two/drain").status == 200
    assert poll(lambda: ("two", "state", "active", "draining") in events()), history(weir)
    assert poll(lambda: in_ledger(weir, "state") == 1)
    before = events()
    weir.stop(signal.SIGKILL, status=-signal.SIGKILL)
    weir = folder(config)
    assert [event for event in events() if event in before] == before
    assert events("?provider=two&limit=1") == [e for e in before if e[0] == "two"][-1:]
    assert events("/questions") == [("questions", "lock", "one/m", "two/m")]
    assert events("?until=1h") == [] and events("?since=1h")[:3] == before[:3]
    said = ask(weir, "GET", "/health/history?limit=0")
    assert said.status == 400 and "from 1 to 10000" in said.text
    assert ask(weir, "GET", "/health/history?provider=nobody").status == 404
    status, shown = on_terminal("health", "history", "questions", "--url", f"http://127.0.0.1:{weir.port}",
                                "--admin-key", weir.admin_key)
    assert status == 0 and "one/m -> two/m" in shown
    status, shown = on_terminal("health", "history", "two", "--since", "1h", "--json", "--url",
                                f"http://127.0.0.1:{weir.port}", "--admin-key", weir.admin_key)
    assert status == 0 and {"active", "draining"} <= {r.get(k) for r in json.loads(shown)["records"]
                                                      for k in ("from", "to")}


def test_what_is_older_than_it_is_kept_goes(run):
    weir = run()
    probe(weir)
    assert poll(lambda: in_ledger(weir) == 1)
    weir.stop()
    with sqlite3.connect(weir.state_dir / "ledger.db") as db:
        db.execute("INSERT INTO health SELECT id - 1, time_ms - 31 * 86400000, event, 'old', from_word, to_word, said, "
                   "state, score_permille, success_permille, latency_us, good, status, took_us FROM health "
                   "WHERE event = 'probe'")
    weir = run()
    assert poll(lambda: in_ledger(weir) == 1)
    assert not history(weir, "?provider=one&until=30d") and history(weir, "?provider=one")

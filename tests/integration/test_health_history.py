"""The history of health goes on after a restart, after kill -9 and after its file was damaged."""
import signal

import pytest

from weirlib import Weir, http, poll, provider


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
    poll(lambda: kept(weir) >= 3)
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
    path.write_bytes(path.read_bytes() + b"17\tone\t0\t100")
    weir = run()
    assert len(history(weir)) >= 2 and not weir.log("health_history_damaged")
    probe(weir)
    poll(lambda: kept(weir) >= 3)
    weir.stop()
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

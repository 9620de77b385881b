"""A budget is raised, credited and reset at run time: on every loop at once, with what is in flight, over restarts."""
import hashlib
import json
import signal
import subprocess

import pytest
from weirlib import BINARY, chat_body, environment, http, poll, provider

KEY = "wk-changes"
PRICES = {"m": {"input": 1000.0, "output": 10000.0}}  # USD a million tokens: 0.001 and 0.01 each


def config(mock, **budget):
    return {"workers": 4, "providers": {"p": provider(mock, prices=PRICES, timeout_seconds=5, reply_timeout_seconds=5)},
            "clients": [{"name": name, "key_hash": hashlib.sha256(key.encode()).hexdigest(),
                         "budgets": [{"usd": 1.0, "window": "month", **budget}]}
                        for name, key in (("app", KEY), ("other", "wk-other"))]}


def ask(weir):
    return http(weir.port, "POST", "/v1/chat/completions", chat_body("hi", max_tokens=10),
                {"authorization": f"Bearer {KEY}"})


def spend_it(weir):
    for _ in range(60):
        if ask(weir).status != 200:
            return
    raise AssertionError("it has no end")


def change(weir, what, key=None, **body):
    return http(weir.port, "POST", f"/admin/v1/budgets/{what}", json.dumps(body).encode(),
                {"authorization": f"Bearer {key or weir.admin_key}", "content-type": "application/json"})


def own(weir):
    return http(weir.port, "GET", "/v1/key", headers={"authorization": f"Bearer {KEY}"}).json["budgets"][0]


APP = {"budget": "month", "owner": "client app"}


def lasting(budget):
    """Without what is forecast, which goes with the time."""
    return {key: value for key, value in budget.items() if key not in ("forecast_usd", "spent_at")}


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_raise_is_in_force_at_once_and_after_a_restart(folder, start_mock, how):
    settings = config(start_mock("--tokens", "10"))
    weir = folder(settings)
    spend_it(weir)
    raised = change(weir, "raise", usd="1.50", **APP)
    assert raised.status == 200 and raised.json["limit_usd"] == "2.500000000", raised
    assert raised.json["raised_usd"] == "1.500000000" and "raised_until" not in raised.json
    assert [ask(weir).status for _ in range(8)] == [200] * 8
    line, = poll(lambda: weir.log("budget_changed"))
    assert (line["change"], line["owner"], line["budget"], line["by"]) == ("raise", "client app", "month", "admin key")
    before = lasting(own(weir))
    weir.stop(how, status=0 if how == signal.SIGTERM else -how)
    weir = folder(settings)
    assert lasting(own(weir)) == before
    spend_it(weir)
    assert 1.0 < float(own(weir)["spent_usd"]) <= 2.5
    assert change(weir, "raise", usd=0, **APP).json["limit_usd"] == "1.000000000"
    assert ask(weir).status == 429


def test_a_raise_ends_in_its_time(folder, start_mock):
    weir = folder(config(start_mock("--tokens", "10")))
    spend_it(weir)
    assert change(weir, "raise", usd=100, until="2s", **APP).json["raised_until"].endswith("Z")
    assert ask(weir).status == 200
    assert poll(lambda: ask(weir).status == 429)
    assert own(weir)["limit_usd"] == "1.000000000"


@pytest.mark.parametrize("budget", [{}, {"window": "30d", "rolling": True}])
def test_a_reset_begins_at_nothing_and_stays_so_after_a_kill(folder, start_mock, budget):
    settings = config(start_mock("--tokens", "10"), name="b", **budget)
    weir = folder(settings)
    spend_it(weir)
    reset = change(weir, "reset", budget="b", owner="client app")
    assert reset.status == 200 and float(reset.json["spent_usd"]) == 0, reset
    answered = ask(weir)
    assert answered.status == 200
    before = own(weir)
    usage = answered.json["usage"]
    wanted = usage["prompt_tokens"] * 0.001 + usage["completion_tokens"] * 0.01
    assert abs(float(before["spent_usd"]) - wanted) < 1e-9
    weir.stop(signal.SIGKILL, status=-signal.SIGKILL)
    weir = folder(settings)
    assert own(weir)["spent_usd"] == before["spent_usd"]


def test_credits_of_a_window_add_up(folder, start_mock):
    weir = folder(config(start_mock("--tokens", "10")))
    assert change(weir, "credit", usd="0.25", **APP).json["limit_usd"] == "1.250000000"
    credited = change(weir, "credit", usd="0.25", **APP).json
    assert credited["limit_usd"] == "1.500000000" and credited["credited_until"] == credited["resets_at"]


def test_the_audit_trail_tells_how_much_and_until_when(folder, start_mock):
    weir = folder(config(start_mock()))
    for what, more in (("raise", {"usd": "1.50"}), ("raise", {"usd": 2, "until": "2100-01-02T03:04:05Z"}),
                       ("credit", {"usd": "0.25"}), ("reset", {})):
        assert change(weir, what, **APP, **more).status == 200
    rows = http(weir.port, "GET", "/admin/v1/audit", headers={"authorization": f"Bearer {weir.admin_key}"}).json["rows"]
    assert [(row["action"], row["subject"], row.get("detail", "")) for row in rows
            if row["action"].startswith("budget.")] == [
        ("budget.raise", "client app: month", "1.500000000 USD"),
        ("budget.raise", "client app: month", "2.000000000 USD until 2100-01-02T03:04:05Z"),
        ("budget.credit", "client app: month", "0.250000000 USD"), ("budget.reset", "client app: month", "")]


def test_what_is_not_understood_is_refused_and_changes_nothing(folder, start_mock):
    weir = folder(config(start_mock()))
    for what, body, status, says in [
            ("raise", {"budget": "month", "usd": 1}, 400, "say whose"),
            ("raise", {"budget": "day", "usd": 1}, 400, "no budget `day`"),
            ("raise", {**APP}, 400, "`usd` must be"), ("raise", {**APP, "usd": -1}, 400, "`usd` must be"),
            ("raise", {**APP, "usd": "many"}, 400, "`usd` must be"),
            ("raise", {**APP, "usd": 1, "until": "yesterday"}, 400, "`until` must be"),
            ("raise", {**APP, "usd": 1, "until": "2001-01-01T00:00:00Z"}, 400, "to come"),
            ("reset", {**APP, "usd": 1}, 400, "`usd` is not understood"),
            ("credit", {**APP, "usd": 1, "until": "1h"}, 400, "`until` is not understood"),
            ("lower", {**APP, "usd": 1}, 404, "raise, credit and reset"), ("raise", {}, 400, "JSON object")]:
        reply = change(weir, what, **body)
        assert reply.status == status and says in reply.error["message"], (what, body, reply)
    assert change(weir, "raise", key=KEY, usd=1, **APP).status == 403
    assert own(weir)["limit_usd"] == "1.000000000"


def test_the_command_changes_it(folder, start_mock):
    weir = folder(config(start_mock()))

    def run(*arguments):
        return subprocess.run([BINARY, "budget", *arguments, "--url", f"http://127.0.0.1:{weir.port}", "--admin-key",
                               weir.admin_key], capture_output=True, text=True, env=environment(), timeout=20)
    raised = run("raise", "month", "--owner", "client app", "--usd", "2", "--until", "24h")
    assert raised.returncode == 0 and "of 3.00 USD spent" in raised.stdout, raised
    credited = run("credit", "month", "--owner", "client app", "--usd", "1", "--json")
    assert json.loads(credited.stdout)["left_usd"] == "4.000000000"
    assert run("reset", "month", "--owner", "client app").returncode == 0
    assert run("raise", "month", "--usd", "2").returncode == 1
    for wrong in (["raise", "month"], ["reset", "month", "--usd", "1"], ["lower", "month"], ["raise"], ["list", "x"]):
        assert run(*wrong).returncode == 2, wrong


def test_a_budget_that_comes_later_begins_with_its_history_once(folder, start_mock):
    mock = start_mock("--tokens", "10")
    prices = {name: {"input": 1000.0, "output": 10000.0} for name in ("m", "n")}

    def settings(*budgets, of_owner=(), of_provider=()):
        pool = {"pool": {"usd": 100, "window": "lifetime", "start": "history"}}
        return {"providers": {"p": provider(mock, ["m", "n"], prices=prices, budgets=list(of_provider))},
                "budgets": pool if "pool" in budgets else {},
                "owners": [{"name": "team", "budgets": list(of_owner)}],
                "clients": [{"name": "app", "in": "team", "key_hash": hashlib.sha256(KEY.encode()).hexdigest(),
                             "budgets": list(budgets)}]}

    def reload(weir, config):
        weir.write(config)
        assert http(weir.port, "POST", "/admin/v1/reload",
                    headers={"authorization": f"Bearer {weir.admin_key}"}).status == 200

    def spent(weir):
        told = http(weir.port, "GET", "/v1/key", headers={"authorization": f"Bearer {KEY}"}).json["budgets"]
        return {b["name"]: float(b["spent_usd"]) for b in told}

    def cost(reply):
        usage = reply.json["usage"]
        return usage["prompt_tokens"] * 0.001 + usage["completion_tokens"] * 0.01

    def ask_for(weir, model):
        reply = http(weir.port, "POST", "/v1/chat/completions", chat_body("hi", max_tokens=10, model=model),
                     {"authorization": f"Bearer {KEY}"})
        assert reply.status == 200, reply
        return cost(reply)
    past = {"window": "day", "usd": 50, "start": "history"}
    first = settings({"window": "week", "usd": 50})
    weir = folder(first)
    of_m, of_n = sum(ask_for(weir, "m") for _ in range(3)), ask_for(weir, "n")
    whole = of_m + of_n
    later = settings({"window": "week", "usd": 50}, {**past, "name": "all"}, {**past, "name": "m", "models": ["m"]},
                     {**past, "name": "lately", "window": "24h", "rolling": True}, "pool",
                     {"window": "day", "usd": 50, "name": "zero"},
                     of_owner=[{**past, "name": "teams", "window": "month"}],
                     of_provider=[{**past, "name": "providers", "window": "hour"}])
    reload(weir, later)
    hoped = {"week": whole, "all": whole, "m": of_m, "lately": whole, "pool": whole, "zero": 0, "teams": whole}
    assert spent(weir) == pytest.approx(hoped, abs=1e-9)
    more = ask_for(weir, "n")
    hoped = {name: was + (0 if name == "m" else more) for name, was in hoped.items()}
    assert spent(weir) == pytest.approx(hoped, abs=1e-9)
    reload(weir, later)  # never again
    assert spent(weir) == pytest.approx(hoped, abs=1e-9)
    weir.stop(signal.SIGKILL, status=-signal.SIGKILL)
    weir = folder(first)  # without them, and then with them again
    hoped["week"] += ask_for(weir, "m")
    reload(weir, later)
    assert spent(weir) == pytest.approx(hoped, abs=1e-9)
    weir.stop()
    weir = folder(settings({**past, "name": "at-start"}))
    assert spent(weir)["at-start"] == pytest.approx(hoped["week"], abs=1e-9)

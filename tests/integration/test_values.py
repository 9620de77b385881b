"""Budgets that are split: each model, route, tag, end user or session has a sum of its own, over restarts, and callers
who choose many of them get no more."""
import json
import signal
import sqlite3
import subprocess

import pytest
from test_budgets import KEY, PRICES, client, cost, priced
from test_overspend import CHEAP, MOST, Watch, budgets_of, settled, together, unit_nano, usd
from weirlib import BINARY, Connection, chat_body, environment, http, poll, provider, request_bytes


def ask(weir, key=KEY, headers=None, path="/v1/chat/completions", **body):
    return http(weir.port, "POST", path, chat_body("hi", **body), {"authorization": f"Bearer {key}", **(headers or {})})


def own_budget(weir, key=KEY, at=0):
    return http(weir.port, "GET", "/v1/key", headers={"authorization": f"Bearer {key}"}).json["budgets"][at]


def check(path, config):
    path.write_text(json.dumps(config))
    done = subprocess.run([BINARY, "check", "-c", str(path)], capture_output=True, text=True, env=environment(),
                          timeout=20)
    assert done.returncode != 0
    return done.stdout + done.stderr


def spend_all(weir, most=40, **how):
    """Asks until it is refused: what was spent."""
    spent = 0.0
    for _ in range(most):
        reply = ask(weir, max_tokens=10, **how)
        if reply.status != 200:
            assert reply.status == 429 and reply.error["code"] == "budget_exhausted", reply
            return spent, reply.error["message"]
        spent += cost(reply)
    raise AssertionError("it never ended")


def test_each_end_user_has_a_sum_of_its_own_and_some_another(start, start_mock):
    mock = start_mock("--tokens", "10")
    weir = start({"end_user_header": "X-App-User", "providers": {"p": priced(mock)}, "clients": [
        client(budgets=[{"usd": 1.2, "window": "day", "per": "end_user", "values": {"alice": 2.5, "(none)": 0}}])]})
    spent, said = spend_all(weir, user="bob")
    assert 0.3 < spent <= 1.2 and "end_user `bob`" in said and "`day` of client app" in said
    assert ask(weir, max_tokens=10, safety_identifier="bob").status == 429
    assert ask(weir, max_tokens=10, metadata={"user_id": "bob"}).status == 429
    assert ask(weir, max_tokens=10, user="alice", headers={"x-app-user": "bob"}).status == 429
    rich, _ = spend_all(weir, user="alice")
    assert 1.2 < rich <= 2.5
    assert ask(weir, max_tokens=10).status == 429  # who says nothing has nothing
    assert ask(weir, max_tokens=10, user="(none)").status == 200  # a word is no more than a word
    told = own_budget(weir)
    assert told["per"] == "end_user" and told["value_count"] == 3
    near = {v["value"]: float(v["spent_usd"]) for v in told["values"]}
    assert near.keys() >= {"alice"} and abs(near["alice"] - rich) < 1e-9


def test_models_routes_tags_and_sessions_are_told_apart(start, start_mock):
    mock = start_mock("--tokens", "10")
    prices = {"m": PRICES["m"], "n": PRICES["m"]}
    split = {"usd": 1.2, "window": "lifetime"}
    weir = start({
        "providers": {"p": provider(mock, ["m", "n"], prices=prices)},
        "routes": [{"model": "fast", "targets": ["p/m"]}],
        "clients": [client("by-model", "wk-model", budgets=[{**split, "per": "model"}]),
                    client("by-route", "wk-route", budgets=[{**split, "per": "route"}]),
                    client("by-tag", "wk-tag", tags={"team": "search"}, budgets=[{**split, "per": "tag:team"}]),
                    client("by-env", "wk-env", budgets=[{**split, "per": "tag:env"}]),
                    client("by-session", "wk-session", budgets=[{**split, "per": "session"}])],
    })
    for key, kept, other in (("wk-model", {"model": "m"}, {"model": "n"}),
                             ("wk-route", {"model": "fast"}, {"model": "m"}),
                             ("wk-session", {"headers": {"x-weir-session": "1"}}, {"headers": {"session_id": "2"}})):
        spent, _ = spend_all(weir, key=key, **kept)
        assert 0.3 < spent <= 1.2, key
        assert ask(weir, key, max_tokens=10, **other).status == 200
    _, said = spend_all(weir, key="wk-tag")
    assert "`search`" in said
    # a caller's own tags are not trusted here, and what steers affinity is no session
    _, said = spend_all(weir, key="wk-env", headers={"x-weir-tags": "env=a"})
    assert "`(none)`" in said and ask(weir, "wk-env", max_tokens=10, headers={"x-weir-tags": "env=b"}).status == 429
    spend_all(weir, key="wk-session", prompt_cache_key="1")
    assert ask(weir, "wk-session", max_tokens=10, prompt_cache_key="2").status == 429


def test_trusted_tags_are_values(start, start_mock):
    weir = start({"trust_tags": True, "providers": {"p": priced(start_mock("--tokens", "10"))},
                  "clients": [client(budgets=[{"usd": 1.2, "window": "day", "per": "tag:env"}])]})
    spend_all(weir, headers={"x-weir-tags": "env=a"})
    assert ask(weir, max_tokens=10, headers={"x-weir-tags": "env=b"}).status == 200


def test_one_clients_end_users_use_up_nobody_elses(start, start_mock):
    weir = start({
        "providers": {"p": priced(start_mock("--tokens", "10"))},
        "owners": [{"name": "team", "budgets": [{"usd": 1.2, "window": "day", "per": "end_user"}]}],
        "clients": [client(**{"in": "team"}), client("other", "wk-other", **{"in": "team"})]})
    _, said = spend_all(weir, user="alice")
    assert "`app/alice`" in said
    assert ask(weir, "wk-other", max_tokens=10, user="alice").status == 200
    assert "values" not in own_budget(weir)  # a client does not see who others' users are
    everybodys = budgets_of(weir)[0]
    assert [v["value"] for v in everybodys["values"]] == ["app/alice", "other/alice"]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_values_spend_survives_a_restart_to_the_nano_dollar(folder, start_mock, how):
    mock = start_mock("--tokens", "10")
    config = {"providers": {"p": priced(mock)}, "clients": [
        client(budgets=[{"usd": 1.2, "window": "month", "per": "end_user"},
                        {"usd": 1.2, "window": "1h", "rolling": True, "per": "session"}])]}
    weir = folder(config)
    spend_all(weir, user="bob", headers={"x-weir-session": "s"})
    assert ask(weir, max_tokens=10, user="eve", headers={"x-weir-session": "t"}).status == 200
    before = [(b["value_count"], b["spent_usd"]) for b in (own_budget(weir, at=i) for i in (0, 1))]
    weir.stop(how, status=-how if how == signal.SIGKILL else 0)
    again = folder(config)
    assert [(b["value_count"], b["spent_usd"]) for b in (own_budget(again, at=i) for i in (0, 1))] == before
    assert ask(again, max_tokens=10, user="bob").status == 429
    assert ask(again, max_tokens=10, user="eve", headers={"x-weir-session": "s"}).status == 429
    assert ask(again, max_tokens=10, user="eve", headers={"x-weir-session": "t"}).status == 200
    again.stop()
    rows = sqlite3.connect(again.state_dir / "ledger.db").execute("SELECT * FROM budget_values").fetchall()
    words = b"bob eve".split()
    assert len(rows) >= 4 and not any(word in repr(rows).encode() for word in words)


def test_more_values_than_may_be_share_one_sum_that_nobody_exceeds(start, start_mock):
    mock = start_mock("--tokens", "10", "--latency", "10")
    prices = CHEAP
    each = None
    weir = start({
        "workers": 8, "max_connections": 2000,
        "providers": {"p": provider(mock, prices=prices, timeout_seconds=30, reply_timeout_seconds=30)},
        "clients": [client(budgets=[{"usd": 0.08, "window": "day", "per": "end_user", "max_values": 5},
                                    {"usd": 3, "window": "day"}])]})
    with ValuesWatch(weir) as watch:
        good = {}
        for turn in range(3):
            bodies = [chat_body("hi", max_tokens=MOST, user=f"user-{i % 40}") for i in range(400)]
            for i, reply in enumerate(together(weir, bodies, [KEY])):
                assert reply.status in (200, 429), reply
                if reply.status == 200:
                    each = unit_nano(prices, reply.json["usage"]["prompt_tokens"])
                    good[i % 40] = good.get(i % 40, 0) + 1
    assert not watch.over, watch.over[0]
    split, whole = settled(weir)
    assert usd(split, "spent_usd") == usd(whole, "spent_usd") == sum(good.values()) * each
    assert split["value_count"] == 6  # the five that came first, and the others' one
    assert sum(good.values()) * each <= 6 * 80_000_000
    values = {v["value"]: usd(v, "spent_usd") for v in split["values"]}
    assert "(other)" in values and all(spent <= 80_000_000 for spent in values.values())
    kept = [user for user, count in good.items() if f"user-{user}" in values]
    assert all(values[f"user-{user}"] == good[user] * each for user in kept) and len(kept) == 5
    assert values["(other)"] == sum(count for user, count in good.items() if user not in kept) * each

    def told():
        alerts = http(weir.port, "GET", "/admin/v1/alerts", headers={"authorization": f"Bearer {weir.admin_key}"}).json
        return {a["kind"]: a["subject"] for a in alerts["alerts"]}
    poll(lambda: "values_crowded" in told())
    assert told()["values_crowded"] == "client app budget day"


def test_one_client_crowds_out_no_others_end_users(start, start_mock):
    """Of a budget of several: whoever says more names than have a place pays for them alone."""
    budget = {"usd": 1.2, "window": "day", "per": "end_user", "max_values": 4}
    weir = start({
        "providers": {"p": priced(start_mock("--tokens", "10"))},
        "owners": [{"name": "team", "budgets": [budget]}],
        "clients": [client(**{"in": "team"}), client("other", "wk-other", **{"in": "team"})]})
    for i in range(8):
        assert ask(weir, max_tokens=10, user=f"x{i}").status == 200
    spent, said = spend_all(weir, user="y")
    assert "`app/(other)`" in said and spent <= 1.2
    mine, said = spend_all(weir, key="wk-other", user="alice")
    assert 0.3 < mine <= 1.2 and "`other/(other)`" in said
    values = {v["value"]: float(v["spent_usd"]) for v in budgets_of(weir)[0]["values"]}
    assert len(values) == 6 and all(values[f"app/x{i}"] < 0.3 for i in range(4))
    assert abs(values["other/(other)"] - mine) < 1e-9 and 0.3 < values["app/(other)"] <= 1.2
    fixed = {**budget, "values": {"(other)": 0}}  # nobody whom there is no place for
    weir = start({
        "providers": {"p": priced(start_mock("--tokens", "10"))},
        "owners": [{"name": "team", "budgets": [fixed]}], "clients": [client(**{"in": "team"})]})
    for i in range(4):
        assert ask(weir, max_tokens=10, user=f"x{i}").status == 200
    assert ask(weir, max_tokens=10, user="y").status == 429


class ValuesWatch(Watch):
    """Looks at each value, too; of a split budget the sum is each one's."""

    def run(self):
        while not self.ends.is_set():
            for budget in budgets_of(self.weir):
                if "per" in budget:
                    for value in budget["values"]:
                        if usd(value, "spent_usd") + usd(value, "reserved_usd") > usd(value, "limit_usd"):
                            self.over.append(value)
                elif usd(budget, "spent_usd") + usd(budget, "reserved_usd") > usd(budget, "limit_usd"):
                    self.over.append(budget)
            self.looks += 1


def test_who_spends_nothing_takes_nobodys_place(start, start_mock):
    """Values of requests that fail are not kept: there is room for those that spend."""
    mock = start_mock("--tokens", "10", "--fault", "status=400")
    good = start_mock("--tokens", "10")
    weir = start({
        "providers": {"bad": provider(mock, ["bad"], prices={"bad": PRICES["m"]}), "good": priced(good)},
        "clients": [client(budgets=[{"usd": 1.2, "window": "day", "per": "end_user", "max_values": 3}])]})
    for i in range(20):
        assert ask(weir, model="bad", user=f"x{i}", max_tokens=10).status == 400
    for i in range(3):
        assert ask(weir, user=f"y{i}", max_tokens=10).status == 200
    told = own_budget(weir)
    assert told["value_count"] == 3
    _, said = spend_all(weir, user="y1")
    assert "`y1`" in said


def test_a_raise_is_each_values_and_a_reset_too(start, start_mock):
    weir = start({"providers": {"p": priced(start_mock("--tokens", "10"))},
                  "clients": [client(budgets=[{"usd": 1.2, "window": "day", "per": "end_user"}])]})

    def change(kind, **body):
        reply = http(weir.port, "POST", f"/admin/v1/budgets/{kind}", {"budget": "day", **body},
                     {"authorization": f"Bearer {weir.admin_key}"})
        assert reply.status == 200, reply
    first, _ = spend_all(weir, user="bob")
    change("raise", usd="0.6")
    more, _ = spend_all(weir, user="bob")
    other, _ = spend_all(weir, user="eve")
    assert 0.9 < first + more <= 1.8 and 0.9 < other <= 1.8 and more > 0.3
    change("reset")
    assert own_budget(weir)["value_count"] == 0
    assert 0.9 < spend_all(weir, user="bob")[0] <= 1.8


def test_what_is_wrong_with_a_split_is_said(tmp_path):
    for more, words in (({"per": "users"}, "`per` is model, route"), ({"values": {"a": 1}}, "split"),
                        ({"max_values": 7}, "split"), ({"per": "tag:"}, "`per` is model"),
                        ({"per": "route", "start": "history"}, "not split"),
                        ({"per": "route", "values": {"a": "b"}}, "an amount of USD")):
        said = check(tmp_path / "w.yaml", {"providers": {"p": {"type": "simulated"}}, "clients": [
            client(budgets=[{"usd": 1, "window": "day", **more}])]})
        assert words in said, (more, said)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_ledger_that_comes_late_brings_what_was_spent_of_values_windows_and_quotas(folder, start_mock, how, tmp_path):
    """Away when the process starts: requests are served meanwhile, and what each had spent before counts on top."""
    mock = start_mock("--tokens", "10")
    config = {"on_ledger_failure": "serve",
              "providers": {"p": priced(mock, quota={"requests_per_day": 100, "tokens_per_month": 100000})},
              "clients": [client(budgets=[{"usd": 1.2, "window": "month", "per": "end_user"},
                                          {"usd": 9, "window": "2h", "rolling": True, "per": "session"},
                                          {"usd": 9, "window": "3h", "rolling": True}])]}

    def counted(weir):
        auth = {"authorization": f"Bearer {weir.admin_key}"}
        shown, = http(weir.port, "GET", "/admin/v1/providers", headers=auth).json["providers"]
        budgets = [own_budget(weir, at=i) for i in range(3)]
        return ([round(float(b["spent_usd"]) * 1e9) for b in budgets], [b.get("value_count") for b in budgets],
                {q["quota"]: q["counted"] for q in shown["quotas"]})

    weir = folder(config)
    spend_all(weir, user="bob", headers={"x-weir-session": "s"})
    assert ask(weir, max_tokens=10, user="eve", headers={"x-weir-session": "t"}).status == 200
    spent, values, quotas = counted(weir)
    weir.stop(how, status=-how if how == signal.SIGKILL else 0)
    ledger = weir.state_dir / "ledger.db"
    away = [path for path in weir.state_dir.iterdir() if path.name.startswith("ledger.db")]
    for path in away:
        path.rename(tmp_path / path.name)
    ledger.mkdir()
    weir = folder(config)
    assert ask(weir, max_tokens=10, user="bob").status == 200  # nobody knows yet
    one, _, more = counted(weir)
    assert one[0] > 0 and more["requests_per_day"] == 1
    ledger.rmdir()
    for path in away:
        (tmp_path / path.name).rename(path)
    poll(lambda: weir.log("ledger_works"))
    assert counted(weir) == ([a + b for a, b in zip(spent, one, strict=True)], [values[0], values[1] + 1, None],
                             {name: quotas[name] + more[name] for name in quotas})
    assert ask(weir, max_tokens=10, user="bob").status == 429
    assert ask(weir, max_tokens=10, user="eve", headers={"x-weir-session": "t"}).status == 200
    last = counted(weir)
    weir.stop()
    assert counted(folder(config)) == last  # what was spent meanwhile stands under the same names


def test_what_a_kill_cut_off_is_charged_to_every_budget_on_its_way(folder, start_mock):
    """Thirty sums of values, two places each in what is kept of an attempt that is under way."""
    mock = start_mock("--tokens", "200")
    config = {"providers": {"p": priced(mock, stall_timeout_seconds=20)}, "clients": [
        client(budgets=[{"usd": 50, "window": "month", "per": "end_user", "name": f"b{i}"} for i in range(30)])]}
    weir = folder(config)
    mock.fault("stall-mid-stream=40")
    with Connection(weir.port) as caller:
        caller.send(request_bytes("POST", "/v1/chat/completions", chat_body("hi", stream=True, user="bob",
                                                                              max_tokens=300),
                                  {"authorization": f"Bearer {KEY}"}))
        for _ in range(30):
            caller.read_until(b"\n\n")
        weir.stop(signal.SIGKILL, status=-signal.SIGKILL)
    again = folder(config)
    spent = [float(own_budget(again, at=i)["spent_usd"]) for i in range(30)]
    assert len(set(spent)) == 1 and spent[0] > 0.2, spent

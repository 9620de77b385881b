"""What may be spent: reserved before it is sent, settled to the truth, and refused in words that say which budget it is
and when it begins anew."""
import datetime
import hashlib
import json
import subprocess
import zoneinfo

from weirlib import BINARY, chat_body, environment, http, poll, provider

KEY = "wk-budgets"
PRICES = {"m": {"input": 1000.0, "output": 10000.0}}  # USD a million tokens: 0.001 and 0.01 each


def client(name="app", key=KEY, **more):
    return {"name": name, "key_hash": hashlib.sha256(key.encode()).hexdigest(), **more}


def priced(mock, **more):
    return provider(mock, prices=PRICES, timeout_seconds=5, reply_timeout_seconds=5, **more)


def ask(weir, key=KEY, path="/v1/chat/completions", **body):
    return http(weir.port, "POST", path, chat_body("hi", **body), {"authorization": f"Bearer {key}"})


def cost(reply):
    usage = reply.json["usage"]
    return usage["prompt_tokens"] * 0.001 + usage["completion_tokens"] * 0.01


def test_a_spent_budget_refuses_and_says_which_and_when(start, start_mock):
    mock = start_mock("--tokens", "10")
    weir = start({"providers": {"p": priced(mock)}, "clients": [client(daily_budget=1.5)]})
    spent, replies = 0.0, []
    for _ in range(30):
        reply = ask(weir, max_tokens=10)
        replies.append(reply)
        if reply.status != 200:
            break
        spent += cost(reply)
    last = replies[-1]
    assert last.status == 429 and last.error["code"] == "budget_exhausted", last
    assert "`day` of client app" in last.error["message"] and "T00:00:00Z" in last.error["message"]
    assert last.error["weir"]["scope"] == "client" and last.headers["x-should-retry"] == "false"
    assert int(last.headers["retry-after"]) > 0
    assert 0.4 < spent <= 1.5
    assert mock.requests()["count"] == len(replies) - 1


def test_what_is_left_is_told_to_its_owner_and_to_operators(start, start_mock):
    mock = start_mock("--tokens", "10")
    weir = start({
        "providers": {"p": priced(mock, daily_budget=500)},
        "budgets": {"shared": {"usd": 300, "window": "lifetime"}},
        "owners": [{"name": "acme", "kind": "organization", "budgets": [{"usd": 100, "window": "month"}, "shared"]}],
        "clients": [client(daily_budget=50, rate_limit_rpm=100, **{"in": "acme"}), client("other", "wk-other")]
    })
    spent = cost(ask(weir, max_tokens=10))
    own = http(weir.port, "GET", "/v1/key", headers={"authorization": f"Bearer {KEY}"}).json
    assert own["name"] == "app" and own["owners"] == [{"name": "acme", "kind": "organization", "limits": {}}]
    assert [(b["owner"], b["name"], b["window"]) for b in own["budgets"]] == [
        ("client app", "day", "day"), ("organization acme", "month", "month"), ("", "shared", "lifetime")]
    for budget in own["budgets"]:
        assert abs(float(budget["spent_usd"]) - spent) < 1e-9 and float(budget["reserved_usd"]) == 0, budget
        assert abs(float(budget["left_usd"]) - (float(budget["limit_usd"]) - spent)) < 1e-9
        assert ("resets_at" in budget) == (budget["window"] != "lifetime")
    assert own["limits"] == {"rate_limit_rpm": {"limit": 100, "left": 99}}
    other = http(weir.port, "GET", "/v1/key", headers={"authorization": "Bearer wk-other"}).json
    assert other["name"] == "other" and other["budgets"] == [] and other["owners"] == []
    assert http(weir.port, "GET", "/v1/key").status == 401
    assert http(weir.port, "GET", "/admin/v1/budgets", headers={"authorization": f"Bearer {KEY}"}).status == 403
    everybodys = http(weir.port, "GET", "/admin/v1/budgets", headers={"authorization": f"Bearer {weir.admin_key}"}).json
    assert [b["owner"] for b in everybodys["budgets"]] == ["", "organization acme", "provider p", "client app"]
    listed = subprocess.run([BINARY, "budget", "list", "--url", f"http://127.0.0.1:{weir.port}", "--admin-key",
                             weir.admin_key], capture_output=True, text=True, env=environment(), timeout=20)
    assert listed.returncode == 0 and len(listed.stdout.splitlines()) == 5, listed
    assert "organization acme" in listed.stdout and "100.00" in listed.stdout


def test_a_reload_keeps_what_was_spent_and_may_change_the_sum(start, start_mock):
    mock = start_mock("--tokens", "10")
    config = {"providers": {"p": priced(mock)}, "clients": [client(daily_budget=1.0)]}
    weir = start(config)
    spent = cost(ask(weir, max_tokens=10))

    def reload(usd):
        config["clients"] = [client(budgets=[{"window": "day", "usd": usd, "mode": "soft"}])]
        weir.write(config)
        assert http(weir.port, "POST", "/admin/v1/reload",
                    headers={"authorization": f"Bearer {weir.admin_key}"}).status == 200
        budget = http(weir.port, "GET", "/v1/key", headers={"authorization": f"Bearer {KEY}"}).json["budgets"][0]
        assert abs(float(budget["spent_usd"]) - spent) < 1e-9 and float(budget["limit_usd"]) == usd
        return ask(weir, max_tokens=10)
    assert reload(0.05).status == 429
    again = reload(5.0)
    assert again.status == 200


def test_a_provider_whose_budget_is_spent_is_passed_over(start, start_mock):
    dear, cheap = start_mock("--tokens", "10"), start_mock("--tokens", "10")
    weir = start({
        "providers": {"dear": priced(dear, priority=1, daily_budget=1.0), "cheap": priced(cheap, priority=2)},
        "clients": [client()]
    })
    replies = [ask(weir, max_tokens=10) for _ in range(12)]
    assert all(r.status == 200 for r in replies)
    at = [r.headers["x-weir-provider"] for r in replies]
    assert at[0] == "dear" and at[-1] == "cheap" and at == sorted(at, reverse=True)
    assert sum(cost(r) for r, where in zip(replies, at) if where == "dear") <= 1.0


def test_a_cap_that_a_budget_sets_goes_up_and_is_named(start, start_mock):
    mock = start_mock("--echo")
    weir = start({"reserve_output_tokens": 64, "providers": {"p": priced(mock)}, "clients": [client(daily_budget=50)]})
    reply = ask(weir)
    assert reply.status == 200 and reply.headers["x-weir-changed"] == "max_tokens"
    assert json.loads(mock.last()["body"])["max_completion_tokens"] == 64
    own = ask(weir, max_tokens=7)
    assert "x-weir-changed" not in own.headers
    sent = json.loads(mock.last()["body"])
    assert sent["max_tokens"] == 7 and "max_completion_tokens" not in sent


def test_when_it_is_nearly_spent_a_cheaper_target_serves(start, start_mock):
    good, small = start_mock("--tokens", "10"), start_mock("--tokens", "10")
    cheap = {"small": {"input": 10.0, "output": 100.0}}
    weir = start({
        "providers": {"good": priced(good), "cheap": provider(small, ["small"], prices=cheap)},
        "clients": [client(budgets=[
            {"usd": 2.0, "window": "day", "over": "downgrade", "at": 0.4, "to": ["cheap/small"]}])]
    })
    replies = [ask(weir, max_tokens=10) for _ in range(20)]
    assert all(r.status == 200 for r in replies)
    at = [r.headers.get("x-weir-downgraded") for r in replies]
    first = at.index("m->cheap/small")
    assert 0 < first < 20 and set(at[:first]) == {None} and set(at[first:]) == {"m->cheap/small"}
    spent = sum(cost(r) for r in replies[:first])
    assert 0.8 <= spent < 0.8 + cost(replies[0])


def test_budgets_of_clients_made_at_run_time_are_listed_and_watched(start, start_mock):
    weir = start({"providers": {"p": priced(start_mock("--tokens", "10"))}, "clients": [client(daily_budget=3)],
                  "templates": {"intern": {"budgets": [{"usd": 5, "window": "month"}]}}})
    admin = {"authorization": f"Bearer {weir.admin_key}", "content-type": "application/json"}

    def add(name, **settings):
        reply = http(weir.port, "POST", "/admin/v1/clients", json.dumps({"name": name, **settings}).encode(), admin)
        assert reply.status == 201, reply
        return reply.json["key"]

    def listed():
        budgets = http(weir.port, "GET", "/admin/v1/budgets", headers=admin).json["budgets"]
        return {(b["owner"], b["name"]): float(b["spent_usd"]) for b in budgets}
    key = add("run", template="intern", budgets=[{"usd": 0.75, "window": "day"}])
    add("plain")
    assert listed() == {("client app", "day"): 0, ("client run", "day"): 0, ("client run", "month"): 0}
    spent = cost(ask(weir, key, max_tokens=10))
    assert spent > 0 and listed()["client run", "day"] == listed()["client run", "month"] == round(spent, 9)
    assert http(weir.port, "POST", "/admin/v1/budgets/credit", json.dumps(
        {"budget": "month", "owner": "client run", "usd": "1"}).encode(), admin).status == 200
    assert http(weir.port, "POST", "/admin/v1/reload", headers=admin).status == 200
    assert listed()["client run", "day"] == round(spent, 9)  # nobody has asked since
    http(weir.port, "PATCH", "/admin/v1/clients/run", json.dumps(
        {"budgets": [{"usd": round(spent, 3), "window": "day"}]}).encode(), admin)

    def subjects():
        return [a["subject"] for a in http(weir.port, "GET", "/admin/v1/alerts", headers=admin).json["alerts"]]
    poll(lambda: "client run budget day" in subjects())


def test_without_a_name_the_cheapest_that_can_serves_when_it_is_nearly_spent(start, start_mock):
    good, small, mute = (start_mock("--tokens", "10") for _ in range(3))
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]
    weir = start({
        "providers": {"good": priced(good), "small": provider(small, ["small"], prices={"small": {"input": 10.0,
                                                                                                 "output": 100.0}}),
                      "mute": provider(mute, ["mute"], prices={"mute": {"input": 1.0, "output": 10.0}},
                                       facts={"mute": {"cannot": ["tools"]}})},
        "clients": [client(budgets=[{"usd": 2.0, "window": "day", "over": "downgrade", "at": 0.4}])]
    })
    replies = [ask(weir, max_tokens=10) for _ in range(20)]
    assert all(r.status == 200 for r in replies)
    at = [r.headers.get("x-weir-downgraded") for r in replies]
    assert at[0] is None and at[-1] == "m->mute/mute"
    assert ask(weir, max_tokens=10, tools=tools).headers["x-weir-downgraded"] == "m->small/small"
    mute.stop()
    later = ask(weir, max_tokens=10)
    assert later.status == 200 and later.headers["x-weir-downgraded"] == "m->small/small"


def test_owners_limits_hold_for_all_below_them(start, start_mock):
    weir = start({
        "providers": {"p": priced(start_mock())},
        "owners": [{"name": "team", "in": "acme", "models": ["m"]}, {"name": "acme", "rate_limit_rpm": 3}],
        "clients": [client(**{"in": "team"}), client("other", "wk-other", **{"in": "acme"})]
    })
    assert [ask(weir, key).status for key in (KEY, "wk-other", KEY, "wk-other")] == [200, 200, 200, 429]
    refused = ask(weir)
    assert refused.error["code"] == "rate_limited" and "team acme" in refused.error["message"]
    assert ask(weir, model="p/other").status == 403  # the team's models


def test_windows_begin_in_the_clock_time_of_their_place(start, start_mock):
    zones = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia"]
    budgets = [{"usd": 1, "window": w, "timezone": z, "name": f"{w}-{n}"} for n, z in enumerate(zones)
               for w in ("day", "week", "month")]
    weir = start({"providers": {"p": priced(start_mock())}, "clients": [client(budgets=budgets)]})

    def told():
        return http(weir.port, "GET", "/v1/key", headers={"authorization": f"Bearer {KEY}"}).json["budgets"]

    def wanted(window, zone):
        here = datetime.datetime.now(zoneinfo.ZoneInfo(zone))
        day = here.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
        if window == "day":
            starts, ends = day, day + datetime.timedelta(days=1)
        elif window == "week":
            starts = day - datetime.timedelta(days=day.weekday())
            ends = starts + datetime.timedelta(days=7)
        else:
            starts = day.replace(day=1)
            ends = (starts + datetime.timedelta(days=32)).replace(day=1)
        return [t.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ") for t in (starts, ends)]
    for _ in range(2):  # it may be midnight somewhere in between
        found = {b["name"]: [b["started_at"], b["resets_at"]] for b in told()}
        hoped = {b["name"]: wanted(b["window"], b["timezone"]) for b in budgets}
        if found == hoped:
            break
    assert found == hoped

"""Nobody on the way spends more than it may, at any moment: workers that share budgets, owners four deep, streams,
failovers to a dearer provider, hedges, hang-ups, reloads, raises and credits at once. The mocks' own counts are the
witness."""
import json
import random
import threading

from test_budgets import client
from weirlib import Connection, chat_body, http, poll, provider, readable, request_bytes

TOKENS, MOST = 10, 50
CHEAP, DEAR = {"m": {"input": 1.0, "output": 500.0}}, {"m": {"input": 2.0, "output": 1000.0}}


def budgets_of(weir):
    reply = http(weir.port, "GET", "/admin/v1/budgets", headers={"authorization": f"Bearer {weir.admin_key}"})
    return reply.json["budgets"]


def usd(budget, key):
    return round(float(budget[key]) * 1e9)


class Watch(threading.Thread):
    """Looks at all budgets again and again; in between it reloads, where it is told with what, and raises, credits and
    takes back. A sum that shrinks is no overspending: what was let through under the larger one stays spent."""

    def __init__(self, weir, config=None):
        super().__init__(daemon=True)
        self.weir, self.config, self.over, self.looks, self.most_reserved = weir, config, [], 0, 0
        self.ends, self.changes, self.most = threading.Event(), 0, {}

    def run(self):
        while not self.ends.is_set():
            for budget in budgets_of(self.weir):
                of = budget["owner"], budget["name"]
                self.most[of] = max(self.most.get(of, 0), usd(budget, "limit_usd"))
                is_split = "per" in budget  # its sum is each value's
                if not is_split and usd(budget, "spent_usd") + usd(budget, "reserved_usd") > self.most[of]:
                    self.over.append(budget)
                self.most_reserved = max(self.most_reserved, usd(budget, "reserved_usd"))
            self.looks += 1
            if self.config:
                self.change()
            if self.config and self.looks % 5 == 0:
                self.config["providers"]["dear"]["weight"] = 1 + self.looks % 3
                self.weir.write(self.config)
                http(self.weir.port, "POST", "/admin/v1/reload",
                     headers={"authorization": f"Bearer {self.weir.admin_key}"})

    def change(self):
        """Up and down again, for two of them; a credit now and then. They end where they began, but for the credits."""
        turn = self.looks % 4
        for budget, owner in (("week", "team division"), ("day", "user bob")):
            kind, amount = [("raise", "0.05"), ("raise", "0"), ("credit", "0.01"), ("raise", "0.02")][turn]
            reply = http(self.weir.port, "POST", f"/admin/v1/budgets/{kind}",
                         json.dumps({"budget": budget, "owner": owner, "usd": amount}).encode(),
                         {"authorization": f"Bearer {self.weir.admin_key}", "content-type": "application/json"})
            assert reply.status == 200, reply
            self.changes += 1
            of = owner, budget
            self.most[of] = max(self.most.get(of, 0), usd(reply.json, "limit_usd"))

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ends.set()
        self.join(10)


def together(weir, bodies, keys, hang_up=()):
    """All at once: each is sent before any is read. Answers the replies of those that did not hang up."""
    open_ones = []
    for i, body in enumerate(bodies):
        connection = Connection(weir.port, timeout=30)
        connection.send(request_bytes("POST", "/v1/chat/completions", body,
                                      {"authorization": f"Bearer {keys[i % len(keys)]}"}))
        open_ones.append(connection)
    replies = []
    for i, connection in enumerate(open_ones):
        if i in hang_up:
            readable([connection.socket], 0.05 * random.random())
            connection.socket.close()
    for i, connection in enumerate(open_ones):
        if i not in hang_up:
            replies.append(connection.reply())
            connection.socket.close()
    return replies


def settled(weir):
    poll(lambda: all(usd(b, "reserved_usd") == 0 for b in budgets_of(weir)))
    return budgets_of(weir)


def unit_nano(prices, prompt_tokens):
    return round((prompt_tokens * prices["m"]["input"] + TOKENS * prices["m"]["output"]) * 1000)


def test_500_at_once_spend_at_most_a_dollar_and_all_of_it(start, start_mock):
    mock = start_mock("--tokens", str(TOKENS), "--latency", "30")
    weir = start({
        "workers": 8, "max_connections": 2000,
        "providers": {"p": provider(mock, prices=CHEAP, timeout_seconds=30, reply_timeout_seconds=30)},
        "clients": [client(budgets=[{"usd": 1.0, "window": "lifetime"}])]
    })
    body = chat_body("hi", max_tokens=MOST)
    done, refused, prompt = 0, [], 0
    with Watch(weir) as watch:
        for _ in range(40):
            replies = together(weir, [body] * (500 if not refused else 40), ["wk-budgets"])
            good = [r for r in replies if r.status == 200]
            done += len(good)
            prompt = good[0].json["usage"]["prompt_tokens"] if good else prompt
            refused = [r for r in replies if r.status != 200]
            assert all(r.status == 429 and r.error["code"] == "budget_exhausted" for r in refused)
            if not good:
                break
    assert refused and not watch.over and watch.looks > 3
    final = settled(weir)[0]
    each = unit_nano(CHEAP, prompt)
    assert mock.requests()["done"] == done and usd(final, "spent_usd") == done * each <= 10**9
    assert watch.most_reserved > 10 * each  # they were at once
    worst = (MOST * 500 + 5000) * 1000
    assert usd(final, "left_usd") <= worst  # it was not held back by more than one that would not fit


def test_nobody_on_the_way_is_over_whatever_happens(start, start_mock):
    random.seed(7)
    cheap = start_mock("--tokens", str(TOKENS), "--latency", "20", "--latency-distribution", "uniform:5,120",
                       "--fault", "status=503", "--fault-rate", "0.2")
    dear = start_mock("--tokens", str(TOKENS), "--latency", "10")
    patient = {"timeout_seconds": 30, "reply_timeout_seconds": 30, "stall_timeout_seconds": 30,
               "circuit_breaker": {"failure_threshold": 60000}}
    owners = [
        {"name": "company", "kind": "organization", "budgets": [{"usd": 1.0, "window": "month"}, "pool"]},
        {"name": "division", "kind": "team", "in": "company", "budgets": [{"usd": 0.9, "window": "week"}]},
        {"name": "search", "in": "division", "rate_limit_rpm": 100000, "budgets": [{"usd": 0.8, "window": "day"}]},
        {"name": "ann", "kind": "user", "in": "search", "daily_budget": 0.5},
        {"name": "bob", "kind": "user", "in": "search", "budgets": [{"usd": 0.6, "window": "day"}]},
    ]
    config = {
        "workers": 8, "max_connections": 2000, "hedge": {"after": "60ms", "max_share": 0.5},
        "retry": {"base_ms": 1, "max_ms": 5, "failover_budget": 10},
        "budgets": {"pool": {"usd": 0.95, "window": "lifetime"}},
        "providers": {"cheap": provider(cheap, prices=CHEAP, priority=1, **patient),
                      "dear": provider(dear, prices=DEAR, priority=2, monthly_budget=0.4, **patient)},
        "owners": owners,
        "clients": [client("a", "wk-a", **{"in": "ann"}), client("b", "wk-b", **{"in": "bob"}, daily_budget=0.55),
                    client("c", "wk-c", **{"in": "search"})]
    }
    weir = start(config)
    prompt, good = 0, 0
    with Watch(weir, config) as watch:
        for turn in range(12):
            bodies = [chat_body("hi", max_tokens=MOST, stream=bool(i % 2)) for i in range(500 if turn == 0 else 120)]
            gone = set(random.sample(range(len(bodies)), len(bodies) // 10))
            replies = together(weir, bodies, ["wk-a", "wk-b", "wk-c"], gone)
            for reply in replies:
                assert reply.status in (200, 429, 502, 503), reply
                good += reply.status == 200
                if reply.status == 200 and "event-stream" not in reply.headers["content-type"]:
                    prompt = reply.json["usage"]["prompt_tokens"]
    assert not watch.over, watch.over[0]
    assert watch.looks > 5 and watch.changes > 10 and good > 30 and prompt
    final = settled(weir)
    assert all(usd(b, "spent_usd") <= watch.most[b["owner"], b["name"]] for b in final), final
    assert {"raise", "credit"} <= {line["change"] for line in weir.log("budget_changed")}
    by_name = {(b["owner"], b["name"]): usd(b, "spent_usd") for b in final}
    served = cheap.requests()["done"] * unit_nano(CHEAP, prompt), dear.requests()["done"] * unit_nano(DEAR, prompt)
    spent = by_name["organization company", "month"]
    assert by_name["provider dear", "month"] >= served[1] * 0.98  # what was hung up on is charged by estimate
    assert spent >= sum(served) * 0.98 and sum(served) <= 0.8e9
    assert spent == by_name["team division", "week"] == by_name["team search", "day"] == by_name["", "pool"]
    assert by_name["user ann", "day"] + by_name["user bob", "day"] <= spent
    assert by_name["client b", "day"] == by_name["user bob", "day"]


def test_streams_that_reserve_as_they_go_are_never_over(start, start_mock):
    """None of them could be reserved whole, not even alone: each may take two dollars and a half of one."""
    random.seed(11)
    mock = start_mock("--tokens", "60", "--rate", "400", "--latency-distribution", "uniform:1,60")
    weir = start({
        "workers": 8, "max_connections": 2000,
        "budgets": {"pool": {"usd": 0.95, "window": "lifetime"}},
        "providers": {"p": provider(mock, prices={"m": {"input": 1.0, "output": 50.0}}, timeout_seconds=30,
                                    reply_timeout_seconds=30, stall_timeout_seconds=30, monthly_budget=0.9,
                                    cut_margin_tokens=40, facts={"m": {"bills_hidden": False}})},
        "owners": [{"name": "company", "budgets": [{"usd": 1.0, "window": "month"}, "pool"]},
                   {"name": "division", "in": "company", "budgets": [{"usd": 0.85, "window": "1h", "rolling": True}]},
                   {"name": "team", "in": "division", "budgets": [{"usd": 0.8, "window": "day"}]}],
        "clients": [client("a", "wk-a", **{"in": "team"},
                           budgets=[{"usd": 0.3, "window": "day", "per": "end_user", "name": "users"}]),
                    client("b", "wk-b", **{"in": "team"}, daily_budget=0.5)]
    })
    whole, cut, refused = 0, 0, 0
    with Watch(weir) as watch:
        for turn in range(30):
            bodies = [chat_body("hi", max_tokens=50000, stream=True, user=f"user-{i % 3}") for i in range(60)]
            gone = set(random.sample(range(60), 6))
            for reply in together(weir, bodies, ["wk-a", "wk-b"], gone):
                assert reply.status in (200, 429), reply
                if reply.status == 429:
                    refused += 1
                    continue
                assert reply.events[-1] == "[DONE]" and '"error"' not in reply.text, reply
                whole += '"finish_reason":"stop"' in reply.text
                cut += '"finish_reason":"length"' in reply.text
            if turn > 3 and refused > 200 and cut > 3:
                break
    final = {(b["owner"], b["name"]): b for b in settled(weir)}
    assert not watch.over, watch.over[0]
    assert whole > 10 and cut and refused, (whole, cut, refused)
    assert all(usd(b, "spent_usd") <= usd(b, "limit_usd") for b in final.values() if b["name"] != "users"), final
    for value in final["client a", "users"]["values"]:
        assert usd(value, "spent_usd") <= 3 * 10**8, value
    spent = usd(final["provider p", "month"], "spent_usd")
    assert spent == usd(final["team team", "day"], "spent_usd") == usd(final["", "pool"], "spent_usd")
    seen = mock.requests()
    assert seen["done"] >= whole and spent >= seen["done"] * 60 * 50_000  # what ended, and what was cut beside it
    assert weir.metric("weir_streams_cut_total") >= cut

"""What a session may have: calls, minutes and money, whichever worker it meets, over a restart and a kill."""
import concurrent.futures
import hashlib
import signal
import sqlite3
import time

import pytest

from weirlib import chat_body, http, poll, provider

KEYS = {"app": "weir-app-key", "other": "weir-other-key"}
PRICES = {"m": {"input": 1000.0, "output": 10000.0}}  # USD a million tokens: 0.001 and 0.01 each


def client(name="app", **more):
    return {"name": name, "key_hash": hashlib.sha256(KEYS[name].encode()).hexdigest(), **more}


def ask(weir, session="s-1", name="app", header="x-weir-session", path="/v1/chat/completions", **body):
    headers = {"authorization": f"Bearer {KEYS[name]}", **({header: session} if session else {})}
    return http(weir.port, "POST", path, chat_body("hi", **body), headers)


def cost(reply):
    usage = reply.json["usage"]
    return usage["prompt_tokens"] * 0.001 + usage["completion_tokens"] * 0.01


def rows(weir):
    """What the ledger has of sessions: by what is counted, in the order of enum session_count."""
    with sqlite3.connect(weir.state_dir / "ledger.db") as ledger:
        found = ledger.execute("SELECT budget & 3, nano_usd FROM budgets WHERE window_s >= 1 << 33").fetchall()
    return {kind: sum(amount for k, amount in found if k == kind) for kind in (1, 2, 3)}


@pytest.fixture
def run(folder, mocks):
    mocks[0].reset()

    def begin(sessions=None, workers=1, prices=None, **top):
        more = {"prices": prices} if prices else {}
        top = {"clients": [client(sessions=sessions), client("other")], **top}
        one = provider(mocks[0], timeout_seconds=5, reply_timeout_seconds=5, **more)
        return folder({"workers": workers, "providers": {"one": one}, **top})
    return begin


def refused(reply, words):
    assert reply.status == 429 and reply.error["code"] == "session_exhausted", reply
    assert words in reply.error["message"] and "is forgotten, if it is not used, at 20" in reply.error["message"], reply
    assert reply.error["weir"]["scope"] == "client" and reply.headers["x-should-retry"] == "false"
    assert "retry-after" not in reply.headers
    return True


def test_a_session_has_its_calls_and_no_other_pays_for_them(run, mocks):
    weir = run({"calls": 3})
    assert [ask(weir).status for _ in range(3)] == [200] * 3
    assert refused(ask(weir), "The session `s-1` (`sessions` of client app) has made 3 of 3 calls.")
    assert ask(weir, "s-2").status == 200 and ask(weir, None).status == 200
    assert ask(weir, "s-1", "other").status == 200  # a session is its client's
    assert mocks[0].requests()["count"] == 6


@pytest.mark.parametrize("header", ["x-claude-code-session-id", "session_id", "session-id", "conversation_id"])
def test_agents_own_headers_name_sessions(run, header):
    weir = run({"calls": 1})
    assert ask(weir, "agents", header=header).status == 200
    assert refused(ask(weir, "agents", header=header), "1 of 1 call.")
    assert refused(ask(weir, "agents"), "1 of 1 call.")  # the same name is the same session


def test_what_says_less_is_no_session_with_caps(run):
    weir = run({"calls": 1})
    for _ in range(3):
        assert ask(weir, None, prompt_cache_key="k").status == 200
        assert ask(weir, "00-" + "a" * 32 + "-" + "b" * 16 + "-01", header="traceparent").status == 200


def test_calls_are_exact_across_workers_and_over_restart_and_kill(run, folder):
    caps = {"calls": 40}
    weir = run(caps, workers=4)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        statuses = [reply.status for reply in pool.map(lambda _: ask(weir), range(30))]
    assert statuses == [200] * 30
    weir.stop()
    weir = run(caps, workers=3)
    assert [ask(weir).status for _ in range(5)] == [200] * 5
    weir.process.send_signal(signal.SIGKILL)
    weir.process.wait()
    weir = run(caps, workers=4)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        statuses = sorted(reply.status for reply in pool.map(lambda _: ask(weir), range(24)))
    assert statuses == [200] * 5 + [429] * 19
    weir.stop()
    assert rows(weir)[2] == 40


def test_a_request_of_which_nothing_was_sent_is_no_call(run, mocks):
    weir = run({"calls": 2})
    for _ in range(4):
        assert ask(weir, model="nobody-has-it").status == 404
    assert [ask(weir).status for _ in range(3)] == [200, 200, 429]
    counted = http(weir.port, "POST", "/v1/messages/count_tokens",
                   {"model": "m", "messages": [{"role": "user", "content": "hi"}]},
                   {"authorization": f"Bearer {KEYS['app']}", "x-weir-session": "s-1"})
    assert counted.status == 200  # counting spends nothing


def test_the_money_of_a_session_is_never_overspent(run):
    caps = {"usd": 2.0}
    weir = run(caps, workers=4, prices=PRICES)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(lambda _: ask(weir, max_tokens=10), range(60)))
    spent = sum(cost(reply) for reply in replies if reply.status == 200)
    assert 0 < spent <= 2.0
    assert {reply.error["code"] for reply in replies if reply.status != 200} <= {"session_exhausted"}
    while (reply := ask(weir, max_tokens=10)).status == 200:
        spent += cost(reply)
    assert refused(reply, "The session `s-1` (`sessions` of client app) has spent ")
    assert spent <= 2.0 and "of 2.00" in reply.error["message"] and "may cost" in reply.error["message"]
    assert ask(weir, "s-2", max_tokens=10).status == 200
    poll(lambda: abs(rows(weir)[1] / 1e9 - spent) < 1, 10)
    weir.stop()
    both = rows(weir)[1]
    weir = run(caps, workers=2, prices=PRICES)
    assert refused(ask(weir, max_tokens=10), "has spent")
    assert ask(weir, "s-3", max_tokens=10).status == 200
    assert both <= 2.0 * 1e9 * 2


def test_the_least_of_what_client_template_and_owners_say_holds(run):
    top = {"owners": [{"name": "acme", "kind": "organization", "sessions": {"calls": 2}},
                      {"name": "search", "in": "acme", "sessions": {"calls": 9}}],
           "templates": {"intern": {"sessions": {"calls": 1, "usd": 5}}},
           "clients": [client(template="intern", sessions={"calls": 7}, **{"in": "search"}),
                       client("other", template="intern")]}
    weir = run(prices={"m": {"input": 1.0, "output": 1.0}}, **top)
    assert [ask(weir).status for _ in range(2)] == [200, 200]
    assert refused(ask(weir), "(`sessions` of organization acme) has made 2 of 2 calls")
    assert ask(weir, name="other").status == 200
    assert refused(ask(weir, name="other"), "(`sessions` of client other) has made 1 of 1 call.")


def test_minutes_end_a_session_and_a_reload_changes_the_caps_not_the_counts(run, mocks):
    weir = run({"calls": 2, "minutes": 1})
    assert [ask(weir).status for _ in range(2)] == [200, 200]
    long_ago = int(time.time()) - 100
    weir.stop()
    with sqlite3.connect(weir.state_dir / "ledger.db") as ledger:  # it began a while ago
        ledger.execute("UPDATE budgets SET window_s = ? WHERE window_s >= 1 << 33", (long_ago + (1 << 33),))
    weir = run({"calls": 9, "minutes": 1})
    assert refused(ask(weir), "may last 1 minute, over at 20")
    with sqlite3.connect(weir.state_dir / "ledger.db") as ledger:
        kept = ledger.execute("SELECT count(*) FROM budgets WHERE window_s >= 1 << 33").fetchone()[0]
    assert kept >= 1


def test_a_session_that_was_not_used_is_forgotten_and_its_rows_go(run):
    weir = run({"calls": 1, "idle_minutes": 10})
    assert ask(weir, "young").status == 200 and ask(weir, "old").status == 200
    weir.stop()
    with sqlite3.connect(weir.state_dir / "ledger.db") as ledger:
        ids = [row[0] for row in ledger.execute("SELECT budget FROM budgets WHERE window_s >> 33 AND budget & 3 = 2")]
        assert len(ids) == 2
        for budget, ago in zip(ids, (20 * 60, 9 * 24 * 3600)):
            ledger.execute("UPDATE budgets SET window_s = window_s - ? WHERE budget = ?", (ago, budget))
    weir = run({"calls": 1, "idle_minutes": 10})
    assert ask(weir, "young").status == 200 and ask(weir, "old").status == 200  # both begin anew
    assert ask(weir, "young").status == 429
    poll(lambda: ids[1] not in ledger_ids(weir), 10)  # nothing can ask for the older one any more
    assert ids[0] in ledger_ids(weir)


def ledger_ids(weir):
    """Whose windows began more than a few minutes ago."""
    before = (1 << 33) + int(time.time()) - 300
    with sqlite3.connect(weir.state_dir / "ledger.db") as ledger:
        found = ledger.execute("SELECT budget FROM budgets WHERE window_s >> 33 AND window_s < ?", (before,))
        return [row[0] for row in found]


def test_a_preview_tells_and_takes_nothing(run):
    weir = run({"calls": 1})
    admin = {"authorization": f"Bearer {weir.admin_key}"}
    path = "/admin/v1/route?model=m&client=app&session=s-1"
    assert "client_refused" not in http(weir.port, "GET", path, headers=admin).json
    assert ask(weir).status == 200
    assert http(weir.port, "GET", path, headers=admin).json["client_refused"] == "session_exhausted"

"""What may be spent: reserved before it is sent, settled to the truth, and refused in words that say which budget it is
and when it begins anew."""
import hashlib

from weirlib import chat_body, http, provider

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

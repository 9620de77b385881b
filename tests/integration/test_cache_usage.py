"""What the cache gave is in the ledger: each answer once, by whom and for what, and what it saved."""
import json
import threading

import pytest

from test_cache import KEYS, admin, ask, asked, config, identical, pair, said, weir_command  # noqa: F401 (a fixture)
from weirlib import http, on_terminal, poll

WORDS = ("cache_hits", "cache_shared", "cache_stale", "fallbacks")


def usage(weir, query="", key=None):
    path = "/v1/usage" if key else "/admin/v1/usage"
    reply = http(weir.port, "GET", f"{path}?{query}",
                 headers={"authorization": f"Bearer {KEYS[key] if key else weir.admin_key}"})
    assert reply.status == 200, reply
    return reply.json


def given(row):
    return tuple(row[word] for word in WORDS)


def test_hits_are_told_by_client_model_route_and_day(pair):
    weir, mock = pair()
    cost = float(ask(weir).headers["x-weir-cost"])
    assert [said(ask(weir)) for _ in range(3)] == ["hit"] * 3
    other = float(ask(weir, "other", key="b").headers["x-weir-cost"])
    assert said(ask(weir, "other", key="b")) == "hit" and cost > 0
    total = usage(weir)["total"]
    assert given(total) == (4, 0, 0, 0) and total["requests"] == total["attempts"] == 2 == asked(mock), total
    assert float(total["saved_usd"]) == pytest.approx(3 * cost + other)
    rows = {row["client"]: row for row in usage(weir, "by=client")["rows"]}
    assert (given(rows["a"]), given(rows["b"])) == ((3, 0, 0, 0), (1, 0, 0, 0)), rows
    assert float(rows["a"]["saved_usd"]) == pytest.approx(3 * cost)
    for by, name in (("model", "m"), ("provider", "p"), ("asked", "m"), ("route", "m")):
        row, = usage(weir, f"by={by}")["rows"]
        assert row[by] in (name, "") and given(row) == (4, 0, 0, 0), (by, row)
    day, = usage(weir, "by=day")["rows"]
    assert given(day) == (4, 0, 0, 0) and len(day["day"]) == 10
    own = usage(weir, "by=client", key="b")
    assert given(own["total"]) == (1, 0, 0, 0) and [row["client"] for row in own["rows"]] == ["b"], own
    where = ["--config", str(weir.path), "--url", f"http://127.0.0.1:{weir.port}"]
    status, printed = on_terminal("usage", "--by", "client", *where)
    head, first = printed.splitlines()[:2]
    assert status == 0 and "given" in head and "saved USD" in head and f"{3 * cost:.9f}" in first, printed
    csv = weir_command(weir, "usage", "--by", "client", "--csv")[1]
    assert "cache_hits,cache_shared,cache_stale,fallbacks,saved_usd," in csv.splitlines()[0], csv


def test_what_is_shared_stale_a_last_word_and_a_part(pair):
    last = "Call us."
    weir, mock = pair(retry={"max_retries": 0}, routes=[{"model": "m", "targets": ["p/m"], "fallback_response": last}])
    mock.fault("slow-bytes=3", 1)
    replies = identical(weir, 5)
    cost = sum(float(reply.headers["x-weir-cost"]) for reply in replies)
    assert sorted(map(said, replies)) == ["miss"] + 4 * ["shared"]
    total = usage(weir)["total"]
    assert given(total) == (0, 4, 0, 0) and float(total["saved_usd"]) == pytest.approx(4 * cost), total
    short = {"x-weir-cache-ttl": "1"}
    old = float(ask(weir, "old", headers=short).headers["x-weir-cost"])
    poll(lambda: ask(weir, "old", headers={**short, "x-weir-cache": "only"}).status == 504)
    part = {"model": "m", "input": ["one"]}
    half = float(ask(weir, path="/v1/embeddings", body=part).headers["x-weir-cost"])
    total = usage(weir)["total"]
    before, polled = float(total["saved_usd"]), total["cache_hits"]
    reply = ask(weir, path="/v1/embeddings", body={"model": "m", "input": ["one", "two"]})
    assert reply.headers["x-weir-cache-inputs"] == "1/2", reply.headers
    total = usage(weir)["total"]
    assert given(total) == (polled, 4, 0, 0) and float(total["saved_usd"]) == pytest.approx(before + half), total
    mock.fault("status=503", -1)
    assert said(ask(weir, "old")) == "stale"
    reply = ask(weir, "never asked")
    assert reply.headers["x-weir-fallback"] == "true"
    total = usage(weir)["total"]
    assert given(total) == (polled, 4, 1, 1), total
    assert float(total["saved_usd"]) == pytest.approx(before + half + old), total
    row, = (row for row in usage(weir, "by=provider")["rows"] if row["fallbacks"])
    assert row["provider"] == "" and given(row) == (0, 0, 0, 1), row


def test_a_kill_loses_and_doubles_no_hit(folder, start_mock):
    """Under load, at any moment: what was answered is there once; of what was on its way nobody knows."""
    mock = start_mock()
    weir = folder(config(mock))
    assert said(ask(weir)) == "miss"
    got, unknown = 0, 0
    for life in range(4):
        answered, stop, lock = [], threading.Event(), threading.Lock()

        def load():
            while not stop.is_set():
                try:
                    reply = ask(weir)
                except (OSError, AssertionError, ValueError):
                    return
                if reply.status != 200:
                    return
                with lock:
                    answered.append(said(reply))
        callers = [threading.Thread(target=load) for _ in range(6)]
        for caller in callers:
            caller.start()
        poll(lambda: len(answered) > 40 + 60 * life)
        weir.process.kill()
        stop.set()
        for caller in callers:
            caller.join()
        got += answered.count("hit")
        unknown += len(callers)
        weir = folder(config(mock))
        hits = usage(weir)["total"]["cache_hits"]
        assert got <= hits <= got + unknown, (life, got, hits)
        got, unknown = hits, 0
    weir.stop()
    weir = folder(config(mock))
    assert usage(weir)["total"]["cache_hits"] == got

"""Quotas of providers: what was sent counts, exactly and over all loops; at 100% others serve, and the caller is told
when it begins anew; a restart and a kill forget nothing."""
import concurrent.futures
import json
import signal
import subprocess

import pytest
from weirlib import BINARY, chat, chat_body, dead_port, environment, http, on_terminal, poll, provider


def status(weir):
    return http(weir.port, "GET", "/admin/v1/status", headers={"authorization": f"Bearer {weir.admin_key}"}).json


def quotas(weir, name="p"):
    one, = [p for p in status(weir)["providers"] if p["name"] == name]
    return {q["quota"]: (q["counted"], q["reserved"], q["limit"], q["left"]) for q in one["quotas"]}


def limited(mock, **quota):
    return provider(mock, timeout_seconds=5, reply_timeout_seconds=5, quota=quota)


def test_a_used_up_quota_refuses_and_says_when_it_begins_anew(start, start_mock):
    mock = start_mock()
    weir = start({"providers": {"p": limited(mock, requests_per_day=3)}, "workers": 4})
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        replies = list(pool.map(lambda _: chat(weir.port), range(24)))
    assert sorted(r.status for r in replies) == [200] * 3 + [429] * 21
    assert mock.requests()["count"] == 3
    last = chat(weir.port)
    assert last.status == 429 and last.error["code"] in ("quota_exhausted", "insufficient_quota"), last
    assert "quota of requests" in last.error["message"] and "T00:00:00Z" in last.error["message"]
    assert last.error["weir"]["scope"] == "provider" and last.headers["x-should-retry"] == "false"
    assert 0 < int(last.headers["retry-after"]) <= 24 * 3600
    assert quotas(weir) == {"requests_per_day": (3, 0, 3, 0)}


def test_the_next_provider_serves_and_explain_says_why(start, start_mock):
    first, second = start_mock(), start_mock()
    weir = start({"providers": {"p": {**limited(first, requests_per_hour=1), "priority": 1},
                                "q": {**provider(second), "priority": 2}}})
    assert [chat(weir.port).headers["x-weir-provider"] for _ in range(3)] == ["p", "q", "q"]
    asked = f"/admin/v1/requests/{chat(weir.port).headers['x-weir-request-id']}"
    told = poll(lambda: (r := http(weir.port, "GET", asked,
                                   headers={"authorization": f"Bearer {weir.admin_key}"})).status == 200 and r)
    assert "provider_quota" in told.text, told.text


def test_tokens_and_characters_are_those_that_came_and_went(start, start_mock):
    mock = start_mock("--tokens", "7")
    weir = start({"providers": {"p": limited(mock, tokens_per_month=10000, characters_per_month=100000)}})
    tokens, said = 0, 0
    for text in ("hello", "grüße 😀"):
        reply = chat(weir.port, text)
        usage = reply.json["usage"]
        tokens += usage["prompt_tokens"] + usage["completion_tokens"]
        said += len(text) + len(reply.json["choices"][0]["message"]["content"])
        assert quotas(weir)["tokens_per_month"][:2] == (tokens, 0)
        assert quotas(weir)["characters_per_month"][:2] == (said, 0)
    streamed = http(weir.port, "POST", "/v1/chat/completions", chat_body("hi", stream=True))
    events = [json.loads(line[6:]) for line in streamed.text.splitlines() if line.startswith("data: {")]
    said += 2 + sum(len(c["delta"].get("content") or "") for e in events for c in e["choices"])
    assert poll(lambda: quotas(weir)["characters_per_month"][:2] == (said, 0))


def test_what_was_never_sent_does_not_count_and_what_failed_does(start, start_mock):
    mock = start_mock("--fault", "status=500")
    dead = {"type": "openai", "base_url": f"http://127.0.0.1:{dead_port()}/v1", "api_key": "k", "models": ["m"],
            "quota": {"requests_per_day": 5}, "priority": 1}
    weir = start({"providers": {"d": dead, "p": {**limited(mock, requests_per_day=5), "priority": 2}},
                  "retry": {"max_retries": 0}})
    assert chat(weir.port).status >= 500
    assert quotas(weir, "d") == {"requests_per_day": (0, 0, 5, 5)}
    assert quotas(weir)["requests_per_day"][0] == mock.requests()["count"] >= 1


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_restart_and_a_kill_forget_nothing(folder, start_mock, how):
    config = {"providers": {"p": limited(start_mock(), requests_per_month=4, tokens_per_month=100000)}}
    weir = folder(config)
    for _ in range(3):
        assert chat(weir.port).status == 200
    before = quotas(weir)
    assert before["requests_per_month"] == (3, 0, 4, 1)
    weir.stop(how, status=0 if how == signal.SIGTERM else -how)
    weir = folder(config)
    assert quotas(weir) == before
    assert [chat(weir.port).status for _ in range(2)] == [200, 429]


def test_a_reload_keeps_what_was_counted_and_may_change_the_limit(start, start_mock):
    mock = start_mock()
    config = {"providers": {"p": limited(mock, requests_per_day=1)}}
    weir = start(config)
    assert [chat(weir.port).status for _ in range(2)] == [200, 429]
    config["providers"]["p"]["quota"] = {"requests_per_day": 2}
    weir.write(config)
    reload = http(weir.port, "POST", "/admin/v1/reload", headers={"authorization": f"Bearer {weir.admin_key}"})
    assert reload.status == 200, reload
    assert [chat(weir.port).status for _ in range(2)] == [200, 429]
    assert quotas(weir) == {"requests_per_day": (2, 0, 2, 0)}


def test_status_providers_and_metrics_show_it(start, start_mock):
    weir = start({"providers": {"p": limited(start_mock(), requests_per_day=5)}})
    chat(weir.port)
    admin = {"authorization": f"Bearer {weir.admin_key}"}
    listed, = http(weir.port, "GET", "/admin/v1/providers", headers=admin).json["providers"]
    assert listed["quotas"][0]["counted"] == 1 and listed["quotas"][0]["resets_at"].endswith("T00:00:00Z")
    metrics = http(weir.port, "GET", "/metrics").text
    assert 'weir_provider_quota_used{provider="p",quota="requests_per_day"} 1' in metrics
    assert 'weir_provider_quota_limit{provider="p",quota="requests_per_day"} 5' in metrics
    shown, text = on_terminal("status", "--url", f"http://127.0.0.1:{weir.port}", "--admin-key", weir.admin_key)
    assert shown == 0 and "requests_per_day" in text
    routed = subprocess.run([BINARY, "check", "-c", str(weir.path)], capture_output=True, text=True,
                            env=environment(), timeout=20)
    assert routed.returncode == 0, routed

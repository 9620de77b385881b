"""What somebody should know of is told once: in the log, by /admin/v1/alerts and `weir alert list`, in the metrics, and
to a webhook that may hang and fail before it takes it."""
import hashlib
import hmac
import http.server
import json
import signal
import sqlite3
import subprocess
import threading
import time

import pytest
from weirlib import (BINARY, GOOD_BODY, RawProvider, chat, environment, good_reply, http as ask,
                     on_terminal, poll, provider)

SECRET = "whsec-of-the-operator"


class Receiver:
    """Takes posts; hangs, then refuses, for the first ones as it is told to."""

    def __init__(self, hang=0, fail=0, slow=0.0):
        self.got, self.tried, self.hang, self.fail = [], 0, hang, fail
        self.released = threading.Event()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.tried += 1
                if receiver.tried <= receiver.hang:
                    receiver.released.wait(60)
                    return
                receiver.released.wait(slow)
                status = 503 if receiver.tried <= receiver.hang + receiver.fail else 204
                if status == 204:
                    receiver.got.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook?to=ops"

    def bodies(self):
        return [json.loads(body) for _, _, body in self.got]

    def close(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def receiver():
    made = []

    def begin(**how):
        made.append(Receiver(**how))
        return made[-1]
    yield begin
    for one in made:
        one.close()


def alerts(weir, query=""):
    reply = ask(weir.port, "GET", "/admin/v1/alerts" + query, headers={"authorization": f"Bearer {weir.admin_key}"})
    assert reply.status == 200, reply
    return reply.json


def kinds(weir, query="", beside=("price_unknown",)):
    """Those of the mock's models, which have no price, are told of elsewhere."""
    return [(a["kind"], a.get("share"), a["active"]) for a in reversed(alerts(weir, query)["alerts"])
            if a["kind"] not in beside]


def limited(mock, per_day=5):
    return provider(mock, timeout_seconds=5, reply_timeout_seconds=5, quota={"requests_per_day": per_day},
                    prices={"m": {"input": 1.0, "output": 1.0}})


def test_a_quota_alerts_at_each_share_once(start, start_mock):
    weir = start({"providers": {"p": limited(start_mock(), 10)}})
    wanted = []
    for n, share in ((8, 0.8), (1, 0.9), (1, 1.0), (3, None)):
        for _ in range(n):
            chat(weir.port)
        if share:
            wanted.append(("quota", share, True))
        assert poll(lambda: kinds(weir) == wanted), kinds(weir)
    first = alerts(weir)["alerts"][-1]
    assert first["subject"] == "provider p requests_per_day" and first["message"].startswith("80% of the quota")
    assert first["window_started_at"].endswith("T00:00:00Z") and first["level"] == "warn"
    assert poll(lambda: len(weir.log("alert")) == 3) and {line["kind"] for line in weir.log("alert")} == {"quota"}
    metrics = ask(weir.port, "GET", "/metrics").text
    assert 'weir_alerts_total{kind="quota"} 3' in metrics and 'weir_alerts_active{kind="quota"} 3' in metrics
    status, shown = on_terminal("alert", "list", "--url", f"http://127.0.0.1:{weir.port}", "--admin-key",
                                weir.admin_key)
    assert status == 0 and "provider p requests_per_day" in shown and "lasts" in shown
    status, shown = on_terminal("alert", "list", "--active", "--json", "--url", f"http://127.0.0.1:{weir.port}",
                                "--admin-key", weir.admin_key)
    assert status == 0 and len(json.loads(shown)["alerts"]) == 3


def test_a_raised_limit_ends_them_and_a_reload_says_nothing_twice(start, start_mock):
    mock = start_mock()
    config = {"providers": {"p": limited(mock, 2)}, "alerts": {"quota": [1.0]}}
    weir = start(config)
    for _ in range(2):
        assert chat(weir.port).status == 200
    assert poll(lambda: kinds(weir) == [("quota", 1.0, True)])
    config["providers"]["p"]["quota"]["requests_per_day"] = 20
    weir.write(config)
    reload = ask(weir.port, "POST", "/admin/v1/reload", headers={"authorization": f"Bearer {weir.admin_key}"})
    assert reload.status == 200
    assert poll(lambda: kinds(weir) == [("quota", 1.0, False)])
    assert kinds(weir, "?active=true") == []
    assert poll(lambda: len(weir.log("alert_ended")) == 1)


def test_a_budget_alerts_with_its_owner(start, start_mock):
    key = "wk-alerts"
    weir = start({
        "providers": {"p": provider(start_mock("--tokens", "10"), prices={"m": {"input": 1000.0, "output": 10000.0}})},
        "clients": [{"name": "app", "key_hash": hashlib.sha256(key.encode()).hexdigest(),
                     "budgets": [{"usd": 1.5, "window": "day"}]}],
        "alerts": {"budget": [0.1]}})
    for _ in range(10):
        ask(weir.port, "POST", "/v1/chat/completions",
            json.dumps({"model": "m", "max_tokens": 10, "messages": [{"role": "user", "content": "hi"}]}).encode(),
            {"authorization": f"Bearer {key}", "content-type": "application/json"})
    # as from some hour of the day on so quick a spending of a day's budget is told of as well
    assert poll(lambda: kinds(weir, beside=("price_unknown", "budget_burn")) == [("budget", 0.1, True)]), kinds(weir)
    told, = [one for one in alerts(weir)["alerts"] if one["kind"] == "budget"]
    assert told["subject"] == "client app budget day" and "of 1.500000000 USD" in told["message"]
    refused = ask(weir.port, "GET", "/admin/v1/alerts", headers={"authorization": f"Bearer {key}"})
    assert refused.status == 403


def test_a_receiver_that_hangs_and_fails_gets_each_alert_once_and_signed(start, start_mock, receiver):
    hook = receiver(hang=1, fail=1)
    weir = start({"providers": {"p": limited(start_mock(), 2)},
                  "alerts": {"quota": [0.5, 1.0], "webhook": hook.url, "secret": SECRET, "webhook_timeout_seconds": 1}})
    for _ in range(2):
        assert chat(weir.port).status == 200
    began = time.monotonic()
    assert chat(weir.port).status == 429  # while the receiver hangs
    assert time.monotonic() - began < 5
    assert poll(lambda: len(hook.got) == 2)
    assert [(b["event"], b["kind"], b["share"]) for b in hook.bodies()] == [
        ("raised", "quota", 0.5), ("raised", "quota", 1.0)]
    for path, headers, body in hook.got:
        assert path == "/hook?to=ops" and headers["content-type"] == "application/json"
        fields = dict(part.split("=", 1) for part in headers["weir-signature"].split(","))
        wanted = hmac.new(SECRET.encode(), fields["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
        assert hmac.compare_digest(wanted, fields["v1"]) and abs(time.time() - int(fields["t"])) < 60
        assert headers["weir-alert-id"] == str(json.loads(body)["id"])
    assert poll(lambda: alerts(weir)["webhook"] == {"delivered": 2, "failed": 2, "dropped": 0, "waiting": 0})
    metrics = ask(weir.port, "GET", "/metrics").text
    assert 'weir_alert_posts_total{outcome="delivered"} 2' in metrics
    why = [line["why"] for line in weir.log("alert_not_posted")]
    assert len(why) == 2 and "in time" in why[0] and "503" in why[1]
    assert SECRET not in "\n".join(weir.err)


def test_a_receiver_has_its_whole_time(start, start_mock, receiver):
    hook = receiver(slow=0.5)
    weir = start({"providers": {"p": limited(start_mock(), 2)},
                  "alerts": {"quota": [0.5], "webhook": hook.url, "secret": SECRET, "webhook_timeout_seconds": 30}})
    assert chat(weir.port).status == 200
    assert poll(lambda: alerts(weir)["webhook"] == {"delivered": 1, "failed": 0, "dropped": 0, "waiting": 0})
    assert hook.tried == 1


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_restart_raises_nothing_again_and_posts_what_was_owed(folder, start_mock, receiver, how):
    hook = receiver(hang=1000)
    config = {"providers": {"p": limited(start_mock(), 2)},
              "alerts": {"quota": [1.0], "webhook": hook.url, "secret": SECRET, "webhook_timeout_seconds": 30}}
    weir = folder(config)
    for _ in range(2):
        assert chat(weir.port).status == 200
    assert poll(lambda: hook.tried == 1)
    before = alerts(weir)["alerts"]
    weir.stop(how, status=0 if how == signal.SIGTERM else -how)
    hook.hang = 0
    weir = folder(config)
    assert poll(lambda: len(hook.got) == 1)
    assert hook.bodies()[0]["id"] == before[0]["id"]
    assert alerts(weir)["alerts"] == before
    assert weir.log("alert") == []
    weir.stop()
    weir = folder(config)
    time_out = time.monotonic() + 1.5  # three looks
    poll(lambda: time.monotonic() > time_out)
    assert len(hook.got) == 1 and alerts(weir)["alerts"] == before


def test_an_open_breaker_is_told_and_ends_when_it_closes(start, start_mock):
    mock = start_mock()
    mock.fault("status=500")
    weir = start({"providers": {"p": {**provider(mock), "circuit_breaker": {"failure_threshold": 2,
                                                                           "timeout_seconds": 1}}},
                  "retry": {"max_retries": 0}})
    for _ in range(4):
        chat(weir.port)
    assert poll(lambda: ("breaker_open", None, True) in kinds(weir)), kinds(weir)
    mock.reset()
    assert poll(lambda: chat(weir.port).status == 200)
    assert poll(lambda: ("breaker_open", None, False) in kinds(weir)), kinds(weir)


def test_a_cost_that_the_provider_says_otherwise_is_told_once_a_day(start):
    body = json.loads(GOOD_BODY)
    body["usage"]["cost"] = 0.5
    with RawProvider(good_reply(json.dumps(body).encode())) as said:
        weir = start({"providers": {"p": {"type": "openai", "base_url": said.base_url, "api_key": "k", "models": ["m"],
                                          "prices": {"m": {"input": 1.0, "output": 2.0}}}}})
        for _ in range(3):
            assert chat(weir.port).status == 200
        assert poll(lambda: kinds(weir) == [("cost_differs", None, True)]), kinds(weir)
        told, = alerts(weir)["alerts"]
        assert told["subject"] == "provider p" and told["window_started_at"].endswith("T00:00:00Z")


def test_an_answer_without_usage_is_told_once_a_day(start, start_mock):
    mock = start_mock("--fault", "no-usage")
    key = "wk-alerts"
    weir = start({
        "providers": {"p": provider(mock, prices={"m": {"input": 1.0, "output": 2.0}})},
        "clients": [{"name": "app", "key_hash": hashlib.sha256(key.encode()).hexdigest(), "daily_budget": 100}]})
    for _ in range(3):
        assert chat(weir.port, headers={"authorization": f"Bearer {key}"}, max_tokens=5).status == 200
    assert poll(lambda: kinds(weir) == [("cost_estimated", None, True)]), kinds(weir)


def test_a_ledger_that_cannot_be_written_is_told(folder, start_mock):
    config = {"providers": {"p": provider(start_mock())}, "on_ledger_failure": "serve"}
    folder(config).stop()
    weir = folder(config)
    weir.stop()
    path = weir.state_dir / "ledger.db"
    path.write_bytes(b"no database" * 1000)
    weir = folder(config)
    assert chat(weir.port).status == 200
    assert poll(lambda: ("ledger_failed", None, True) in kinds(weir)), kinds(weir)
    assert poll(lambda: weir.log("alerts_not_kept"))
    path.unlink()
    assert poll(lambda: ("ledger_failed", None, False) in kinds(weir)), kinds(weir)


def lasting(weir, kind):
    return [a for a in alerts(weir)["alerts"] if a["kind"] == kind and a["active"]]


def admin(weir, method, path, body=None):
    reply = ask(weir.port, method, "/admin/v1" + path, body, {"authorization": f"Bearer {weir.admin_key}"})
    assert reply.status == 200, reply
    return reply


def test_failures_alert_with_their_share_and_are_not_said_again_after_a_restart(folder, start_mock):
    mock = start_mock()
    config = {"providers": {"p": {**provider(mock), "circuit_breaker": {"failure_threshold": 1000}}},
              "retry": {"max_retries": 0}, "alerts": {"least_answers": 10, "window_seconds": 3600}}
    weir = folder(config)
    for _ in range(6):
        assert chat(weir.port).status == 200
    mock.fault("status=500")
    for _ in range(6):
        chat(weir.port)
    assert poll(lambda: lasting(weir, "provider_errors"))
    told, = lasting(weir, "provider_errors")
    assert told["subject"] == "provider p" and told["level"] == "error" and told["unit"] == "share"
    assert 0.2 <= told["value"] <= 0.5 and told["threshold"] == 0.2 and told["raised_at"]
    weir.stop(signal.SIGKILL, status=-signal.SIGKILL)
    weir = folder(config)  # nothing is known of it in this process: it lasts, and is not said again
    looks = iter(range(4))
    poll(lambda: (admin(weir, "GET", "/status"), next(looks, None))[1] is None)
    assert [a["id"] for a in lasting(weir, "provider_errors")] == [told["id"]]
    assert not [line for line in weir.log("alert") if line["kind"] == "provider_errors"]
    mock.reset()
    for _ in range(12):
        assert chat(weir.port).status == 200
    assert poll(lambda: not lasting(weir, "provider_errors"))
    assert poll(lambda: [line["kind"] for line in weir.log("alert_ended")].count("provider_errors") == 1)


def test_a_caller_who_asks_wrongly_makes_no_provider_alert(start, start_mock):
    mock = start_mock()
    weir = start({"providers": {"p": provider(mock)}, "retry": {"max_retries": 0}, "alerts": {"least_answers": 5}})
    mock.fault("status=400")
    for _ in range(8):
        chat(weir.port)
    mock.reset()
    mock.fault("status=500")
    for _ in range(2):
        chat(weir.port)
    looks = iter(range(8))
    assert poll(lambda: admin(weir, "GET", "/status") and next(looks, None) is None)
    assert not [a for a in alerts(weir)["alerts"] if a["kind"] == "provider_errors"]


def test_slow_answers_alert_above_what_is_written(start, start_mock):
    weir = start({"providers": {"p": provider(start_mock("--latency", "120"))},
                  "alerts": {"least_answers": 3, "latency_ms": 60}})
    for _ in range(4):
        assert chat(weir.port).status == 200
    assert poll(lambda: lasting(weir, "provider_slow"))
    told, = lasting(weir, "provider_slow")
    assert told["unit"] == "ms" and told["value"] >= 100 and told["threshold"] == 60


def test_a_drained_provider_and_a_lock_that_is_away_alert_while_they_are(start, start_mock):
    weir = start({"providers": {"one": provider(start_mock()), "two": provider(start_mock())},
                  "routes": [{"model": "questions", "strategy": "exclusive", "targets": ["one/m", "two/m"]}]})
    assert chat(weir.port, model="questions").status == 200
    admin(weir, "POST", "/lock/questions", {"target": "two/m"})
    assert poll(lambda: lasting(weir, "lock_away"))
    assert lasting(weir, "lock_away")[0]["subject"] == "route questions at two/m"
    admin(weir, "POST", "/providers/one/drain")
    assert poll(lambda: [a["subject"] for a in lasting(weir, "provider_out")] == ["provider one"])
    admin(weir, "POST", "/providers/one/resume")
    admin(weir, "POST", "/lock/questions", {"target": "one/m"})
    assert poll(lambda: not lasting(weir, "provider_out") and not lasting(weir, "lock_away"))


def test_a_model_without_a_price_is_told_once_a_day(start, start_mock):
    weir = start({"providers": {"p": provider(start_mock())}})
    for _ in range(3):
        assert chat(weir.port).status == 200
    assert poll(lambda: kinds(weir, beside=()) == [("price_unknown", None, True)]), kinds(weir, beside=())
    assert alerts(weir)["alerts"][0]["window_started_at"].endswith("T00:00:00Z")


def test_a_model_that_is_taken_away_is_told_while_it_is_named(start, start_mock, tmp_path):
    soon = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 10 * 86400))
    late = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 90 * 86400))
    weir = start({"providers": {"p": {**provider(start_mock()), "models": ["m", "n", "o"],
                                      "facts": {"m": {"retires": soon}, "n": {"retires": late},
                                                      "o": {"retires": "2020-01-01"}}}}})
    assert poll(lambda: len(lasting(weir, "model_retiring")) == 2), alerts(weir)
    told = {a["subject"]: a for a in lasting(weir, "model_retiring")}
    assert set(told) == {"model p/m", "model p/o"} and "took it away on" in told["model p/o"]["message"]
    assert 8.9 <= told["model p/m"]["value"] <= 10 and told["model p/m"]["threshold"] == 30
    assert soon in told["model p/m"]["message"]


def test_a_budget_that_will_be_empty_too_early_is_told_once(start, start_mock):
    key = "wk-burn"
    weir = start({
        "providers": {"p": provider(start_mock("--tokens", "10"), prices={"m": {"input": 1000.0, "output": 10000.0}})},
        "clients": [{"name": "app", "key_hash": hashlib.sha256(key.encode()).hexdigest(),
                     "budgets": [{"usd": 1, "window": "month", "mode": "soft"}]}],
        "alerts": {"budget": [], "burn_after": 0.001}})
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    if not 2 <= time.gmtime().tm_mday <= 28:
        pytest.skip("what is left of the month is too little for a forecast, or too much")
    for _ in range(8):  # until the forecast of now is above the limit
        ask(weir.port, "POST", "/v1/chat/completions",
            json.dumps({"model": "m", "max_tokens": 10, "messages": [{"role": "user", "content": "hi"}]}).encode(),
            headers)
        if "spent_at" in ask(weir.port, "GET", "/v1/key", headers=headers).text:
            break
    assert poll(lambda: lasting(weir, "budget_burn")), alerts(weir)
    told, = lasting(weir, "budget_burn")
    assert told["subject"] == "client app budget month" and "it is empty on " in told["message"]
    assert told["threshold"] == 1.0 and told["value"] > 1 and told["unit"] == "usd"


def test_a_certificate_that_ends_is_told(start, start_mock, certificates):
    listen = {"address": "127.0.0.1:0", "tls": {"cert": certificates.cert, "key": certificates.key}}
    weir = start({"listen": listen, "providers": {"p": provider(start_mock())}, "alerts": {"certificate_days": 3650}})

    def told():
        reply = ask(weir.port, "GET", "/admin/v1/alerts", headers={"authorization": f"Bearer {weir.admin_key}"},
                    tls=certificates.client())
        return [a for a in reply.json["alerts"] if a["kind"] == "certificate_ends"]
    assert poll(told)
    assert told()[0]["subject"] == f"certificate {certificates.cert}"[:152] and told()[0]["unit"] == "days"
    assert 0 < told()[0]["value"] < 3650 == told()[0]["threshold"] and "it ends on" in told()[0]["message"]


def test_a_providers_certificate_that_ends_is_told_once_it_was_seen(start, certificates):
    from weirlib import RawProvider, answers_well
    with RawProvider(answers_well, tls=certificates.server()) as far:
        weir = start({"providers": {"far": {
            "type": "openai", "api_key": "k-123456789012", "models": ["m"], "ca_file": certificates.ca,
            "base_url": far.base_url, "health_check_interval": 0}}, "alerts": {"certificate_days": 0}})

        def told():
            return [a for a in alerts(weir)["alerts"] if a["kind"] == "certificate_ends"]
        assert not told()  # nobody has seen it yet
        assert chat(weir.port).status == 200
        alert, = poll(told)
        assert alert["subject"] == "certificate of provider far" and alert["unit"] == "days"
        assert 0 < alert["value"] < 3 and alert["threshold"] == 7 and "it ends on" in alert["message"]
        assert alert["level"] == "error" and "must renew it" in alert["message"]


def test_a_ledger_that_is_behind_is_told_until_it_has_caught_up(start, start_mock):
    weir = start({"providers": {"p": provider(start_mock())}, "alerts": {"ledger_behind_seconds": 1}})
    assert chat(weir.port).status == 200
    assert poll(lambda: admin(weir, "GET", "/usage").json["total"]["attempts"] == 1)
    assert not [a for a in alerts(weir)["alerts"] if a["kind"] == "ledger_behind"]
    other = sqlite3.connect(weir.state_dir / "ledger.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")  # somebody else writes, and does not end
    assert chat(weir.port).status == 200
    assert poll(lambda: lasting(weir, "ledger_behind"))
    told, = lasting(weir, "ledger_behind")
    assert told["subject"] == "ledger" and told["value"] >= 1 == told["threshold"] and told["unit"] == "seconds"
    other.execute("ROLLBACK")
    other.close()
    assert poll(lambda: not lasting(weir, "ledger_behind"))


def test_a_provider_that_was_down_is_so_after_a_restart_until_it_is_heard_of(folder, start_mock):
    mock = start_mock()
    config = {"providers": {"p": {**provider(mock), "health_check_interval": 0,
                                  "circuit_breaker": {"failure_threshold": 1000}}}, "retry": {"max_retries": 0}}
    mock.fault("status=500")
    weir = folder(config)
    assert poll(lambda: chat(weir.port) and lasting(weir, "provider_down"))
    told, = lasting(weir, "provider_down")
    weir.stop()
    weir = folder(config)
    looks = iter(range(8))
    assert poll(lambda: admin(weir, "GET", "/status") and next(looks, None) is None)
    assert [a["id"] for a in lasting(weir, "provider_down")] == [told["id"]]
    assert not [line for line in weir.log("alert") if line["kind"] == "provider_down"]
    mock.reset()
    assert poll(lambda: chat(weir.port).status == 200 and not lasting(weir, "provider_down"))


def test_an_hour_that_is_far_dearer_than_those_before_is_told(folder, start_mock):
    config = {"providers": {"p": provider(start_mock("--tokens", "10"),
                                          prices={"m": {"input": 1000.0, "output": 10000.0}})},
              "alerts": {"spend_least": 0.001}}
    weir = folder(config)
    assert chat(weir.port).status == 200
    assert poll(lambda: admin(weir, "GET", "/usage").json["total"]["attempts"] == 1)
    weir.stop()
    with sqlite3.connect(weir.state_dir / "ledger.db") as db:  # thirty hours of a thousandth of that
        columns = [row[1] for row in db.execute("PRAGMA table_info(usage)")]
        names = ", ".join(columns)
        for back in range(2, 32):
            values = ", ".join(f"at - {back}" if c == "at" else "cost_nano_usd / 1000" if c == "cost_nano_usd" else c
                               for c in columns)
            db.execute(f"INSERT INTO usage({names}) SELECT {values} FROM usage WHERE grain = 3 "
                       "AND at = (SELECT max(at) FROM usage WHERE grain = 3)")
    weir = folder(config)
    assert poll(lambda: lasting(weir, "spend_unusual")), alerts(weir)
    told, = lasting(weir, "spend_unusual")
    assert told["subject"] == "provider p" and told["value"] > 100 * told["threshold"] / 3 and told["unit"] == "usd"


def assert_slack(body):
    """As https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks takes it: nothing that it does not
    know, within its bounds."""
    assert set(body) == {"text", "mrkdwn", "blocks"} and 0 < len(body["text"]) <= 40000 and body["mrkdwn"] is False
    assert 0 < len(body["blocks"]) <= 50
    for block in body["blocks"]:
        assert set(block) == {"type", "text"} and block["type"] == "section"
        assert set(block["text"]) == {"type", "emoji", "text"} and block["text"]["type"] == "plain_text"
        assert 0 < len(block["text"]["text"]) <= 3000
        assert "<" not in block["text"]["text"] and ">" not in block["text"]["text"]


def assert_teams(body):
    """One Adaptive Card in a message, as Teams' Workflows take it ("When a Teams webhook request is received")."""
    assert set(body) == {"type", "attachments"} and body["type"] == "message" and len(body["attachments"]) == 1
    attachment, = body["attachments"]
    assert set(attachment) == {"contentType", "contentUrl", "content"} and attachment["contentUrl"] is None
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert set(card) == {"$schema", "type", "version", "body"} and card["type"] == "AdaptiveCard"
    assert card["$schema"] == "http://adaptivecards.io/schemas/adaptive-card.json" and card["version"] == "1.4"
    for block in card["body"]:
        assert set(block) == {"type", "inlines"} and block["type"] == "RichTextBlock"
        for run in block["inlines"]:
            assert {"type", "text"} <= set(run) <= {"type", "text", "weight", "color", "isSubtle"}
            assert run["type"] == "TextRun" and run["text"]


def test_each_webhook_gets_its_own_shape_kinds_and_level_once_over_a_restart(folder, start_mock, receiver):
    plain, slack, teams, errors = receiver(), receiver(), receiver(hang=1000), receiver()
    mock = start_mock()
    config = {"providers": {"p": {**limited(mock, 2), "health_check_interval": 0}},
              "alerts": {"quota": [1.0], "webhook": plain.url, "secret": SECRET, "webhooks": [
                  {"url": slack.url, "format": "slack", "kinds": ["quot*", "provider_out"]},
                  {"url": teams.url, "format": "teams", "timeout_seconds": 30},
                  {"url": errors.url, "level": "error", "secret": SECRET}]}}
    weir = folder(config)
    for _ in range(2):
        assert chat(weir.port).status == 200
    assert poll(lambda: len(plain.got) == 1 and len(slack.got) == 1 and teams.tried == 1)
    admin(weir, "POST", "/providers/p/drain")
    assert poll(lambda: len(plain.got) == 2 and len(slack.got) == 2)
    admin(weir, "POST", "/providers/p/resume")
    assert poll(lambda: len(plain.got) == 3 and len(slack.got) == 3)
    assert poll(lambda: alerts(weir)["webhook"]["waiting"] == 3)  # Teams has had none of them
    weir.stop(signal.SIGKILL, status=-signal.SIGKILL)
    teams.hang = 0
    weir = folder(config)
    assert poll(lambda: len(teams.got) == 3)
    for body in slack.bodies():
        assert_slack(body)
    for body in teams.bodies():
        assert_teams(body)
    assert [body["text"] for body in slack.bodies()] == [
        "Alert: quota, provider p requests_per_day", "Alert: provider_out, provider p",
        "Ended: provider_out, provider p"]
    assert "weir-signature" not in slack.got[0][1] and "weir-signature" in plain.got[0][1]
    assert poll(lambda: alerts(weir)["webhook"]["waiting"] == 0)
    weir.stop()
    weir = folder(config)
    looks = iter(range(8))
    assert poll(lambda: admin(weir, "GET", "/status") and next(looks, None) is None)
    assert (len(plain.got), len(slack.got), len(teams.got), len(errors.got)) == (3, 3, 3, 0)


@pytest.mark.parametrize("hook, said", [("{url: nowhere}", "must be a URL"), ("{format: slack}", "must be a URL"),
                                        ("{url: 'https://h/x', format: irc}", "format"),
                                        ("{url: 'https://h/x', format: slack, kinds: [qota]}", "is no kind of alert"),
                                        ("{url: 'https://h/x', format: slack, levl: warn}", "level")])
def test_check_says_what_is_no_webhook_of_several(tmp_path, hook, said):
    path = tmp_path / "weir.yaml"
    path.write_text("providers: {a: {type: openai, api_key: k}}\nalerts: {webhooks: [%s]}\n" % hook)
    checked = subprocess.run([BINARY, "check", "-c", str(path)], capture_output=True, text=True, env=environment(),
                             timeout=20)
    assert checked.returncode == 2 and said in checked.stdout + checked.stderr, checked


@pytest.mark.parametrize("written", ["error_share: 2", "latency_factor: -1", "least_answers: 0", "window_seconds: 0",
                                     "spend_factor: x", "retiring_days: -1", "burn_afterr: 0.1"])
def test_check_says_what_is_no_threshold(tmp_path, written):
    path = tmp_path / "weir.yaml"
    path.write_text("providers: {a: {type: openai, api_key: k}}\nalerts: {%s}\n" % written)
    checked = subprocess.run([BINARY, "check", "-c", str(path)], capture_output=True, text=True, env=environment(),
                             timeout=20)
    said = checked.stdout + checked.stderr
    assert checked.returncode == 2 and f"{path.name}:2:" in said and written.split(":")[0] in said, said


@pytest.mark.parametrize("webhook", ["ftp://h/x", "nowhere", "http://h/#x", "http://h/a b", "unix:/tmp/x"])
def test_check_says_what_is_no_webhook(tmp_path, webhook):
    path = tmp_path / "weir.yaml"
    path.write_text("providers: {a: {type: openai, api_key: k}}\nalerts: {webhook: \"%s\", secret: s}\n" % webhook)
    checked = subprocess.run([BINARY, "check", "-c", str(path)], capture_output=True, text=True, env=environment(),
                             timeout=20)
    assert checked.returncode == 2 and "`webhook` must be a URL" in checked.stdout + checked.stderr, checked

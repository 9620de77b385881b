"""What a provider's refusal takes from whom: one caller's words, or one caller's model, rest no key for the others."""
import hashlib
import json

import pytest

from weirlib import RawProvider, chat, good_reply, http, poll, provider

ALICE, BOB, CAROL = ({"authorization": f"Bearer key-{name}"} for name in ("alice", "bob", "carol"))


def clients():
    return [{"name": name, "key_hash": hashlib.sha256(f"key-{name}".encode()).hexdigest()}
            for name in ("alice", "bob", "carol")]


def admin(weir, method, path):
    return http(weir.port, method, "/admin/v1" + path, headers={"authorization": f"Bearer {weir.admin_key}"})


def refusing(refuses, status, body):
    """Answers well, but for what `refuses` says of (head, body as JSON): status and body."""
    def answer(connection, head, sent):
        asked = json.loads(sent) if sent else {}
        said = body(asked) if callable(body) else body
        if not refuses(head.decode(), asked):
            connection.sendall(good_reply() if sent else good_reply(b'{"object":"list","data":[]}'))
            return
        data = json.dumps(said).encode()
        connection.sendall(
            f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n".encode() +
            data)
    return answer


def keys(weir):
    shown = admin(weir, "GET", "/health").json["providers"][0]
    return shown["keys_cooling"], shown["keys_refused"], shown["keys_quota_exhausted"]


@pytest.mark.parametrize("words", [
    "API key", "Incorrect API key provided", "invalid_api_key", "insufficient_quota", "billing_error", "credit balance"
])
@pytest.mark.parametrize("status", [400, 422, 500])
def test_the_callers_own_words_rest_no_key(start, words, status):
    def quoting(asked):
        role = asked["messages"][0]["role"]
        return {
            "error": {
                "message": f"Invalid value: '{role}'", "type": "invalid_request_error", "param": role, "code": None
            }, "detail": [{"msg": role, "input": {"code": role}}]
        }
    with RawProvider(refusing(lambda _, asked: asked["messages"][0]["role"] == words, status, quoting)) as far:
        weir = start({
            "providers": {"one": provider(far.base_url, circuit_breaker={"failure_threshold": 1000})},
            "clients": clients(), "retry": {"max_retries": 0}
        })
        for _ in range(5):
            assert chat(weir.port, headers=ALICE, messages=[{"role": words, "content": "x"}]).status == status
            assert chat(weir.port, headers=BOB).status == 200
        assert keys(weir) == (0, 0, 0)


@pytest.mark.parametrize("status", [402, 403])
def test_what_one_caller_or_one_model_is_refused_rests_no_key(start, status):
    with RawProvider(
            refusing(lambda _, asked: asked["model"].startswith("dear"), status,
                     {"error": {"message": "no", "type": "x", "code": None}})) as far:
        weir = start(
            {"providers": {"one": provider(far.base_url, models=["m", "dear1", "dear2"])}, "clients": clients()})
        for model in ("dear1", "dear2") * 5:
            assert chat(weir.port, model=model, headers=ALICE).status == 502
        assert keys(weir) == (0, 0, 0)
        assert chat(weir.port, headers=BOB).status == 200
        for who in (ALICE, BOB, CAROL):
            assert chat(weir.port, model="dear1", headers=who).status == 502
        assert keys(weir) == (0, 0, 0)
        assert chat(weir.port, headers=CAROL).status == 200
        assert not weir.log("key_rests")


def test_a_key_that_several_callers_and_models_find_refused_rests(start):
    with RawProvider(refusing(lambda *_: True, 403,
                              {"error": {"message": "suspended", "type": "x", "code": None}})) as far:
        weir = start({"providers": {"one": provider(far.base_url, models=["m", "n"])}, "clients": clients()})
        for who, model in ((ALICE, "m"), (ALICE, "n"), (BOB, "m")):
            assert keys(weir) == (0, 0, 0)
            assert chat(weir.port, model=model, headers=who).error["code"] == "provider_auth"
        assert keys(weir) == (1, 1, 0) and far.connections >= 1
        asked = len(far.heads)
        assert chat(weir.port, headers=CAROL).error["code"] == "provider_auth" and len(far.heads) == asked
        line = poll(lambda: weir.log("key_rests"))[0]
        assert (line["level"] == "error" and line["provider"] == "one" and line["key"] == 1 and
                line["reason"] == "refused" and line["rests_s"] == 60)
        assert admin(weir, "POST", "/providers/one/resume").status == 200 and keys(weir) == (0, 0, 0)


def test_a_probe_confirms_what_one_caller_met(start):
    bad = []
    with RawProvider(refusing(lambda *_: bool(bad), 403,
                              {"error": {"message": "no", "type": "x", "code": None}})) as far:
        weir = start({"providers": {"one": provider(far.base_url)}, "clients": clients()})
        assert admin(weir, "POST", "/providers/one/probe").status == 200
        bad.append(True)
        admin(weir, "POST", "/providers/one/probe")
        assert keys(weir) == (0, 0, 0)  # no request was refused
        assert chat(weir.port, headers=ALICE).status == 502 and keys(weir) == (0, 0, 0)
        admin(weir, "POST", "/providers/one/probe")
        poll(lambda: keys(weir) == (1, 1, 0))


QUOTA = [("openai", 429, {
    "error": {
        "message": "You exceeded your current quota", "type": "insufficient_quota", "param": None,
        "code": "insufficient_quota"
    }
}),
         ("openai", 429,
          {"error": {"message": "spent", "type": "billing", "param": None, "code": "project_spend_limit_exceeded"}}),
         ("anthropic", 402, {"type": "error", "error": {"type": "billing_error", "message": "pay"}}),
         ("anthropic", 429, {
             "type": "error", "error": {
                 "type": "rate_limit_error", "message": "x", "details": {"error_code": "contract_spend_limit_reached"}
             }
         }),
         ("gemini", 403, {
             "error": {
                 "code": 403, "message": "x", "status": "PERMISSION_DENIED",
                 "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "BILLING_DISABLED"}]
             }
         })]


@pytest.mark.parametrize("kind, status, body", QUOTA)
def test_a_key_without_credit_leaves_and_somebody_is_told(start, kind, status, body):
    with RawProvider(refusing(lambda *_: True, status, body)) as far:
        block = {**provider(far.base_url, type=kind), "api_keys": ["sk-first-secret", "sk-second-secret"]}
        del block["api_key"]
        weir = start({"providers": {"one": block}, "retry": {"max_retries": 5, "base_ms": 1, "max_ms": 2}})
        reply = chat(weir.port)
        assert (reply.status == 429 and reply.error["code"] == "quota_exhausted" and
                reply.error["weir"]["scope"] == "provider"), reply
        assert reply.headers["x-should-retry"] == "false"
        used = ["first" if "first-secret" in head else "second" for head in far.heads]
        assert sorted(used) == ["first", "second"]  # each key once
        assert keys(weir) == (2, 0, 2)
        again = chat(weir.port)
        assert (again.error["code"] == "quota_exhausted" and int(again.headers["retry-after"]) > 3000 and
                len(far.heads) == 2)
        lines = poll(lambda: len(weir.log("key_rests")) == 2 and weir.log("key_rests"))
        assert ({line["key"] for line in lines} == {1, 2} and lines[0]["level"] == "error" and
                lines[0]["reason"] == "quota" and lines[0]["rests_s"] == 3600)
        assert admin(weir, "POST", "/providers/one/resume").status == 200 and keys(weir) == (0, 0, 0)


def test_a_refused_request_goes_on_with_another_key(start):
    with RawProvider(
            refusing(lambda head, _: "first-secret" in head, 403,
                     {"error": {"message": "x", "type": "x", "code": None}})) as far:
        block = {**provider(far.base_url), "api_keys": ["sk-first-secret", "sk-second-secret"]}
        del block["api_key"]
        weir = start({"providers": {"one": block}})
        assert [chat(weir.port).status for _ in range(6)] == [200] * 6 and keys(weir) == (0, 0, 0)
        assert len(far.heads) <= 12  # no key twice for one request


@pytest.mark.parametrize("status", [409, 425])
def test_conflicts_that_a_caller_makes_open_no_breaker(start, status):
    with RawProvider(
            refusing(lambda _, asked: asked["messages"][0]["content"] == "bad", status,
                     {"error": {"message": "x", "type": "x", "code": None}})) as far:
        weir = start({"providers": {"one": provider(far.base_url)}, "retry": {"max_retries": 0}})
        for _ in range(12):
            assert chat(weir.port, "bad").status == status
        assert chat(weir.port).status == 200


def test_who_develops_is_told_what_each_attempt_came_to(start, mocks):
    keys = {"app": "sk-app-1", "dev": "sk-dev-1", "ops": "sk-ops-1"}
    clients = [{"name": name, "key_hash": hashlib.sha256(key.encode()).hexdigest(), "debug": name == "dev",
                "role": "operator" if name == "ops" else "user"} for name, key in keys.items()]
    patient = {"circuit_breaker": {"failure_threshold": 1000}}
    weir = start({"providers": {"p": provider(mocks[0], **patient), "q": provider(mocks[1], priority=200, **patient)},
                  "clients": clients})
    for name, key in keys.items():
        for mock in mocks[:2]:
            mock.fault("reset", 4)
        reply = chat(weir.port, headers={"Authorization": f"Bearer {key}", "x-weir-timeout-ms": "500"})
        told = "[p/m: re" in reply.error["message"] and "[q/m: re" in reply.error["message"]
        assert reply.status >= 500 and told == (name != "app"), (name, reply)
        for mock in mocks[:2]:
            mock.reset()
    line = weir.log("attempt_failed")[0]
    assert line["next"] == "nothing, unless it goes on: then add a target", line

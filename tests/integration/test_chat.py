"""Whole replies of chat, and what goes upstream for them."""
import json

import pytest

from weirlib import Connection, chat, chat_body, http, provider


def test_a_reply_comes_back(pair):
    weir, one, two = pair
    reply = chat(weir.port, "Hello")
    assert reply.status == 200 and reply.content == "You said: Hello"
    assert reply.headers["content-type"].startswith("application/json")
    assert reply.headers["x-weir-provider"] == "one" and reply.headers["x-weir-model"] == "m"
    assert reply.headers["x-weir-attempts"] == "1" and reply.headers["x-weir-request-id"]
    assert int(reply.headers["x-weir-overhead-us"]) >= 0
    assert one.last()["outcome"] == "done" and two.last() is None


def test_the_body_goes_up_unchanged(pair, start):
    _, one, _ = pair
    weir = start({"providers": {"p": provider(f"http://127.0.0.1:{one.port}/another_vendor/v1")}})
    body = (
        '{ "messages" : [ {"role":"user","content":"H\\u00e9 \\ud83d\\ude00 é"} ],\n "model" :"m", "unknown_member": '
        '[1,2,{"a":null}] , "temperature":0.70 }'
    )
    assert http(weir.port, "POST", "/v1/chat/completions", body).status == 200
    assert one.last()["body"] == body


def test_only_the_model_changes_when_the_target_is_named(pair):
    weir, one, _ = pair
    assert (http(weir.port, "POST", "/v1/chat/completions",
                 '{"model":"one/m","messages":[{"role":"user","content":"x"}],"n":1}').status == 200)
    assert one.last()["body"] == '{"model":"m","messages":[{"role":"user","content":"x"}],"n":1}'


def test_credentials_never_cross(pair):
    weir, one, _ = pair
    reply = chat(
        weir.port, headers={
            "Authorization": "Bearer caller-secret", "x-api-key": "caller-key", "Cookie": "a=b", "x-weir-tags": "k=v",
            "X-Forwarded-For": "10.0.0.1"
        })
    headers = one.last()["headers"]
    assert headers["authorization"] == "Bearer sk-provider-secret"
    assert ("caller" not in json.dumps(headers) and "cookie" not in headers and
            not [h for h in headers if h.startswith("x-weir")])
    assert headers["accept-encoding"] == "identity" and headers["host"] == f"127.0.0.1:{one.port}"
    assert "set-cookie" not in reply.headers and "openai-organization" not in reply.headers
    assert reply.headers["x-ratelimit-limit-requests"] == "10000"


def test_no_secret_in_log_metrics_status_or_explain(pair):
    weir, _, _ = pair
    reply = chat(weir.port, headers={"Authorization": "Bearer caller-secret"})
    admin = {"Authorization": f"Bearer {weir.admin_key}"}
    explain = http(weir.port, "GET", f"/admin/v1/requests/{reply.headers['x-weir-request-id']}", headers=admin)
    status = http(weir.port, "GET", "/admin/v1/status", headers=admin)
    metrics = http(weir.port, "GET", "/metrics")
    assert explain.status == status.status == metrics.status == 200
    for text in (metrics.text, explain.text, status.text, "\n".join(weir.err)):
        assert "sk-provider-secret" not in text and "caller-secret" not in text and weir.admin_key not in text


def test_the_v1_prefix_is_optional(pair):
    weir, one, _ = pair
    assert http(weir.port, "POST", "/chat/completions", chat_body()).status == 200
    assert one.last()["path"] == "/v1/chat/completions"


def test_tools_vision_and_structured_outputs_pass(pair):
    weir, _, _ = pair
    tool = {
        "type": "function", "function": {
            "name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}
        }
    }
    reply = chat(weir.port, "the weather", tools=[tool]).json
    call = reply["choices"][0]["message"]["tool_calls"][0]
    assert (call["function"]["name"] == "get_weather" and
            json.loads(call["function"]["arguments"]) == {"city": "example"})
    assert reply["choices"][0]["finish_reason"] == "tool_calls"
    body = {
        "model": "m", "messages": [{
            "role": "user", "content": [{"type": "text", "text": "what is it"},
                                        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]
        }]
    }
    assert "An image was given." in http(weir.port, "POST", "/v1/chat/completions", body).content
    schema = {
        "type": "json_schema",
        "json_schema": {"name": "x", "schema": {"type": "object", "properties": {"count": {"type": "integer"}}}}
    }
    assert json.loads(chat(weir.port, "q", response_format=schema).content) == {"count": 1}


def test_a_request_id_is_taken_if_it_is_a_good_one(pair):
    weir, _, _ = pair
    assert chat(weir.port, headers={"x-weir-request-id": "my.id_1-2"}).headers["x-weir-request-id"] == "my.id_1-2"
    for bad in ("with blank", "x" * 65, "semi;colon", 'quo"te'):
        assert chat(weir.port, headers={"x-weir-request-id": bad}).headers["x-weir-request-id"] != bad


def test_an_unknown_model_is_a_404_that_says_so(pair):
    weir, _, _ = pair
    reply = chat(weir.port, model="nothing")
    assert reply.status == 404 and reply.error["code"] == "model_not_found" and "nothing" in reply.error["message"]
    assert (reply.error["weir"]["category"] == "configuration" and
            reply.error["weir"]["request_id"] == reply.headers["x-weir-request-id"])


def test_models_are_listed(pair):
    weir, _, _ = pair
    listed = http(weir.port, "GET", "/v1/models").json
    assert listed["object"] == "list" and {"m", "single", "other"} <= {m["id"] for m in listed["data"]}
    assert http(weir.port, "GET", "/v1/models/single").json["id"] == "single"
    missing = http(weir.port, "GET", "/v1/models/none")
    assert missing.status == 404 and missing.error["code"] == "model_not_found"


def test_the_default_model_serves_requests_without_one(pair):
    weir, one, _ = pair
    assert http(weir.port, "POST", "/v1/chat/completions", '{"messages":[{"role":"user","content":"x"}]}').status == 200
    assert json.loads(one.last()["body"])["model"] == "m"
    assert chat(weir.port, model="default").status == 200


def test_a_large_body_and_a_large_reply_pass(pair):
    weir, one, _ = pair
    reply = chat(weir.port, "x" * 3_000_000)
    assert reply.status == 200 and one.last()["body_bytes"] > 3_000_000
    long = chat(weir.port, "[mock tokens=100000] go")
    assert long.status == 200 and long.json["usage"]["completion_tokens"] == 100000 and len(long.body) > 500_000


def test_a_callers_timeout_only_shortens(pair):
    weir, _, _ = pair
    reply = chat(weir.port, "[mock latency=1000] x", headers={"x-weir-timeout-ms": "150"})
    assert reply.status == 504 and reply.error["code"] == "upstream_timeout"
    assert chat(weir.port, headers={"x-weir-timeout-ms": "soon"}).status == 400


@pytest.mark.parametrize("asked, status, told", [("only", 504, "system/not_cached"), ("no-cache", 200, None),
                                                 ("no-store", 200, None), ("perhaps", 400,
                                                                          "configuration/invalid_request")])
def test_what_is_asked_of_the_cache_is_answered_and_never_ignored(pair, asked, status, told):
    weir, one, _ = pair
    before = one.requests()["count"]
    reply = chat(weir.port, headers={"x-weir-cache": asked})
    assert reply.status == status and reply.headers["x-weir-cache"] == "bypass", reply
    assert reply.headers.get("x-weir-error") == told and one.requests()["count"] == before + (status == 200)
    if asked == "only":
        assert "there is no cache for it" in reply.error["message"]


def test_every_error_answer_names_its_category_and_code(pair):
    weir, one, _ = pair
    assert chat(weir.port, model="none").headers["x-weir-error"] == "configuration/model_not_found"
    assert http(weir.port, "GET", "/nowhere").headers["x-weir-error"] == "configuration/unknown_path"
    assert http(weir.port, "GET", "/admin/v1/status").headers["x-weir-error"] == "configuration/invalid_client_key"
    with Connection(weir.port) as c:
        c.send(b"GET / HTTP/9.9\r\n\r\n")
        assert c.reply("GET").headers["x-weir-error"] == "configuration/invalid_request"
    one.fault("status=400", 1)
    reply = chat(weir.port)
    assert reply.status == 400 and reply.headers["x-weir-error"] == "provider/provider_error", reply
    one.reset()
    assert "x-weir-error" not in chat(weir.port, model="single").headers

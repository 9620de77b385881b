"""/providers/{name}/...: a provider's own API, raw, with weir's credentials, limits and accounting."""
import hashlib
import json

import pytest

from weirlib import RawProvider, chat, good_reply, http, provider, request_bytes, Connection

KEYS = {"raw": "key-raw", "app": "key-app", "some": "key-some", "other": "key-other"}


def clients():
    def one(name, **more):
        return {"name": name, "key_hash": hashlib.sha256(KEYS[name].encode()).hexdigest(), **more}

    return [
        one("raw", raw=True),
        one("app"),
        one("some", raw=True, models=["m", "embed-*"]),
        one("other", raw=True, providers=["two"])
    ]


def auth(name):
    return {"authorization": f"Bearer {KEYS[name]}"}


def config(url, **more):
    return {
        "providers": {"one": provider(url, headers={"x-ours": "yes"}, **more), "two": provider(url)},
        "clients": clients()
    }


def answering(*heads, body=b'{"ok":true}', status="200 OK"):
    def answer(connection, head, _):
        extra = "".join(f"{line}\r\n" for line in heads)
        sent = b"" if head.startswith(b"HEAD") or status.startswith("204") else body
        length = "" if status.startswith("204") else f"Content-Length: {len(body)}\r\n"
        connection.sendall(f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{length}{extra}\r\n".encode() +
                           sent)
    return answer


def test_any_method_and_path_below_the_base_url(start):
    with RawProvider(answering()) as far:
        weir = start(config(far.base_url))
        for method, path, body in (("GET", "/files?limit=2&after=x%20y", None), ("DELETE", "/files/file-1", None),
                                   ("POST", "/fine_tuning/jobs", {"a": 1}), ("PUT", "/x", {"b": 2}),
                                   ("PATCH", "/models/org%2Fname", {"c": 3}), ("GET", "/", None), ("GET", "", None)):
            reply = http(weir.port, method, f"/providers/one{path}", body, auth("raw"))
            assert reply.status == 200 and reply.json == {"ok": True}, (method, path, reply)
            head = far.heads[-1]
            assert head.split("\r\n")[0] == f"{method} /v1{path or '/'} HTTP/1.1"
            assert (json.loads(far.bodies[-1]) if body else far.bodies[-1]) == (body or b"")
            assert reply.headers["x-weir-provider"] == "one"
        assert http(weir.port, "HEAD", "/providers/one/files", headers=auth("raw")).status == 200
        assert far.heads[-1].startswith("HEAD /v1/files ")


def test_neither_sides_credentials_cross(start):
    heads = ("Set-Cookie: a=b", "OpenAI-Organization: org-1", "openai-project: p", "x-request-id: r-1",
             "x-ratelimit-remaining-requests: 7", "Anthropic-Organization-Id: o", "CF-Ray: x", "X-Weir-Provider: lies",
             "Location: http://inside/")
    with RawProvider(answering(*heads)) as far:
        weir = start(config(far.base_url))
        sent = {
            **auth("raw"), "x-api-key": KEYS["raw"], "cookie": "session=1", "x-weir-tags": "a=b",
            "x-forwarded-for": "10.0.0.1", "anthropic-beta": "b1", "x-own": "2", "api-key": "z", "accept": "text/csv",
            "te": "trailers", "x-goog-api-key": "y"
        }
        reply = http(weir.port, "GET", "/providers/one/x", headers=sent)
        up = dict(line.lower().split(": ", 1) for line in far.heads[-1].split("\r\n")[1:])
        assert up["authorization"] == "bearer sk-provider-secret" and up["x-ours"] == "yes"
        assert up["anthropic-beta"] == "b1" and up["x-own"] == "2" and up["accept"] == "text/csv"
        assert not {"x-api-key", "cookie", "x-weir-tags", "x-forwarded-for", "api-key", "te", "x-goog-api-key"
                    } & set(up)
        assert KEYS["raw"] not in far.heads[-1]
        assert reply.headers["x-request-id"] == "r-1" and reply.headers["x-ratelimit-remaining-requests"] == "7"
        assert not {
            "set-cookie", "openai-organization", "openai-project", "anthropic-organization-id", "cf-ray", "location"
        } & set(reply.headers)
        assert reply.headers["x-weir-provider"] == "one"
        assert "sk-provider-secret" not in repr(reply)


def test_a_caller_chooses_no_account_and_overwrites_no_header(start):
    with RawProvider(answering("OPENAI-ORGANIZATION: org-1")) as far:
        weir = start(config(far.base_url))
        reply = http(
            weir.port, "GET", "/providers/one/x", headers={
                **auth("raw"), "OpenAI-Organization": "org-2", "openai-PROJECT": "p", "x-goog-user-project": "q",
                "X-Ours": "no", "x-own": "2"
            })
        lines = [line.lower() for line in far.heads[-1].split("\r\n")[1:]]
        assert "x-own: 2" in lines and [line for line in lines if line.startswith("x-ours")] == ["x-ours: yes"]
        assert not any("organization" in line or "project" in line for line in lines)
        assert "openai-organization" not in reply.headers


@pytest.mark.parametrize("path", [
    "/../admin", "/a/../../b", "/%2e%2e/b", "/.%2E/b", "/a/%2e%2e%2fb", "/a%2f..%2fb", "/./b", "/a\\..\\b", "/a/%5c..",
    "/a//b", "/%00", "/%zz", "/a/..", "/%2e", "/a/..;x/b", "/a/%2e.;/b", "/%252e%252e/b", "/a%252f..%25252fb",
    "/%c0%ae%c0%ae/b"
])
def test_the_path_stays_below(start, path):
    with RawProvider(answering()) as far:
        weir = start(config(far.base_url))
        with Connection(weir.port) as caller:
            caller.send(
                f"GET /providers/one{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {KEYS['raw']}\r\n\r\n".
                encode())
            assert caller.reply("GET").status == 400
        assert far.connections == 0
        assert http(weir.port, "GET", "/providers/one/a..b/.hidden/x.json", headers=auth("raw")).status == 200


def test_who_may(start):
    with RawProvider(answering()) as far:
        weir = start(config(far.base_url))

        def ask(name, where="/providers/one/x", method="GET", body=None):
            return http(weir.port, method, where, body, auth(name))
        assert http(weir.port, "GET", "/providers/one/x").status == 401
        for name, words in (("app", "raw: true"), ("some", "nobody can tell"), ("other", "this provider")):
            reply = ask(name)
            assert (reply.status == 403 and reply.error["code"] == "not_allowed" and
                    words in reply.error["message"]), reply
        assert ask("other", "/providers/two/x").status == 200
        assert ask("some", "/providers/one/responses", "POST", {"model": "m"}).status == 200
        assert ask("some", "/providers/one/embeddings", "POST", {"model": "embed-1"}).status == 200
        refused = ask("some", "/providers/one/responses", "POST", {"model": "dear"})
        assert refused.status == 403 and "this model" in refused.error["message"]
        assert ask("raw", "/providers/nobody/x").error["code"] == "unknown_provider"
        for body in ('{"model":"m","model":"dear"}', '{"model":"m","models":["dear"]}', '{"model":"m","Model":"dear"}',
                     '{"model":"m","\\u004dODEL":"dear"}'):
            with Connection(weir.port) as caller:
                caller.send(
                    "POST /providers/one/responses HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                    f"Authorization: Bearer {KEYS['some']}\r\nContent-Length: {len(body)}\r\n\r\n{body}"
                    .encode())
                assert caller.reply().status == 403
        assert ask("some", "/providers/one/models/m:generateContent", "POST", {"model": "dear"}).status == 403
        assert len(far.heads) == 3


def test_an_open_gateway(start):
    with RawProvider(answering()) as far:
        loopback = start({"providers": {"one": provider(far.base_url)}})
        assert http(loopback.port, "GET", "/providers/one/x").status == 200
        anyone = start({"providers": {"one": provider(far.base_url)}, "auth": "none"})
        assert http(anyone.port, "GET", "/providers/one/x").status == 403


def test_replies_pass_as_they_are(start):
    for status, body in (("404 Not Found", b"plain words"), ("500 Internal Server Error", b"<html>"),
                         ("429 Too Many Requests", b'{"error":{"message":"slow"}}'), ("201 Created", b"x" * 300000)):
        with RawProvider(answering(body=body, status=status)) as far:
            weir = start(config(far.base_url))
            reply = http(weir.port, "POST", "/providers/one/x", {"n": 1}, auth("raw"))
            assert reply.status == int(status[:3]) and reply.body == body
            assert far.connections == 1  # once: nobody knows what may be said twice
    with RawProvider(answering(status="204 No Content")) as far:
        weir = start(config(far.base_url))
        with Connection(weir.port) as caller:  # and the connection goes on
            for _ in range(2):
                caller.send(request_bytes("DELETE", "/providers/one/x", headers=auth("raw")))
                assert caller.reply("DELETE").status == 204
    with RawProvider(answering(status="401 Unauthorized")) as far:
        weir = start(config(far.base_url))
        reply = http(weir.port, "GET", "/providers/one/x", headers=auth("raw"))
        assert reply.status == 502 and reply.error["code"] == "provider_auth"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
def test_what_a_raw_caller_is_refused_takes_nothing_from_others(start, status):
    whole = {
        "id": "x", "object": "chat.completion",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}]
    }

    def answer(connection, head, _):
        refused = b'{"error":{"message":"no scope"}}'
        bad = b"/bad" in (head if isinstance(head, bytes) else head.encode())
        connection.sendall(
            f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nRetry-After: 60\r\nContent-Length: "
            f"{len(refused)}\r\n\r\n"
            .encode() + refused if bad else good_reply(json.dumps(whole).encode()))
    with RawProvider(answer) as far:
        weir = start({**config(far.base_url), "routes": [{"model": "m", "targets": ["one/m"]}]})
        for _ in range(30):
            assert (http(weir.port, "POST", "/providers/one/bad", {"model": "m"},
                         auth("raw")).status == (502 if status == 401 else status))
        assert chat(weir.port, "hi", headers=auth("app")).status == 200


def test_it_is_limited_and_counted(start, start_mock):
    mock = start_mock()
    weir = start({
        "providers": {
            "one": provider(mock, rate_limit_rpm=1, burst_allowance=1, prices={"m": {"input": 1, "output": 1}})
        }
    })
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    reply = http(weir.port, "POST", "/providers/one/chat/completions", body)
    usage = reply.json["usage"]
    assert (round(float(reply.headers.get("x-weir-cost", 0)) * 1e6)
            in (0, usage["prompt_tokens"] + usage["completion_tokens"]))
    shown = http(weir.port, "GET", f"/admin/v1/requests/{reply.headers['x-weir-request-id']}",
                 headers={"authorization": f"Bearer {weir.admin_key}"}).json
    text = json.dumps(shown)
    assert (f'"input_tokens": {usage["prompt_tokens"]}' in text and
            f'"output_tokens": {usage["completion_tokens"]}' in text)
    assert http(weir.port, "POST", "/providers/one/chat/completions", body).status == 429
    assert mock.requests()["count"] == 1


def test_a_stream_passes_as_it_comes(start, start_mock):
    mock = start_mock()
    weir = start({"providers": {"one": provider(mock)}})
    body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "hi there"}]}
    reply = http(weir.port, "POST", "/providers/one/chat/completions", body)
    assert reply.headers["content-type"].startswith("text/event-stream") and reply.complete
    assert reply.content == chat(weir.port, "hi there").json["choices"][0]["message"]["content"]


def test_a_provider_that_speaks_another_dialect(start, start_mock):
    mock = start_mock()
    base = f"http://127.0.0.1:{mock.port}"
    weir = start({
        "providers": {"claude": provider(base, type="anthropic"), "google": provider(f"{base}/v1beta", type="gemini")}
    })
    reply = http(weir.port, "POST", "/providers/claude/v1/messages",
                 {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]},
                 {"anthropic-version": "2023-06-01"})
    assert reply.status == 200 and reply.json["type"] == "message"
    reply = http(weir.port, "POST", "/providers/google/models/m:generateContent?key=mine&alt=json",
                 {"contents": [{"parts": [{"text": "hi"}]}]})
    assert reply.status == 200 and reply.json["candidates"]
    assert "mine" not in json.dumps(mock.requests())


def test_the_model_of_a_pipelines_path(start, start_mock):
    """Hugging Face's client asks models/{model}/pipeline/feature-extraction: who is kept to the model may."""
    base = f"http://127.0.0.1:{start_mock().port}"
    weir = start({"providers": {"one": provider(base, type="huggingface-native")}, "clients": clients()})
    reply = http(weir.port, "POST", "/providers/one/models/m/pipeline/feature-extraction", {"inputs": "a"},
                 auth("some"))
    assert reply.status == 200 and reply.headers["x-weir-model"] == "m"
    for path in ("/models/dear/pipeline/feature-extraction", "/models/m/pipeline/other",
                 "/models/m/pipeline/feature-extraction/more"):
        assert http(weir.port, "POST", f"/providers/one{path}", {"inputs": "a"}, auth("some")).status == 403


def test_a_route_of_the_same_name_leads_nowhere_else(start):
    with RawProvider(answering()) as far, RawProvider(answering()) as other:
        weir = start({"providers": {"one": provider(far.base_url), "two": provider(other.base_url)},
                      "routes": [{"model": "one/m", "targets": ["two/m"]}, {"model": "one/*", "targets": ["two/m"]}]})
        for body in ({"model": "m"}, {"model": "x"}, {}):
            reply = http(weir.port, "POST", "/providers/one/responses", body)
            assert reply.status == 200 and reply.headers["x-weir-provider"] == "one", reply
        assert len(far.heads) == 3 and other.connections == 0


def kept(start, far, kind, **more):
    return start({"providers": {"one": provider(far.base_url, type=kind, **more)}, "clients": clients()})


# what a client that is kept to `m` and `embed-*` may not ask for: nobody knows which model it is, or it is another one
REFUSED = [
    ("openai", "GET", "/models", None),
    ("openai", "DELETE", "/models/m", None),
    ("openai", "GET", "/chat/completions", {"model": "m"}),
    ("openai", "PUT", "/chat/completions", {"model": "m"}),
    ("openai", "POST", "/batches", {"model": "m", "input_file_id": "file-1"}),
    ("openai", "POST", "/files", {"model": "m"}),
    ("openai", "POST", "/assistants", {"model": "m"}),
    ("openai", "POST", "/fine_tuning/jobs", {"model": "m"}),
    ("openai", "POST", "/deployments/dear/chat/completions", {"model": "m"}),
    ("openai", "POST", "/chat/completions/", {"model": "m"}),
    ("openai", "POST", "/chat%2fcompletions", {"model": "m"}),
    ("openai", "POST", "/%63hat/completions", {"model": "m"}),
    ("openai", "POST", "/chat/completions?model=dear", {"model": "m"}),
    ("openai", "POST", "/chat/completions", {"model": "dear"}),
    ("openai", "POST", "/chat/completions", {}),
    ("openai", "POST", "/chat/completions", {"model": ["m"]}),
    ("openai", "POST", "/chat/completions", b"model=m"),
    ("openai", "POST", "/chat/completions", {"model": "m", "models": ["m", "dear"]}),
    ("openai", "POST", "/chat/completions",
     {"model": "m", "plugins": [{"id": "auto-router", "allowed_models": ["dear"]}]}),
    ("openai", "POST", "/responses", {"model": "m", "tools": [{"type": "image_generation", "model": "dear"}]}),
    ("openai", "POST", "/responses/input_tokens", {"model": "dear", "input": "x"}),
    ("openai", "POST", "/responses/compact", {"model": "dear", "input": "x"}),
    ("openai", "POST", "/responses/resp_1/cancel", {"model": "m"}),
    ("openai", "POST", "/chat/completions", b'{"model":"m","\\u006dodel":"dear"}'),
    ("openai", "POST", "/chat/completions", {"model": "m", "models": "dear"}),
    ("openai", "POST", "/chat/completions", {"model": "m", "preset": "dear"}),
    ("anthropic", "POST", "/v1/messages", {"model": "m", "fallback": {"model": "dear"}}),
    ("gemini", "POST", "/models/m:batchEmbedContents", {"requests": {"model": "models/dear"}}),
    ("anthropic", "POST", "/v1/messages", {"model": "m", "fallbacks": [{"model": "dear"}]}),
    ("anthropic", "POST", "/v1/messages/batches", {"model": "m"}),
    ("anthropic", "POST", "/v1/complete", {"model": "m"}),
    ("gemini", "POST", "/%6dodels/dear:generateContent", {"model": "m"}),
    ("gemini", "POST", "/tunedModels/dear:generateContent", {"model": "m"}),
    ("gemini", "POST", "/models/dear:generateContent", {"model": "m"}),
    ("gemini", "POST", "/models/m:generateContent", {"model": "models/dear"}),
    ("gemini", "POST", "/models/m:predict", {}),
    ("gemini", "POST", "/models/m:batchEmbedContents", {"requests": [{"model": "models/dear"}]}),
    ("gemini", "POST", "/models/m:countTokens", {"generateContentRequest": {"model": "models/dear"}}),
    ("gemini", "GET", "/models/m", None),
    ("gemini", "POST", "/models/embed-1%2f..%2fdear:generateContent", {}),
    ("gemini", "POST", "/models/embed-1:x:generateContent", {}),
    ("gemini", "POST", "/cachedContents", {"model": "m"}),
    ("gemini", "POST", "/interactions", {"model": "m"}),
    ("cloudflare-native", "POST", "/ai/run/@cf/other", {"model": "m"}),
    ("cloudflare-native", "POST", "/ai/run/m", {"model": "dear"}),
    ("cloudflare-native", "POST", "/ai/%72un/@cf/other", {"model": "m"}),
    ("cloudflare-native", "GET", "/ai/models/search", {"model": "m"}),
    ("cloudflare-native", "POST", "/tokens", {"model": "m"}),
    ("huggingface-native", "POST", "/models/dear", {"inputs": "x", "model": "m"}),
    ("huggingface-native", "POST", "/models/m/v1/chat/completions", {"model": "m"}),
    ("ollama-native", "POST", "/api/pull", {"model": "m"}),
    ("ollama-native", "DELETE", "/api/delete", {"model": "m"}),
    ("ollama-native", "POST", "/api/chat", {"model": "dear"}),
]
TAKEN = [
    ("openai", "/chat/completions", {"model": "m", "models": ["embed-1"]}),
    ("openai", "/embeddings?api-version=1", {"model": "embed-2", "input": "x"}),
    ("openai", "/responses/input_tokens", {"model": "m", "input": "x"}),
    ("openai", "/responses/compact", {"model": "m", "input": "x"}),
    ("anthropic", "/v1/messages", {"model": "m"}),
    ("gemini", "/models/m:generateContent?alt=sse", {"contents": []}),
    ("gemini", "/models/embed%2D1:embedContent", {"model": "models/embed-1"}),
    ("gemini", "/models/m:countTokens", {"generateContentRequest": {"model": "models/m"}}),
    ("cloudflare-native", "/ai/run/m", {"prompt": "x"}),
    ("huggingface-native", "/models/embed-x", {"inputs": "x"}),
    ("ollama-native", "/api/chat", {"model": "m"}),
]


def test_who_is_kept_to_some_models_reaches_no_other(start):
    with RawProvider(answering()) as far:
        for kind in sorted({row[0] for row in REFUSED}):
            weir = kept(start, far, kind)
            for _, method, path, body in (row for row in REFUSED if row[0] == kind):
                reply = http(weir.port, method, f"/providers/one{path}", body, auth("some"))
                assert reply.status in (400, 403), (kind, method, path, body, reply)
            assert not far.heads, (kind, far.heads)
            for _, path, body in (row for row in TAKEN if row[0] == kind):
                reply = http(weir.port, "POST", f"/providers/one{path}", body, auth("some"))
                assert reply.status == 200, (kind, path, body, reply)
            # who is not may ask for all
            assert http(weir.port, "GET", "/providers/one/whatever", headers=auth("raw")).status == 200
            far.heads.clear()


def test_who_is_kept_sends_only_known_headers(start):
    with RawProvider(answering()) as far:
        weir = kept(start, far, "openai")
        assert (http(weir.port, "POST", "/providers/one/chat/completions", {"model": "m"}, {
            **auth("some"), "x-model-override": "dear", "content-encoding": "gzip", "openai-beta": "b",
            "accept": "text/csv"
        }).status == 200)
        up = dict(line.lower().split(": ", 1) for line in far.heads[-1].split("\r\n")[1:])
        assert (up["openai-beta"] == "b" and up["accept"] == "text/csv" and
                not {"x-model-override", "content-encoding"} & set(up))


def test_headers_of_one_hop_and_other_methods_stay_here(start):
    heads = ("Connection: x-hop-back, keep-alive", "X-Hop-Back: 1", "x-request-id: r")
    with RawProvider(answering(*heads)) as far:
        weir = start(config(far.base_url))
        sent = {
            **auth("raw"), "Connection": "X-Hop, keep-alive ,x-other", "x-hop": "1", "X-Other": "2", "x-own": "3",
            "X-HTTP-Method-Override": "DELETE", "x-http-method": "DELETE", "X-Method-Override": "DELETE",
            "x-original-url": "/x", "x-rewrite-url": "/x"
        }
        reply = http(weir.port, "POST", "/providers/one/x?_method=DELETE&a=1&%5Fmethod=DELETE", {"a": 1}, sent)
        up = dict(line.lower().split(": ", 1) for line in far.heads[-1].split("\r\n")[1:])
        assert (up["x-own"] == "3" and
                not {name for name in up if "hop" in name or "other" in name or "method" in name or "url" in name}), up
        assert far.heads[-1].startswith("POST /v1/x?a=1 ")
        assert reply.status == 200 and "x-hop-back" not in reply.headers and reply.headers["x-request-id"] == "r"


@pytest.mark.parametrize("name",
                         ["key", "Key", "KEY", "%6bey", "k%65y", "%4B%45%59", "access_token", "%24key", "$httpMethod"])
def test_no_credential_goes_to_google_in_a_query(start, name):
    with RawProvider(answering()) as far:
        weir = start({"providers": {"one": provider(far.base_url, type="gemini")}, "clients": clients()})
        reply = http(weir.port, "POST", f"/providers/one/models/m:generateContent?{name}={KEYS['raw']}&alt=json&keys=1",
                     {"contents": []}, auth("raw"))
        assert reply.status == 200 and far.heads[-1].split(" ")[1] == "/v1/models/m:generateContent?alt=json&keys=1"
        assert KEYS["raw"] not in far.heads[-1]

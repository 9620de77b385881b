"""Seeing what happens: metrics, explain, status, route, logs, and the commands that show them."""
import hashlib
import json
import re
import subprocess

import pytest

from weirlib import BINARY, Connection, chat, chat_body, environment, http, on_terminal, poll, provider, request_bytes


def admin(weir, path):
    return http(weir.port, "GET", path, headers={"Authorization": f"Bearer {weir.admin_key}"})


def command(weir, *arguments):
    env = environment(WEIR_URL=f"http://127.0.0.1:{weir.port}", WEIR_ADMIN_KEY=weir.admin_key)
    run = subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=10, env=env, cwd=weir.folder)
    return run.returncode, run.stdout, run.stderr


def test_metrics_are_valid_prometheus_text(pair):
    weir, _, _ = pair
    chat(weir.port)
    reply = http(weir.port, "GET", "/metrics")
    assert reply.headers["content-type"].startswith("text/plain; version=0.0.4")
    kinds = {}
    for line in reply.text.splitlines():
        if line.startswith("# TYPE"):
            _, _, name, kind = line.split(" ")
            assert name not in kinds
            kinds[name] = kind
        elif not line.startswith("#"):
            assert re.match(r'^[a-z_]+(\{([a-z_]+="([^"\\\n]|\\.)*",?)*\})? (-?[0-9.e+-]+|\+Inf|NaN)$', line), line
            name = line.split("{")[0].split(" ")[0]
            assert name in kinds or re.sub(r"_(bucket|sum|count)$", "", name) in kinds, name
    assert "histogram" in kinds.values() and "counter" in kinds.values()


def test_requests_and_attempts_are_counted(pair):
    weir, one, _ = pair
    before = {o: weir.metric("weir_attempts_total", provider="one", outcome=o) or 0 for o in ("succeeded", "failed")}
    done = weir.metric("weir_requests_total", endpoint="chat") or 0
    failovers = weir.metric("weir_failovers_total") or 0
    for _ in range(3):
        chat(weir.port)
    one.fault("status=503", 1)
    chat(weir.port, stream=True)
    poll(lambda: weir.metric("weir_requests_total", endpoint="chat") == done + 4)
    assert weir.metric("weir_attempts_total", provider="one", outcome="succeeded") == before["succeeded"] + 3
    assert weir.metric("weir_attempts_total", provider="one", outcome="failed") == before["failed"] + 1
    assert weir.metric("weir_failovers_total") == failovers + 1
    assert weir.metric("weir_requests_in_flight") == 0 and weir.metric("weir_streams_open") == 0
    assert weir.metric("weir_tokens_total", direction="output") > 0


@pytest.mark.parametrize("asked, nearest", [
    ("/v1/chat/completion", "/v1/chat/completions"), ("/v1/embedings", "/v1/embeddings"),
    ("/v1/mesages", "/v1/messages"),
    (f"/v1beta/models/{'a' * 100}:generateContnt", "/v1beta/models/{model}:generateContent"),
    ("/v1beta/models/m:countToken", "/v1beta/models/{model}:countTokens"),
    ("/v1beta/models/m:batchEmbedContent", "/v1beta/models/{model}:batchEmbedContents")])
def test_a_path_that_is_not_there_is_answered_with_the_nearest(pair, asked, nearest):
    reply = http(pair[0].port, "POST", asked, chat_body())
    assert reply.status == 404 and nearest in reply.text, reply.text


@pytest.mark.parametrize("code, ask", [
    ("unknown_path", lambda weir: http(weir.port, "GET", "/nowhere")),
    ("method_not_allowed", lambda weir: http(weir.port, "DELETE", "/v1/chat/completions")),
    ("model_not_found", lambda weir: chat(weir.port, model="unheard-of")),
    ("invalid_client_key", lambda weir: http(weir.port, "GET", "/admin/v1/status")),
    ("headers_too_large", lambda weir: http(weir.port, "GET", "/healthz", headers={"x-long": "x" * 70000}))])
def test_what_weir_itself_refuses_is_counted_by_its_code(pair, code, ask):
    weir, _, _ = pair
    before = weir.metric("weir_refused_total", code=code) or 0
    assert ask(weir).error["code"] == code
    assert poll(lambda: weir.metric("weir_refused_total", code=code)) == before + 1


UNKNOWN = [  # what an operator asks for that is not there: the code, and where to find what is
    ("GET", "/admin/v1/requests/never-was", None, 404, "unknown_request", "x-weir-request-id"),
    ("GET", "/admin/v1/requests/never-was?client=nobody", None, 404, "unknown_client", "`nobody`"),
    ("GET", "/admin/v1/providers/nobody", None, 404, "unknown_provider", "GET /admin/v1/providers"),
    ("PATCH", "/admin/v1/providers/nobody", {"priority": 1}, 404, "unknown_provider", "nobody"),
    ("DELETE", "/admin/v1/providers/nobody", None, 404, "unknown_provider", "nobody"),
    ("POST", "/admin/v1/providers/nobody/drain", None, 404, "unknown_provider", "nobody"),
    ("POST", "/admin/v1/providers/nobody/probe", None, 404, "unknown_provider", "GET /admin/v1/providers"),
    ("POST", "/admin/v1/providers/one/dance", None, 404, "unknown_path", "drain, resume"),
    ("GET", "/admin/v1/health/history/nobody", None, 404, "unknown_provider", "GET /admin/v1/providers"),
    ("POST", "/admin/v1/lock/nobody", {"target": "one/m"}, 404, "unknown_route", "GET /admin/v1/lock"),
    ("GET", "/admin/v1/route/unheard-of", None, 404, "model_not_found", "GET /v1/models"),
    ("GET", "/admin/v1/route/m?client=nobody", None, 404, "unknown_client", "`nobody`"),
    ("GET", "/admin/v1/route/m?path=/v1/nowhere", None, 404, "unknown_path", "/v1/messages"),
    ("GET", "/admin/v1/nowhere", None, 404, "unknown_path", "/admin/v1/"),
    ("GET", "/v1/models/unheard-of", None, 404, "model_not_found", "GET /v1/models"),
    ("GET", "/v1/responses/resp_never", None, 404, "unknown_response", "id"),
    ("GET", "/providers/nobody/models", None, 404, "unknown_provider", "nobody"),
]


@pytest.mark.parametrize("method, path, body, status, code, mend", UNKNOWN)
def test_what_is_not_there_has_a_code_of_its_own(pair, method, path, body, status, code, mend):
    reply = http(pair[0].port, method, path, body, {"authorization": f"Bearer {pair[0].admin_key}"})
    assert reply.status == status and reply.error["code"] == code and mend in reply.error["message"], reply
    assert reply.headers["x-weir-error"].endswith("/" + code)


def test_explain_tells_the_whole_story(pair):
    weir, one, _ = pair
    one.fault("status=503")
    reply = chat(weir.port, headers={"x-weir-request-id": "story-1"})
    story = poll(lambda: (r := admin(weir, "/admin/v1/requests/story-1")).status == 200 and r.json)
    text = json.dumps(story)
    assert "one" in text and "two" in text and "overloaded" in text and "503" in text
    assert len(story["attempts"]) == 2 and reply.headers["x-weir-attempts"] == "2"
    status, out, _ = command(weir, "explain", "story-1")
    assert status == 0 and "one" in out and "two" in out
    assert admin(weir, "/admin/v1/requests/never-was").status == 404
    assert command(weir, "explain", "never-was")[0] == 1


def test_no_caller_can_put_another_story_in_the_place_of_one(pair):
    weir, one, _ = pair
    one.fault("status=503", 1)
    chat(weir.port, model="m", headers={"x-weir-request-id": "reused"})
    first = poll(lambda: (r := admin(weir, "/admin/v1/requests/reused")).status == 200 and r.json)
    assert (first["caller_id"] == "reused" and first["request_id"].startswith("req_") and
            len(first["attempts"]) == 2 and "with_this_caller_id" not in first)
    own = poll(lambda: [e for e in weir.log("request_done") if e["request_id"] == "reused"])
    assert own[0]["own_id"] == first["request_id"]
    for name in ("reused", "reused", first["request_id"]):  # the last one claims to be the first
        reply = chat(weir.port, model="single", headers={"x-weir-request-id": name})
        assert reply.headers["x-weir-request-id"] == name
    again = poll(lambda: (r := admin(weir, "/admin/v1/requests/reused").json)["with_this_caller_id"] == 3 and r)
    assert again["model"] == "single" and again["request_id"] != first["request_id"]
    assert admin(weir, "/admin/v1/requests/" + first["request_id"]).json == first
    assert admin(weir, "/admin/v1/requests/" + again["request_id"]).json["caller_id"] == "reused"


def test_status_and_route(pair):
    weir, _, _ = pair
    chat(weir.port)
    status = admin(weir, "/admin/v1/status").json
    assert {p["name"] for p in status["providers"]} == {"one", "two"}
    code, out, _ = command(weir, "status", "--json")
    assert code == 0 and json.loads(out)["providers"]
    code, out, _ = command(weir, "status")
    assert code == 0 and "one" in out
    assert "one" in admin(weir, "/admin/v1/route/m").text and admin(weir, "/admin/v1/route/none").status == 404
    code, out, _ = command(weir, "route", "-m", "m")
    assert code == 0 and "one" in out
    code, out, err = command(weir, "route", "--request", "/nowhere/request.json")
    assert code == 1 and not out and "/nowhere/request.json" in err


def test_status_on_a_terminal_is_a_row_a_provider_and_the_totals(pair):
    weir, _, _ = pair
    code, shown = on_terminal("status", WEIR_URL=f"http://127.0.0.1:{weir.port}", WEIR_ADMIN_KEY=weir.admin_key)
    assert code == 0
    head, _, rest = shown.partition("\nprovider ")
    table, _, totals = rest.partition("\n\n")
    assert head.startswith("weir ") and "event loops" in head
    rows = [line.split() for line in table.splitlines()[1:]]
    assert [row[0] for row in rows] == ["one", "two"]
    assert all(row[1:4] == ["openai", "active", "healthy"] and row[5] == "closed" and row[-2] == "-" and
               row[-1].startswith("http://") for row in rows), rows
    told = admin(weir, "/admin/v1/status").json["totals"]
    assert totals.startswith(f"{told['requests']} requests, {told['refused']} refused, {told['attempts']} attempts")
    assert f"{told['input_tokens']} tokens in, {told['output_tokens']} out, ${told['cost_usd']}" in totals


FORMS = {  # where a request is sent, and a plain one
    "/v1/chat/completions": {"model": "M", "messages": [{"role": "user", "content": "hi"}]},
    "/v1/responses": {"model": "M", "input": "hi"},
    "/v1/messages": {"model": "M", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]},
    "/v1beta/models/M:generateContent": {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
    "/v1beta/models/M:streamGenerateContent?alt=sse": {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
    "/v1/embeddings": {"model": "M", "input": "hi"},
}


@pytest.mark.parametrize("kind", ["openai", "anthropic", "gemini", "ollama-native"])
def test_route_names_what_is_then_sent_in_every_dialect(mocks, start, kind, tmp_path):
    below = {"openai": "/v1", "gemini": "/v1beta"}.get(kind, "")
    named = {"type": kind, "api_key": "sk-named-0000000000000", "base_url": f"http://127.0.0.1:{mocks[0].port}{below}",
             "models": ["m"], "priority": 1}
    weir = start({"providers": {"named": named, "other": provider(mocks[1], priority=2)}})
    for path, body in FORMS.items():
        text = json.dumps(body).replace('"M"', '"m"')
        path = path.replace("M", "m")
        (tmp_path / "request.json").write_text(text)
        code, out, err = command(weir, "route", "--json", "--path", path, "--request", str(tmp_path / "request.json"))
        told = json.loads(out)["chosen"] if code == 0 else err
        code, out, _ = command(weir, "route", "--json", "--path", path, "-m", "m")
        plain = json.loads(out)["chosen"] if code == 0 else None
        reply = http(weir.port, "POST", path, text)
        if kind == "anthropic" and path == "/v1/embeddings":
            assert told == plain == "other/m", told
        else:
            assert told == plain == "named/m", (path, told)
        assert reply.status == 200 and told == reply.headers["x-weir-provider"] + "/m", (path, told, reply)
    for arguments in (("-m", "m"), ("m",), ("-m", "named/m"), ("named/m",), ("-m", "m", "what is it?"),
                      ("--path", "/providers/named/x", "-m", "m")):
        code, out, err = command(weir, "route", "--json", *arguments)
        assert code == 0 and json.loads(out)["chosen"] in ("named/m", "named/-"), (arguments, out, err)
    code, out, _ = command(weir, "route", "--json", "what is it?")
    assert code == 0 and json.loads(out)["route"] == "default"
    code, _, err = command(weir, "route", "never-heard-of")
    assert code == 1 and "never-heard-of" in err
    code, out, _ = command(weir, "route", "--json", "m", "--targets", "other/m", "--strategy", "priority")
    assert code == 0 and json.loads(out)["chosen"] == "other/m"


def test_status_is_a_table_on_a_terminal_with_its_locks(mocks, start):
    weir = start({"providers": {"p": provider(mocks[0])},
                  "routes": [{"model": "one", "strategy": "exclusive", "targets": ["p/m"]}]})
    assert chat(weir.port, model="one").status == 200
    assert admin(weir, "/admin/v1/status").json["locks"][0]["holder"] == "p/m"
    status, out = on_terminal("status", WEIR_URL=f"http://127.0.0.1:{weir.port}", WEIR_ADMIN_KEY=weir.admin_key)
    assert status == 0 and "{" not in out and '"' not in out, out
    assert re.search(r"one +p/m +0 of 3", out) and "1 request, " in out and re.search(r"[1-9]\d* tokens in", out), out


def test_metrics_tell_clients_exact_statuses_health_breakers_and_keys(mocks, start):
    key = "sk-client-0001"
    weir = start({"providers": {"p": provider(mocks[0]), "openai": provider(mocks[1], ["gpt-4o"], priority=2)},
                  "clients": [{"name": "app", "may_steer": True,
                               "key_hash": hashlib.sha256(key.encode()).hexdigest()}]})
    headers = {"Authorization": f"Bearer {key}"}
    assert chat(weir.port, headers=headers).status == 200
    assert chat(weir.port, model="none", headers=headers).status == 404
    mocks[0].fault("status=422", 1)
    assert chat(weir.port, headers=headers).status == 422
    assert chat(weir.port, model="p/unheard-of", headers=headers).status == 200
    assert chat(weir.port).status == 401
    metric = poll(lambda: weir.metric("weir_client_requests_total", client="app", status="2xx") == 2 and weir.metric)
    assert metric("weir_client_requests_total", client="app", status="4xx") == 2
    assert metric("weir_client_tokens_total", client="app", direction="input") > 0
    assert metric("weir_responses_total", endpoint="chat", status="404") == 1
    assert metric("weir_responses_total", endpoint="chat", status="422") == 1
    assert metric("weir_attempts_total", provider="p", model="(other)", outcome="succeeded") == 1
    assert metric("weir_provider_health", provider="p") > 0.5
    assert metric("weir_provider_keys", provider="p", state="ready") == 1
    assert metric("weir_provider_breaker", provider="p", state="closed") == 1
    assert metric("weir_provider_state", provider="p", state="healthy") == 1


def test_at_level_debug_the_log_tells_each_attempt_and_no_words(mocks, start):
    weir = start({"log": {"level": "debug"},
                  "providers": {"p": provider(mocks[0]), "q": provider(mocks[1], priority=101)}})
    mocks[0].fault("status=500", 1)
    assert chat(weir.port).status == 200
    done = poll(lambda: len(weir.log("attempt_done")) == 2 and weir.log("attempt_done"))
    assert [line["target"] for line in done] == ["p/m", "q/m"] and done[1]["outcome"] == "ok"
    assert not any("said" in line for line in done)  # a provider may quote its caller


def test_the_lock_says_in_the_log_when_it_moves_by_itself(mocks, start):
    routes = [{"model": "one", "strategy": "exclusive", "failover_after": 1, "targets": ["p/m", "q/m"]}]
    weir = start({"providers": {"p": provider(mocks[0]), "q": provider(mocks[1])}, "routes": routes})
    mocks[0].fault("status=500", 2)
    assert chat(weir.port, model="one").status == 200
    line = poll(lambda: weir.log("lock_moved"))[0]
    assert (line["route"], line["from"], line["to"], line["why"]) == ("one", "p/m", "q/m", "failures")


def test_commands_without_a_gateway_or_key_say_so(pair, tmp_path):
    weir, _, _ = pair
    for env, words in (({"WEIR_URL": "http://127.0.0.1:1", "WEIR_ADMIN_KEY": "x"}, "127.0.0.1:1"),
                       ({"WEIR_URL": f"http://127.0.0.1:{weir.port}"}, "key")):
        run = subprocess.run([BINARY, "status"], capture_output=True, text=True, timeout=10, env=environment(**env),
                             cwd=tmp_path)
        assert run.returncode == 1 and words in run.stderr, run


def test_logs_are_one_json_object_a_line(pair):
    weir, one, _ = pair
    one.fault("status=500", 1)
    chat(weir.port, headers={"x-weir-request-id": "logged-1"})
    line = poll(lambda: [e for e in weir.log("request_done") if e["request_id"] == "logged-1"])[0]
    assert line["status"] == 200 and line["provider"] == "two" and line["attempts"] == 2 and line["input_tokens"] > 0
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$", line["time"])
    assert [e for e in weir.log("attempt_failed") if e["request_id"] == "logged-1" and e["provider"] == "one"]
    for text in weir.err:
        assert json.loads(text)["event"]


@pytest.mark.parametrize("path, words", [("/healthz", "ok"), ("/readyz", "ready"), ("/", "<html")])
def test_health_and_the_page(pair, path, words):
    reply = http(pair[0].port, "GET", path)
    assert reply.status == 200 and words in reply.text.lower()


def test_ask_answers_in_process(pair, tmp_path):
    weir, one, _ = pair
    for arguments in (["ask", "-c", str(weir.path),
                       "Hello you"], ["ask", "-s", "-m", "m", "-c",
                                      str(weir.path), "Hello you"]):
        run = subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=15, env=environment(),
                             cwd=tmp_path)
        assert run.returncode == 0 and run.stdout.strip() == "You said: Hello you", run
    for more in ([], ["-s"]):
        one.fault("status=400")
        code, out, err = command(weir, "ask", "-c", str(weir.path), *more, "x")
        assert code == 1 and not out.strip()
        assert err == "weir: provider_error: The mock was asked to refuse this request.\n"


def test_what_a_model_says_steers_no_terminal(pair, tmp_path):
    """A program that reads it gets each byte; on a terminal C0, C1 and DEL are `_`, and lines and tabs stay."""
    weir, _, _ = pair
    said = "a\x1b]0;b\x07 \u009bc\x7f \u00e9 d\te\nf"
    for more in ([], ["-s"]):
        arguments = ["ask", "-c", str(weir.path), *more, said]
        run = subprocess.run([BINARY, *arguments], capture_output=True, timeout=15, env=environment(), cwd=tmp_path)
        assert run.stdout.decode() == f"You said: {said}\n"
        assert on_terminal(*arguments) == (0, "You said: a_]0;b_ _c_ \u00e9 d\te\nf\n")


def test_ask_reads_standard_input_and_refuses_what_it_does_not_know(pair, tmp_path):
    weir, _, _ = pair
    run = subprocess.run([BINARY, "ask", "-c", str(weir.path), "-"], input="Hello " + "you " * 500, text=True,
                         capture_output=True, timeout=15, env=environment(), cwd=tmp_path)
    assert run.returncode == 0 and run.stdout.strip() == ("You said: Hello " + "you " * 500).strip()
    code, _, err = command(weir, "ask", "-c", str(weir.path), "-m", "unheard-of", "x")
    assert code == 1 and err.startswith("weir: model_not_found: ") and "unheard-of" in err
    assert command(weir, "ask", "-c", str(weir.path))[0] == 2
    assert command(weir, "ask", "-c", str(weir.path), "one", "two")[0] == 2
    assert command(weir, "ask", "-c", str(tmp_path / "nowhere.yaml"), "x")[0] == 2


def test_gauges_follow_what_is_open(start, start_mock):
    mock = start_mock()
    weir = start({"providers": {"p": provider(mock, stall_timeout_seconds=30)}})
    chat(weir.port)
    poll(lambda: weir.metric("weir_upstream_connections", state="idle") == 1)
    with Connection(weir.port) as c:
        c.send(request_bytes("POST", "/v1/chat/completions", chat_body("[mock tokens=1000 rate=20] x", stream=True)))
        assert c.head()[0] == 200
        poll(lambda: weir.metric("weir_streams_open") == 1 and weir.metric("weir_upstream_connections", state="busy") ==
             1)
        assert weir.metric("weir_connections", side="caller") >= 1
    poll(lambda: weir.metric("weir_streams_open") == 0 and weir.metric("weir_upstream_connections", state="busy") == 0)


def test_every_worker_is_asked_and_the_newest_of_an_id_is_told(start, start_mock):
    weir = start({"workers": 4, "providers": {"p": provider(start_mock("--latency", "5"))}})
    own = []
    for count in range(1, 25):  # each on a connection of its own: the kernel spreads them over the workers
        assert chat(weir.port, headers={"x-weir-request-id": "again"}).status == 200
        done = poll(
            lambda: [e for e in weir.log("request_done") if e["request_id"] == "again" and e["own_id"] not in own])
        own.append(done[0]["own_id"])
        story = poll(lambda: (r := admin(weir, "/admin/v1/requests/again")).status == 200 and r.json.get(
            "with_this_caller_id", 1) == count and r.json)
        assert story["request_id"] == own[-1]
    for name in own:  # an id that is weir's own is one request's, wherever it was served
        story = admin(weir, f"/admin/v1/requests/{name}").json
        assert story["request_id"] == name and "with_this_caller_id" not in story
    assert admin(weir, "/admin/v1/requests/req_never").status == 404


def test_an_id_that_callers_chose_is_looked_for_within_its_client(start, start_mock):
    def client(name, role="user"):
        return {
            "name": name, "key_hash": hashlib.sha256(f"key-of-{name}-0123456789".encode()).hexdigest(), "role": role
        }

    def bearer(name):
        return {"Authorization": f"Bearer key-of-{name}-0123456789"}

    weir = start({
        "workers": 2, "providers": {"p": provider(start_mock())},
        "clients": [client("a"), client("b"), client("ops", "operator")]
    })
    for name, count in (("a", 1), ("b", 2)):
        for _ in range(count):
            assert chat(weir.port, headers={**bearer(name), "x-weir-request-id": "same"}).status == 200

    def story(query="", name=None):
        return http(weir.port, "GET", f"/admin/v1/requests/same{query}",
                    headers=bearer(name) if name else {"Authorization": f"Bearer {weir.admin_key}"})
    assert poll(lambda: (r := story()).status == 200 and r.json.get("with_this_caller_id") == 3)
    assert "with_this_caller_id" not in story("?client=a").json and story("?client=b").json["with_this_caller_id"] == 2
    assert story("?client=nobody").status == 404
    assert story(name="ops").status == 404, "its own are none"
    own = story("?client=a").json["request_id"]
    # weir's own id is one request's
    assert http(weir.port, "GET", f"/admin/v1/requests/{own}", headers=bearer("ops")).status == 200

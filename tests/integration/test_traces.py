"""Traces: a caller's trace goes on to providers, attempt by attempt, and what happened is told to an OpenTelemetry
collector, which may hang, refuse and lie without a request noticing."""
import hashlib
import json
import re
import subprocess

import pytest
from collector import Collector, attributes
from weirlib import (BINARY, Connection, RawProvider, answers_well, chat, chat_body, dead_port, environment, http, poll,
                     provider, request_bytes)

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01"
FORM = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-(0[01])")


def sent(mock, name="traceparent"):
    return [[v for k, v in request["headers"].items() if k.lower() == name] for request in mock.requests()["requests"]]


def explained(weir, reply):
    return http(weir.port, "GET", "/admin/v1/requests/" + reply.headers["x-weir-request-id"],
                headers={"authorization": f"Bearer {weir.admin_key}"}).json


def test_a_callers_trace_goes_on_with_a_span_of_each_attempt(pair):
    weir, one, two = pair
    one.fault("status=503")
    reply = chat(weir.port, headers={"traceparent": PARENT, "tracestate": "rojo=1,congo=2"})
    assert reply.status == 200
    heads = [FORM.fullmatch(value) for mock in (one, two) for values in sent(mock) for value in values]
    assert len(heads) >= 2 and all(heads)
    assert {head[1] for head in heads} == {TRACE} and {head[3] for head in heads} == {"01"}
    spans = {head[2] for head in heads}
    assert len(spans) == len(heads) and SPAN not in spans
    assert sent(two, "tracestate") == [["rojo=1,congo=2"]]
    assert poll(lambda: [line for line in weir.log("request_done") if line.get("trace_id") == TRACE])
    assert {line["trace_id"] for line in weir.log("attempt_failed")[-1:]} == {TRACE}
    assert explained(weir, reply)["trace_id"] == TRACE


@pytest.mark.parametrize("bad", ["", "nonsense", f"00-{TRACE}-{SPAN}", f"00-{TRACE.upper()}-{SPAN}-01",
                                 f"ff-{TRACE}-{SPAN}-01", f"00-{'0' * 32}-{SPAN}-01", f"00-{TRACE}-{'0' * 16}-01",
                                 f"00-{TRACE}-{SPAN}-01-more", "x" * 4000],
                         ids=range(9))
def test_a_bad_one_is_as_good_as_none(pair, bad):
    weir, one, _ = pair
    reply = chat(weir.port, headers={"traceparent": bad, "tracestate": "a=b"})
    assert reply.status == 200
    assert sent(one) == [[]] and sent(one, "tracestate") == [[]]
    assert "trace_id" not in explained(weir, reply)


def test_two_are_none_and_two_states_are_one(pair):
    weir, one, _ = pair
    for headers in ([f"traceparent: {PARENT}"] * 2, [f"traceparent: {PARENT}", "tracestate: a=1", "Tracestate: b=2"]):
        with Connection(weir.port) as caller:
            head, body = request_bytes("POST", "/v1/chat/completions", chat_body()).split(b"\r\n\r\n", 1)
            caller.send(b"\r\n".join([head, *(line.encode() for line in headers)]) + b"\r\n\r\n" + body)
            assert caller.reply("POST").status == 200
    assert sent(one)[0] == [] and len(sent(one)[1]) == 1
    assert sent(one, "tracestate") == [[], ["a=1,b=2"]]
    assert chat(weir.port, headers={"traceparent": PARENT, "tracestate": "a=" + "x" * 600}).status == 200
    assert sent(one, "tracestate")[2] == [] and len(sent(one)[2]) == 1


def test_many_states_take_no_more_room_than_they_stand_in(start, mocks):
    """A head has 64 KB and 128 lines: put together one by one they would take more than three megabytes."""
    mocks[0].reset()
    weir = start({"providers": {"one": provider(mocks[0])}})

    def held():
        lines = http(weir.port, "GET", "/metrics").text.splitlines()
        return sum(float(line.split()[1]) for line in lines if line.startswith("weir_memory_held_bytes "))

    whole = request_bytes("POST", "/v1/chat/completions", chat_body())
    head, body = whole.split(b"\r\n\r\n", 1)
    lines = [head, b"traceparent: " + PARENT.encode(), *([b"tracestate: a=" + b"x" * 500] * 115)]
    before = held()
    with Connection(weir.port) as caller:
        caller.send(b"\r\n".join(lines) + b"\r\n\r\n" + body[:-1])
        poll(lambda: held() > before + 50_000)
        assert held() < before + 500_000
        caller.send(body[-1:])
        assert caller.reply("POST").status == 200
    assert sent(mocks[0], "tracestate") == [[]] and len(sent(mocks[0])[0]) == 1


@pytest.mark.parametrize("propagate", [True, False])
def test_a_forwarded_header_is_not_said_twice_and_propagation_can_be_turned_off(start, propagate):
    with RawProvider(answers_well) as raw:
        weir = start({"providers": {"p": provider(raw, forward_headers=["traceparent", "tracestate"])},
                      "traces": {"propagate": propagate}})
        assert chat(weir.port, headers={"traceparent": PARENT, "tracestate": "a=1"}).status == 200
        said = re.findall(r"(?im)^traceparent: (.*?)\r?$", raw.heads[-1])
        assert len(said) == 1 and FORM.fullmatch(said[0])[1] == TRACE and (said == [PARENT]) == (not propagate)
        assert re.findall(r"(?im)^tracestate: (.*?)\r?$", raw.heads[-1]) == ["a=1"]


# -- to a collector ----------------------------------------------------------------------------------------------------

@pytest.fixture
def collector():
    made = []

    def begin(**how):
        made.append(Collector(**how))
        return made[-1]
    yield begin
    for one in made:
        one.close()


def traced(start, mocks, collector, **traces):
    return start({"retry": {"base_ms": 1, "max_ms": 5}, "providers": {
        "one": provider(mocks[0], priority=1), "two": provider(mocks[1], priority=2)},
        "traces": {"endpoint": collector.url, **traces}})


def told(collector, count):
    """So many spans, when they have come."""
    assert poll(lambda: len(collector.spans()) >= count), collector.spans()
    assert len(collector.spans()) == count, collector.spans()
    return collector.spans()


def tree(spans):
    """(the request's, its attempts' in order)"""
    root, = [s for s in spans if s["kind"] == 2]
    below = sorted((s for s in spans if s is not root), key=lambda s: int(s["startTimeUnixNano"]))
    for s in below:
        assert s["kind"] == 3 and s["parentSpanId"] == root["spanId"] and s["traceId"] == root["traceId"]
    assert len({s["spanId"] for s in spans}) == len(spans)
    return root, below


def test_a_request_is_a_span_and_each_attempt_one_below_it(start, mocks, collector):
    mocks[0].reset(), mocks[1].reset()
    got = collector()
    weir = traced(start, mocks, got, headers={"authorization": "Bearer of-the-collector"})
    mocks[0].fault("status=503")
    reply = chat(weir.port, headers={"x-weir-session": "s-1"}, max_tokens=50)
    assert reply.status == 200
    mocks[0].reset()
    attempts = weir.log("request_done")[-1]["attempts"] if poll(lambda: weir.log("request_done")) else 0
    root, below = tree(told(got, 1 + attempts))
    assert "parentSpanId" not in root and root["name"] == "chat m" and root["flags"] == 1
    said = attributes(root)
    assert said["gen_ai.operation.name"] == "chat" and said["gen_ai.request.model"] == "m"
    assert said["http.response.status_code"] == 200 and said["weir.attempts"] == attempts == len(below)
    assert said["weir.request.id"] == reply.headers["x-weir-request-id"] and said["gen_ai.conversation.id"] == "s-1"
    assert root["traceId"] == "77656972" + said["weir.request.id"][4:] == explained(weir, reply)["trace_id"]
    assert not [name for name in said if ".usage." in name]  # of attempts alone: who adds up counts none twice
    first, last = attributes(below[0]), attributes(below[-1])
    assert first["error.type"] == "overloaded" and below[0]["status"] == {"code": 2, "message": "overloaded"}
    assert first["weir.provider"] == "one" and last["weir.provider"] == "two"
    assert first["weir.attempt.reason"] == "first" and last["weir.attempt.reason"] == "failover"
    assert last["gen_ai.provider.name"] == "openai" and last["gen_ai.request.max_tokens"] == 50
    assert last["gen_ai.usage.input_tokens"] > 0 and last["gen_ai.usage.output_tokens"] > 0
    assert below[-1]["status"] == {} and "error.type" not in last
    assert int(root["startTimeUnixNano"]) <= int(below[0]["startTimeUnixNano"]) <= int(below[0]["endTimeUnixNano"])
    assert int(below[-1]["endTimeUnixNano"]) <= int(root["endTimeUnixNano"]) + 10**6
    # what its providers were told is what they are found under
    assert {FORM.fullmatch(value)[2] for values in sent(mocks[1]) for value in values} == {below[-1]["spanId"]}
    path, headers, _ = got.posts[0]
    assert path == "/v1/traces" and headers["authorization"] == "Bearer of-the-collector"
    assert headers["content-type"] == "application/json"
    resource = attributes(got.bodies()[0]["resourceSpans"][0]["resource"])
    assert resource["service.name"] == "weir" and resource["service.version"]
    assert poll(lambda: weir.metric("weir_traces_total", outcome="delivered") == 1)


@pytest.mark.parametrize("flag, spans", [("01", 2), ("00", 0)])
def test_a_callers_flag_decides_and_its_span_is_the_parent(start, mocks, collector, flag, spans):
    got = collector()
    weir = traced(start, mocks, got, sample=0.0)
    mocks[0].reset()
    assert chat(weir.port, headers={"traceparent": PARENT[:-2] + flag, "tracestate": "a=1"}).status == 200
    assert chat(weir.port).status == 200  # sampled by weir: never
    heads = [FORM.fullmatch(value[0]) for value in sent(mocks[0])]
    assert [head[3] for head in heads] == [flag, "00"] and heads[0][1] == TRACE != heads[1][1]
    assert weir.stop() in (0, None)
    assert len(got.spans()) == spans
    if spans:
        root, below = tree(got.spans())
        assert root["traceId"] == TRACE and root["parentSpanId"] == SPAN and root["traceState"] == "a=1"


@pytest.mark.parametrize("semconv, has, lacks", [
    ("2026-11", {"gen_ai.provider.name": "gcp.gemini"}, {"gen_ai.system"}),
    ("legacy", {"gen_ai.system": "gemini"}, {"gen_ai.provider.name", "gen_ai.usage.cache_read.input_tokens",
                                             "gen_ai.response.time_to_first_chunk"}),
    ("both", {"gen_ai.provider.name": "gcp.gemini", "gen_ai.system": "gemini"}, set())])
def test_names_are_those_of_the_conventions_asked_for(start, mocks, collector, semconv, has, lacks):
    got = collector()
    weir = start({"providers": {"g": provider(mocks[0].base_url.removesuffix("/v1") + "/v1beta", type="gemini")},
                  "traces": {"endpoint": got.url + "/v1/traces/", "semconv": semconv, "service_name": "edge"}})
    assert chat(weir.port, stream=True).status == 200
    root, below = tree(told(got, 2))
    said = attributes(below[0])
    assert has.items() <= said.items() and not lacks & said.keys(), said
    if semconv != "legacy":
        assert said["gen_ai.request.stream"] is True and 0 < said["gen_ai.response.time_to_first_chunk"] < 60
    assert attributes(got.bodies()[0]["resourceSpans"][0]["resource"])["service.name"] == "edge"


def test_a_hit_of_the_cache_is_a_span_without_attempts(start, mocks, collector):
    got = collector()
    weir = start({"providers": {"p": provider(mocks[0])}, "cache": {"enabled": True, "mode": "all"},
                  "traces": {"endpoint": got.url}})
    assert [chat(weir.port, "the same").status for _ in range(2)] == [200, 200]
    spans = told(got, 3)
    hit, = [s for s in spans if attributes(s).get("weir.cache") == "hit"]
    assert attributes(hit)["weir.attempts"] == 0 and not [s for s in spans if s.get("parentSpanId") == hit["spanId"]]
    event, = hit["events"]
    assert event["name"] == "weir.cache" and attributes(event)["weir.cache.outcome"] == "hit"


def test_what_callers_and_providers_say_is_on_no_span(start, mocks, collector):
    got = collector()
    weir = traced(start, mocks, got)
    assert chat(weir.port, "the prompt of a stranger").status == 200
    mocks[0].fault("status=400")
    chat(weir.port, "the prompt of a stranger")
    mocks[0].reset()
    assert poll(lambda: len(got.spans()) >= 4)
    said = b"".join(body for _, _, body in got.posts)
    assert b"stranger" not in said and b"sk-provider-secret" not in said


def test_what_is_not_read_in_the_log_is_not_read_on_a_span(start, mocks, collector):
    got = collector()
    weir = start({"providers": {"one": provider(mocks[0])}, "log": {"redact_patterns": ["ACME-[0-9]+"]},
                  "traces": {"endpoint": got.url}})
    headers = {"x-weir-session": "of ada@example.com", "x-weir-request-id": "ACME-4711"}
    assert chat(weir.port, headers=headers).status == 200
    assert chat(weir.port, model="ACME-4711").status == 404
    assert poll(lambda: len(got.spans()) == 3)
    said = b"".join(body for _, _, body in got.posts)
    assert b"ada@example" not in said and b"4711" not in said and said.count(b"***") >= 3


# -- what was said, where that is wanted -------------------------------------------------------------------------------

def said_on(span):
    named = attributes(span)
    return {key: json.loads(named[f"gen_ai.{name}"]) if f"gen_ai.{name}" in named else None
            for key, name in (("system", "system_instructions"), ("input", "input.messages"),
                              ("output", "output.messages"))}


@pytest.mark.parametrize("path, body", [
    ("/v1/chat/completions", {"model": "m", "messages": [{"role": "system", "content": "Be kind."},
                                                         {"role": "user", "content": "Hello ACME-4711 there"}]}),
    ("/v1/chat/completions", {"model": "m", "stream": True, "messages": [
        {"role": "developer", "content": "Be kind."}, {"role": "user", "content": "Hello ACME-4711 there"}]}),
    ("/v1/messages", {"model": "m", "max_tokens": 50, "system": "Be kind.",
                      "messages": [{"role": "user", "content": [{"type": "text", "text": "Hello ACME-4711 there"}]}]}),
    ("/v1beta/models/m:streamGenerateContent?alt=sse", {
        "systemInstruction": {"parts": [{"text": "Be kind."}]},
        "contents": [{"role": "user", "parts": [{"text": "Hello ACME-4711 there"}]}]}),
    ("/v1/responses", {"model": "m", "instructions": "Be kind.", "input": "Hello ACME-4711 there"}),
], ids=["chat", "stream", "messages", "gemini", "responses"])
def test_content_is_told_on_the_requests_span_and_redacted_as_the_log(start, mocks, collector, path, body):
    got = collector()
    weir = start({"providers": {"one": provider(mocks[0])}, "log": {"redact_patterns": ["ACME-[0-9]+"]},
                  "traces": {"endpoint": got.url, "content": True}})
    body = json.loads(json.dumps(body).replace("there", "ada@example.com"))
    assert http(weir.port, "POST", path, body=json.dumps(body),
                headers={"content-type": "application/json"}).status == 200
    root, below = tree(told(got, 2))
    content = said_on(root)
    assert content["system"] == [{"type": "text", "content": "Be kind."}]
    assert [message["role"] for message in content["input"]] == ["user"]
    assert content["input"][0]["parts"] == [{"type": "text", "content": "Hello *** ***"}]
    answer, = content["output"]
    assert answer["role"] == "assistant" and answer["finish_reason"] == "stop" and "***" in json.dumps(answer["parts"])
    assert said_on(below[0]) == {"system": None, "input": None, "output": None}
    said = b"".join(posted for _, _, posted in got.posts)
    assert b"4711" not in said and b"ada@example" not in said


def test_tools_and_pictures_are_told_without_their_bytes(start, mocks, collector):
    got = collector()
    weir = traced(start, mocks, got, content=True)
    picture = "iVBORw0KGgo" + "A" * 400
    messages = [{"role": "user", "content": [{"type": "text", "text": "look"}, {
        "type": "image_url", "image_url": {"url": "data:image/png;base64," + picture}}]}, {
            "role": "assistant", "content": None, "tool_calls": [{"id": "c1", "type": "function", "function": {
                "name": "f", "arguments": '{"to":"ada@example.com"}'}}]}, {
                    "role": "tool", "tool_call_id": "c1", "content": "done"}]
    reply = http(weir.port, "POST", "/v1/chat/completions", body=json.dumps({"model": "m", "messages": messages}),
                 headers={"content-type": "application/json"})
    assert reply.status == 200
    root, _ = tree(told(got, 2))
    parts = [message["parts"] for message in said_on(root)["input"]]
    assert parts[0] == [{"type": "text", "content": "look"}, {"type": "image_url"}]
    assert parts[1] == [{"type": "tool_call", "id": "c1", "name": "f", "arguments": '{"to":"***"}'}]
    assert parts[2] == [{"type": "tool_call_response", "id": "c1", "response": [{"type": "text", "content": "done"}]}]
    assert picture.encode() not in b"".join(posted for _, _, posted in got.posts)


def test_what_is_too_long_is_left_out_and_named_and_what_is_not_sampled_is_not_told(start, mocks, collector):
    got = collector()
    weir = traced(start, mocks, got, content=True, sample=0)
    assert chat(weir.port, "unsampled").status == 200
    assert chat(weir.port, "x" * 70000, headers={"traceparent": PARENT}).status == 200
    root, _ = tree(told(got, 2))
    assert attributes(root)["weir.content.left_out"] is True
    assert said_on(root) == {"system": None, "input": None, "output": None}
    assert chat(weir.port, "refused", model="nobody", headers={"traceparent": PARENT}).status == 404
    refused = told(got, 3)[-1]
    assert attributes(refused)["weir.content.left_out"] is True and said_on(refused)["input"] is None
    assert b"refused" not in b"".join(posted for _, _, posted in got.posts)
    assert b"unsampled" not in b"".join(posted for _, _, posted in got.posts)


def test_it_costs_no_client_its_kept_conversations(start, mocks, collector):
    """Who has its chats stored has them whole, whatever is told of them."""
    got = collector()
    weir = start({"providers": {"one": provider(mocks[0])}, "traces": {"endpoint": got.url, "content": True},
                  "clients": [{"name": "app", "key_hash": hashlib.sha256(b"wk").hexdigest(),
                               "conversations": "store"}]})
    reply = chat(weir.port, "y" * 200000, headers={"authorization": "Bearer wk"})
    assert reply.status == 200, reply
    listed = poll(lambda: (r := http(weir.port, "GET", "/v1/key/conversations",
                                     headers={"authorization": "Bearer wk"})).json.get("data") and r.json["data"])
    assert len(listed) == 1
    root, _ = tree(told(got, 2))
    assert attributes(root)["weir.content.left_out"] is True


def test_an_edit_of_something_else_sends_nothing_twice(start, mocks, collector):
    got = collector(hang=1)
    weir = traced(start, mocks, got, timeout_seconds=3)
    assert chat(weir.port).status == 200
    assert poll(lambda: got.tried == 1)
    key = {"authorization": f"Bearer {weir.admin_key}"}
    for _ in range(3):
        assert http(weir.port, "POST", "/admin/v1/reload", headers=key).status == 200
        assert chat(weir.port).status == 200
    told(got, 8)
    assert got.tried == 3  # the one that hung, it again, and the others together


# -- a collector that is not well --------------------------------------------------------------------------------------

def test_one_that_hangs_holds_up_nobody_and_is_asked_again(start, mocks, collector):
    got = collector(hang=1)
    weir = traced(start, mocks, got, timeout_seconds=0.5)
    assert chat(weir.port).status == 200
    assert poll(lambda: got.tried == 1)
    assert all(chat(weir.port).status == 200 for _ in range(20))
    assert len(told(got, 42)) == 42
    assert poll(lambda: weir.metric("weir_traces_total", outcome="delivered") == 21)
    assert weir.metric("weir_otlp_posts_total", signal="traces", outcome="failed") == 1
    assert [line["signal"] for line in weir.log("otlp_not_sent")] == ["traces"]
    assert poll(lambda: weir.log("otlp_sent_again"))


def test_one_that_refuses_is_asked_again_only_where_that_may_help(start, mocks, collector):
    got = collector(statuses=[503, 429, 200, 400])
    weir = traced(start, mocks, got)
    assert chat(weir.port).status == 200
    told(got, 2)
    assert chat(weir.port).status == 200
    assert poll(lambda: weir.metric("weir_traces_total", outcome="dropped") == 1)
    assert weir.metric("weir_otlp_posts_total", signal="traces", outcome="failed") == 2
    assert got.tried == 4 and len(got.spans()) == 2
    assert poll(lambda: weir.log("otlp_dropped")) and "status 400" in weir.log("otlp_dropped")[0]["why"]


def test_more_than_it_takes_is_dropped_and_counted(start, mocks, collector):
    got = collector(hang=1)
    weir = traced(start, mocks, got, timeout_seconds=60)
    assert chat(weir.port).status == 200
    assert poll(lambda: got.tried == 1)
    count = 0
    while not weir.metric("weir_traces_total", outcome="dropped"):
        assert count < 6000
        with Connection(weir.port) as caller:
            for _ in range(200):
                caller.send(request_bytes("POST", "/v1/chat/completions", chat_body(), {"x-weir-session": "s" * 250}))
                assert caller.reply("POST").status == 200
                count += 1
    assert poll(lambda: weir.log("traces_dropped"))
    got.released.set()
    assert poll(lambda: weir.metric("weir_traces_total", outcome="delivered") +
                weir.metric("weir_traces_total", outcome="dropped") == count + 1, 30)


def test_the_last_ones_are_sent_before_the_end(start, mocks, collector):
    got = collector()
    weir = traced(start, mocks, got, metrics=True, metrics_interval_seconds=3600)
    assert chat(weir.port).status == 200
    weir.stop()
    assert len(got.spans()) == 2
    assert len(got.bodies("metrics")) == 2  # at the start, and at the end
    point, = got.metrics()["weir_client_requests_total"]["sum"]["dataPoints"]
    assert point["asInt"] == "1" and attributes(point) == {"client": "(none)", "status": "2xx"}


def test_a_dead_collector_does_not_keep_weir_from_its_end(start, mocks, collector):
    weir = traced(start, mocks, type("Dead", (), {"url": f"http://127.0.0.1:{dead_port()}"}))
    assert chat(weir.port).status == 200
    assert poll(lambda: weir.log("otlp_not_sent"))
    weir.stop()


def test_a_reload_turns_it_on_elsewhere_and_off(start, mocks, collector):
    first, second = collector(), collector()
    config = {"providers": {"one": provider(mocks[0])}}
    weir = start(config)

    def reload(traces):
        weir.write(config | {"traces": traces} if traces else config)
        assert http(weir.port, "POST", "/admin/v1/reload",
                    headers={"authorization": f"Bearer {weir.admin_key}"}).status == 200
        assert chat(weir.port).status == 200
    assert chat(weir.port).status == 200
    reload({"endpoint": first.url})
    told(first, 2)
    reload({"endpoint": second.url})
    told(second, 2)
    reload(None)
    weir.stop()
    assert len(first.spans()) == len(second.spans()) == 2


def test_a_certificate_is_verified(start, mocks, collector, certificates):
    got = collector(tls=certificates.server())
    weir = traced(start, mocks, got)
    assert chat(weir.port).status == 200
    assert poll(lambda: weir.log("otlp_not_sent")) and "tls" in weir.log("otlp_not_sent")[0]["why"]
    weir = traced(start, mocks, got, ca_file=str(certificates.ca))
    assert chat(weir.port).status == 200
    told(got, 2)


def test_metrics_are_those_of_the_page(start, mocks, collector):
    got = collector()
    weir = traced(start, mocks, got, metrics=True, metrics_interval_seconds=0.2, semconv="both")
    assert chat(weir.port, stream=True).status == 200
    assert poll(lambda: "weir_tokens_total" in (got.metrics() if got.bodies("metrics") else {}))
    shown = http(weir.port, "GET", "/metrics").text
    families = {name for name, kind in re.findall(r"(?m)^# TYPE (\S+) (\S+)$", shown)
                if re.search(rf"(?m)^{name}(_bucket)?[ {{]", shown)}
    assert families <= got.metrics().keys()
    tokens = {attributes(p)["direction"]: int(p["asInt"]) for p in
              got.metrics()["weir_tokens_total"]["sum"]["dataPoints"]}
    assert tokens["input"] == weir.metric("weir_tokens_total", direction="input") > 0
    point, = got.metrics()["gen_ai.client.inference.duration"]["histogram"]["dataPoints"]
    assert attributes(point) == {"gen_ai.provider.name": "one", "weir.provider": "one", "gen_ai.request.model": "m"}
    assert sum(map(int, point["bucketCounts"])) == int(point["count"]) == 1
    assert len(point["bucketCounts"]) == len(point["explicitBounds"]) + 1
    assert "gen_ai.client.operation.duration" in got.metrics()
    point, = got.metrics()["gen_ai.client.inference.usage.input_tokens"]["sum"]["dataPoints"]
    assert int(point["asInt"]) == tokens["input"]


@pytest.mark.parametrize("traces, said", [
    ({"endpoint": "collector:4318"}, "`endpoint` must be the base URL of a collector"),
    ({"endpoint": "http://c/?x=1"}, "`endpoint` must be the base URL of a collector"),
    ({"endpoint": "http://c", "headers": {"content-type": "x"}}, "the header `content-type` is written by weir itself"),
    ({"endpoint": "http://c", "headers": {"a b": "x"}}, "is no header"),
    ({"endpoint": "http://c", "semconv": "2025"}, "legacy"),
    ({"endpoint": "http://c", "sample": 2}, "sample"),
    ({"metrics": True}, "no `endpoint` is written"),
    ({"endpont": "http://c"}, "did you mean `endpoint`?")])
def test_check_says_what_is_wrong(tmp_path, mocks, traces, said):
    (tmp_path / "weir.yaml").write_text(json.dumps({"providers": {"p": provider(mocks[0])}, "traces": traces}))
    run = subprocess.run([BINARY, "check", "-c", tmp_path / "weir.yaml"], capture_output=True, text=True,
                         env=environment())
    assert said in run.stdout + run.stderr

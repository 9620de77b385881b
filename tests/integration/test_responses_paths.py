"""The Responses API's other two paths: tokens are counted by whoever counts, else estimated; conversations are
compacted by providers that can."""
import hashlib
import json

import pytest

from weirlib import RawProvider, chat, good_reply, http, provider

KINDS = {"openai": "/v1", "anthropic": "", "gemini": "/v1beta", "ollama-native": ""}
COUNT, COMPACT = "/v1/responses/input_tokens", "/v1/responses/compact"
UP = {"openai": COUNT, "anthropic": "/v1/messages/count_tokens", "gemini": "/v1beta/models/m:countTokens"}
TOOL = {"type": "function", "name": "f", "description": "d" * 400, "parameters": {"type": "object"}}
PRICE = {"m": {"input": 1000000, "output": 1000000}}  # a dollar a token


def providers(mock, **more):
    return {
        kind: {"type": kind, "base_url": f"http://127.0.0.1:{mock.port}{base}", "api_key": "k", "models": ["m"], **more}
        for kind, base in KINDS.items()
    }


def client(name, **more):
    return {"name": name, "key_hash": hashlib.sha256(f"key-{name}".encode()).hexdigest(), **more}


def auth(name):
    return {"authorization": f"Bearer key-{name}"}


@pytest.fixture
def chain(start, start_mock):
    mock = start_mock()
    return start({
        "providers": providers(mock), "routes": [{"model": kind, "targets": [f"{kind}/m"]} for kind in KINDS]
    }), mock


def ask(weir, model, path=COUNT, who=None, **more):
    body = {"model": model, "input": "How many tokens are these?", **more}
    return http(weir.port, "POST", path, body, auth(who) if who else {})


def tokens(reply):
    assert reply.status == 200 and reply.headers["content-type"] == "application/json", reply
    assert set(reply.json) == {"object", "input_tokens"} and reply.json["object"] == "response.input_tokens"
    return reply.json["input_tokens"]


@pytest.mark.parametrize("kind", UP)
def test_tokens_are_counted_by_the_provider(chain, kind):
    weir, mock = chain
    reply = ask(weir, kind, instructions="Be short.")
    assert 5 < tokens(reply) < 40 and "x-weir-estimated" not in reply.headers
    assert reply.headers["x-weir-provider"] == kind
    sent = mock.last()
    assert sent["target"] == UP[kind] and "Be short." in sent["body"], sent
    if kind != "gemini":
        assert json.loads(sent["body"])["model"] == "m"
    assert tokens(ask(weir, kind, instructions="Be short.", tools=[TOOL])) > tokens(reply) + 50
    assert mock.requests()["count"] == 2


def test_tokens_are_estimated_where_nobody_counts(chain):
    weir, mock = chain
    reply = ask(weir, "ollama-native", tools=[TOOL])
    assert 100 < tokens(reply) < 200 and reply.headers["x-weir-estimated"] == "true"
    assert tokens(ask(weir, "ollama-native", path="/responses/input_tokens")) < 30
    assert mock.requests()["count"] == 0


def test_a_provider_that_is_kept_to_chats_is_not_asked_for_responses(start, start_mock):
    mock = start_mock()
    weir = start({"providers": {"one": {**providers(mock)["openai"], "api": "chat"}}})
    counted = ask(weir, "m")
    assert 5 < tokens(counted) < 30 and counted.headers["x-weir-estimated"] == "true"
    refused = ask(weir, "m", COMPACT)
    assert refused.status == 400 and "none that may answer here" in refused.error["message"]
    assert mock.requests()["count"] == 0


def test_a_conversation_that_goes_on_is_counted_whole(chain):
    weir, mock = chain
    first = http(weir.port, "POST", "/v1/responses", {"model": "ollama-native", "input": "word " * 400}).json
    for kind in KINDS:
        assert tokens(ask(weir, kind, previous_response_id=first["id"])) > 400, kind
    assert "previous_response_id" not in mock.last()["body"]
    compacted = ask(weir, "openai", COMPACT, previous_response_id=first["id"]).json
    assert "word word" in json.dumps(compacted["output"])
    assert "previous_response_id" not in mock.last()["body"]
    kept = http(weir.port, "GET", f"/v1/responses/{first['id']}/input_items").json["data"]
    assert len(kept) == 1  # neither keeps anything
    assert http(weir.port, "GET", f"/v1/responses/{compacted['id']}").status == 404


@pytest.mark.parametrize("kind", ["anthropic", "gemini", "ollama-native"])
def test_what_nobody_can_see_is_not_estimated(chain, kind):
    weir, mock = chain
    for more, word in (({"conversation": "conv_1"}, "conversation"), ({"prompt": {"id": "p"}}, "prompt"),
                       ({"previous_response_id": "resp_unheard"}, "resp_unheard")):
        for path in ("/v1/responses", COUNT):
            refused = ask(weir, kind, path, **more)
            assert refused.status == 400 and f"`{word}`" in refused.error["message"], (path, refused)
    for body in ({"model": kind}, {"model": kind, "input": []}):
        whole, counted = (http(weir.port, "POST", path, body) for path in ("/v1/responses", COUNT))
        assert whole.status == counted.status == 400 and whole.error["message"] == counted.error["message"]
    assert mock.requests()["count"] == 0


def test_a_conversation_is_compacted_and_charged(start, start_mock):
    mock = start_mock()
    weir = start({"providers": {"one": {**providers(mock)["openai"], "prices": PRICE}}})
    turns = [{"role": "user", "content": "word " * 100}, {"role": "assistant", "content": "Yes."}]
    reply = ask(weir, "m", COMPACT, input=turns)
    assert reply.status == 200 and reply.json["object"] == "response.compaction", reply
    assert [item.get("type") for item in reply.json["output"]][-1] == "compaction"
    assert reply.headers["x-weir-provider"] == "one" and float(reply.headers["x-weir-cost"]) == (
        reply.json["usage"]["total_tokens"])
    assert mock.last()["target"] == COMPACT and json.loads(mock.last()["body"])["model"] == "m"
    again = ask(weir, "m", "/v1/responses", input=reply.json["output"] + [{"role": "user", "content": "Go on"}])
    assert again.status == 200, again


def test_who_can_compact_is_told_as_far_as_the_client_may_know(start, start_mock):
    mock = start_mock()
    weir = start({"providers": providers(mock), "clients": [client("app"), client("few", providers=["anthropic"])],
                  "routes": [{"model": kind, "targets": [f"{kind}/m"]} for kind in KINDS]})
    for kind in ("anthropic", "gemini", "ollama-native"):
        refused = ask(weir, kind, COMPACT, "app")
        assert refused.status == 400 and refused.error["code"] == "unsupported", refused
        assert "ask for a model of `openai`." in refused.error["message"]
    assert "`openai`" not in ask(weir, "anthropic", COMPACT, "few").error["message"]
    assert mock.requests()["count"] == 0


def test_clients_have_no_other_rights_there(start):
    def answer(connection, head, _):
        body = b'{"object":"response.input_tokens","input_tokens":3,"output":[]}'
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" %
                           len(body) + body)
    with RawProvider(answer) as far:
        weir = start({
            "providers": {"one": provider(far.base_url, type="openai", models=["m", "dear"])},
            "clients": [client("app"), client("kept", models=["m"]), client("none", providers=["two"]),
                        client("raw", models=["m"], raw=True)]
        })
        stored = ({"previous_response_id": "resp_1"}, {"conversation": "conv_1"}, {"prompt": {"id": "p"}},
                  {"input": [{"type": "item_reference", "id": "msg_1"}]},
                  {"input": [{"type": "input_file", "file_id": "file-1"}]})
        for path in (COUNT, COMPACT):
            assert ask(weir, "m", path).status == 401
            assert ask(weir, "dear", path, "kept").status == 403
            assert ask(weir, "m", path, "none").status == 403
            tools = [{"type": "image_generation", "model": "dear"}]
            assert ask(weir, "m", path, "kept", tools=tools).status == 403
            for more in stored:
                assert ask(weir, "m", path, "app", **more).status in (400, 403), (path, more)
            raw = "/providers/one" + path.removeprefix("/v1")
            assert ask(weir, "m", raw, "app").status == ask(weir, "dear", raw, "raw").status == 403
            assert not far.heads
            for which in (path, raw):
                assert ask(weir, "m", which, "raw").status == 200
                assert far.heads.pop().startswith(f"POST {path} ")
            assert ask(weir, "m", path, "kept").status == 200 and far.heads.pop()


def test_a_server_that_lacks_the_path_says_so_itself_and_goes_on_to_answer_chats(start):
    def answer(connection, head, _):
        if "/responses/" in far.heads[-1]:
            connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: 22\r\n\r\n"
                               b'{"detail":"Not Found"}')
        else:
            connection.sendall(good_reply())
    with RawProvider(answer) as far:
        weir = start({"providers": {"one": provider(far.base_url, ["m"], type="openai")}})
        for path in (COUNT, COMPACT) * 4:
            assert ask(weir, "m", path).status == 404
        assert chat(weir.port, model="m").status == 200 and len(far.heads) == 9


def test_the_route_that_is_told_is_the_one_that_is_taken(chain):
    weir, mock = chain
    admin = {"authorization": f"Bearer {weir.admin_key}"}
    for path in (COUNT, COMPACT):
        told = http(weir.port, "GET", f"/admin/v1/route/openai?path={path}", headers=admin)
        assert told.status == 200 and told.json["chosen"] == "openai/m", told
        assert told.json["candidates"][0]["way"] == "alike"
    refused = http(weir.port, "GET", f"/admin/v1/route/gemini?path={COMPACT}", headers=admin)
    assert refused.status == 400 and "/responses/compact" in refused.error["message"]
    assert mock.requests()["count"] == 0
    done = ask(weir, "openai", COMPACT)
    told = http(weir.port, "GET", f"/admin/v1/requests/{done.headers['x-weir-request-id']}", headers=admin)
    assert told.status == 200 and "openai/m" in told.text


@pytest.mark.parametrize("path", [COUNT, COMPACT])
def test_they_take_post_alone(chain, path):
    weir, _ = chain
    for method in ("GET", "DELETE", "PUT"):
        refused = http(weir.port, method, path)
        assert refused.status == 405 and refused.headers["allow"] == "POST", refused

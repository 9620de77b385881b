"""`conversations: store`: chat turns of every dialect are kept for the clients that say so, in conversations that
people would recognize, for their own client's eyes and an admin's, within limits, and never in the way."""
import contextlib
import hashlib
import json
import os
import signal
import sqlite3
import subprocess

import pytest

from weirlib import (BINARY, Connection, RawProvider, environment, good_reply, http, poll, provider, request_bytes)

KEYS = {name: f"weir-key-of-{name}" for name in ("app", "other", "quiet", "boss", "ops")}


def clients(**settings):
    more = {"app": {"conversations": "store"}, "other": {"conversations": "store"}, "boss": {"role": "admin"},
            "ops": {"role": "operator"}, "quiet": {}}
    return [{"name": name, "key_hash": hashlib.sha256(key.encode()).hexdigest(), **more[name], **settings.get(name, {})}
            for name, key in KEYS.items() if name in more]


def of(name, **headers):
    return {"authorization": f"Bearer {KEYS[name]}", **{name.replace("_", "-"): v for name, v in headers.items()}}


@pytest.fixture
def run(folder, mocks):
    mocks[0].reset()

    def begin(client_settings=None, **top):
        base = f"http://127.0.0.1:{mocks[0].port}"
        kinds = {"openai": f"{base}/v1", "anthropic": base, "gemini": f"{base}/v1beta"}
        more = {"providers": {kind: provider(url, type=kind, models=[f"{kind}-m"]) for kind, url in kinds.items()}}
        return folder({**more, "clients": clients(**(client_settings or {})), **top})
    return begin


def say(weir, *words, name="app", model="openai-m", stream=False, system=None, **headers):
    """A chat in OpenAI's dialect: words of the user and of the assistant by turns."""
    messages = [{"role": ("user", "assistant")[i % 2], "content": word} for i, word in enumerate(words)]
    if system:
        messages.insert(0, {"role": "system", "content": system})
    reply = http(weir.port, "POST", "/v1/chat/completions", {"model": model, "messages": messages, "stream": stream},
                 of(name, **headers))
    assert reply.status == 200, reply
    return reply


def get(weir, path="", name="app", method="GET"):
    return http(weir.port, method, f"/v1/key/conversations{path}", None, of(name))


def listed(weir, name="app", count=None):
    """Its conversations; waits until that many turns are kept."""
    def look():
        found = get(weir, "?limit=100", name).json["data"]
        return (found,) if count is None or sum(one["turns"] for one in found) >= count else None
    return poll(look)[0]


def turns(weir, conversation, name="app"):
    return get(weir, f"/{conversation['id']}", name).json["data"]


def admin(weir, path, method="GET", name="boss"):
    return http(weir.port, method, f"/admin/v1/conversations{path}", None, of(name))


# -- what is kept --

def test_a_turn_is_what_is_new_and_what_was_answered(run):
    weir = run()
    first = say(weir, "My name is Ada", system="Be short.").content
    second = say(weir, "My name is Ada", first, "And who are you?", system="Be short.").content
    kept, = listed(weir, count=2)
    one, two = turns(weir, kept)
    assert one["messages"] == [{"role": "system", "content": "Be short."},
                               {"role": "user", "content": "My name is Ada"}]
    assert one["answer"] == {"role": "assistant", "content": first} and one["cut"] is False
    assert two["messages"] == [{"role": "user", "content": "And who are you?"}]
    assert two["answer"]["content"] == second and two["model"] == "openai-m" and two["api"] == "chat"
    assert kept["turns"] == 2 and kept["id"].startswith("conv_")


def test_nothing_is_kept_of_who_does_not_say_so(run):
    weir = run()
    say(weir, "nobody keeps this", name="quiet")
    say(weir, "this is kept")
    listed(weir, count=1)
    assert listed(weir, "quiet") == []
    held = b"".join(path.read_bytes() for path in weir.state_dir.rglob("*") if path.is_file())
    assert b"this is kept" in held and b"nobody keeps this" not in held
    assert oct(os.stat(weir.state_dir / "responses.db").st_mode & 0o777) == "0o600"


BODIES = {
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "hello there"}]},
    "/v1/completions": {"prompt": "hello there"},
    "/v1/messages": {"max_tokens": 50, "messages": [{"role": "user", "content": "hello there"}]},
    "/v1/responses": {"input": "hello there"},
    "generate": {"contents": [{"role": "user", "parts": [{"text": "hello there"}]}]},
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("model", ["openai-m", "anthropic-m", "gemini-m"])
def test_every_dialect_whole_and_streamed_towards_every_provider(run, path, model, stream):
    weir = run()
    body = {**BODIES[path], "model": model, **({"stream": True} if stream else {})}
    if path == "generate":
        body = BODIES[path]
        path = f"/v1beta/models/{model}:" + ("streamGenerateContent?alt=sse" if stream else "generateContent")
    reply = http(weir.port, "POST", path, body, of("app"))
    assert reply.status == 200, reply
    kept, = listed(weir, count=1)
    turn, = turns(weir, kept)
    assert turn["messages"][-1] == {"role": "user", "content": "hello there"}
    assert turn["answer"]["role"] == "assistant" and not turn["cut"] and turn["model"] == model
    said = turn["answer"]["content"]
    assert said and all(word in reply.text for word in said.split())


def test_gemini_s_list_is_a_stream_too(run):
    weir = run()
    assert http(weir.port, "POST", "/v1beta/models/gemini-m:streamGenerateContent", BODIES["generate"],
                of("app")).status == 200
    turn, = turns(weir, listed(weir, count=1)[0])
    assert turn["answer"]["content"] and not turn["cut"]


@pytest.mark.parametrize("stream", [False, True])
def test_calls_of_tools_are_in_it_and_their_results(run, mocks, stream):
    weir = run()
    tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
    body = {"model": "openai-m", "tools": [tool], "tool_choice": "required", "stream": stream,
            "messages": [{"role": "user", "content": "how is it outside?"}]}
    assert http(weir.port, "POST", "/v1/chat/completions", body, of("app")).status == 200
    one, = turns(weir, listed(weir, count=1)[0])
    call, = one["answer"]["tool_calls"]
    assert call["function"]["name"] == "weather" and json.loads(call["function"]["arguments"]) is not None
    body["messages"] += [one["answer"], {"role": "tool", "tool_call_id": call["id"], "content": "rain"}]
    body["tool_choice"] = "auto"
    assert http(weir.port, "POST", "/v1/chat/completions", body, of("app")).status == 200
    kept, = listed(weir, count=2)
    assert [message["role"] for message in turns(weir, kept)[1]["messages"]] == ["tool"]


def test_an_error_is_no_turn(run, mocks):
    weir = run()
    mocks[0].fault("status=400")
    reply = http(weir.port, "POST", "/v1/chat/completions",
                 {"model": "openai-m", "messages": [{"role": "user", "content": "x"}]}, of("app"))
    assert reply.status == 400
    mocks[0].reset()
    say(weir, "after it")
    assert [one["turns"] for one in listed(weir, count=1)] == [1]


def test_a_stream_that_is_cut_is_kept_as_cut(folder):
    def cut(connection, head, body):
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        event = (b'data: {"id":"c","object":"chat.completion.chunk",'
                 b'"choices":[{"index":0,"delta":{"content":"half an"}}]}\n\n')
        connection.sendall(b"%x\r\n%s\r\n" % (len(event), event))
        connection.close()
    with RawProvider(cut) as raw:
        weir = folder({"providers": {"one": provider(raw)}, "clients": clients()})
        with Connection(weir.port) as connection:
            body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "go"}]}
            connection.send(request_bytes("POST", "/v1/chat/completions", body, of("app")))
            connection.read_until(b"half an")
        turn, = turns(weir, listed(weir, count=1)[0])
        assert turn["cut"] is True and turn["answer"]["content"] == "half an"
        assert turn["messages"] == [{"role": "user", "content": "go"}]


def test_several_answers_are_one_and_its_alternatives(run):
    weir = run()
    body = {"model": "openai-m", "n": 3, "messages": [{"role": "user", "content": "choose"}]}
    assert http(weir.port, "POST", "/v1/chat/completions", body, of("app")).status == 200
    turn, = turns(weir, listed(weir, count=1)[0])
    assert turn["answer"]["content"] and len(turn["alternatives"]) == 2


# -- which conversation --

def test_those_that_begin_alike_are_told_apart_by_their_answers(run, folder):
    answers = iter(["I am A", "I am B", "fine", "fine"])

    def answer(connection, head, body):
        said = json.dumps({"id": "c", "object": "chat.completion", "model": "m", "choices": [
            {"index": 0, "message": {"role": "assistant", "content": next(answers)}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}).encode()
        connection.sendall(good_reply(said))
    with RawProvider(answer) as raw:
        weir = folder({"providers": {"one": provider(raw)}, "clients": clients()})
        say(weir, "Hi", model="m")
        say(weir, "Hi", model="m")
        assert [one["turns"] for one in listed(weir, count=2)] == [1, 1]
        say(weir, "Hi", "I am A", "of A", model="m")
        say(weir, "Hi", "I am B", "of B", model="m")
        kept = [turns(weir, one) for one in listed(weir, count=4)]
        said = {tuple(turn["messages"][-1]["content"] for turn in one): one[0]["answer"]["content"] for one in kept}
        assert said == {("Hi", "of A"): "I am A", ("Hi", "of B"): "I am B"}


def test_one_goes_on_at_another_provider_and_in_another_dialect(run):
    weir = run()
    first = say(weir, "one", model="openai-m").content
    body = {"model": "anthropic-m", "max_tokens": 50, "system": "a new one",
            "messages": [{"role": "user", "content": [{"type": "text", "text": "one",
                                                       "cache_control": {"type": "ephemeral"}}]},
                         {"role": "assistant", "content": first}, {"role": "user", "content": "two"}]}
    assert http(weir.port, "POST", "/v1/messages", body, of("app")).status == 200
    kept, = listed(weir, count=2)
    assert turns(weir, kept)[1]["messages"] == [{"role": "user", "content": "two"}]


def test_a_named_session_is_one_conversation(run):
    weir = run()
    for header in ("x_weir_session", "x_claude_code_session_id", "session_id"):
        say(weir, f"a {header}", **{header: f"s-{header}"})
        say(weir, f"b {header}", **{header: f"s-{header}"})
    found = listed(weir, count=6)
    assert sorted((one["session"], one["turns"]) for one in found) == \
        [("s-session_id", 2), ("s-x_claude_code_session_id", 2), ("s-x_weir_session", 2)]


def test_a_response_that_goes_on_by_its_id_is_of_its_conversation(run):
    weir = run()
    first = http(weir.port, "POST", "/v1/responses", {"model": "openai-m", "input": "one"}, of("app"))
    second = http(weir.port, "POST", "/v1/responses",
                  {"model": "openai-m", "input": "two", "previous_response_id": first.json["id"]}, of("app"))
    assert second.status == 200
    kept, = listed(weir, count=2)
    assert [turn["messages"][-1]["content"] for turn in turns(weir, kept)] == ["one", "two"]
    assert turns(weir, kept)[0]["answer_id"] == first.json["id"]


# -- whose --

def test_a_client_finds_nothing_of_anothers_whatever_it_asks(run):
    weir = run()
    say(weir, "a secret of app", x_weir_session="shared-name")
    say(weir, "of the other", name="other", x_weir_session="shared-name")
    mine, theirs = listed(weir, count=1)[0], listed(weir, "other", count=1)[0]
    assert mine["id"] != theirs["id"]
    before = turns(weir, mine)
    for path in (f"/{mine['id']}", f"/{mine['id']}?client=app", f"/{mine['id']}?after=0&client=app"):
        for method in ("GET", "DELETE"):
            assert get(weir, path, "other", method).status == 404
    for path in ("?client=app", f"?after={mine['id']}", "/export", "/export?client=app", "?after=' OR '1'='1"):
        reply = get(weir, path.replace(" ", "%20"), "other")
        assert "a secret of app" not in reply.text and mine["id"] not in reply.text, path
    for name in ("other", "quiet", "app"):
        for path in ("?client=app", f"/{mine['id']}?client=app", "/export?client=app"):
            assert admin(weir, path, name=name).status == 403
    assert http(weir.port, "GET", "/v1/key/conversations").status == 401
    assert get(weir, "", "other", "DELETE").json["turns"] == 1
    assert turns(weir, mine) == before and listed(weir, "other") == []


def test_going_on_from_anothers_words_or_ids_joins_nothing_of_theirs(run):
    weir = run()
    answer = http(weir.port, "POST", "/v1/responses", {"model": "openai-m", "input": "of app"}, of("app"))
    first = say(weir, "shared words").content
    listed(weir, count=2)
    say(weir, "shared words", first, "and I go on", name="other")
    stolen = http(weir.port, "POST", "/v1/responses",
                  {"model": "openai-m", "input": "go on", "previous_response_id": answer.json["id"]}, of("other"))
    assert stolen.status == 400
    kept, = listed(weir, "other", count=1)
    assert len(turns(weir, kept, "other")[0]["messages"]) == 3
    assert sum(one["turns"] for one in listed(weir)) == 2


def test_an_operator_sees_that_there_are_some_and_an_admin_what_they_say(run):
    weir = run()
    say(weir, "words of app")
    kept, = listed(weir, count=1)
    assert admin(weir, "?client=app", name="ops").json["data"] == [kept]
    for path in (f"/{kept['id']}?client=app", "/export?client=app"):
        assert admin(weir, path, name="ops").status == 403
    assert admin(weir, "").status == 400
    assert admin(weir, f"/{kept['id']}?client=app").json["data"][0]["messages"][0]["content"] == "words of app"
    line = json.loads(admin(weir, "/export?client=app").text)
    assert line["conversation"] == kept["id"] and line["kind"] == "turn"
    assert admin(weir, f"/{kept['id']}?client=other").status == 404
    assert admin(weir, f"/{kept['id']}?client=app", "DELETE").json["deleted"] is True
    assert listed(weir) == []
    rows = http(weir.port, "GET", "/admin/v1/audit", None, of("boss")).json["rows"]
    told = [(row["action"], row["subject"], row["detail"]) for row in rows if row["actor"] == "boss"]
    assert told == [("conversation.read", "app", kept["id"]), ("conversation.read", "app", "all"),
                    ("conversation.read", "other", kept["id"]), ("conversation.purge", "app", kept["id"])]


# -- lists, pages and lines --

def test_lists_and_conversations_come_in_pages(run):
    weir = run()
    for i in range(5):
        say(weir, f"conversation {i}")
    listed(weir, count=5)
    seen, after = [], ""
    while True:
        page = get(weir, f"?limit=2{after}").json
        seen += [one["id"] for one in page["data"]]
        if not page["has_more"]:
            break
        after = f"&after={page['next']}"
    assert len(seen) == len(set(seen)) == 5 and page["next"] is None
    assert get(weir, "?limit=0").status == 400 and get(weir, f"/{seen[0]}?after=x").status == 400
    assert get(weir, "/conv_none").status == 404


def test_all_is_exported_as_lines_however_long(run):
    weir = run()
    words = ["w" * 200_000 + str(i) for i in range(12)]
    for word in words:
        say(weir, word)
    listed(weir, count=12)
    with Connection(weir.port) as connection:
        connection.send(request_bytes("GET", "/v1/key/conversations/export", None, of("app")))
        reply = connection.reply("GET")
    assert reply.complete and reply.headers["content-type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in reply.text.splitlines()]
    assert [line["messages"][0]["content"] for line in lines] == words


def test_who_hangs_up_in_the_middle_of_an_export_holds_up_nobody(run):
    weir = run()
    for i in range(8):
        say(weir, "w" * 500_000 + str(i))
    listed(weir, count=8)
    for _ in range(5):
        with Connection(weir.port) as connection:
            connection.send(request_bytes("GET", "/v1/key/conversations/export", None, of("app")))
            connection.head()
            connection.reset()
    assert len(get(weir, "/export").text.splitlines()) == 8


# -- limits --

def test_the_oldest_give_way_within_the_bytes_of_their_client(run):
    weir = run(responses={"max_bytes_per_client": 64 * 1024, "max_bytes": 200_000})
    say(weir, "of the other stays", name="other")
    listed(weir, "other", count=1)
    for i in range(10):
        say(weir, f"{i} " + "x" * 20_000)
    poll(lambda: any(turns(weir, one)[0]["messages"][0]["content"].startswith("9 ") for one in listed(weir)))
    left = [turns(weir, one)[0]["messages"][0]["content"][0] for one in listed(weir)]
    assert left and sorted(left) == [str(i) for i in range(10 - len(left), 10)] and len(left) < 4
    assert sum(one["bytes"] for one in listed(weir)) <= 64 * 1024
    assert len(listed(weir, "other")) == 1
    with contextlib.closing(sqlite3.connect(weir.state_dir / "responses.db")) as db:
        kept, said = db.execute("SELECT (SELECT coalesce(sum(bytes), 0) FROM turns) + (SELECT coalesce(sum(bytes), 0) "
                                "FROM responses), (SELECT bytes FROM response_total)").fetchone()
    assert kept == said


def test_a_turn_that_is_too_large_is_served_and_told_of(run):
    weir = run(responses={"max_bytes_per_client": 10_000})
    say(weir, "x" * 50_000)
    assert poll(lambda: weir.log("responses_store_failed"))[0]["what"] == "a turn of a conversation was not stored"
    say(weir, "small")
    assert len(listed(weir, count=1)) == 1


def test_a_storage_that_fails_stops_nobody(run):
    weir = run()
    (weir.state_dir / "responses.db").mkdir()
    assert say(weir, "hello").content
    line = poll(lambda: weir.log("responses_store_failed"))[0]
    assert line["what"] == "a turn of a conversation was not stored" and line["mend"]
    assert get(weir).status == 503 or get(weir).status == 500
    assert say(weir, "hello").content


def test_they_outlive_a_kill_and_a_template_says_it_for_all_that_name_it(run):
    weir = run({"quiet": {"template": "kept"}}, templates={"kept": {"conversations": "store"}})
    say(weir, "by its template", name="quiet")
    listed(weir, "quiet", count=1)
    weir.process.send_signal(signal.SIGKILL)
    weir.process.wait()
    weir = run()
    assert len(listed(weir, "quiet")) == 1


def test_a_client_made_at_run_time_keeps_them_too(run):
    weir = run()
    made = http(weir.port, "POST", "/admin/v1/clients", {"name": "late", "conversations": "store"}, of("boss"))
    assert made.status < 300, made
    KEYS["late"] = made.json["key"]
    say(weir, "late words", name="late")
    assert len(listed(weir, "late", count=1)) == 1
    changed = http(weir.port, "PATCH", "/admin/v1/clients/late", {"conversations": "off"}, of("boss"))
    assert changed.status == 200, changed
    say(weir, "not these", name="late")
    say(weir, "but these")
    listed(weir, count=1)
    assert len(listed(weir, "late")) == 1


# -- commands --

def command(weir, *words, status=0):
    done = subprocess.run([BINARY, "conversation", *words, "--state-dir", str(weir.state_dir)], capture_output=True,
                          text=True, timeout=30, env=environment())
    assert done.returncode == status, done
    return done


def test_the_commands_list_show_export_and_purge(run):
    weir = run()
    first = say(weir, "hello command").content
    say(weir, "of the other", name="other")
    kept, = listed(weir, count=1)
    listed(weir, "other", count=1)
    assert kept["id"] in command(weir, "list", "--client", "app").stdout
    assert json.loads(command(weir, "list", "--client", "app", "--json").stdout)["data"] == [kept]
    shown = command(weir, "show", kept["id"], "--client", "app").stdout
    assert "hello command" in shown and first in shown
    assert "There is no" in command(weir, "show", kept["id"], "--client", "other", status=1).stderr
    line = json.loads(command(weir, "export", "--client", "app").stdout)
    assert line["messages"][0]["content"] == "hello command"
    assert "1 turn" in command(weir, "purge", "--client", "app").stdout
    assert listed(weir) == [] and len(listed(weir, "other")) == 1
    held = b"".join(path.read_bytes() for path in weir.state_dir.rglob("responses.db*"))
    assert b"hello command" not in held and b"of the other" in held
    rows = http(weir.port, "GET", "/admin/v1/audit", None, of("boss")).json["rows"]
    assert [row["action"] for row in rows if row["action"].startswith("conversation.")] == \
        ["conversation.read", "conversation.read", "conversation.read", "conversation.purge"]


def test_usage_export_and_purge_cover_them(run):
    weir = run()
    say(weir, "words in a turn")
    listed(weir, count=1)
    asked = [BINARY, "usage", "export", "--client", "app", "--state-dir", str(weir.state_dir)]
    lines = [json.loads(line) for line in subprocess.check_output(asked, env=environment(), timeout=30).splitlines()]
    assert [line["messages"][0]["content"] for line in lines if line["kind"] == "turn"] == ["words in a turn"]
    asked[2] = "purge"
    subprocess.check_output(asked, env=environment(), timeout=30)
    assert listed(weir) == []
    assert b"words in a turn" not in b"".join(path.read_bytes() for path in weir.state_dir.rglob("responses.db*"))

"""The response cache over real sockets: what is given again, to whom, and what is not."""
import json
import subprocess
import threading

import pytest

from weirlib import BINARY, SLOW, Connection, environment, http, poll, provider, request_bytes

KEYS = {"a": "sk-client-a", "b": "sk-client-b"}


def sha(key):
    import hashlib
    return hashlib.sha256(key.encode()).hexdigest()


def config(mock, cache=None, patience=20, **more):
    clients = [{"name": name, "key_hash": sha(key)} for name, key in KEYS.items()]
    return {
        "providers": {"p": provider(mock, ["m"], prices={"m": {"input": 1, "output": 2}}, timeout_seconds=patience,
                                    reply_timeout_seconds=patience, stall_timeout_seconds=patience)},
        "cache": {} if cache is None else cache, "clients": clients, **more
    }


def ask(weir, text="hello", key="a", path="/v1/chat/completions", headers=None, body=None, raw=None, **more):
    body = body or {"model": "m", "messages": [{"role": "user", "content": text}], "temperature": 0, **more}
    headers = {"authorization": f"Bearer {KEYS[key]}", **(headers or {})}
    return http(weir.port, "POST", path, raw if raw is not None else body, headers=headers)


def asked(mock):
    return len(mock.requests()["requests"])


@pytest.fixture
def pair(start, start_mock):
    def run(cache=None, patience=20, **more):
        mock = start_mock()
        return start(config(mock, cache, patience, **more)), mock
    return run


def said(reply):
    assert reply.status == 200, reply
    return reply.headers["x-weir-cache"]


def test_the_same_request_is_answered_again_at_no_cost(pair):
    weir, mock = pair()
    first, second = ask(weir), ask(weir)
    assert (said(first), said(second)) == ("miss", "hit")
    assert first.body == second.body and asked(mock) == 1
    assert float(first.headers["x-weir-cost"]) > 0 and float(second.headers["x-weir-cost"]) == 0
    assert second.headers["x-weir-provider"] == "p" and second.headers["x-weir-attempts"] == "0"
    line = poll(lambda: [l for l in weir.log("request_done") if l.get("cache") == "hit"])[0]
    assert line["cached"] is True and float(line["saved_usd"]) == float(first.headers["x-weir-cost"])


def test_limits_hold_for_answers_from_the_cache_and_spent_budgets_do_not(start, start_mock):
    mock = start_mock()
    options = config(mock)
    options["clients"][0]["budgets"] = [{"usd": 0.0008, "window": "lifetime"}]
    options["clients"][1]["rate_limit_rpm"] = 2
    weir = start(options)
    assert said(ask(weir, max_tokens=9)) == "miss"
    assert any(ask(weir, f"spend {i}", max_tokens=9).status != 200 for i in range(40))  # until there is no room
    assert said(ask(weir, max_tokens=9)) == "hit"
    assert [ask(weir, key="b").status for _ in range(3)] == [200, 200, 429]


def test_off_until_it_is_written(start, start_mock):
    mock = start_mock()
    options = config(mock)
    del options["cache"]
    weir = start(options)
    assert "x-weir-cache" not in ask(weir).headers and "x-weir-cache" not in ask(weir).headers and asked(mock) == 2
    assert ask(weir, headers={"x-weir-cache": "only"}).status == 504
    assert ask(weir, headers={"x-weir-cache-key": "k"}).headers["x-weir-cache"] == "bypass"


def test_no_other_clients_answer(pair):
    weir, mock = pair()
    ask(weir, key="a")
    assert said(ask(weir, key="b")) == "miss" and asked(mock) == 2
    for key in "ab":  # nor by a key of its own
        assert said(ask(weir, key=key, headers={"x-weir-cache-key": "k"})) == "miss"
    assert said(ask(weir, key="b", headers={"x-weir-cache-key": "k"})) == "hit"


def test_shared_where_it_is_so_written(pair):
    weir, mock = pair({"scope": "all"})
    ask(weir, key="a")
    assert said(ask(weir, key="b")) == "hit" and asked(mock) == 1


def test_a_key_is_what_is_meant_and_not_how_it_is_written(pair):
    weir, _ = pair()
    ask(weir, raw=b'{"model":"m","messages":[{"role":"user","content":"a/b"}],"temperature":0,"max_tokens":5}')
    for raw in (b' {"max_tokens":5.0, "temperature":0e3, "messages":[{"content":"\\u0061\\/b","role":"user"}],'
                b'"model":"m"}',
                b'{"model":"m","messages":[{"role":"user","content":"a/b"}],"temperature":-0.0,"max_tokens":5,'
                b'"user":"u","metadata":{"x":"y"},"prompt_cache_key":"z"}'):
        assert said(ask(weir, raw=raw)) == "hit", raw
    for raw in (b'{"model":"m","messages":[{"role":"user","content":"a/b"}],"temperature":0,"max_tokens":6}',
                b'{"model":"m","messages":[{"role":"user","content":"a/b"}],"temperature":0,"max_tokens":5,"seed":1}',
                b'{"model":"m","messages":[{"role":"user","content":"a/b "}],"temperature":0,"max_tokens":5}',
                b'{"model":"m","messages":[{"role":"system","content":"a/b"}],"temperature":0,"max_tokens":5}'):
        assert said(ask(weir, raw=raw)) == "miss", raw
    assert said(ask(weir, "a/b", max_tokens=5, headers={"openai-beta": "x=1"})) == "miss"


@pytest.mark.parametrize("more", [
    {"temperature": 0.5}, {"store": True}, {"web_search_options": {}, "Store": True},
    {"tools": [{"type": "web_search"}]}, {"plugins": [{"id": "web"}]}
])
def test_what_is_not_repeatable_is_passed_by(pair, more):
    weir, mock = pair()
    for _ in range(2):
        reply = ask(weir, **more)
        assert reply.status != 200 or said(reply) == "bypass", reply
    assert ask(weir, headers={"x-weir-cache": "only"}, **more).status == 504


def test_a_member_that_stands_twice_is_passed_by(pair):
    weir, _ = pair()
    raw = b'{"model":"m","messages":[{"role":"user","content":"a","content":"b"}],"temperature":0}'
    assert [ask(weir, raw=raw).headers.get("x-weir-cache") for _ in range(2)] == ["bypass", "bypass"]


def test_mode_all_and_what_asks_for_it(pair):
    weir, _ = pair()
    for more in ({"headers": {"x-weir-cache-ttl": "60"}}, {"headers": {"x-weir-cache-key": "k"}}):
        assert [said(ask(weir, temperature=1, **more)) for _ in range(2)] == ["miss", "hit"]
    weir, _ = pair({"mode": "all"})
    assert [said(ask(weir, temperature=1)) for _ in range(2)] == ["miss", "hit"]


def test_the_callers_words(pair):
    weir, mock = pair()
    assert ask(weir, headers={"x-weir-cache": "only"}).status == 504 and asked(mock) == 0
    assert said(ask(weir, headers={"x-weir-cache": "no-store"})) == "bypass"
    assert said(ask(weir)) == "miss"
    assert said(ask(weir, headers={"x-weir-cache": "only"})) == "hit"
    assert said(ask(weir, headers={"x-weir-cache": "no-cache"})) == "miss"
    assert asked(mock) == 3
    assert ask(weir, headers={"x-weir-cache": "perhaps"}).status == 400
    assert ask(weir, headers={"x-weir-cache-ttl": "99999999"}).status == 400
    assert ask(weir, headers={"x-weir-cache-key": "k" * 257}).status == 400


def test_a_callers_key_stands_for_the_prompt_alone(pair):
    weir, _ = pair()
    named = {"x-weir-cache-key": "k"}
    assert said(ask(weir, "one", headers=named)) == "miss"
    assert said(ask(weir, "two", headers=named)) == "hit"
    assert said(ask(weir, "two", headers=named, max_tokens=7)) == "miss"
    assert said(ask(weir, "two")) == "miss"


@pytest.mark.parametrize("fault",
                         ["status=500", "status=400", "error-200", "invalid-json", "wrong-length", "empty-body"])
def test_a_failure_is_not_kept(pair, fault):
    weir, mock = pair(retry={"max_retries": 0})
    mock.fault(fault, 1)
    assert ask(weir).status >= 400
    assert said(ask(weir)) == "miss"
    assert said(ask(weir)) == "hit"
    assert mock.last()


@pytest.mark.parametrize("path,body", [
    ("/v1/chat/completions", {"model": "m", "messages": [{"role": "user", "content": "hi"}], "temperature": 0}),
    ("/v1/messages", {"model": "m", "messages": [{"role": "user", "content": "hi"}], "temperature": 0,
                      "max_tokens": 50}),
    ("/v1/responses", {"model": "m", "input": "hi", "temperature": 0, "store": False}),
])
def test_streams_and_whole_replies_serve_each_other(pair, path, body):
    for first in (True, False):
        weir, mock = pair()
        one = ask(weir, path=path, body={**body, "stream": first})
        again = ask(weir, path=path, body={**body, "stream": first})
        other = ask(weir, path=path, body={**body, "stream": not first})
        assert [said(r) for r in (one, again, other)] == ["miss", "hit", "hit"] and asked(mock) == 1
        assert one.body == again.body
        assert ("event-stream" in other.headers["content-type"]) is not first
        own = ask(weir, path=path, body={**body, "stream": not first}, headers={"x-weir-cache": "no-cache"})
        assert text_of(own, not first) == text_of(other, not first) == text_of(one, first), other


def text_of(reply, stream):
    """What is said, whatever the dialect."""
    documents = [json.loads(line[6:]) for line in reply.text.splitlines()
                 if line.startswith("data: {")] if stream else [reply.json]
    found = ""
    for document in documents:
        if "delta" in document and isinstance(document["delta"], str) and document["type"].endswith("text.delta"):
            found += document["delta"]
        elif document.get("type") == "content_block_delta":
            found += document["delta"].get("text", "")
        elif not stream and "output" in document:
            found += "".join(p["text"] for o in document["output"] for p in o.get("content", []))
        elif not stream and "content" in document:
            found += "".join(p.get("text", "") for p in document["content"])
        for choice in document.get("choices", []):
            found += choice.get("delta", choice.get("message", {})).get("content") or ""
    assert found, reply
    return found


def test_gemini_and_its_stream(pair):
    weir, mock = pair()
    body = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}], "generationConfig": {"temperature": 0}}
    whole, stream = "/v1beta/models/m:generateContent", "/v1beta/models/m:streamGenerateContent?alt=sse"
    assert said(ask(weir, path=whole, body=body)) == "miss"
    assert said(ask(weir, path=stream, body=body)) == "hit"
    assert said(ask(weir, path=whole, body=body)) == "hit" and asked(mock) == 1


def test_embeddings_are_kept(pair):
    weir, mock = pair()
    body = {"model": "m", "input": ["a", "b"]}
    assert [said(ask(weir, path="/v1/embeddings", body=body)) for _ in range(2)] == ["miss", "hit"]
    assert asked(mock) == 1


def test_a_usage_chunk_is_told_where_it_is_asked_for(pair):
    weir, _ = pair()
    plain = ask(weir, stream=True)
    with_usage = ask(weir, stream=True, stream_options={"include_usage": True})
    assert (said(plain), said(with_usage)) == ("miss", "hit")
    assert '"usage":{' in with_usage.text.replace(" ", "") and '"usage":{' not in plain.text.replace(" ", "")
    assert text_of(plain, True) == text_of(with_usage, True)


@pytest.mark.parametrize("fault", ["reset-mid-stream=2", "end-mid-stream=2", "error-in-stream=2"])
def test_a_stream_that_is_cut_is_not_kept(pair, fault):
    weir, mock = pair(retry={"max_retries": 0})
    mock.fault(fault, 1)
    broken = ask(weir, stream=True)
    assert "[DONE]" not in broken.text
    assert said(ask(weir, stream=True)) == "miss"


def identical(weir, count, **more):
    replies = [None] * count

    def one(i):
        replies[i] = ask(weir, **more)
    threads = [threading.Thread(target=one, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return replies


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("workers", [1, 3])
def test_identical_requests_at_once_are_asked_once(pair, stream, workers):
    weir, mock = pair(workers=workers)
    mock.fault("slow-bytes=1", 1)
    replies = identical(weir, 60, stream=stream)
    assert asked(mock) == 1
    assert {r.status for r in replies} == {200} and len({r.body for r in replies}) == 1
    states = [said(r) for r in replies]
    assert states.count("miss") == 1 and states.count("shared") + states.count("hit") == 59, states


def begun(weir, mock, key="a", **more):
    """A stream on a connection of its own, whose provider has been asked."""
    before = asked(mock)
    connection = Connection(weir.port)
    body = {"model": "m", "messages": [{"role": "user", "content": "hello"}], "temperature": 0, "stream": True, **more}
    connection.send(request_bytes("POST", "/v1/chat/completions", body, {"authorization": f"Bearer {KEYS[key]}"}))
    poll(lambda: asked(mock) > before)
    return connection


def test_who_comes_late_gets_the_stream_from_its_first_event_on(pair):
    weir, mock = pair(workers=2)
    mock.fault("slow-bytes=2", 1)
    with begun(weir, mock) as first:
        assert first.read_until(b"data: ") is not None
        second = ask(weir, stream=True)
        assert said(second) == "shared" and second.text.rstrip().endswith("data: [DONE]")
        assert asked(mock) == 1


@pytest.mark.parametrize("workers", [1, 2])
def test_a_hang_up_of_the_first_ends_nobody_elses(pair, workers):
    weir, mock = pair(workers=workers)
    mock.fault("slow-bytes=2", 1)
    found = []
    with begun(weir, mock) as first:
        assert first.read_until(b"data: ") is not None
        thread = threading.Thread(target=lambda: found.append(ask(weir, stream=True)))
        thread.start()
        poll(lambda: weir.metric("weir_requests_in_flight") == 2)
    thread.join()
    assert said(found[0]) == "shared" and found[0].text.rstrip().endswith("data: [DONE]")
    assert asked(mock) == 1 and mock.last()["outcome"] != "aborted"
    assert said(ask(weir, stream=True)) == "hit"  # it was whole


def test_when_all_have_hung_up_the_provider_is_broken_off(pair):
    weir, mock = pair(workers=2)
    mock.fault("stall-mid-stream=2", 1)
    with begun(weir, mock) as first:
        first.read_until(b"data: ")
        with Connection(weir.port) as second:
            second.send(request_bytes("POST", "/v1/chat/completions", {
                "model": "m", "messages": [{"role": "user", "content": "hello"}], "temperature": 0, "stream": True
            }, {"authorization": f"Bearer {KEYS['a']}"}))
            assert second.read_until(b"data: ") is not None
            first.socket.close()
            poll(lambda: weir.metric("weir_requests_in_flight") is not None)
    poll(lambda: weir.metric("weir_requests_in_flight") == 0)
    assert asked(mock) == 1


def test_others_clients_requests_are_their_own(pair):
    weir, mock = pair()
    mock.fault("slow-bytes=1", 2)
    with begun(weir, mock, key="a"):
        assert said(ask(weir, key="b", stream=True)) == "miss" and asked(mock) == 2


def test_they_fail_over_together_once(start, start_mock):
    mocks = [start_mock(), start_mock()]
    options = config(mocks[0], retry={"max_retries": 0},
                     routes=[{"model": "r", "strategy": "priority", "targets": ["p/m", "q/m"]}])
    options["providers"]["q"] = provider(mocks[1], ["m"], reply_timeout_seconds=20, stall_timeout_seconds=20)
    weir = start(options)
    mocks[0].fault("stall-before-token=300", 1)
    mocks[0].fault("error-in-stream=0", 1)
    mocks[0].fault("status=503", 1)
    mocks[1].fault("slow-bytes=1", 1)
    replies = identical(weir, 20, stream=True, model="r")
    assert {r.status for r in replies} == {200} and len({r.body for r in replies}) == 1
    assert (asked(mocks[0]), asked(mocks[1])) == (1, 1)


def test_where_all_fail_they_have_one_error(pair):
    weir, mock = pair(patience=1, retry={"max_retries": 0})
    mock.fault("hang", -1)  # a timeout of a second
    replies = identical(weir, 10, stream=True)
    assert len({r.status for r in replies}) == 1 and replies[0].status >= 500
    assert asked(mock) == 1
    mock.reset()
    poll(lambda: ask(weir, stream=True).status == 200)


def test_a_deadline_of_the_first_is_no_others(pair):
    weir, mock = pair(retry={"max_retries": 0})
    mock.fault("hang", 1)
    found = {}

    def one(name, **more):
        found[name] = ask(weir, **more)
    first = threading.Thread(target=one, args=("first",), kwargs={"headers": {"x-weir-timeout-ms": "400"}})
    first.start()
    poll(lambda: asked(mock) == 1)
    second = threading.Thread(target=one, args=("second",))
    second.start()
    first.join(), second.join()
    assert found["first"].status == 504 and found["second"].status == 200 and asked(mock) == 2, found


def test_a_thousand_at_once(pair):
    weir, mock = pair(workers=2)
    mock.fault("slow-bytes=3", 1)
    body = {"model": "m", "messages": [{"role": "user", "content": "hello"}], "temperature": 0, "stream": True}
    request = request_bytes("POST", "/v1/chat/completions", body, {"authorization": f"Bearer {KEYS['a']}"})
    connections = [Connection(weir.port) for _ in range(1000)]
    for connection in connections:
        connection.send(request)
    replies = [connection.reply("POST") for connection in connections]
    for connection in connections:
        connection.socket.close()
    assert {r.status for r in replies} == {200} and len({r.body for r in replies}) == 1
    assert asked(mock) == 1


def admin(weir, method, path, body=None):
    return http(weir.port, method, "/admin/v1" + path, body, headers={"authorization": f"Bearer {weir.admin_key}"})


def weir_command(weir, *arguments):
    run = subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=SLOW, cwd=weir.folder,
                         env=environment(WEIR_URL=f"http://127.0.0.1:{weir.port}", WEIR_ADMIN_KEY=weir.admin_key))
    return run.returncode, run.stdout + run.stderr


def kept(weir):
    """Its caller may have an answer a moment before the cache does: then it would be followed."""
    assert poll(lambda: admin(weir, "GET", "/cache").json["answers"] == 1)


def test_looking_and_taking_out(pair):
    weir, mock = pair(trust_tags=True, workers=2)
    for by in ({"all": True}, {"client": "a"}, {"route": "m"}, {"model": "m"}, {"target": "p"}, {"target": "p/m"},
               {"tag": "x=y"}, {"key": "mine"}):
        headers = {"x-weir-tags": "x=y"}
        if "key" in by:
            headers["x-weir-cache-key"] = "mine"
        assert said(ask(weir, headers=headers)) == "miss", by
        kept(weir)
        assert said(ask(weir, headers=headers)) == "hit"
        assert admin(weir, "GET", "/cache").json["answers"] == 1
        assert admin(weir, "POST", "/cache/purge", by).json == {"purged": 1}, by
    for by in ({"client": "b"}, {"tag": "x=z"}, {"key": "other"}, {"target": "q"}):
        ask(weir)
        kept(weir)
        assert admin(weir, "POST", "/cache/purge", by).json == {"purged": 0}, by
    for wrong in ({}, {"all": False}, {"client": ""}, {"nobody": "x"}, {"tag": "x"}, {"client": "a", "route": "m"}, []):
        assert admin(weir, "POST", "/cache/purge", wrong).status == 400, wrong
    assert http(weir.port, "POST", "/admin/v1/cache/purge", {"all": True},
                headers={"authorization": f"Bearer {KEYS['a']}"}).status == 403
    stats = admin(weir, "GET", "/cache").json
    assert stats["on"] and stats["answers"] == 1 and stats["purged"] == 8 and stats["found"] == 11, stats


def test_the_commands(pair):
    weir, _ = pair()
    ask(weir)
    status, out = weir_command(weir, "cache", "stats")
    assert status == 0 and out.startswith("1 answer, "), out
    assert weir_command(weir, "cache", "purge")[0] == 2
    assert weir_command(weir, "cache", "purge", "--all", "--route", "m")[0] == 2
    assert weir_command(weir, "cache", "purge", "--route", "m") == (0, '{"purged":1}\n')


def test_metrics_and_the_story_tell_of_it(pair):
    weir, _ = pair()
    first, second = ask(weir), ask(weir)
    ask(weir, temperature=1)
    poll(lambda: weir.metric("weir_cache_requests_total", outcome="hit") == 1)
    assert weir.metric("weir_cache_requests_total", outcome="miss") == 1
    assert weir.metric("weir_cache_requests_total", outcome="bypass") == 1
    assert weir.metric("weir_cache_saved_usd_total") == float(first.headers["x-weir-cost"])
    story = admin(weir, "GET", "/requests/" + second.headers["x-weir-request-id"]).json
    assert (story["cache"], story["made_by"], story["attempts"]) == ("hit", "p/m", []), story


def test_a_reload_changes_it(pair):
    weir, mock = pair()
    ask(weir)
    options = json.loads(weir.path.read_text())
    options["cache"] = {"enabled": False}
    weir.write(options)
    assert admin(weir, "POST", "/reload").status == 200
    poll(lambda: "x-weir-cache" not in ask(weir).headers)
    assert not admin(weir, "GET", "/cache").json["on"]
    options["cache"] = {"mode": "all"}
    weir.write(options)
    assert admin(weir, "POST", "/reload").status == 200
    poll(lambda: said(ask(weir, temperature=1)) == "hit")


def test_a_route_has_its_own(start, start_mock):
    mock = start_mock()
    options = config(mock, {"ttl_seconds": 100},
                     routes=[{"model": "off", "targets": ["p/m"], "cache": {"enabled": False}},
                             {"model": "all", "targets": ["p/m"], "cache": {"mode": "all"}}])
    weir = start(options)
    assert "x-weir-cache" not in ask(weir, model="off").headers
    assert [said(ask(weir, model="all", temperature=1)) for _ in range(2)] == ["miss", "hit"]
    options["routes"][0]["cache"]["max_bytes"] = 5
    weir.write(options)
    assert admin(weir, "POST", "/reload").status >= 400


def test_a_restart_keeps_it_and_a_purge_leaves_no_word_of_it(folder, start_mock):
    mock = start_mock()
    options = config(mock)
    weir = folder(options)
    first = ask(weir, "a-word-that-stands-out")
    ask(weir, "another")
    expires = ask(weir, "short", headers={"x-weir-cache-ttl": "1"})
    assert said(expires) == "miss"
    weir.stop()
    database = weir.state_dir / "cache.db"
    assert database.stat().st_mode & 0o777 == 0o600
    weir = folder(options)
    poll(lambda: admin(weir, "GET", "/cache").json["answers"] >= 2)
    again = ask(weir, "a-word-that-stands-out")
    assert said(again) == "hit" and again.body == first.body and asked(mock) == 3
    line = poll(lambda: [l for l in weir.log("request_done") if l.get("cache") == "hit"])[0]
    assert float(line["saved_usd"]) == float(first.headers["x-weir-cost"])
    assert said(ask(weir, "a-word-that-stands-out", key="b")) == "miss"
    assert admin(weir, "POST", "/cache/purge", {"client": "a"}).json["purged"] >= 2
    assert admin(weir, "POST", "/cache/purge", {"client": "b"}).json["purged"] == 1
    for file in weir.state_dir.glob("cache.db*"):
        assert b"stands-out" not in file.read_bytes(), file
    weir.stop()
    weir = folder(options)
    assert said(ask(weir, "another")) == "miss"


def test_not_durable_where_it_is_so_written(folder, start_mock):
    weir = folder(config(start_mock(), {"durable": False}))
    assert said(ask(weir)) == "miss"
    assert not list(weir.state_dir.glob("cache.db*"))


def test_a_file_that_is_none_does_not_keep_it_from_serving(folder, start_mock):
    options = config(start_mock())
    weir = folder(options)
    weir.stop()
    (weir.state_dir / "cache.db").write_bytes(b"this is no database" * 100)
    weir = folder(options)
    assert [said(ask(weir)) for _ in range(2)] == ["miss", "hit"]
    assert poll(lambda: weir.log("cache_not_kept"))[0]["path"].endswith("cache.db")
    assert admin(weir, "POST", "/cache/purge", {"all": True}).status >= 500

"""Embeddings are kept by the input: a batch asks only for what is new, in every dialect that has them."""
import concurrent.futures
import json
import threading
import time

import pytest

from test_cache import admin, ask, asked, config, said
from test_degraded import expired, out
from weirlib import RawProvider, poll, provider

PATH = "/v1/embeddings"


@pytest.fixture
def pair(start, start_mock):
    def run(cache=None, **more):
        mock = start_mock()
        return start(config(mock, cache, **{"retry": {"max_retries": 0}, **more})), mock
    return run


def embed(weir, inputs, key="a", headers=None, **more):
    return ask(weir, path=PATH, key=key, headers=headers, body={"model": "m", "input": inputs, **more})


def vectors(reply):
    assert reply.status == 200, reply
    data = reply.json["data"]
    assert [d["index"] for d in data] == list(range(len(data))) and reply.json["object"] == "list"
    return [d["embedding"] for d in data]


def sent(mock):
    return json.loads(mock.last()["body"])


def kept(weir, count):
    assert poll(lambda: admin(weir, "GET", "/cache").json["answers"] == count)


def alone(weir, text, **more):
    """As its provider says it, past the cache."""
    return vectors(embed(weir, text, headers={"x-weir-cache": "no-store"}, **more))[0]


@pytest.mark.parametrize("more", [{}, {"encoding_format": "base64"}, {"dimensions": 8}])
def test_a_batch_asks_only_for_what_is_new(pair, more):
    weir, mock = pair()
    truth = {text: alone(weir, text, **more) for text in "abcde"}
    assert len({json.dumps(v) for v in truth.values()}) == 5
    first = embed(weir, ["a", "c"], **more)
    assert said(first) == "miss" and vectors(first) == [truth["a"], truth["c"]]
    kept(weir, 2)
    before = asked(mock)
    mixed = embed(weir, ["b", "a", "e", "c", "d"], **more)
    assert vectors(mixed) == [truth[t] for t in "baecd"] and asked(mock) == before + 1
    assert sent(mock)["input"] == ["b", "e", "d"]
    assert {k: sent(mock)[k] for k in more} == more
    assert said(mixed) == "miss" and mixed.headers["x-weir-cache-inputs"] == "2/5"
    kept(weir, 5)
    again = embed(weir, ["e", "d", "c", "b", "a", "a"], **more)
    assert said(again) == "hit" and vectors(again) == [truth[t] for t in "edcbaa"] and asked(mock) == before + 1
    for one in ("d", ["d"]):
        reply = embed(weir, one, **more)
        assert said(reply) == "hit" and vectors(reply) == [truth["d"]]


def test_what_is_said_of_its_tokens_and_its_cost(pair):
    weir, mock = pair()
    texts = ["one word", "and some more words than that", "three"]
    first = embed(weir, texts[:2])
    both = first.json["usage"]["prompt_tokens"]
    kept(weir, 2)
    mixed = embed(weir, texts)
    id_ = mixed.headers["x-weir-request-id"]
    line = poll(lambda: [l for l in weir.log("request_done") if l["request_id"] == id_])[0]
    third = line["input_tokens"]  # as its provider counted them
    assert mixed.json["usage"] == {"prompt_tokens": both + third, "total_tokens": both + third} and third < both
    assert line["cache"] == "miss"
    assert float(line["saved_usd"]) == pytest.approx(float(first.headers["x-weir-cost"]))
    assert float(mixed.headers["x-weir-cost"]) == pytest.approx(third * 1e-6)
    kept(weir, 3)
    again = embed(weir, texts)
    assert said(again) == "hit" and float(again.headers["x-weir-cost"]) == 0
    assert again.json["usage"]["prompt_tokens"] == (both + third)
    assert again.headers["x-weir-estimated"] == "true"  # how many of a batch's tokens were whose nobody has said
    line = poll(lambda: [l for l in weir.log("request_done") if l.get("cache") == "hit"])[0]
    assert float(line["saved_usd"]) == pytest.approx((both + third) * 1e-6)
    story = admin(weir, "GET", "/requests/" + mixed.headers["x-weir-request-id"]).json
    assert "inputs" in story["cache_why"], story


def test_what_else_is_asked_for_is_in_the_key(pair):
    weir, _ = pair()
    assert said(embed(weir, ["a"])) == "miss"
    kept(weir, 1)
    for more in ({"encoding_format": "base64"}, {"dimensions": 8}, {"encoding_format": "float"}):
        assert said(embed(weir, ["a"], **more)) == "miss", more
    assert said(embed(weir, ["a"], key="b")) == "miss"
    assert said(embed(weir, ["a"], user="u")) == "hit"


def test_tokens(pair):
    weir, mock = pair()
    first = vectors(embed(weir, [[1, 2], [3]]))
    kept(weir, 2)
    assert vectors(embed(weir, [[4], [3], [1, 2]]))[1:] == [first[1], first[0]] and sent(mock)["input"] == [[4]]
    one = embed(weir, [1, 2])
    assert said(one) == "hit" and vectors(one) == [first[0]]


def gemini_one(text, **more):
    return {"content": {"parts": [{"text": text}]}, **more}


def test_geminis_two_calls_share_them(pair):
    weir, mock = pair()
    one, batch = "/v1beta/models/m:embedContent", "/v1beta/models/m:batchEmbedContents"
    first = ask(weir, path=one, body=gemini_one("a"))
    assert said(first) == "miss"
    kept(weir, 1)
    before = asked(mock)
    several = ask(weir, path=batch, body={"requests": [{"model": "models/m", **gemini_one(t)} for t in "bac"]})
    assert several.headers["x-weir-cache-inputs"] == "1/3" and asked(mock) == before + 1
    assert several.json["embeddings"][1] == first.json["embedding"] and len(several.json["embeddings"]) == 3
    assert sent(mock)["input"] == ["b", "c"]
    kept(weir, 3)
    for i, text in enumerate("bac"):
        again = ask(weir, path=one, body=gemini_one(text))
        assert said(again) == "hit" and again.json == {"embedding": several.json["embeddings"][i]}
    assert said(ask(weir, path=one, body=gemini_one("a", taskType="RETRIEVAL_QUERY"))) != "hit"


def test_towards_gemini(start, start_mock):
    mock = start_mock()
    options = config(mock)
    options["providers"]["p"] = provider(mock, ["m"], type="gemini", base_url=mock.base_url.replace("/v1", "/v1beta"))
    weir = start(options)
    first = vectors(embed(weir, ["a", "b"]))
    kept(weir, 2)
    mixed = vectors(embed(weir, ["c", "b", "a"]))
    assert mixed[1:] == [first[1], first[0]] and len(mixed) == 3
    assert b'"b"' not in mock.last()["body"].encode() and asked(mock) == 2


def test_vectors_of_two_targets_are_never_mixed(start, start_mock):
    mocks = [start_mock(), start_mock()]
    options = config(mocks[0], retry={"max_retries": 0}, routes=[
        {"model": "r", "strategy": "priority", "targets": ["p/m", "q/other"]}])
    options["providers"]["q"] = provider(mocks[1], ["other"])
    weir = start(options)
    assert embed(weir, ["a", "b"], model="r").headers["x-weir-provider"] == "p"
    kept(weir, 2)
    mocks[0].fault("status=503", 1)
    reply = embed(weir, ["a", "c"], model="r")
    assert reply.headers["x-weir-provider"] == "q" and "x-weir-cache-inputs" not in reply.headers
    assert json.loads(mocks[1].last()["body"])["input"] == ["a", "c"] and len(vectors(reply)) == 2
    assert json.loads(mocks[0].last()["body"])["input"] == ["c"]


def test_the_callers_words_hold(pair):
    weir, mock = pair()
    only = {"x-weir-cache": "only"}
    embed(weir, ["a"])
    kept(weir, 1)
    assert embed(weir, ["a", "b"], headers=only).status == 504 and asked(mock) == 1
    assert said(embed(weir, ["a"], headers=only)) == "hit"
    assert embed(weir, ["a", "b"], headers={"x-weir-cache": "no-cache"}).status == 200
    assert sent(mock)["input"] == ["a", "b"]
    kept(weir, 2)
    assert said(embed(weir, ["b", "a"], headers=only)) == "hit"
    named = {"x-weir-cache-key": "k"}
    assert [said(embed(weir, t, headers=named)) for t in ("x", "y")] == ["miss", "hit"]


@pytest.mark.parametrize("fault", ["status=500", "status=400", "invalid-json", "error-200", "empty-body", "hang"])
def test_a_failure_keeps_nothing(start, start_mock, fault):
    mock = start_mock()
    weir = start(config(mock, patience=1, retry={"max_retries": 0}))
    embed(weir, ["a"])
    kept(weir, 1)
    mock.fault(fault, 1)
    assert embed(weir, ["a", "b"]).status >= 400
    kept(weir, 1)
    assert embed(weir, ["a", "b"]).headers["x-weir-cache-inputs"] == "1/2"


def test_old_ones_in_an_outage_all_or_none(pair):
    weir, mock = pair()
    expired(weir, path=PATH, body={"model": "m", "input": ["a", "b"]})
    out(mock)
    assert said(embed(weir, ["b", "a"])) == "stale"
    assert embed(weir, ["b", "a", "c"]).status == 503


def test_a_purge_takes_them_and_a_restart_keeps_them(folder, start_mock):
    mock = start_mock()
    options = config(mock)
    weir = folder(options)
    first = vectors(embed(weir, ["a", "b"]))
    weir.stop()
    weir = folder(options)
    kept(weir, 2)
    again = embed(weir, ["b", "a"])
    assert said(again) == "hit" and vectors(again) == first[::-1]
    assert admin(weir, "POST", "/cache/purge", {"client": "a"}).json["purged"] == 2
    assert said(embed(weir, ["b", "a"])) == "miss"


def test_a_long_batch(pair):
    weir, mock = pair()
    texts = [f"text {i}" for i in range(300)]
    first = vectors(embed(weir, texts[::2]))
    kept(weir, 150)
    mixed = embed(weir, texts)
    assert vectors(mixed)[::2] == first and mixed.headers["x-weir-cache-inputs"] == "150/300"
    assert sent(mock)["input"] == texts[1::2]


def test_a_body_that_is_too_long_to_be_taken_apart_passes_as_it_came(pair):
    weir, mock = pair()
    tokens = [[n % 1000 for n in range(i, i + 100)] for i in range(1500)]
    reply = embed(weir, tokens, dimensions=2)
    assert len(vectors(reply)) == 1500 and "x-weir-cache-inputs" not in reply.headers and asked(mock) == 1


def test_identical_batches_at_once_ask_once_for_what_is_new(pair):
    weir, mock = pair(workers=2)
    first = vectors(embed(weir, ["a", "b"]))
    kept(weir, 2)
    replies = [None] * 20

    def one(i):
        replies[i] = embed(weir, ["a", "c", "b"])
    threads = [threading.Thread(target=one, args=(i,)) for i in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert asked(mock) == 2 and sent(mock)["input"] == ["c"]
    assert {json.dumps(vectors(r)) for r in replies} == {json.dumps(vectors(replies[0]))}
    assert vectors(replies[0])[::2] == first
    assert {said(r) for r in replies} <= {"miss", "shared", "hit"}


def test_a_hedge_at_another_target_asks_for_all(start, start_mock):
    slow, fast = start_mock(), start_mock()
    options = config(slow, routes=[{"model": "r", "strategy": "priority", "targets": ["p/m", "q/m"],
                                    "hedge": {"after": "1500ms", "max_share": 1.0}}])
    options["providers"]["p"]["priority"] = 1
    options["providers"]["q"] = provider(fast, ["m"], priority=2)
    weir = start(options)
    assert embed(weir, ["a"], model="r").headers["x-weir-provider"] == "p"
    kept(weir, 1)
    slow.fault("hang", 1)
    reply = embed(weir, ["a", "b"], model="r")
    assert len(vectors(reply)) == 2 and reply.headers["x-weir-provider"] == "q"
    assert json.loads(fast.last()["body"])["input"] == ["a", "b"] and "x-weir-cache-inputs" not in reply.headers


def answered(items, model="m"):
    body = json.dumps({"object": "list", "model": model, "usage": {"prompt_tokens": 3, "total_tokens": 3},
                       "data": [{"object": "embedding", **item} for item in items]}).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def number_of(text):
    return float(ord(text))


class Turned:
    """Answers with the last input first, and says so by `index`; `wrongly`: by one that is nobody's."""

    def __init__(self, wrongly=False):
        self.wrongly, self.inputs = wrongly, []

    def __call__(self, connection, head, body):
        inputs = json.loads(body)["input"]
        inputs = [inputs] if isinstance(inputs, str) else inputs
        self.inputs.append(inputs)
        more = float(len(json.loads(body).get("instructions", "")))
        items = [{"index": i, "embedding": [number_of(text) + more]} for i, text in enumerate(inputs)][::-1]
        if self.wrongly:
            items[0]["index"] = items[-1]["index"]
        connection.sendall(answered(items))


def turned_config(upstream):
    return config(upstream, retry={"max_retries": 0})


def by_index(reply):
    assert reply.status == 200, reply
    return [d["embedding"][0] for d in sorted(reply.json["data"], key=lambda d: d["index"])]


def test_a_provider_that_answers_in_another_order_is_read_by_what_it_says_of_it(start):
    turned = Turned()
    with RawProvider(turned) as upstream:
        weir = start(turned_config(upstream))
        assert by_index(embed(weir, list("abc"))) == [number_of(t) for t in "abc"]
        kept(weir, 3)
        mixed = embed(weir, list("xbya"))
        assert by_index(mixed) == [number_of(t) for t in "xbya"] and turned.inputs[-1] == ["x", "y"]
        assert said(embed(weir, list("yxcba"))) == "hit"
        batch = {"requests": [{"model": "models/m", **gemini_one(t)} for t in "defa"]}
        reply = ask(weir, path="/v1beta/models/m:batchEmbedContents", body=batch)
        assert [e["values"][0] for e in reply.json["embeddings"]] == [number_of(t) for t in "defa"], reply


@pytest.mark.parametrize("member", ["instructions", "prompt", "system", "suffix", "content", "messages"])
def test_what_stands_beside_the_inputs_is_in_the_key(start, member):
    with RawProvider(Turned()) as upstream:
        weir = start(turned_config(upstream))
        assert said(embed(weir, ["a"], **{member: "for a search"})) == "miss"
        kept(weir, 1)
        assert said(embed(weir, ["a"], **{member: "for clusters, which is more"})) == "miss"
        kept(weir, 2)
        assert said(embed(weir, ["a"], **{member: "for a search"})) == "hit"


def test_two_vectors_of_one_place_are_no_answer_to_who_reads_them_in_order(start):
    turned = Turned(wrongly=True)
    with RawProvider(turned) as upstream:
        weir = start(turned_config(upstream))
        batch = {"requests": [{"model": "models/m", **gemini_one(t)} for t in "abc"]}
        assert ask(weir, path="/v1beta/models/m:batchEmbedContents", body=batch).status == 502
        assert admin(weir, "GET", "/cache").json["answers"] == 0


@pytest.mark.parametrize("how", ["long", "kind", "events", "coded", "short", "more", "halved"])
def test_an_answer_to_the_rest_alone_is_never_given_for_all(start, how):
    """Whatever its provider makes of it: too long to be held, of another kind, in a coding, cut, of other inputs."""
    whole = Turned()

    def answer(connection, head, body):
        inputs = json.loads(body)["input"]
        if "a" in inputs or "b" not in inputs:
            return whole(connection, head, body)
        kind = {"kind": b"text/plain", "events": b"text/event-stream"}.get(how, b"application/json")
        items = [{"index": i, "object": "embedding", "embedding": [number_of(t)]} for i, t in enumerate(inputs)]
        items = items[:-1] if how == "short" else items + [{**items[0], "index": 2}] if how == "more" else items
        body = json.dumps({"object": "list", "model": "m", "data": items}).encode()
        body += b" " * (20_000_000 if how == "long" else 0)
        coding = b"Content-Encoding: gzip\r\n" if how == "coded" else b""
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\n%sContent-Length: %d\r\n\r\n" %
                           (kind, coding, len(body)) + (body[:-20] if how == "halved" else body))
        return None if how != "halved" else connection.close()

    with RawProvider(answer) as upstream:
        weir = start(turned_config(upstream))
        assert by_index(embed(weir, list("acd"))) == [number_of(t) for t in "acd"]
        kept(weir, 3)
        reply = embed(weir, list("abce"))
        assert reply.status == 502 or by_index(reply) == [number_of(t) for t in "abce"], reply


def test_what_stands_beside_many_inputs_is_not_read_once_for_each(pair):
    """A loop is everybody's: two thousand inputs and half a megabyte beside them would be a gigabyte."""
    weir, _ = pair()

    def took(inputs, beside):
        def ticks():
            with open(f"/proc/{weir.process.pid}/stat", encoding="ascii") as stat:
                return sum(int(n) for n in stat.read().rsplit(")", 1)[1].split()[11:13])
        before = ticks()
        assert embed(weir, inputs, instructions=beside).status == 400  # what no provider knows, and weir passes on
        return ticks() - before

    inputs = [f"{i}" for i in range(2000)]
    usual = min(took([*inputs, "y" * 480_000 + str(i)], f"{i}") for i in range(3))
    assert (many := min(took(inputs, "x" * 480_000 + str(i)) for i in range(3))) < 3 * usual + 20, (many, usual)


def test_a_full_file_of_many_small_ones_keeps_nobody_from_ending(folder, start_mock):
    """A hundred thousand answers that have no room any more, each of which goes where others were."""
    weir = folder(config(start_mock(), {"max_bytes": 33_554_432}, retry={"max_retries": 0}))

    def ask_for(turn):
        return embed(weir, [f"{turn}-{i}" for i in range(2000)], dimensions=1).status

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert set(pool.map(ask_for, range(90))) == {200}
    assert admin(weir, "GET", "/cache").json["evicted"] > 50_000
    began = time.monotonic()
    weir.stop()
    assert time.monotonic() - began < 15


def test_geminis_batch_of_two_widths_is_not_said_in_one(pair):
    """Others have one width for all: that of one input would be given, and kept, for the other."""
    weir, _ = pair()
    batch = "/v1beta/models/m:batchEmbedContents"
    wide, narrow = ({"model": "models/m", **gemini_one("a")},
                    {"model": "models/m", **gemini_one("b", outputDimensionality=8)})
    for both in ([wide, narrow], [narrow, wide]):
        reply = ask(weir, path=batch, body={"requests": both})
        assert reply.status == 400 and "outputDimensionality" in reply.text, reply
    assert ask(weir, path=batch, body={"requests": [narrow, narrow]}).status == 200
    kept(weir, 1)
    assert said(ask(weir, path="/v1beta/models/m:embedContent", body=gemini_one("b"))) == "miss"


def test_what_nobody_counts_is_estimated_of_what_was_asked(start):
    """A provider that says nothing of tokens: the rest is charged by its own length, not by that of what was kept."""
    long, short = "word " * 2000, "b"

    def answer(connection, head, body):
        inputs = json.loads(body)["input"]
        said_ = json.dumps({"object": "list", "data": [
            {"object": "embedding", "index": i, "embedding": [1.0]} for i in range(len(inputs))]}).encode()
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                           b"Content-Length: %d\r\n\r\n" % len(said_) + said_)

    def line(reply):
        id_ = reply.headers["x-weir-request-id"]
        return poll(lambda: [l for l in weir.log("request_done") if l["request_id"] == id_])[0]

    with RawProvider(answer) as upstream:
        options = turned_config(upstream)
        for client in options["clients"]:
            client["budgets"] = [{"usd": 10, "window": "day"}]
        weir = start(options)
        first = line(embed(weir, [long]))
        assert first["input_tokens"] > 1000
        kept(weir, 1)
        reply = embed(weir, [long, short])
        mixed = line(reply)
        assert reply.headers["x-weir-cache-inputs"] == "1/2" and 0 < mixed["input_tokens"] < 100, mixed
        assert 0 < float(reply.headers["x-weir-cost"]) < 100e-6


def test_a_hedge_leaves_the_others_request_as_it_was(start, start_mock, certificates):
    """The first target takes its request late: when another has been asked for all of it."""
    texts = ["%d %s" % (i, "word " * 400) for i in range(20)]
    fast, bodies, gate = start_mock(), [], threading.Event()

    class Late(RawProvider):
        def _serve(self, connection):
            if self.connections > 1:
                gate.wait(20)
            super()._serve(connection)

    def answer(connection, head, body):
        bodies.append(body)
        said_ = json.dumps({"embeddings": [{"values": [1.0]}] * len(json.loads(body).get("requests", [1]))}).encode()
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: "
                           b"close\r\n\r\n" % len(said_) + said_)
        return False

    with Late(answer, tls=certificates.server()) as upstream:
        options = config(fast, routes=[{"model": "r", "strategy": "priority", "targets": ["p/m", "q/m"],
                                        "hedge": {"after": "300ms", "max_share": 1.0}}])
        url = upstream.base_url.replace("127.0.0.1", "localhost").replace("/v1", "/v1beta")
        options["providers"]["p"] = provider(url, ["m"], type="gemini", priority=1, ca_file=certificates.ca)
        options["providers"]["q"] = provider(fast, ["m"], priority=2)
        weir = start(options)
        assert embed(weir, ["a"], model="r").headers["x-weir-provider"] == "p"
        kept(weir, 1)
        fast.fault("hang", 1)
        found = {}
        first = threading.Thread(target=lambda: found.update(reply=embed(weir, ["a", *texts], model="r")))
        first.start()
        assert poll(lambda: asked(fast) == 1)
        gate.set()
        first.join()
        assert found["reply"].headers["x-weir-provider"] == "p" and len(vectors(found["reply"])) == 21
        sent_ = json.loads(bodies[-1])["requests"]
        assert [r["content"]["parts"][0]["text"] for r in sent_] == texts

"""The response cache and its callers' worst: what one's limits, targets or words did to an answer is no other's."""
import hashlib
import threading
import time

from test_cache import KEYS, admin, asked, config, said
from test_extend import Maker, priced
from weirlib import RawProvider, http, poll, provider


def clients(**settings):
    return [{"name": name, "key_hash": hashlib.sha256(key.encode()).hexdigest(), **settings.get(name, {})}
            for name, key in KEYS.items()]


def ask(weir, key="a", text="hello", headers=None, **more):
    body = {"model": "m", "messages": [{"role": "user", "content": text}], "temperature": 0, **more}
    return http(weir.port, "POST", "/v1/chat/completions", body,
                {"authorization": f"Bearer {KEYS[key]}", **(headers or {})}, timeout=20)


def test_what_ones_budget_ended_early_is_nobodys_answer(start):
    maker = Maker(pause_s=0.001)
    with RawProvider(maker) as upstream:
        weir = start({"providers": {"p": priced(upstream.base_url)}, "cache": {"scope": "all"},
                      "clients": clients(a={"budgets": [{"usd": 12, "window": "day"}]})})
        short = ask(weir, "a", stream=True, max_tokens=1500)
        assert said(short) == "miss" and maker.made[0] < 1300 and '"length"' in short.text
        assert weir.metric("weir_streams_cut_total") == 1
        whole = ask(weir, "b", stream=True, max_tokens=1500)
        assert said(whole) == "miss" and whole.text.count("word") == 1500, whole.text.count("word")


def test_who_follows_one_that_its_budget_ends_is_told_that_it_is_not_whole(start):
    maker = Maker(pause_s=0.005)
    with RawProvider(maker) as upstream:
        weir = start({"providers": {"p": priced(upstream.base_url)}, "cache": {"scope": "all"},
                      "clients": clients(a={"budgets": [{"usd": 12, "window": "day"}]})})
        found = {}
        first = threading.Thread(target=lambda: found.update(a=ask(weir, "a", stream=True, max_tokens=1500)))
        first.start()
        poll(lambda: maker.made and maker.made[0] > 5)
        found["b"] = ask(weir, "b", stream=True, max_tokens=1500)
        first.join()
        assert '"length"' in found["a"].text and "[DONE]" in found["a"].text
        follower = found["b"]
        assert said(follower) == "shared"
        assert follower.text.count("word") == 1500 or "[DONE]" not in follower.text, follower.text[-400:]


def test_a_failure_of_ones_targets_is_none_of_others(start, start_mock):
    mocks = [start_mock(), start_mock()]
    options = {"providers": {"p": provider(mocks[0], timeout_seconds=1), "q": provider(mocks[1])},
               "retry": {"max_retries": 0},
               "cache": {"scope": "all"}, "routes": [{"model": "r", "targets": ["p/m", "q/m"]}],
               "clients": clients(a={"providers": ["p"]})}
    weir = start(options)
    mocks[0].fault("hang", -1)
    found = {}
    first = threading.Thread(target=lambda: found.update(a=ask(weir, "a", model="r")))
    first.start()
    poll(lambda: asked(mocks[0]) == 1)
    found["b"] = ask(weir, "b", model="r")
    first.join()
    assert found["a"].status >= 500 and found["b"].status == 200, found


def test_a_hit_tells_what_was_taken_out_and_gives_each_its_own_word_back(start, start_mock):
    mock = start_mock()
    options = config(mock, {"scope": "all"})
    options["clients"] = clients(a={"redact_to_providers": "restore"}, b={"redact_to_providers": "restore"})
    weir = start(options)
    one, other = ask(weir, "a", "I am ada@example.com"), ask(weir, "b", "I am bob@example.org")
    streamed = ask(weir, "b", "I am eve@example.net", stream=True)
    assert [said(r) for r in (one, other, streamed)] == ["miss", "hit", "hit"]
    assert "ada@" in one.text and "bob@" in other.text and "ada@" not in other.text and "<EMAIL" not in other.text
    assert "eve@" in streamed.text and "ada@" not in streamed.text and "bob@" not in streamed.text
    assert one.headers["x-weir-changed"] == other.headers.get("x-weir-changed") == "redacted email 1"


def test_a_purge_of_a_client_takes_what_the_cache_has_of_it(start, start_mock):
    mock = start_mock()
    weir = start(config(mock))
    for key in "ab":
        assert said(ask(weir, key, "the word of " + key)) == "miss"

    def bytes_of():
        return b"".join(file.read_bytes() for file in weir.state_dir.glob("cache.db*"))
    poll(lambda: b"the word of a" in bytes_of() and b"the word of b" in bytes_of())
    assert admin(weir, "POST", "/purge", {"client": "a"}).status == 200
    assert admin(weir, "GET", "/cache").json["answers"] == 1
    assert b"the word of a" not in bytes_of() and b"the word of b" in bytes_of()
    assert said(ask(weir, "b", "the word of b")) == "hit"
    assert said(ask(weir, "a", "the word of a")) == "miss"


def test_what_cannot_be_followed_is_not_waited_for_one_after_the_other(start, start_mock):
    """A budget lets a cheaper target answer: no answer for others, so that each asks for itself, and all at once."""
    mock = start_mock()
    options = {"providers": {"p": provider(mock, ["big", "small"], prices={"big": {"input": 1, "output": 2},
                                                                          "small": {"input": 0.1, "output": 0.2}})},
               "cache": {}, "routes": [{"model": "r", "targets": ["p/big"]}],
               "clients": clients(a={"budgets": [{"usd": 0.001, "window": "lifetime", "over": "downgrade", "at": 0.0001,
                                                  "to": ["p/small"]}]})}
    weir = start(options)
    assert ask(weir, model="r", text="first", max_tokens=5).status == 200
    replies = []
    threads = [threading.Thread(target=lambda: replies.append(ask(weir, model="r", max_tokens=5))) for _ in range(6)]
    mock.fault("slow-bytes=1", -1)
    began = time.monotonic()
    ask(weir, model="r", text="second", max_tokens=5)
    one = time.monotonic() - began
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(reply.status == 200 and "x-weir-downgraded" in reply.headers for reply in replies), replies
    assert time.monotonic() - began < 4.5 * one  # the second, the first of six, and the five others at once

"""Limits by model, route, tag and end user: each value has its own rates and places, on all event loops together, and a
request counts once in each."""
import json
import subprocess
import threading

from test_budgets import KEY, client
from weirlib import BINARY, chat_body, environment, http, provider

OTHER = "weir-" + "d" * 43


def ask(weir, key=KEY, headers=None, **body):
    return http(weir.port, "POST", "/v1/chat/completions", chat_body("hi", **body),
                {"authorization": f"Bearer {key}", **(headers or {})})


def admin(weir, method, path, body=None):
    return http(weir.port, method, f"/admin/v1/{path}", body, {"authorization": f"Bearer {weir.admin_key}"})


def command(weir, *arguments):
    env = environment(WEIR_URL=f"http://127.0.0.1:{weir.port}", WEIR_ADMIN_KEY=weir.admin_key)
    run = subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=20, env=env, cwd=weir.folder)
    assert run.returncode == 0, run
    return run.stdout


def together(weir, count, **how):
    """That many at once: how they were answered."""
    replies = [None] * count

    def one(at):
        replies[at] = ask(weir, **how)

    threads = [threading.Thread(target=one, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [reply.status for reply in replies]


def test_two_end_users_do_not_limit_each_other(start, start_mock):
    mock = start_mock()
    weir = start({"workers": 4, "providers": {"p": provider(mock)}, "clients": [
        client(limits=[{"rpm": 5, "per": "end_user", "values": {"alice": {"rpm": 8}}}])]})
    for user, most in (("bob", 5), ("eve", 5), ("alice", 8)):
        assert sorted(together(weir, 20, user=user)) == [200] * most + [429] * (20 - most)
    assert sorted(together(weir, 20)) == [200] * 5 + [429] * 15  # who says none is one too
    refused = ask(weir, user="bob")
    assert refused.error["code"] == "rate_limited" and refused.error["weir"]["scope"] == "client"
    assert "The limit `per end_user` of client app for end_user `bob` is reached" in refused.error["message"]
    assert 1 <= int(refused.headers["retry-after"]) <= 12
    told = command(weir, "explain", refused.headers["x-weir-request-id"])
    assert "The limit `per end_user` of client app for end_user `bob`" in told, told


def test_places_are_each_values_on_all_loops_together(start, start_mock):
    mock = start_mock("--latency", "600")
    weir = start({"workers": 4, "providers": {"p": provider(mock)}, "clients": [
        client(limits=[{"concurrent": 3, "per": "end_user"}])]})
    got = {}
    threads = [threading.Thread(target=lambda u=u: got.update({u: together(weir, 8, user=u)})) for u in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for user in got:
        assert sorted(got[user]) == [200] * 3 + [429] * 5, got
    assert together(weir, 3, user="a") == [200] * 3  # and all are given back


def test_one_client_crowds_out_no_others_values(start, start_mock):
    mock = start_mock()
    weir = start({"providers": {"p": provider(mock)},
                  "owners": [{"name": "team", "limits": [{"rpm": 2, "per": "end_user", "max_values": 5}]}],
                  "clients": [client(**{"in": "team"}), client(name="other", key=OTHER, **{"in": "team"})]})
    passed = sum(ask(weir, user=f"u{i}").status == 200 for i in range(60))
    assert passed == 5 + 2  # five of their own, and two of all that found no place
    assert [ask(weir, key=OTHER, user="ann").status for _ in range(3)] == [200, 200, 429]


def test_a_failover_leaves_the_place_and_a_limited_model_is_passed_over(start, start_mock):
    bad, good = start_mock(), start_mock()
    bad.fault("status=503")
    weir = start({"retry": {"max_retries": 0}, "providers": {
        "a": provider(bad, models=["dear"], priority=1, max_retries=0),
        "b": provider(good, models=["cheap"], priority=2)},
        "routes": [{"model": "both", "targets": ["a/dear", "b/cheap"]}],
        "clients": [client(limits=[{"rpm": 3, "concurrent": 1, "models": ["dear"], "name": "dear"}],
                           may_steer=True)]})
    for _ in range(6):
        assert ask(weir, model="both").status == 200
    assert bad.requests()["count"] == 3 and good.requests()["count"] == 6
    refused = ask(weir, model="a/dear")
    assert refused.status == 429 and "The limit `dear` of client app is reached" in refused.error["message"]


def test_a_reload_and_a_change_keep_what_was_counted(start, start_mock):
    mock = start_mock()
    config = {"providers": {"p": provider(mock)}, "templates": {"each": {"limits": [{"rpm": 4, "per": "end_user"}]}},
              "owners": [{"name": "team", "limits": [{"rpm": 6, "name": "all"}]}],
              "clients": [client(template="each", **{"in": "team"})]}
    weir = start(config)
    for _ in range(4):
        assert ask(weir, user="bob").status == 200
    assert ask(weir, user="bob").status == 429
    weir.write({**config, "owners": [{"name": "team", "limits": [{"rpm": 60, "burst": 6, "name": "all"}]}]})
    assert admin(weir, "POST", "reload").status == 200
    assert ask(weir, user="bob").status == 429
    changed = admin(weir, "PATCH", "templates/each", {"limits": [{"rpm": 60, "burst": 6, "per": "end_user"}]})
    assert changed.status == 200, changed
    statuses = [ask(weir, user="bob").status for _ in range(6)]
    assert 429 in statuses and statuses.count(200) <= 3, statuses


def test_a_key_tells_all_that_holds_for_it(start, start_mock):
    mock = start_mock()
    weir = start({"providers": {"p": provider(mock)},
                  "owners": [{"name": "team", "rate_limit_rpm": 60, "max_concurrent": 4, "loop_guard": {"refuse": 9},
                              "limits": [{"tpm": 6000, "per": "end_user"}, {"rpm": 30, "models": ["m"]}]}],
                  "clients": [client(rate_limit_rph=360, loop_guard={"warn": 4}, limits=[
                      {"rpm": 6, "concurrent": 2, "per": "end_user", "values": {"alice": {"rpm": 60}}}],
                      **{"in": "team"})]})
    for user in ("bob", "bob", "alice"):
        assert ask(weir, user=user).status == 200
    told = http(weir.port, "GET", "/v1/key", headers={"authorization": f"Bearer {KEY}"}).json
    assert told["limits"] == {"rate_limit_rph": {"limit": 360, "left": 357}}
    assert told["owners"] == [{"name": "team", "kind": "team", "limits": {
        "rate_limit_rpm": {"limit": 60, "left": 57}, "max_concurrent": {"limit": 4, "left": 4}}}]
    assert told["loop_guard"] == {"warn": 4, "refuse": 9}
    own, tokens, model = told["rate_limits"]
    assert own == {"owner": "client app", "name": "per end_user", "per": "end_user", "rpm": {"limit": 6},
                   "concurrent": {"limit": 2}, "value_count": 2, "values": [
                       {"value": "bob", "rpm": {"limit": 6, "left": 4}, "concurrent": {"limit": 2, "left": 2}},
                       {"value": "alice", "rpm": {"limit": 60, "left": 59}, "concurrent": {"limit": 2, "left": 2}}]}
    assert tokens == {"owner": "team team", "name": "per end_user", "per": "end_user", "tpm": {"limit": 6000}}
    assert model == {"owner": "team team", "name": "models m", "models": ["m"], "rpm": {"limit": 30, "left": 27}}
    shown = json.loads(command(weir, "client", "show", "app", "--json"))["now"]
    assert shown["rate_limits"][0]["values"] == own["values"]

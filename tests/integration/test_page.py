"""The page at /: how its files are served; and the request log that it asks for. What it does in a browser is in
tests/browser."""
import concurrent.futures
import csv
import gzip
import hashlib
import io
import json
import re

import pytest

from weirlib import ROOT, Connection, chat, http, provider, request_bytes

FILES = sorted(path.name for path in (ROOT / "web").iterdir())
KEYS = {"app": "weir-app-key", "watcher": "weir-watcher-key"}
PRICES = {"m": {"input": 1.0, "output": 2.0}}


@pytest.fixture
def weir(start, mocks):
    mocks[0].reset()
    clients = [{"name": name, "role": "operator" if name == "watcher" else "user",
                "key_hash": hashlib.sha256(key.encode()).hexdigest()} for name, key in KEYS.items()]
    return start({"providers": {"one": provider(mocks[0], prices=PRICES, max_retries=0)}, "clients": clients})


def file_of(weir, name, **headers):
    path = "/" if name == "index.html" else f"/page/{name}"
    return http(weir.port, "GET", path, headers={key.replace("_", "-"): value for key, value in headers.items()})


def body_of(reply):
    return reply.body if isinstance(reply.body, bytes) else reply.body.encode()


def test_its_files_are_those_of_the_tree_packed_where_that_is_taken(weir):
    for name in FILES:
        wanted = (ROOT / "web" / name).read_bytes()
        assert body_of(file_of(weir, name)) == wanted, name
        for accepted in ("gzip", "br, gzip;q=0.5", "deflate, GZIP"):
            packed = file_of(weir, name, accept_encoding=accepted)
            assert packed.headers["content-encoding"] == "gzip", accepted
            assert gzip.decompress(body_of(packed)) == wanted, name
        for refused in ("br", "gzip;q=0", "gzip; q=0.000", "gzipped"):
            plain = file_of(weir, name, accept_encoding=refused)
            assert "content-encoding" not in plain.headers and body_of(plain) == wanted, refused
    assert len(body_of(file_of(weir, "chart.min.js"))) > 100_000
    assert http(weir.port, "GET", "/page/nothing.js").status == 404
    assert http(weir.port, "GET", "/page/../etc/passwd").status == 404
    assert http(weir.port, "POST", "/page/app.js").status == 405
    head = http(weir.port, "HEAD", "/page/app.js")
    assert head.status == 200 and not body_of(head)


def test_what_the_browser_has_is_not_sent_again(weir):
    for name in FILES:
        mark = file_of(weir, name).headers["etag"]
        assert mark.startswith('W/"')
        for marks in (mark, f'"other", {mark}', mark[2:], "*"):
            again = file_of(weir, name, if_none_match=marks, accept_encoding="gzip")
            assert again.status == 304 and not body_of(again) and again.headers["etag"] == mark, marks
        assert file_of(weir, name, if_none_match='"0123456789abcdef"').status == 200
        assert file_of(weir, name).headers["cache-control"] == "no-cache"


def test_what_it_may_do_is_said_with_every_file(weir):
    for name in FILES + ["chart.min.js"]:
        headers = file_of(weir, name).headers
        policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
        assert policy.pop("default-src") == "'none'" and policy.pop("trusted-types") == "'none'"
        assert policy.pop("require-trusted-types-for") == "'script'"
        assert {policy.pop(one) for one in ("base-uri", "form-action", "frame-ancestors")} == {"'none'"}
        assert set(policy) == {"script-src", "style-src", "img-src", "connect-src"}
        assert set(policy.values()) == {"'self'"}
        assert headers["x-content-type-options"] == "nosniff" and headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"


def test_its_files_hold_nothing_of_anybody(weir):
    """The same bytes with a key and without; and nothing in the sources that could turn a text into HTML."""
    for name in FILES:
        assert body_of(file_of(weir, name)) == body_of(file_of(weir, name, authorization=f"Bearer {weir.admin_key}"))
        text = (ROOT / "web" / name).read_text()
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|srcdoc", text)
        assert not re.search(r"\bon\w+=\"|<style|style=\"|javascript:", text), name
        assert not re.search(r"(src|href)=\"(https?:)?//|fetch\(\"http|import .*\"http", text), name


def log_of(weir, query="", key=None):
    key = key or KEYS["watcher"]
    return http(weir.port, "GET", f"/admin/v1/requests{query}", headers={"authorization": f"Bearer {key}"})


def test_the_request_log_is_searched_paged_and_a_table(weir, mocks):
    own = {"authorization": f"Bearer {KEYS['app']}"}
    for n in range(5):
        assert chat(weir.port, headers={**own, "x-weir-session": f"s{n % 2}"}).status == 200
    mocks[0].fault("status=503", 1)
    failed = chat(weir.port, headers={**own, "x-weir-request-id": "mine"})
    rows = log_of(weir).json["rows"]
    assert len(rows) == 6 and rows[0]["outcome"] != "ok" and rows[0]["caller_id"] == "mine"
    assert [row["time_ms"] for row in rows] == sorted((row["time_ms"] for row in rows), reverse=True)
    assert rows[1]["client"] == "app" and rows[1]["provider"] == "one" and rows[1]["session"] == "s0"
    wanted = {"client=app": 6, "client=nobody": 0, "session=s1": 2, "model=m&provider=one": 6, "outcome=failed": 1,
              "outcome=ok": 5, "status=5xx": 1, "status=200": 5, "cost=0.000001": 5, "cost=1000": 0, "id=mine": 1,
              f"id={rows[3]['id']}": 1, "since=1h": 6, "until=1h": 0}
    assert {query: len(log_of(weir, f"?{query}").json["rows"]) for query in wanted} == wanted, failed
    seen, place = [], ""
    while True:
        page = log_of(weir, f"?limit=2{place}").json
        seen += page["rows"]
        if "next" not in page:
            break
        place = f"&before={page['next']}"
    assert seen == rows
    table = list(csv.DictReader(io.StringIO(log_of(weir, "?format=csv").text)))
    assert [row["id"] for row in table] == [row["id"] for row in rows]
    assert [row["cost_usd"] for row in table] == [row.get("cost_usd", "") for row in rows]
    assert log_of(weir, "?what=1").status == 400
    assert log_of(weir, key=KEYS["app"]).status == 403 and log_of(weir, key="wrong").status == 401


def test_a_restart_does_not_part_the_log(folder, mocks):
    mocks[0].reset()
    weir = folder({"providers": {"one": provider(mocks[0])}})
    for _ in range(3): chat(weir.port)
    weir.stop()
    weir = folder({"providers": {"one": provider(mocks[0])}})
    for _ in range(3): chat(weir.port)
    seen, place = [], ""
    for _ in range(7):
        page = log_of(weir, f"?limit=1{place}", weir.admin_key).json
        seen += page["rows"]
        place = f"&before={page['next']}" if "next" in page else None
        if place is None: break
    assert len({row["id"] for row in seen}) == 6 and len(seen) == 6
    assert [row["time_ms"] for row in seen] == sorted((row["time_ms"] for row in seen), reverse=True)


def test_a_clients_own_key_makes_its_next_one_and_no_other(weir):
    made = http(weir.port, "POST", "/admin/v1/clients", '{"name": "made"}',
                headers={"authorization": f"Bearer {weir.admin_key}"}).json["key"]

    def rotate(key, body="{}"):
        return http(weir.port, "POST", "/v1/key/rotate", body, headers={"authorization": f"Bearer {key}"})

    def status(key):
        return http(weir.port, "GET", "/v1/key", headers={"authorization": f"Bearer {key}"}).status

    assert rotate(made, '{"name": "app"}').status == 400 and rotate(made, '{"grace_seconds": -1}').status == 400
    first = rotate(made)
    assert first.status == 200 and first.json["name"] == "made" and first.json["key"] != made
    assert status(made) == 200 and status(first.json["key"]) == 200
    for _ in range(3):  # whoever was left with the former key
        assert rotate(made).status == 403 and status(made) == 200
    second = rotate(first.json["key"], '{"grace_seconds": 0}').json["key"]
    assert status(made) == status(first.json["key"]) == 401 and status(second) == 200
    assert rotate(made).status == 401 and rotate("wrong").status == 401
    assert rotate(KEYS["app"]).status == 400  # the file's
    assert rotate(weir.admin_key).status == 403  # nobody's
    audit = http(weir.port, "GET", "/admin/v1/audit", headers={"authorization": f"Bearer {weir.admin_key}"})
    rows = audit.json["rows"]
    own = [row["outcome"] for row in rows if row["action"] == "client.rotate" and row["actor"] == "made"]
    assert own.count("ok") == 2


def made_of(weir, name, **settings):
    reply = http(weir.port, "POST", "/admin/v1/clients", json.dumps({"name": name, **settings}),
                 headers={"authorization": f"Bearer {weir.admin_key}"})
    assert reply.status == 201, reply
    return reply.json["key"]


def key_status(weir, key):
    return http(weir.port, "GET", "/v1/key", headers={"authorization": f"Bearer {key}"}).status


@pytest.mark.parametrize("grace_s", (0, 600))
@pytest.mark.parametrize("change", ("rotate", "disable", "revoke"))
def test_a_next_key_is_made_for_whom_the_key_lets_in_when_all_has_come_not_when_it_began(weir, change, grace_s):
    """Somebody has a key that is known to him alone no more, and a request of it that is long under way."""
    name = f"made-{change}-{grace_s}"
    key, admin = made_of(weir, name), {"authorization": f"Bearer {weir.admin_key}"}
    whole = request_bytes("POST", "/v1/key/rotate", "{}", {"authorization": f"Bearer {key}"})
    with Connection(weir.port) as begun:
        begun.send(whole[:-1])
        assert key_status(weir, key) == 200
        verb, path, body = ("DELETE", name, None) if change == "revoke" else (
            "POST", f"{name}/{change}", json.dumps({"grace_seconds": grace_s}) if change == "rotate" else None)
        done = http(weir.port, verb, f"/admin/v1/clients/{path}", body, headers=admin)
        assert done.status == 200
        begun.send(whole[-1:])
        reply = begun.reply("POST")
    assert reply.status == {"rotate": 403 if grace_s else 401, "disable": 401, "revoke": 400}[change], reply
    if change == "rotate":
        assert key_status(weir, done.json["key"]) == 200


def test_of_two_that_ask_at_once_by_one_key_one_gets_the_next(start, mocks):
    """Or the one that came first has a key that is none any more."""
    weir = start({"providers": {"one": provider(mocks[0])}, "workers": 4})

    def rotate(_):
        return http(weir.port, "POST", "/v1/key/rotate", '{"grace_seconds": 600}',
                    headers={"authorization": f"Bearer {key}"})

    for round in range(10):
        key = made_of(weir, f"made{round}")
        with concurrent.futures.ThreadPoolExecutor(5) as pool:
            replies = list(pool.map(rotate, range(5)))
        assert sorted(reply.status for reply in replies) == [200] + [403] * 4
        key = next(reply.json["key"] for reply in replies if reply.status == 200)
        assert key_status(weir, key) == 200


def test_a_key_is_not_rotated_without_end(weir):
    key = http(weir.port, "POST", "/admin/v1/clients", '{"name": "restless"}',
               headers={"authorization": f"Bearer {weir.admin_key}"}).json["key"]
    replies = []
    for _ in range(7):
        reply = http(weir.port, "POST", "/v1/key/rotate", "{}", headers={"authorization": f"Bearer {key}"})
        replies.append(reply)
        key = reply.json["key"] if reply.status == 200 else key
    assert [reply.status for reply in replies] == [200] * 5 + [429] * 2
    assert replies[-1].error["code"] == "rate_limited" and 60 < int(replies[-1].headers["retry-after"]) <= 121
    assert http(weir.port, "GET", "/v1/key", headers={"authorization": f"Bearer {key}"}).status == 200


def test_without_a_link_nobody_is_let_in_by_a_code(weir):
    for body in ("", "{}", '{"code": ""}', '{"code": 1}', "[]", '{"code": "%s"}' % ("0" * 32),
                 '{"code": "%s"}' % ("0" * 500)):
        reply = http(weir.port, "POST", "/page/enter", body)
        assert reply.status == 403 and weir.admin_key not in reply.text, body

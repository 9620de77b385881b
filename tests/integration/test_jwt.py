"""Tokens that an issuer has signed, beside client keys: let in by RS256, ES256 and EdDSA and by nothing else, counted
and limited as clients are, worth nothing once their key has gone, and refused in words that help whoever holds one."""
import concurrent.futures
import hashlib
import json
import subprocess
import time

import pytest

import tokens
from tokens import AUDIENCE, Key, assembled, b64, hs256
from weirlib import (BINARY, Certificates, Connection, chat_body, environment, http, on_terminal, poll, provider,
                     request_bytes)

PRICES = {"m": {"input": 1000.0, "output": 10000.0}}  # USD a million tokens
OWNERS = [{"name": "search", "kind": "team"}, {"name": "poor", "kind": "team", "daily_budget": 1}]


@pytest.fixture
def run(folder, mocks):
    """run(issuer, ...) -> a gateway that takes this issuer's tokens, in the one state folder of this test."""
    for mock in mocks:
        mock.reset()

    def begin(issuer, wait_keys=True, of_identity=None, **top):
        one = {"issuer": issuer.name, "jwks": issuer.url, "audience": AUDIENCE, **(of_identity or {})}
        weir = folder({"providers": {"p": provider(mocks[0], ["m"], prices=PRICES)}, "owners": OWNERS,
                       "identity": one, **top})
        if wait_keys:
            poll(lambda: state(weir)["state"] == "good" and state(weir)["keys"] >= 1)
        return weir
    return begin


def admin(weir, method, path, body=None, key=None):
    return http(weir.port, method, "/admin/v1/" + path, None if body is None else json.dumps(body),
                {"authorization": f"Bearer {key or weir.admin_key}"})


def state(weir):
    return admin(weir, "GET", "status").json["identity"][0]


def ask(weir, token, header="authorization", **more):
    value = f"Bearer {token}" if header == "authorization" else token
    body = chat_body("hi", **{"max_tokens": 10, **more})
    return http(weir.port, "POST", "/v1/chat/completions", body, {header: value})


def refused(weir, token, status=401):
    reply = ask(weir, token)
    assert reply.status == status, reply
    return reply.error["message"]


def until_spent(weir, token_of):
    """How many requests pass before a budget is spent."""
    for count in range(40):
        reply = ask(weir, token_of(count))
        if reply.status != 200:
            assert reply.status == 429 and reply.error["code"] == "budget_exhausted", reply
            return count
    raise AssertionError("nothing holds it back")


def active(weir):
    return [(one["kind"], one["subject"]) for one in admin(weir, "GET", "alerts?active=true").json["alerts"]]


def checked(tmp_path, identity):
    path = tmp_path / "check.json"
    path.write_text(json.dumps({"providers": {"p": {"type": "openai", "api_key": "sk-x"}}, "listen": "0.0.0.0:9",
                                "state_dir": str(tmp_path / "state"), "identity": identity,
                                "templates": {"each": {"daily_budget": 1}}}))
    run = subprocess.run([BINARY, "check", "-c", str(path)], capture_output=True, text=True, env=environment(),
                         timeout=30)
    return run.returncode, run.stdout + run.stderr


@pytest.mark.parametrize("change, words", [
    ({}, ""), ({"jwks": "keys.json"}, ""), ({"jwks": "http://[::1]:1/keys"}, ""), ({"template": "each"}, ""),
    ({"issuer": None}, "needs its `issuer`"), ({"issuer": "a#b"}, "without `#`"),
    ({"issuer": "x" * 127}, "at most 126"), ({"issuer": "a b"}, "blank"),
    ({"jwks": None}, "needs `jwks`"), ({"audience": None}, "needs its `audience`"),
    ({"jwks": "http://issuer.test/keys"}, "read by https://"), ({"jwks": "ftp://issuer.test/keys"}, "http"),
    ({"jwks": "https://issuer.test/a b"}, "escape it"), ({"jwks": "https://issuer.test/keys#1"}, "fragment"),
    ({"template": "nothing"}, "no template `nothing`"), ({"unknown": "nothing"}, "no template `nothing`"),
    ({"roles": {"x": "root"}}, "`root` is no role"), ({"refresh_seconds": 0}, "refresh_seconds"),
    ({"claims": {"teem": "x"}}, "unknown key `teem`"), ({"audiance": "x"}, "did you mean `audience`"),
    ({"ca_file": "/nowhere.pem"}, "/nowhere.pem"), ({"max_identities": 0}, "max_identities"),
])
def test_check_refuses_what_would_let_the_wrong_ones_in(tmp_path, change, words):
    one = {"issuer": "https://issuer.test", "jwks": "https://issuer.test/keys", "audience": "weir", **change}
    one = {name: value for name, value in one.items() if value is not None}
    for identity in (one, [one]):
        status, said = checked(tmp_path, identity)
        assert (status, words in said) == (2 if words else 0, True), said
    if not words:
        status, said = checked(tmp_path, [one, one])
        assert status == 2 and "stands twice" in said
        status, said = checked(tmp_path, {})
        assert status == 2 and "needs its `issuer`" in said, "an empty one closes nothing"
        status, said = checked(tmp_path, "https://issuer.test")
        assert status == 2 and "`identity` must be a map, or a list of them, not a value" in said


@pytest.mark.parametrize("kind", ["RS256", "ES256", "EdDSA"])
def test_a_token_of_each_algorithm_is_let_in_on_every_loop(run, kind):
    issuer = tokens.Issuer()
    issuer.key(kind)
    weir = run(issuer, workers=4)
    token = issuer.token(team="search")
    for _ in range(20):  # each on a connection of its own, which any loop may get
        assert ask(weir, token).status == 200
    assert ask(weir, token, header="x-api-key").status == 200
    assert ask(weir, token, header="x-goog-api-key").status == 200
    gemini = http(weir.port, "POST", "/v1beta/models/m:generateContent?key=" + token,
                  json.dumps({"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}),
                  {"content-type": "application/json"})
    assert gemini.status == 200, gemini
    assert admin(weir, "GET", "status").json["identities"] == 1
    own = http(weir.port, "GET", "/v1/key", headers={"authorization": f"Bearer {token}"}).json
    assert own["name"] == f"{issuer.name}#ann", own
    issuer.close()


def test_identity_alone_closes_the_gateway_to_strangers(run, issuer):
    weir = run(issuer)
    assert http(weir.port, "POST", "/v1/chat/completions", chat_body("hi")).status == 401
    assert refused(weir, "weir-" + "0" * 64)
    assert ask(weir, issuer.token(team="search")).status == 200
    weir.stop()
    again = run(issuer, wait_keys=False)
    assert http(again.port, "POST", "/v1/chat/completions", chat_body("hi")).status == 401


def test_client_keys_and_tokens_are_taken_side_by_side(run, issuer):
    odd = "eyJ.looks.like-a-token"  # a key is a key, whatever it looks like
    clients = [{"name": n, "key_hash": hashlib.sha256(k.encode()).hexdigest()} for n, k in (("a", "wk-1"), ("b", odd))]
    weir = run(issuer, clients=clients)
    for key in ("wk-1", odd, issuer.token(team="search")):
        assert ask(weir, key).status == 200, key


def test_an_attackers_list_is_refused_each_for_its_reason(run, issuer):
    weak = Key("RS256", "weak", bits=1024)
    strong = Key("RS256", "strong")
    other = Key("ES256", "other")
    issuer.keys.append(strong)
    issuer.more = [weak.jwk(), {"kty": "oct", "kid": "secret", "k": b64(b"s" * 32), "alg": "HS256"},
                   other.jwk(kid="for-encryption", use="enc"), other.jwk(kid="may-sign", use=None, key_ops=["sign"]),
                   other.jwk(kid="says-rs256", alg="RS256"), other.jwk(kid="bared", d=b64(b"d" * 32))]
    weir = run(issuer)
    good = issuer.keys[0]
    claims = issuer.claims(team="search")
    head = {"alg": "ES256", "kid": good.kid}
    now = int(time.time())

    def of(header=None, key=good, sign=None, **changed):
        body = {name: value for name, value in {**claims, **changed}.items() if value is not None}
        return assembled({**head, **(header or {})}, body, sign or key.sign)

    assert ask(weir, of()).status == 200
    twice = json.dumps(claims)[:-1].encode() + b', "team": "poor"}'
    key_twice = b'{"alg": "ES256", "kid": "x", "kid": "%s"}' % good.kid.encode()
    table = [
        ("not signed with", of({"alg": "none"}, sign=lambda _: b"x")),
        ("not signed with", of({"alg": "None"}, sign=lambda _: b"x")),
        ("not signed with", of({"alg": "HS256", "kid": strong.kid}, sign=hs256(strong.pem()))),
        ("not signed with", of({"alg": "HS256", "kid": "secret"}, sign=hs256(b"s" * 32))),
        ("not signed with", of({"alg": "RS512", "kid": strong.kid}, key=strong)),
        ("not signed with", of({"alg": "ES384"})),
        ("no JWT", of({"alg": ["ES256"]})),
        ("not among", of({"alg": "RS256"})),  # the kid is another kind's
        ("not among", of({"kid": strong.kid})),
        ("not among", of({"kid": "weak", "alg": "RS256"}, key=weak)),
        ("not among", of({"kid": "for-encryption"}, key=other)),
        ("not among", of({"kid": "may-sign"}, key=other)),
        ("not among", of({"kid": "says-rs256"}, key=other)),
        ("not among", of({"kid": "bared"}, key=other)),
        ("not among", of({"kid": "../../etc/passwd"}, key=other)),
        ("not among", of({"kid": "' OR 1=1 --"}, key=other)),
        ("not among", of({"kid": "other", "jwk": other.jwk()}, key=other)),
        ("not among", of({"kid": "other", "jku": "http://127.0.0.1:1/keys"}, key=other)),
        ("signature is not", of({"jwk": other.jwk()}, key=other)),
        ("signature is not", of(key=other)),
        ("signature is not", of(sign=lambda data: good.sign(data)[:63])),
        ("signature is not", of(sign=lambda data: good.sign(data) + b"\0")),
        ("signature is not", of(sign=lambda data: b"\0" * 64)),
        ("signature is not", of(sign=lambda data: b"\xff" * 64)),
        ("signature is not", of(sign=lambda data: good.private.sign(data, tokens.ec.ECDSA(tokens.hashes.SHA256())))),
        ("asks in its header", of({"crit": ["exp"], "exp": 1})),
        ("asks in its header", of({"crit": []})),
        ("asks in its header", of({"zip": "DEF"})),
        ("asks in its header", of({"typ": "logout+jwt"})),
        ("asks in its header", of({"cty": "JWT"})),
        ("no JWT", assembled(head, twice, good.sign)),
        ("no JWT", assembled(key_twice, claims, good.sign)),
        ("no JWT", assembled(head, [claims], good.sign)),
        ("no JWT", assembled(head, b'{"sub"', good.sign)),
        ("no JWT", assembled(head, {f"c{i}": i for i in range(500)}, good.sign)),
        ("no JWT", of({"kid": 7})),
        ("longer than", of(pad="x" * 20000)),
        ("expired", of(exp=now - 61)),
        ("no `exp`", of(exp=None)),
        ("no `exp`", of(exp=str(now + 600))),
        ("no `exp`", of(nbf="soon")),
        ("not valid yet", of(nbf=now + 120)),
        ("in the future", of(iat=now + 120)),
        ("issuer (`iss`)", of(iss=issuer.name + "/")),
        ("issuer (`iss`)", of(iss=None)),
        ("issuer (`iss`)", of(iss=[issuer.name])),
        ("another audience", of(aud="someone-else")),
        ("another audience", of(aud=None)),
        ("another audience", of(aud=AUDIENCE + " ")),
        ("another audience", of(aud=["a", [AUDIENCE]])),
        ("whose it is", of(sub=None)),
        ("whose it is", of(sub="")),
        ("whose it is", of(sub=7)),
        ("whose it is", of(sub="a\nb")),
        ("whose it is", of(sub="x" * 129)),
        ("whose it is", of(sub="ann|template t")),
    ]
    for words, token in table:
        said = refused(weir, token)
        assert words in said, (words, said)
    body, signature = of().rsplit(".", 1)
    for bent in (body + "." + signature + "=", body + "." + signature[:-1] + ("B" if signature[-1] == "A" else "A"),
                 body + ".", "." + body, body + "." + signature + "." + signature):
        assert ask(weir, bent).status == 401, bent
    for fine in (of(exp=now - 30), of(nbf=now + 30), of(iat=now + 30), of(exp=now + 600.5), of(aud=["x", AUDIENCE]),
                 of({"typ": "at+jwt"}), of({"typ": "application/at+jwt"}), of({"x5u": "http://127.0.0.1:1/"})):
        assert ask(weir, fine).status == 200
    assert state(weir)["keys"] == 2


def test_a_token_without_kid_is_taken_where_one_key_alone_may_have_signed_it(run, issuer):
    issuer.key("RS256")
    weir = run(issuer)
    assert ask(weir, issuer.token(team="search", header={"kid": None})).status == 200
    issuer.key("ES256")
    assert admin(weir, "POST", "reload").status == 200
    poll(lambda: state(weir)["keys"] == 3)
    assert "not among" in refused(weir, issuer.token(team="search", header={"kid": None}))


def test_the_next_key_of_a_rotation_is_read_when_it_first_comes(run, issuer):
    weir = run(issuer)
    following = issuer.key("ES256", "following")
    token = issuer.token(team="search", key=following)
    reply = ask(weir, token)
    assert reply.status == 401 and "being read again" in reply.error["message"], reply
    assert reply.headers["retry-after"] == "1" and reply.headers["x-should-retry"] == "true"
    poll(lambda: ask(weir, token).status == 200)
    assert ask(weir, issuer.token(team="search")).status == 200


def test_unknown_keys_have_the_set_read_again_once_a_minute_at_most(run, issuer):
    weir = run(issuer, workers=4)
    assert issuer.fetches == 1
    strange = Key("ES256", "strange")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        strangers = [issuer.token(key=strange, header={"kid": f"strange-{n}"}) for n in range(80)]
        replies = list(pool.map(lambda token: ask(weir, token), strangers))
    assert {reply.status for reply in replies} == {401}
    poll(lambda: "retry-after" not in ask(weir, issuer.token(key=strange)).headers)
    assert issuer.fetches == 2


def test_a_key_that_leaves_the_set_takes_its_tokens_with_it(run, issuer):
    leaving = issuer.key("EdDSA", "leaving")
    weir = run(issuer, workers=2, of_identity={"refresh_seconds": 1})
    token, staying = issuer.token(team="search", key=leaving), issuer.token("bob", team="search")
    for _ in range(8):
        assert ask(weir, token).status == 200 and ask(weir, staying).status == 200
    issuer.keys.remove(leaving)
    poll(lambda: state(weir)["keys"] == 1)
    for _ in range(8):
        assert ask(weir, token).status == 401 and ask(weir, staying).status == 200


def test_a_set_that_cannot_be_read_serves_its_last_keys_also_after_a_restart(run, issuer):
    weir = run(issuer, of_identity={"refresh_seconds": 1})
    token = issuer.token(team="search")
    issuer.status = 500
    poll(lambda: state(weir)["state"] == "last_keys")
    assert "status 500" in state(weir)["failure"] and 86000 < state(weir)["serves_seconds"] <= 86400
    assert ask(weir, token).status == 200
    assert poll(lambda: active(weir)) == [("issuer_keys_old", f"issuer {issuer.name}")]
    weir.stop()
    again = run(issuer, wait_keys=False)
    assert ask(again, token).status == 200
    assert again.log("issuer_keys_restored")
    issuer.status, issuer.body = 200, b"<html>"
    assert admin(again, "POST", "reload").status == 200
    poll(lambda: "failure" in state(again))
    assert ask(again, token).status == 200
    issuer.body = b'{"keys": []}'  # which says that there are none any more
    assert admin(again, "POST", "reload").status == 200
    poll(lambda: state(again)["keys"] == 0)
    assert ask(again, token).status == 401


def test_without_any_keys_nobody_is_let_in_and_the_answer_says_so(run, issuer):
    issuer.hangs = True
    weir = run(issuer, wait_keys=False)
    reply = ask(weir, issuer.token(team="search"))
    assert reply.status == 503 and "cannot be read now" in reply.error["message"], reply
    assert reply.error["code"] == "identity_unavailable" and reply.headers["retry-after"] == "1"
    assert state(weir)["state"] == "awaited"
    began = time.monotonic()
    weir.stop()  # what hangs holds up no end
    assert time.monotonic() - began < 8


def test_an_issuer_that_cannot_be_reached_is_an_alert_and_stands_in_the_status(run, issuer):
    issuer.status = 404
    weir = run(issuer, wait_keys=False, of_identity={"refresh_seconds": 1})
    assert poll(lambda: active(weir)) == [("issuer_keys_gone", f"issuer {issuer.name}")]
    shown, screen = on_terminal("status", "--url", f"http://127.0.0.1:{weir.port}", "--admin-key", weir.admin_key)
    assert shown == 0 and issuer.name in screen and "closed" in screen and "status 404" in screen, screen
    assert weir.log("issuer_keys_gone") and not weir.log("issuer_keys_not_read")
    issuer.status = 200
    poll(lambda: not active(weir))
    assert ask(weir, issuer.token(team="search")).status == 200


def test_keys_are_read_by_https_from_a_server_that_is_verified(run, tmp_path):
    certificates = Certificates(tmp_path)
    issuer = tokens.Issuer(tls=certificates.server())
    issuer.key("RS256")
    weir = run(issuer, of_identity={"ca_file": certificates.ca})
    assert ask(weir, issuer.token(team="search")).status == 200
    weir.stop()
    for kept in weir.state_dir.glob("jwks-*"):
        kept.unlink()
    stranger = run(issuer, wait_keys=False)
    poll(lambda: "failure" in state(stranger))
    assert state(stranger)["state"] == "closed" and "tls" in state(stranger)["failure"].lower()
    assert ask(stranger, issuer.token(team="search")).status == 503
    issuer.close()


def test_what_stands_in_the_state_folder_is_taken_only_whole_and_not_for_longer_than_a_day(run, issuer):
    weir = run(issuer)
    token = issuer.token(team="search")
    weir.stop()
    issuer.status = 500
    kept, = weir.state_dir.glob("jwks-*")
    head, when, keys = kept.read_text().split("\n", 2)
    assert kept.stat().st_mode & 0o777 == 0o600
    for text, status in ((f"{head}\n{int(when) - 86000}\n{keys}", 200), (f"{head}\n{int(when) - 86401}\n{keys}", 503),
                         (f"{head}\n{int(when) + 10000}\n{keys}", 503), (f"{head}\n{when}\n{keys[:-9]}", 503),
                         (f"x{head}\n{when}\n{keys}", 503), ("", 503)):
        kept.write_text(text)
        again = run(issuer, wait_keys=False)
        assert ask(again, token).status == status, text
        again.stop()


def test_keys_of_a_file_are_read_and_read_again(run, issuer, tmp_path):
    path = tmp_path / "keys.json"
    path.write_text(json.dumps(issuer.jwks()))
    weir = run(issuer, of_identity={"jwks": str(path), "refresh_seconds": 1})
    token = issuer.token(team="search")
    assert ask(weir, token).status == 200 and issuer.fetches == 0
    path.write_text(json.dumps({"keys": []}))
    poll(lambda: ask(weir, token).status == 401)


def test_a_team_is_an_owner_or_the_template_for_the_unknown_or_a_refusal(run, issuer):
    weir = run(issuer)
    assert "names no team" in refused(weir, issuer.token(team="nowhere"), 403)
    assert "names no team" in refused(weir, issuer.token(), 403)
    assert ask(weir, issuer.token(team=["nowhere", "search", "poor"])).status == 200
    weir.stop()
    templates = {"guest": {"daily_budget": 1.5}}
    again = run(issuer, of_identity={"unknown": "guest", "claims": {"team": "groups", "user": "email"}},
                templates=templates)
    token = issuer.token(groups="nowhere", email="ann@x.test")
    assert ask(again, token).status == 200
    own = http(again.port, "GET", "/v1/key", headers={"authorization": f"Bearer {token}"}).json
    assert own["name"] == f"{issuer.name}#ann@x.test" and own["budgets"][0]["limit_usd"].startswith("1.5"), own


def test_roles_are_what_the_operator_maps_and_nothing_else(run, issuer):
    weir = run(issuer, of_identity={"roles": {"gateway-admins": "admin", "watchers": "operator"},
                                    "claims": {"role": "groups"}})
    user, admin_like = issuer.token("ann", team="search"), issuer.token("eve", team="search", groups=["admin"])
    boss = issuer.token("boss", team="search", groups=["watchers", "gateway-admins", "x"])
    watcher = issuer.token("wat", team="search", groups="watchers")
    for token in (user, admin_like):
        assert admin(weir, "GET", "status", key=token).status == 403
    assert admin(weir, "GET", "status", key=watcher).status == 200
    assert admin(weir, "POST", "clients", {"name": "new"}, key=watcher).status == 403
    assert admin(weir, "POST", "clients", {"name": "new"}, key=boss).status == 201
    rows = admin(weir, "GET", "audit").json["rows"]
    assert [row["actor"] for row in rows if "client" in row["action"]] == [f"{issuer.name}#boss"], rows
    # A promotion is the next token's, at once; the one before keeps what it says until it ends.
    assert admin(weir, "GET", "status", key=issuer.token("ann", team="search", groups="watchers")).status == 200
    assert admin(weir, "GET", "status", key=user).status == 403


def test_money_rates_and_places_hold_for_tokens_as_for_keys(run, issuer):
    templates = {"each": {"daily_budget": 1, "rate_limit_rpm": 600, "burst_allowance": 600}}
    weir = run(issuer, of_identity={"template": "each"}, templates=templates)
    ann, bob, poor = (issuer.token(s, team=t) for s, t in (("ann", "search"), ("bob", "search"), ("cid", "poor")))
    passed = until_spent(weir, lambda n: ann)
    assert passed >= 2
    fresh = issuer.token("ann", team="search", jti="another token of the same subject")
    assert ask(weir, fresh).status == 429
    assert ask(weir, bob).status == 200
    assert until_spent(weir, lambda n: issuer.token(f"p{n}", team="poor")) == passed  # what the team may spend in all
    assert ask(weir, poor).status == 429
    name = f"{issuer.name}#ann"
    rows = poll(lambda: [r for r in admin(weir, "GET", "usage?by=client").json["rows"] if r["client"] == name])
    assert rows[0]["requests"] >= 1
    weir.stop()
    again = run(issuer, of_identity={"template": "each"}, templates=templates)
    assert ask(again, ann).status == 429  # what was spent is spent, after a restart too
    assert ask(again, issuer.token("dan", team="search")).status == 200


def test_identities_are_bounded_and_what_was_spent_is_not_forgotten(run, issuer):
    templates = {"each": {"daily_budget": 5.0}}
    weir = run(issuer, of_identity={"template": "each", "max_identities": 3, "claims": {"team": "team"}},
               templates=templates)
    for n in range(3):
        assert ask(weir, issuer.token(f"s{n}", team="search")).status == 200
    full = ask(weir, issuer.token("late", team="search"))
    assert full.status == 503 and "keeps no more" in full.error["message"], full
    assert ask(weir, issuer.token("s0", team="search")).status == 200
    weir.stop()
    again = run(issuer, of_identity={"max_identities": 3})  # without budgets of their own they rest at once
    for n in range(40):
        assert ask(again, issuer.token(f"s{n}", team="search")).status == 200, n
    assert admin(again, "GET", "status").json["identities"] <= 3


def test_identities_that_come_and_go_under_load_keep_their_money_and_their_memory(run, issuer):
    templates = {"each": {"budgets": [{"usd": 0.9, "window": "lifetime"}]}}
    weir = run(issuer, workers=4, of_identity={"template": "each", "max_identities": 20, "refresh_seconds": 1},
               templates=templates)
    spenders = [issuer.token(f"spender-{n}", team="search") for n in range(6)]
    visitors = [issuer.token(f"visitor-{n}", team="search") for n in range(40)]  # of whom nothing is asked that costs
    passed = [0] * len(spenders)

    def spend(place):
        for _ in range(12):
            passed[place] += ask(weir, spenders[place]).status == 200
        return {200}

    def visit(place):
        mine = [visitors[(place * 7 + n) % 40] for n in range(60)]
        return {http(weir.port, "GET", "/v1/models", headers={"authorization": f"Bearer {one}"}).status for one in mine}

    def change(place):
        statuses = set()
        for n in range(4):
            issuer.key("EdDSA", f"more-{place}-{n}")  # other keys: all that loops know is verified again
            statuses.add(admin(weir, "POST", "reload").status)
        return statuses

    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        jobs = [pool.submit(spend, n) for n in range(6)] + [pool.submit(visit, n) for n in range(5)]
        jobs.append(pool.submit(change, 0))
        told = set().union(*(job.result() for job in jobs))
    assert told == {200}
    alone = until_spent(weir, lambda n: issuer.token("alone", team="search"))
    assert passed == [alone] * len(spenders)  # each got what its budget allows, and not once more
    assert admin(weir, "GET", "status").json["identities"] <= 20


def test_what_is_kept_of_a_subject_is_read_and_purged_by_its_name(run, issuer):
    weir = run(issuer)
    assert ask(weir, issuer.token(team="search")).status == 200
    name = f"{issuer.name}#ann"
    poll(lambda: [r for r in admin(weir, "GET", "usage?by=client").json["rows"] if r["client"] == name])

    def command(verb):
        run = subprocess.run([BINARY, "usage", verb, "--client", name, "-c", str(weir.path)], capture_output=True,
                             text=True, env=environment(), timeout=30, cwd=weir.folder)
        assert run.returncode == 0, run.stdout + run.stderr
        return run.stdout
    assert '"attempt"' in command("export")
    command("purge")
    rows = admin(weir, "GET", "usage?by=client").json["rows"]
    assert name not in [row["client"] for row in rows] and sum(row["requests"] for row in rows) == 1


def test_a_subjects_rate_is_one_for_all_its_tokens_and_is_not_forgotten_for_another(run, issuer):
    templates = {"each": {"rate_limit_rpm": 1, "burst_allowance": 3}}
    weir = run(issuer, workers=2, of_identity={"template": "each", "max_identities": 2}, templates=templates)
    replies = [ask(weir, issuer.token("ann", team="search", jti=str(n))) for n in range(5)]
    assert [reply.status for reply in replies] == [200, 200, 200, 429, 429]
    assert replies[3].error["code"] == "rate_limited"
    assert ask(weir, issuer.token("bob", team="search")).status == 200
    for n in range(20):  # neither makes room: what they have taken would begin anew
        assert ask(weir, issuer.token(f"late-{n}", team="search")).status == 503
    assert ask(weir, issuer.token("ann", team="search")).status == 429


def test_what_each_end_user_of_a_subject_spent_is_not_forgotten(run, issuer):
    templates = {"each": {"budgets": [{"usd": 1, "window": "day", "per": "end_user"}]}}
    weir = run(issuer, of_identity={"template": "each", "max_identities": 1}, templates=templates)
    ann, bob = issuer.token("ann", team="search"), issuer.token("bob", team="search")

    def until_429(weir, user):
        return [ask(weir, ann, user=user).status for _ in range(20)].index(429)
    passed = until_429(weir, "u1")
    assert passed >= 1 and until_429(weir, "u2") == passed
    for _ in range(5):
        assert ask(weir, bob).status == 503  # no room: what ann's users spent would begin anew
    assert ask(weir, ann, user="u1").status == 429
    weir.stop()
    again = run(issuer, of_identity={"template": "each", "max_identities": 1}, templates=templates)
    assert ask(again, ann, user="u1").status == 429 and ask(again, ann, user="u3").status == 200


def test_who_listens_to_events_does_so_no_longer_than_the_token_holds(run, issuer):
    weir = run(issuer, of_identity={"claims": {"role": "groups"}, "roles": {"watch": "operator"}})

    def listen(token):
        connection = Connection(weir.port)
        connection.send(request_bytes("GET", "/admin/v1/events", headers={"authorization": f"Bearer {token}"}))
        assert connection.head()[0] == 200
        return connection
    now = int(time.time())
    expiring = listen(issuer.token("ann", team="search", groups=["watch"], exp=now - 57))  # a minute of skew
    lasting = listen(issuer.token("ann", team="search", groups=["watch"]))
    assert b"event: end" in expiring.read_until(b"event: end")
    issuer.keys[:] = []
    issuer.key("ES256", kid="next")
    assert admin(weir, "POST", "reload").status == 200
    assert b"event: end" in lasting.read_until(b"event: end")


def test_no_subject_speaks_for_another_ones_end_users(run, issuer):
    """A subject may hold slashes, as a CI system's branches do, and so may what it says of its end users."""
    team = {"name": "split", "kind": "team", "budgets": [
        {"usd": 1, "window": "day", "per": "end_user", "values": {f"{issuer.name}#ref:x%2Ffeature/ann": 3}}]}
    weir = run(issuer, owners=[team])

    def until_429(subject, user):
        token = issuer.token(subject, team="split")
        return [ask(weir, token, user=user).status for _ in range(80)].index(429)
    passed = until_429("ref:x", "feature/bob")
    assert passed >= 4
    for subject, user in (("ref:x/feature", "bob"), ("ref:x%2Ffeature", "bob"), ("ref:x", "%2Ffeature/bob"),
                          ("ref:x", "feature/ann")):  # the last may not spend what another's `ann` may either
        assert passed - 2 <= until_429(subject, user) <= passed + 2, (subject, user)  # a longer name costs more
    assert until_429("ref:x/feature", "ann") > passed + 2


def test_more_tokens_than_a_loop_remembers_are_all_let_in(run, issuer):
    weir = run(issuer)
    of_each = [issuer.token(f"s{n % 7}", team="search", jti=str(n)) for n in range(2500)]
    with Connection(weir.port) as connection:
        for token in of_each + of_each[-200:]:
            connection.send(request_bytes("GET", "/v1/models", headers={"authorization": f"Bearer {token}"}))
            assert connection.reply("GET").status == 200
    assert admin(weir, "GET", "status").json["identities"] == 7


def test_an_operator_raises_one_subjects_budget(run, issuer):
    templates = {"each": {"daily_budget": 1}}
    weir = run(issuer, of_identity={"template": "each"}, templates=templates)
    token, name = issuer.token(team="search"), f"client {issuer.name}#ann"
    assert until_spent(weir, lambda n: token) >= 2
    raised = {"budget": "day", "usd": "1", "owner": name}
    assert admin(weir, "POST", "budgets/raise", {**raised, "owner": name + "e"}).status == 400
    assert admin(weir, "POST", "budgets/raise", raised).status == 200
    assert ask(weir, token).status == 200
    weir.stop()
    again = run(issuer, of_identity={"template": "each"}, templates=templates)
    assert until_spent(again, lambda n: token) >= 1
    assert admin(again, "POST", "reload").status == 200
    assert admin(again, "POST", "budgets/reset", {"budget": "day", "owner": name}).status == 200
    assert ask(again, token).status == 200


def test_those_who_show_tokens_stand_in_the_lists_of_operators_and_their_budgets_alert(run, issuer):
    templates = {"each": {"budgets": [{"usd": 1, "window": "day"}], "limits": [{"rpm": 600, "per": "end_user"}]}}
    weir = run(issuer, of_identity={"template": "each"}, templates=templates, alerts={"budget": [0.05]})
    for n in range(40):  # more than are looked at in one go
        assert ask(weir, issuer.token(f"s{n}", team="search"), user="u").status == 200
    until_spent(weir, lambda n: issuer.token("ann", team="search"))
    names = {f"{issuer.name}#s{n}" for n in range(40)} | {f"{issuer.name}#ann"}

    def listed():
        told = admin(weir, "GET", "clients").json
        assert told["identities"] == 41 and "identities_left_out" not in told and told["total"] == 0
        assert all(one == {"name": one["name"], "from": "token", "identity": True, "role": "user", "state": "active",
                           "in": "search"} for one in told["clients"])
        assert len(told["clients"]) == 41 and {one["name"] for one in told["clients"]} == names
        budgets = [one for one in admin(weir, "GET", "budgets").json["budgets"] if one.get("identity")]
        assert len(budgets) == 41 and {one["owner"] for one in budgets} == {f"client {name}" for name in names}
        spent = {one["owner"]: float(one["spent_usd"]) for one in budgets}
        assert all(0 < usd <= 1 for usd in spent.values()), spent
        assert spent[f"client {issuer.name}#ann"] == max(spent.values())
    listed()
    assert admin(weir, "POST", "reload").status == 200
    listed()  # also before they come again
    poll(lambda: ("budget", f"client {issuer.name}#ann budget day") in active(weir))
    for what in "client", "budget":
        status, shown = on_terminal(what, "list", WEIR_URL=f"http://127.0.0.1:{weir.port}",
                                    WEIR_ADMIN_KEY=weir.admin_key)
        assert status == 0 and f"{issuer.name}#ann " in shown and shown.count("#s") == 40, shown
    assert " token " in on_terminal("client", "list", WEIR_URL=f"http://127.0.0.1:{weir.port}",
                                    WEIR_ADMIN_KEY=weir.admin_key)[1]


def test_a_subjects_limits_by_value_are_its_own_and_not_forgotten_for_another(run, issuer):
    templates = {"each": {"limits": [{"rpm": 1, "burst": 2, "per": "end_user"}]}}
    weir = run(issuer, of_identity={"template": "each", "max_identities": 2}, templates=templates)
    ann, bob = issuer.token("ann", team="search"), issuer.token("bob", team="search")
    assert [ask(weir, ann, user="u").status for _ in range(3)] == [200, 200, 429]
    assert [ask(weir, bob, user="u").status for _ in range(3)] == [200, 200, 429]
    for n in range(5):  # neither makes room: what their users have taken would begin anew
        assert ask(weir, issuer.token(f"late-{n}", team="search")).status == 503
    assert ask(weir, ann, user="u").status == 429 and ask(weir, ann, user="v").status == 200


def test_sessions_are_each_subjects_own_however_long_its_name_is(run, issuer):
    issuer.name = "https://login.example.test/a/realm/whose/name/is/longer/than/any/clients/name/is"
    weir = run(issuer, of_identity={"template": "each", "max_identities": 2},
               templates={"each": {"sessions": {"calls": 2}}})

    def call(subject, session):
        headers = {"authorization": "Bearer " + issuer.token(subject, team="search"), "x-weir-session": session}
        return http(weir.port, "POST", "/v1/chat/completions", chat_body("hi", max_tokens=10), headers).status
    assert [call("ann", "s") for _ in range(3)] == [200, 200, 429]
    assert [call("bob", "s") for _ in range(3)] == [200, 200, 429]
    assert call("ann", "t") == 200
    assert call("cid", "s") == 503  # both sessions are remembered, and so are those whose they are
    assert call("ann", "s") == 429


def test_a_reload_keeps_what_was_spent_and_drops_an_issuer_that_is_named_no_more(run, issuer, mocks):
    templates = {"each": {"daily_budget": 1}}
    weir = run(issuer, of_identity={"template": "each"}, templates=templates)
    token = issuer.token(team="search")
    assert until_spent(weir, lambda n: token) >= 2
    assert admin(weir, "POST", "reload").status == 200
    assert ask(weir, token).status == 429
    other = tokens.Issuer("https://other.test")
    other.key("EdDSA")
    config = {"providers": {"p": provider(mocks[0], ["m"], prices=PRICES)}, "owners": OWNERS,
              "identity": [{"issuer": other.name, "jwks": other.url, "audience": AUDIENCE}]}
    weir.write(config)
    assert admin(weir, "POST", "reload").status == 200
    assert "issuer (`iss`)" in refused(weir, token)
    poll(lambda: ask(weir, other.token(team="search")).status == 200)
    other.close()


def test_a_token_goes_nowhere_and_is_written_nowhere(run, issuer, mocks, tmp_path):
    weir = run(issuer, log={"level": "debug"})
    good, bad = issuer.token(team="search"), issuer.token(team="search", key=Key("ES256", issuer.keys[0].kid))
    assert ask(weir, good).status == 200 and ask(weir, bad).status == 401
    sent = json.dumps(mocks[0].requests())
    weir.stop()
    written = "\n".join(weir.out + weir.err)
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    for token in (good, bad):
        for part in (token, token.rsplit(".", 1)[1]):
            assert part not in sent and part not in written and part.encode() not in kept

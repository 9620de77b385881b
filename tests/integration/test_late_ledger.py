"""A ledger that cannot be read at the start (`on_ledger_failure: serve`), a file or a server, and comes while requests
are served: what counts from then on is all that a start restores, on top of what was done meanwhile."""
import hashlib
import json
import signal

import pytest

import tokens
from weirlib import Connection, chat_body, http, poll, provider, request_bytes

PRICES = {"m": {"input": 1000.0, "output": 10000.0}}  # USD a million tokens: 0.001 and 0.01 each
KEY = "weir-key-of-app"
OWN = {"authorization": f"Bearer {KEY}"}


class File:
    """STATE_DIR/ledger.db, in whose place something else lies for a while."""

    def __init__(self, folder):
        self.path, self.aside = folder / "state/ledger.db", folder / "aside.db"
        self.place = None

    def leave(self):
        for end in ("", "-wal", "-shm"):
            part = self.path.with_name(self.path.name + end)
            if part.exists():
                part.rename(self.aside.with_name(self.aside.name + end))
        self.path.write_bytes(b"no database" * 1000)

    def come(self):
        self.path.unlink()
        for end in ("-wal", "-shm", ""):
            part = self.aside.with_name(self.aside.name + end)
            if part.exists():
                part.rename(self.path.with_name(self.path.name + end))


class Server:
    def __init__(self, server):
        self.server, self.place = server, server.database()

    def leave(self):
        self.server.stop()

    def come(self):
        self.server.start()


@pytest.fixture(params=["file", "server"])
def ledger(request, tmp_path):
    if request.param == "file":
        return File(tmp_path)
    return Server(request.getfixturevalue("server"))


def config(mock, ledger, issuer=None, **top):
    each = {"budgets": [{"usd": 5, "window": "month"}, {"usd": 4, "window": "month", "per": "end_user"}]}
    clients = [{"name": "app", "key_hash": hashlib.sha256(KEY.encode()).hexdigest(), "sessions": {"calls": 3},
                "budgets": [{"usd": 1, "window": "lifetime"}, {"usd": 1, "window": "30d", "rolling": True},
                            {"usd": 0.9, "window": "day", "per": "end_user"}]}]
    one = provider(mock, prices=PRICES, timeout_seconds=5, reply_timeout_seconds=5, stall_timeout_seconds=30,
                   quota={"requests_per_month": 1000})
    identity = {"identity": {"issuer": issuer.name, "jwks": issuer.url, "audience": tokens.AUDIENCE,
                             "template": "each"}} if issuer else {}
    return {"providers": {"one": one}, "clients": clients, "templates": {"each": each}, "owners": [{"name": "search"}],
            **({"ledger": ledger.place} if ledger.place else {}), **identity, **top}


def admin(weir, method, path, body=None):
    return http(weir.port, method, "/admin/v1" + path, body and json.dumps(body),
                {"authorization": f"Bearer {weir.admin_key}", "content-type": "application/json"})


def ask(weir, key=KEY, session=None, user=None):
    headers = {"authorization": f"Bearer {key}", **({"x-weir-session": session} if session else {})}
    return http(weir.port, "POST", "/v1/chat/completions",
                chat_body("hi", max_tokens=10, **({"user": user} if user else {})), headers)


def asked(weir, path, key=KEY):
    return http(weir.port, "GET", path, headers={"authorization": f"Bearer {key}"}).json


def spent(weir, key=KEY):
    return [budget["spent_usd"] for budget in asked(weir, "/v1/key", key)["budgets"]]


def lasting(weir, key):
    """Without what is forecast, which goes with the time."""
    return [{name: value for name, value in budget.items() if name not in ("forecast_usd", "spent_at")}
            for budget in asked(weir, "/v1/key", key)["budgets"]]


def values(weir):
    """What each end user of the client has spent, by what is left of each."""
    return sorted(value["spent_usd"] for budget in admin(weir, "GET", "/budgets").json["budgets"]
                  for value in budget.get("values", []) if budget["owner"] == "client app")


def quota(weir):
    one, = admin(weir, "GET", "/status").json["providers"]
    return one["quotas"][0]["counted"]


def state(weir):
    return spent(weir), values(weir), quota(weir)


def interrupt(weir, mock):
    """Killed while a stream is under way, which is found as lost."""
    with Connection(weir.port) as caller:
        mock.fault("stall-mid-stream=2")
        caller.send(request_bytes("POST", "/v1/chat/completions",
                                  chat_body("word " * 5, stream=True, max_tokens=12, user="lost"), OWN))
        for _ in range(2):
            caller.read_until(b"\n\n")
        weir.stop(signal.SIGKILL, status=-signal.SIGKILL)


def test_what_was_spent_counts_when_it_comes_as_it_counts_after_a_start(folder, start_mock, ledger):
    mock = start_mock("--tokens", "3")
    settings = config(mock, ledger)
    weir = folder(settings)
    assert [ask(weir, session="s", user="ann").status for _ in range(2)] == [200, 200]
    interrupt(weir, mock)
    mock.reset()
    weir = folder(settings)
    assert weir.log("journal_replayed")[0]["lost"] == 1
    before = state(weir)
    interrupt(weir, mock)
    mock.reset()
    ledger.leave()
    weir = folder({**settings, "on_ledger_failure": "serve"})
    nothing = state(weir)
    assert nothing[2] == 0 and nothing != before
    assert ask(weir, session="s", user="ann").status == 200
    ledger.come()
    restored, = poll(lambda: weir.log("ledger_restored"), 30)
    assert restored["windows"] > 0 and weir.log("journal_replayed")[0]["lost"] == 1
    assert [ask(weir, session="s").status, ask(weir, session="t").status] == [429, 200]  # two before, one meanwhile
    late = state(weir)
    weir.stop()
    weir = folder(settings)
    assert state(weir) == late  # to the nano-dollar what a start makes of the ledger
    assert late[2] == before[2] + 3  # the second one that was lost, the one meanwhile, the one afterwards
    assert ask(weir, session="s").status == 429
    weir.stop()


def test_what_those_spent_who_show_tokens_counts_too(folder, start_mock, ledger, issuer):
    mock = start_mock("--tokens", "3")
    settings = config(mock, ledger, issuer)
    weir = folder(settings)
    token = issuer.token("ann", team="search")
    poll(lambda: ask(weir, token, user="u1").status == 200, 20)
    first = spent(weir, token)[:1]
    assert ask(weir, token, user="u1").status == 200
    weir.stop()
    ledger.leave()
    weir = folder({**settings, "on_ledger_failure": "serve"})
    poll(lambda: ask(weir, token, user="u1").status == 200, 20)
    ledger.come()
    poll(lambda: weir.log("ledger_restored"), 30)
    late = spent(weir, token)[:1]
    assert late == [f"{3 * float(once):.9f}" for once in first]  # two before, one meanwhile
    weir.stop()
    weir = folder(settings)
    poll(lambda: ask(weir, token, user="u1").status == 200, 20)
    assert spent(weir, token)[:1] == [f"{4 * float(once):.9f}" for once in first]
    weir.stop()


def test_nobody_is_let_in_before_it_is_known_who_may_be_and_then_all_is_as_it_was(folder, start_mock, ledger):
    mock = start_mock("--tokens", "3")
    settings = config(mock, ledger)
    weir = folder(settings)
    made = admin(weir, "POST", "/clients", {"name": "made", "budgets": [{"usd": 1, "window": "day"}], "in": "search"})
    assert made.status == 201, made
    key = made.json["key"]
    assert [ask(weir, key).status, ask(weir).status] == [200, 200]
    gone = admin(weir, "POST", "/clients", {"name": "gone"}).json["key"]
    assert admin(weir, "DELETE", "/clients/gone").status == 200
    assert admin(weir, "POST", "/clients/app/disable", {}).status == 200
    assert admin(weir, "PATCH", "/owners/search", {"daily_budget": 2}).status == 200
    assert admin(weir, "POST", "/budgets/raise", {"owner": "client made", "budget": "day", "usd": "0.5"}).status == 200
    before = lasting(weir, key)
    weir.stop()
    ledger.leave()
    weir = folder({**settings, "on_ledger_failure": "serve"})
    for shown in (key, KEY, gone, "weir-nobody"):
        refused = ask(weir, shown)
        assert refused.status == 503 and "stands in the ledger" in refused.error["message"], refused
        assert "retry-after" in refused.headers
    assert admin(weir, "GET", "/status").status == 200 and weir.log("clients_unread")
    ledger.come()
    poll(lambda: weir.log("ledger_restored"), 30)
    assert lasting(weir, key) == before
    assert [ask(weir, key).status, ask(weir).status, ask(weir, gone).status] == [200, 401, 401]
    assert admin(weir, "GET", "/owners/search").json["settings"]["daily_budget"] == 2
    assert admin(weir, "POST", "/clients", {"name": "another"}).status == 201
    weir.stop()
    ledger.leave()
    weir = folder(settings, wait=False)  # refuse, as usual
    assert weir.wait() != 0 and "cannot be read" in "\n".join(weir.err)
    ledger.come()

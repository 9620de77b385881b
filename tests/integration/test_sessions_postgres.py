"""What sessions have used, and an owner's purge, in a ledger that is PostgreSQL's."""
import hashlib
import json
import subprocess

import pytest

from postgres import programs
from weirlib import BINARY, chat_body, environment, http, provider

KEY = "weir-app-key"
pytestmark = pytest.mark.skipif(not programs(), reason="PostgreSQL's server is not installed")


def test_caps_hold_over_a_restart_and_an_owners_name_goes(folder, mocks, server):
    url = server.database()
    mocks[0].reset()
    client = {"name": "app", "in": "search", "key_hash": hashlib.sha256(KEY.encode()).hexdigest(),
              "sessions": {"calls": 2}}
    config = {"ledger": url, "providers": {"one": provider(mocks[0])}, "clients": [client],
              "owners": [{"name": "acme"}, {"name": "search", "in": "acme"}]}

    def ask(weir, session):
        return http(weir.port, "POST", "/v1/chat/completions", chat_body("hi"),
                    {"authorization": f"Bearer {KEY}", "x-weir-session": session}).status

    def owners(weir):
        rows = http(weir.port, "GET", "/admin/v1/usage?by=owner", headers={"authorization": f"Bearer {weir.admin_key}"})
        return {row["owner"]: row["requests"] for row in rows.json["rows"]}

    weir = folder(config)
    assert [ask(weir, "s") for _ in range(2)] == [200, 200]
    assert owners(weir) == {"acme": 2, "search": 2}
    weir.stop()
    weir = folder(config)
    assert [ask(weir, "s"), ask(weir, "t")] == [429, 200]
    assert owners(weir) == {"acme": 3, "search": 3} and not weir.log("ledger_failed")
    done = subprocess.run([BINARY, "usage", "purge", "--owner", "acme", "-c", str(weir.path), "--json"],
                          capture_output=True, text=True, timeout=30, env=environment())
    assert done.returncode == 0, done
    told = json.loads(done.stdout)
    assert (told["clients"], told["attempts"]) == (1, 3)
    assert owners(weir) == {told["tombstone"]: 3, "search": 3}

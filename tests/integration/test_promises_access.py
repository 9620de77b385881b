"""Who is let in, and whose key goes where: over every path of the program's own tables, and every place in which a key
may come."""
import hashlib
import json
import re

import pytest

from test_promises_dropped import CALLERS
from test_promises_streams import KINDS
from weirlib import ROOT, Weir, http, provider

KEYS = {
    "user": "caller-key-user-4711-abcdef", "operator": "caller-key-operator-0815-abcdef",
    "admin": "caller-key-admin-1234-abcdef"
}
ROUTES = [(method.upper(), path.replace("*", "x/reset" if method == "post" else "x"), access)
          for method, path, access in re.findall(
              r"\n    \{http_(get|post|put|patch|delete), STR\(\"(/[^\"]*)\"\), access_(\w+),", (
                  ROOT / "src/gateway/routes.c").read_text())]
ENDPOINTS = [
    (name, ("" if path.startswith("/v1") else "/v1") + path.replace("{model}", "m"))
    for name, path in re.findall(r"    X\((\w+), \w+, \w+, \"([^\"]+)\"", (ROOT / "src/dialect/endpoint.h").read_text())
    if name != "raw"
]


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture(scope="module")
def gateway(mocks, tmp_path_factory):
    base = f"http://127.0.0.1:{mocks[0].port}"
    blocks = {kind: provider(base + below, ["m"], type=kind, reply_timeout_seconds=20) for kind, below in KINDS.items()}
    clients = [{"name": name, "role": name, "raw": True, "key_hash": hashlib.sha256(key.encode()).hexdigest()}
               for name, key in KEYS.items()]
    weir = Weir(tmp_path_factory.mktemp("access"), {
        "providers": blocks, "clients": clients, "routes": [{"model": kind, "targets": [f"{kind}/m"]} for kind in KINDS]
    })
    yield weir, mocks[0]
    weir.stop()


def test_the_tables_are_read():
    assert (len(ROUTES) > 30 and len(ENDPOINTS) > 15 and
            {access for _, _, access in ROUTES} == {"open", "client", "operator", "admin", "metrics"})


@pytest.mark.parametrize(
    "headers", [{},
                bearer("wrong"),
                bearer(""), {"x-api-key": "wrong"}, {"x-goog-api-key": "wrong"}, {"Authorization": "Basic dTpw"}],
    ids=str)
def test_every_path_wants_a_key(gateway, headers):
    weir, mock = gateway
    mock.reset()
    asked = [(method, path) for method, path, access in ROUTES if access not in ("open", "metrics")]
    asked += ([("POST", path) for _, path in ENDPOINTS] +
              [("POST", path[3:])
               for _, path in ENDPOINTS if path.startswith("/v1/") and "models" not in path and "messages" not in path])
    asked += [(method, "/providers/openai/files") for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")]
    for method, path in asked:
        for query in "", "?x=1":
            reply = http(weir.port, method, path + query,
                         {"model": "m"} if method in ("POST", "PUT", "PATCH") else None, headers)
            assert reply.status == 401, (method, path, reply)
    assert mock.requests()["count"] == 0


@pytest.mark.parametrize("role", KEYS)
def test_every_admin_path_wants_its_role(gateway, role):
    weir, _ = gateway
    least = {"operator": 1, "admin": 2}
    for method, path, access in ROUTES:
        if access not in least or path in ("/admin/v1/drain", "/admin/v1/reload") and role == "admin":
            continue
        method = "HEAD" if path == "/admin/v1/events" else method  # its body has no end
        reply = http(weir.port, method, path, "{}" if method in ("POST", "PUT", "PATCH") else None, bearer(KEYS[role]))
        may = list(KEYS).index(role) >= least[access]
        assert (reply.status == 403) == (not may) and reply.status != 401, (method, path, role, reply)


PLACES = {
    "authorization": lambda key, path: (path, bearer(key)), "x-api-key": lambda key, path: (path, {"x-api-key": key}),
    "x-goog-api-key": lambda key, path: (path, {"x-goog-api-key": key}), "?key=": lambda key, path:
    (f"{path}?key={key}", {})
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", PLACES)
def test_a_callers_key_never_goes_to_a_provider(gateway, place, kind):
    """Nor in the head, nor in the target, nor in the body; with a second one beside it in every other header that could
    carry one."""
    weir, mock = gateway
    others = {
        "api-key": KEYS["operator"], "cookie": f"key={KEYS['operator']}",
        "proxy-authorization": f"Bearer {KEYS['operator']}", "x-forwarded-authorization": KEYS["operator"]
    }
    for caller, (path, least, _) in CALLERS.items():
        for stream in False, True:
            if stream and caller in ("embeddings", "embed") or place == "?key=" and caller not in ("generate", "embed"):
                continue
            mock.reset()
            asked = path.replace(":generateContent", ":streamGenerateContent") if stream else path
            target, headers = PLACES[place](KEYS["user"], asked.replace("MODEL", kind))
            body = {
                **least, **({"model": kind} if "model" in least else {}),
                **({"stream": True} if stream and "model" in least else {})
            }
            reply = http(weir.port, "POST", target, body, {**others, **headers})
            seen = mock.requests()["requests"]
            assert reply.status == 200 and len(seen) == 1 or reply.status == 400 and not seen, (caller, reply)
            for key in KEYS.values():
                assert key not in json.dumps(seen), (caller, stream, key)
                assert key not in reply.text + json.dumps(reply.headers), (caller, stream)
    assert not [line for line in weir.err if any(key in line for key in KEYS.values())]


def test_the_last_enabled_provider_cannot_be_removed(start, start_mock):
    """However it is tried."""
    weir = start({"providers": {"one": provider(start_mock()), "off": provider(start_mock(), enabled=False)}})
    admin = bearer(weir.admin_key)
    for method, path, body in (("DELETE", "/one", None), ("PATCH", "/one", {"enabled": False}), ("PUT", "/one",
                                                                                                 {"enabled": False})):
        reply = http(weir.port, method, "/admin/v1/providers" + path, body, admin)
        assert reply.status == 400, (method, reply)
        assert (http(weir.port, "POST", "/v1/chat/completions",
                     {"model": "m", "messages": [{"role": "user", "content": "x"}]}).status == 200)


def test_an_exclusive_route_is_never_hedged(start, start_mock):
    mocks = [start_mock(), start_mock()]
    weir = start({
        "providers": {
            name: provider(mock, ["x"], timeout_seconds=5, reply_timeout_seconds=5) for name, mock in zip("ab", mocks)
        }, "hedge": {"after": "10ms", "max_share": 1},
        "routes": [{"model": "locked", "strategy": "exclusive", "targets": ["a/x", "b/x"]},
                   {"model": "plain", "strategy": "priority", "targets": ["a/x", "b/x"]}]
    })
    for stream in False, True:
        for model, attempts in ("plain", "2"), ("locked", "1"):
            reply = http(
                weir.port, "POST", "/v1/chat/completions",
                {"model": model, "stream": stream, "messages": [{"role": "user", "content": "[mock latency=300] x"}]})
            assert reply.status == 200 and reply.headers["x-weir-attempts"] == attempts, (model, reply)

"""Who may do what: client keys and roles, the admin key, and a gateway without keys that only this machine may use."""
import hashlib
import stat

import pytest

from weirlib import Process, Weir, chat, chat_body, environment, http, provider


def client(name, key, **more):
    return {"name": name, "key_hash": hashlib.sha256(key.encode()).hexdigest(), **more}


@pytest.fixture(scope="module")
def keyed(mocks, tmp_path_factory):
    weir = Weir(
        tmp_path_factory.mktemp("keyed"), {
            "providers": {
                "one": provider(mocks[0], ["m", "n"], priority=1), "two": provider(mocks[1], ["m"], priority=2)
            }, "clients": [
                client("app", "key-app", role="user"),
                client("narrow", "key-narrow", role="user", models=["n*"], providers=["one"]),
                client("second", "key-second", role="user", providers=["two"]),
                client("steers", "key-steers", role="user", may_steer=True),
                client("ops", "key-ops", role="operator"),
                client("root", "key-root", role="admin")
            ]
        })
    yield weir
    weir.stop()


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


@pytest.mark.parametrize(
    "headers", [{},
                bearer("wrong"),
                bearer(""), {"Authorization": "Basic a2V5LWFwcA=="}, {"Authorization": "key-app"}, {"x-api-key": "no"},
                bearer("KEY-APP"),
                bearer("key-app2"),
                bearer(hashlib.sha256(b"key-app").hexdigest())])
def test_without_a_good_key_it_is_a_401(keyed, headers):
    for path, body in (("/v1/chat/completions", chat_body()), ("/v1/models", None)):
        reply = http(keyed.port, "POST" if body else "GET", path, body, headers)
        assert reply.status == 401 and reply.error["code"] == "invalid_client_key"
    assert "key-app" not in reply.text


@pytest.mark.parametrize(
    "headers",
    [bearer("key-app"), {"x-api-key": "key-app"}, {"x-goog-api-key": "key-app"}, {"authorization": "bearer key-app"}])
def test_a_key_arrives_in_several_headers(keyed, mocks, headers):
    assert chat(keyed.port, headers=headers).status == 200
    assert "key-app" not in str(mocks[0].last())


def test_a_key_in_the_query_is_not_read_here(keyed):
    assert http(keyed.port, "POST", "/v1/chat/completions?key=key-app", chat_body()).status == 401
    assert not [line for line in keyed.err if "key-app" in line]


def test_models_and_providers_of_a_client(keyed):
    assert chat(keyed.port, model="m", headers=bearer("key-narrow")).status == 403
    reply = chat(keyed.port, model="n", headers=bearer("key-narrow"))
    assert reply.status == 200 and reply.headers["x-weir-provider"] == "one"
    assert chat(keyed.port, headers=bearer("key-second")).headers["x-weir-provider"] == "two"
    assert chat(keyed.port, model="n", headers=bearer("key-second")).status == 403
    listed = [m["id"] for m in http(keyed.port, "GET", "/v1/models", headers=bearer("key-narrow")).json["data"]]
    assert "n" in listed and "m" not in listed
    assert http(keyed.port, "GET", "/v1/models/m", headers=bearer("key-narrow")).status == 404


def test_pins_need_the_right_to_steer_and_only_narrow(keyed):
    pin = {"x-weir-targets": "two/m"}
    assert chat(keyed.port, headers={**bearer("key-app"), **pin}).status == 403
    assert chat(keyed.port, headers={**bearer("key-steers"), **pin}).headers["x-weir-provider"] == "two"
    assert chat(keyed.port, model="two/m", headers=bearer("key-app")).status == 403
    assert chat(keyed.port, model="two/m", headers=bearer("key-narrow")).status == 403


@pytest.mark.parametrize("path, method, allowed", [
    ("/admin/v1/status", "GET", {"key-ops", "key-root"}), ("/admin/v1/route", "GET", {"key-ops", "key-root"}),
    ("/admin/v1/requests/none", "GET", {"key-ops", "key-root"}), ("/admin/v1/reload", "POST", {"key-root"})])
def test_roles(keyed, path, method, allowed):
    for key in ("", "key-app", "key-steers", "key-ops", "key-root", keyed.admin_key):
        reply = http(keyed.port, method, path, "" if method == "POST" else None, bearer(key) if key else {})
        if key in allowed or key == keyed.admin_key:
            assert reply.status in (200, 404), (key, reply)
        else:
            assert reply.status == (403 if key else 401), (key, reply)


def test_the_admin_key_is_made_once_and_private(keyed, start, start_mock):
    path = keyed.state_dir / "admin.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and len(keyed.admin_key) > 30
    assert chat(keyed.port, headers=bearer(keyed.admin_key)).status == 200
    open_weir = start({"providers": {"p": provider(start_mock())}})
    assert http(open_weir.port, "GET", "/admin/v1/status").status == 401, "admin needs its key on loopback too"
    assert http(open_weir.port, "GET", "/admin/v1/status", headers=bearer(open_weir.admin_key)).status == 200


@pytest.mark.parametrize("host", [
    "evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil.example", "192.168.1.1",
    "[2001:db8::1]"
])
def test_without_keys_only_a_loopback_host_is_answered(pair, host):
    weir, one, _ = pair
    for method, path, body in (("POST", "/v1/chat/completions", chat_body()), ("GET", "/", None),
                               ("GET", "/metrics", None), ("GET", "/v1/models", None)):
        reply = http(weir.port, method, path, body, host_header=host)
        assert reply.status == 403 and reply.error["code"] == "not_allowed"
    assert one.last() is None


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8080", "127.0.0.1:1", "127.1.2.3", "[::1]", "[::1]:80"])
def test_without_keys_a_loopback_host_is_fine(pair, host):
    assert http(pair[0].port, "POST", "/v1/chat/completions", chat_body(), host_header=host).status == 200


@pytest.mark.parametrize("origin, status", [("http://evil.example", 403), ("null", 403),
                                            ("https://localhost.evil.example", 403), ("http://localhost:3000", 200),
                                            ("http://127.0.0.1", 200)])
def test_without_keys_a_foreign_origin_is_refused(pair, origin, status):
    assert chat(pair[0].port, headers={"Origin": origin}).status == status


def test_a_public_address_without_keys_is_refused_unless_written_out(start, start_mock, tmp_path):
    mock = start_mock()
    config = {"listen": "0.0.0.0:0", "providers": {"p": provider(mock)}}
    refused = Weir(tmp_path, config, wait=False)
    assert refused.wait() == 2 and "auth: none" in "\n".join(refused.err)
    weir = start({**config, "auth": "none"})
    assert http(weir.port, "POST", "/v1/chat/completions", chat_body(), host_header="gateway.example").status == 200
    keyed = start({**config, "clients": [client("app", "k")]})
    assert (http(keyed.port, "POST", "/v1/chat/completions", chat_body(), bearer("k"),
                 host_header="gateway.example").status == 200)


def test_a_second_serve_on_the_same_state_or_address_refuses(start, start_mock, tmp_path):
    mock = start_mock()
    weir = start({"providers": {"p": provider(mock)}})
    second = Process(["serve", "-c", str(weir.path)], cwd=tmp_path, env=environment())
    assert second.wait() != 0 and "state" in "\n".join(second.err)
    other = Weir(tmp_path, {"listen": f"127.0.0.1:{weir.port}", "providers": {"p": provider(mock)}}, wait=False)
    assert other.wait() != 0 and str(weir.port) in "\n".join(other.err)
    assert chat(weir.port).status == 200


def test_minimal_response_headers(start, start_mock):
    weir = start({"response_headers": "minimal", "providers": {"p": provider(start_mock())}})
    headers = chat(weir.port).headers
    assert ("x-weir-request-id" in headers and
            not [h for h in headers if h in ("x-weir-provider", "x-weir-model", "x-weir-attempts", "x-weir-cost")])


PAGES = [  # headers that a browser sends, the path, the status
    ({"Sec-Fetch-Site": "cross-site"}, "/v1/models", 403),
    ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}, "/healthz", 403),
    ({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"}, "/v1/models", 403),
    ({"Sec-Fetch-Site": "anything"}, "/metrics", 403),
    ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, "/", 403),
    ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, "/v1/models", 403),
    # a link that was followed
    ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, "/", 200),
    ({"Sec-Fetch-Site": "same-origin"}, "/v1/models", 200),
    ({"Sec-Fetch-Site": "none"}, "/v1/models", 200),
    ({}, "/v1/models", 200),
    ({"Origin": "http://localhost:1.evil.com"}, "/v1/models", 403),
    ({"Origin": "http://[::1].evil.com"}, "/v1/models", 403),
    ({"Origin": "http://[::1"}, "/v1/models", 403),
    ({"Origin": "http://127.0.0.1.evil.com"}, "/v1/models", 403),
    ({"Origin": "null"}, "/v1/models", 403),
    ({"Origin": "http://user@localhost"}, "/v1/models", 403),
    ({"Origin": "http://localhost:99999"}, "/v1/models", 403),
    ({"Origin": "http://localhost:3000"}, "/v1/models", 200),
    ({"Origin": "http://[::1]:3000"}, "/v1/models", 200)
]


@pytest.mark.parametrize("headers, path, status", PAGES)
def test_without_keys_no_other_page_asks(pair, headers, path, status):
    assert http(pair[0].port, "GET", path, headers=headers).status == status


@pytest.mark.parametrize("headers, path, status", [page for page in PAGES if page[2] == 403])
def test_with_a_key_a_page_may_ask(keyed, headers, path, status):
    """What a page that holds a key asks is its owner's affair."""
    assert http(keyed.port, "GET", path, headers={**bearer("key-app"), **headers}).status == 200

"""What a broken provider does to a caller, for every API that callers speak and every kind of provider: half an answer
never looks whole, what fails before the first token is never seen, and what a provider says of weir's own key is never
passed on."""
import sys

import pytest

from weirlib import ROOT, Weir, http, poll, provider

sys.path.insert(0, str(ROOT / "tests"))
from chaos.dialects import DIALECTS  # noqa: E402  how each caller asks, and how it reads an answer

KINDS = {
    "openai": "/v1", "anthropic": "", "gemini": "/v1beta", "ollama-native": "", "cloudflare-native": "",
    "huggingface-native": ""
}
STREAMING = [d for d in DIALECTS if d.streams]
BREAKS = [
    "reset-mid-stream=4", "end-mid-stream=4", "error-in-stream=4", "stall-mid-stream=4", "truncated-chunk",
    "bad-chunk-size"
]
UNSEEN = [
    "status=500", "status=429", "status=401", "reset", "hang-after-head", "stall-before-token", "error-in-stream=0",
    "error-200", "wrong-content-type", "empty-body", "bad-status-line", "huge-headers"
]


def by_name(dialect):
    return dialect.name


@pytest.fixture(scope="module")
def gateway(mocks, tmp_path_factory):
    """Each kind twice: KIND-one at the first mock, KIND-two at the second. Models: KIND (both), KIND-alone (the
    first)."""
    at = [f"http://127.0.0.1:{mock.port}" for mock in mocks]
    quick = {"timeout_seconds": 0.5, "stall_timeout_seconds": 0.4, "circuit_breaker": {"failure_threshold": 1000}}
    blocks = {
        f"{kind}-{name}": {**provider(at[i] + below, ["m"], type=kind), **quick} for kind, below in KINDS.items()
        for i, name in enumerate(("one", "two"))
    }
    weir = Weir(
        tmp_path_factory.mktemp("streams"), {
            "retry": {"base_ms": 1, "max_ms": 2, "budget": 1}, "providers": blocks, "routes": [
                *({"model": kind, "targets": [f"{kind}-one/m", f"{kind}-two/m"]}
                  for kind in KINDS), *({"model": f"{kind}-alone", "targets": [f"{kind}-one/m"]} for kind in KINDS)
            ]
        })
    yield weir, mocks
    weir.stop()


@pytest.fixture
def fresh(gateway):
    """Nothing set, no key at rest."""
    weir, mocks = gateway
    for mock in mocks:
        mock.reset()
    yield weir, mocks
    for kind in KINDS:
        assert (http(weir.port, "POST", f"/admin/v1/providers/{kind}-one/resume",
                     headers={"authorization": f"Bearer {weir.admin_key}"}).status == 200)


def ask(weir, dialect, model, prompt="[mock tokens=40] Hello", stream=True):
    path, body = dialect.request(model, prompt, 500, stream, False)
    return http(weir.port, "POST", path, body)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dialect", STREAMING, ids=by_name)
def test_half_an_answer_never_looks_whole(fresh, dialect, kind):
    weir, (mock, _) = fresh
    whole = ask(weir, dialect, f"{kind}-alone")
    said = dialect.stream(whole.body)
    assert whole.status == 200 and said.ended and said.finish == "stop" and not said.error and not said.wrong, whole
    for fault in BREAKS:
        mock.fault(fault, 1)
        reply = ask(weir, dialect, f"{kind}-alone")
        assert reply.status == 200 or fault.partition("=")[0] in ("truncated-chunk", "bad-chunk-size"), (fault, reply)
        if reply.status != 200:
            assert dialect.error(reply.json), (fault, reply)
            continue
        broken = dialect.stream(reply.body)
        assert broken.error and not broken.ended and not broken.wrong, (fault, vars(broken), reply)
        assert broken.text != said.text and said.text.startswith(broken.text), (fault, broken.text)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dialect", STREAMING, ids=by_name)
def test_what_fails_before_the_first_token_is_never_seen(fresh, dialect, kind):
    weir, (one, two) = fresh
    good = ask(weir, dialect, kind)
    for fault in UNSEEN:
        if fault == "stall-before-token" and (dialect.name, kind) == ("completions", "openai"):
            continue  # its first event is the first token
        one.fault(fault, 1)
        reply = ask(weir, dialect, kind)
        said = dialect.stream(reply.body)
        assert reply.status == 200 and reply.headers["x-weir-provider"] == f"{kind}-two", (fault, reply)
        assert (said.ended and not said.error and not said.wrong and
                said.text == dialect.stream(good.body).text), (fault, reply)
        one.reset()
        http(weir.port, "POST", f"/admin/v1/providers/{kind}-one/resume",
             headers={"authorization": f"Bearer {weir.admin_key}"})


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dialect", DIALECTS, ids=by_name)
def test_what_a_provider_says_of_weirs_own_key_is_never_passed_on(fresh, dialect, kind):
    weir, (one, _) = fresh
    if dialect.name == "embeddings" and kind == "anthropic":
        return  # it has none
    for status in 401, 402, 403:
        for stream in (False, True) if dialect.streams else (False,):
            one.fault(f"status={status}")
            reply = ask(weir, dialect, f"{kind}-alone", stream=stream)
            assert reply.status in (429, 502, 503) and dialect.error(reply.json), (status, reply)
            assert "mock" not in reply.text.replace("mock-", "").lower(), (status, reply)
            one.reset()
            http(weir.port, "POST", f"/admin/v1/providers/{kind}-one/resume",
                 headers={"authorization": f"Bearer {weir.admin_key}"})


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize("fault", [
    "status=503", "status=429", "status=401", "reset", "hang-after-head", "reset-mid-body", "empty-body", "error-200",
    "bad-status-line"
])
def test_a_raw_request_is_asked_once_and_never_again(start, start_mock, method, fault):
    mock = start_mock()
    block = {
        **provider(mock), "max_retries": 3, "api_keys": ["key-number-one-0001", "key-number-two-0002"],
        "reply_timeout_seconds": 0.5
    }
    del block["api_key"]
    weir = start({"providers": {"one": block}, "retry": {"base_ms": 1, "max_retries": 5}})
    mock.fault(fault)
    http(weir.port, method, "/providers/one/files/x", {"a": 1} if method in ("POST", "PUT") else None)
    poll(lambda: weir.log("request_done"))
    assert mock.requests()["count"] == 1 and [line["attempts"] for line in weir.log("request_done")] == [1]

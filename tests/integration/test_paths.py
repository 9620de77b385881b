"""A caller's model that becomes a part of a path stays in its place: below the provider's base URL, whoever spells it
how."""
import json
import subprocess
from urllib.parse import quote, unquote

import pytest

from weirlib import BINARY, RawProvider, environment, http, provider

BAD = [
    "../../../../accounts/OTHER/tokens", "../v1/evil", "..", ".", "a/../b", "a//b", "a/", "%2e%2e/x", "a%2f..%2fb",
    "%252e%252e/x", "..\\x", "a?b=c", "a#b", "a b", "..;x/y"
]
GOOD = ["@cf/meta/llama-3", "org/model", "m.1:fast", "a..b"]
KINDS = {"gemini": "/v1beta/models/", "cloudflare-native": "/v1beta/ai/run/", "huggingface-native": "/v1beta/models/"}


def answer(connection, head, _):
    body = json.dumps(
        {"error": {"message": "x", "type": "invalid_request_error", "code": 400,
                   "status": "INVALID_ARGUMENT"}}).encode()
    connection.sendall(
        f"HTTP/1.1 400 X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)


def asks(port, name, model):
    """Every way to name a model of this provider."""
    chat = {"messages": [{"role": "user", "content": "hi"}]}
    yield "pin", http(port, "POST", "/v1/chat/completions", {"model": f"{name}/{model}", **chat})
    yield "stream", http(port, "POST", "/v1/chat/completions", {"model": f"{name}/{model}", "stream": True, **chat})
    if "#" not in model and ".." + chr(92) not in model:
        yield "targets", http(port, "POST", "/v1/chat/completions", {"model": "default", **chat},
                              {"x-weir-targets": f"{name}/{model}"})
    yield "embed", http(port, "POST", "/v1/embeddings", {"model": f"{name}/{model}", "input": "hi"})
    yield "messages", http(port, "POST", "/v1/messages", {"model": f"{name}/{model}", "max_tokens": 5, **chat})
    yield "responses", http(port, "POST", "/v1/responses", {"model": f"{name}/{model}", "input": "hi"})
    yield "google", http(port, "POST", f"/v1beta/models/{quote(f'{name}/{model}', safe='')}:generateContent",
                         {"contents": [{"parts": [{"text": "hi"}]}]})
    yield "google embed", http(port, "POST", f"/v1beta/models/{quote(f'{name}/{model}', safe='')}:embedContent",
                               {"content": {"parts": [{"text": "hi"}]}})
    yield "google count", http(port, "POST", f"/v1beta/models/{quote(f'{name}/{model}', safe='')}:countTokens",
                               {"contents": [{"parts": [{"text": "hi"}]}]})


@pytest.mark.parametrize("kind", KINDS)
def test_no_model_climbs_out_of_the_base_url(start, kind):
    with RawProvider(answer) as far:
        weir = start({"providers": {"far": provider(far.base_url + "beta", type=kind)}})
        for model in BAD:
            for way, reply in asks(weir.port, "far", model):
                refused = reply.status == 400 and "segments" in reply.text
                assert (refused or
                        (way in ("google count", "embed", "google embed") and reply.status in (200, 400))), (way, model,
                                                                                                             reply)
        assert not far.heads
        for model in GOOD:
            for _, reply in asks(weir.port, "far", model):
                assert reply.status in (200, 400), reply
        assert far.heads
        for head in far.heads:
            path = unquote(head.split(" ")[1])
            assert path.startswith(KINDS[kind]) and not {".", "..", ""} & set(path.split("?")[0].split("/")[1:]), path


def test_a_route_that_takes_any_model_leads_nowhere_else(start):
    with RawProvider(answer) as far:
        weir = start({
            "providers": {"far": provider(far.base_url + "beta", type="gemini", models=["g"])},
            "routes": [{"model": "*", "targets": ["far/g"]}]
        })
        for model in BAD:
            http(weir.port, "POST", "/v1/chat/completions",
                 {"model": model, "messages": [{"role": "user", "content": "hi"}]})
        assert {head.split(" ")[1] for head in far.heads} == {"/v1beta/models/g:generateContent"}


@pytest.mark.parametrize("where", ["models", "routes"])
def test_a_configuration_that_leads_out_is_refused_by_check(tmp_path, where):
    block = {"type": "gemini", "api_key": "k", "models": ["m"]}
    config = {"providers": {"far": block}, "state_dir": str(tmp_path / "state")}
    if where == "models":
        block["models"] = ["m", "../../v1/evil"]
    else:
        config["routes"] = [{"model": "x", "targets": ["far/../../v1/evil"]}]
    (tmp_path / "weir.yaml").write_text(json.dumps(config))
    checked = subprocess.run([BINARY, "check", "-c", str(tmp_path / "weir.yaml")], capture_output=True, text=True,
                             timeout=30, env=environment())
    assert checked.returncode != 0 and "part of a path" in checked.stdout + checked.stderr, checked
    block["models"], config["routes"] = ["m", "tunedModels/x-1"], []
    (tmp_path / "weir.yaml").write_text(json.dumps(config))
    assert (subprocess.run([BINARY, "check", "-c", str(tmp_path / "weir.yaml")], capture_output=True, timeout=30,
                           env=environment()).returncode == 0)

"""Usage and cost of every request, streams included: for every API that callers speak and every kind of provider; and
what weir asks for itself is kept from callers that did not ask."""
import sys

import pytest

from test_promises_streams import KINDS
from weirlib import ROOT, Weir, http, poll, provider

sys.path.insert(0, str(ROOT / "tests"))
from chaos.dialects import DIALECTS  # noqa: E402  how each caller asks, and how it reads an answer

PRICE = {"m": {"input": 1000, "output": 2000}}  # USD per million


@pytest.fixture(scope="module")
def gateway(mocks, tmp_path_factory):
    base = f"http://127.0.0.1:{mocks[0].port}"
    blocks = {
        kind: provider(base + below, ["m"], type=kind, prices=PRICE, reply_timeout_seconds=20)
        for kind, below in KINDS.items()
    }
    weir = Weir(tmp_path_factory.mktemp("usage"),
                {"providers": blocks, "routes": [{"model": kind, "targets": [f"{kind}/m"]} for kind in KINDS]})
    yield weir
    weir.stop()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_every_request_is_counted_and_charged(gateway, dialect, kind):
    if dialect.name == "embeddings" and kind in ("anthropic", "gemini", "cloudflare-native", "huggingface-native"):
        return  # the first has none, the others tell no usage of them
    for stream in (False, True) if dialect.streams else (False,):
        path, body = dialect.request(kind, "[mock tokens=20] Hello", 500, stream, False)
        before = len(gateway.log("request_done"))
        reply = http(gateway.port, "POST", path, body)
        assert reply.status == 200, reply
        line = poll(lambda: len(gateway.log("request_done")) > before and gateway.log("request_done")[-1])
        taken, made = line["input_tokens"], line["output_tokens"]
        assert taken > 0 and made == (-1 if dialect.name == "embeddings" else 20), (stream, line)  # -1: there is none
        assert float(line["cost_usd"]) == pytest.approx((taken * 1000 + max(made, 0) * 2000) / 1e6), (stream, line)
        if not stream:
            assert float(reply.headers["x-weir-cost"]) == pytest.approx(float(line["cost_usd"])), reply
        elif dialect.name in ("chat", "completions"):
            assert "prompt_tokens" not in reply.text, reply


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["chat", "completions"])
def test_who_asks_for_the_usage_gets_it_once(gateway, name, kind):
    dialect = next(d for d in DIALECTS if d.name == name)
    path, body = dialect.request(kind, "[mock tokens=20] Hello", 500, True, True)
    reply = http(gateway.port, "POST", path, body)
    assert reply.text.count('"prompt_tokens"') == 1 and reply.text.count('"completion_tokens":20') == 1, reply


def test_counters_never_go_back(gateway):
    """Not by a reload either; the version is always 1."""
    def read():
        lines = http(gateway.port, "GET", "/metrics").text.splitlines()
        names = {
            line.split()[2] for line in lines
            if line.startswith("# TYPE") and line.split()[3] in ("counter", "histogram")
        }
        samples = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        return ({
            name: float(value) for name, value in samples.items() if any(name.startswith(family) for family in names)
        }, samples)

    http(gateway.port, "POST", "/v1/chat/completions",
         {"model": "openai", "messages": [{"role": "user", "content": "x"}]})
    before, _ = read()
    assert (http(gateway.port, "POST", "/admin/v1/reload", "",
                 {"authorization": f"Bearer {gateway.admin_key}"}).status == 200)
    http(gateway.port, "POST", "/v1/chat/completions",
         {"model": "openai", "messages": [{"role": "user", "content": "x"}]})
    after, samples = read()
    assert before and all(after[name] >= value for name, value in before.items())
    assert [value for name, value in samples.items() if name.startswith("weir_build_info")] == ["1"]

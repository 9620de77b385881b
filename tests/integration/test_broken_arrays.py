"""A stream as one JSON array that breaks: still an array, and its last element says so; hedged or not, whoever
answers."""
import json

import pytest

from weirlib import http, provider

KINDS = {"openai": "/v1", "anthropic": "", "gemini": "/v1beta", "ollama-native": ""}


@pytest.mark.parametrize("hedged", (False, True))
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", ("reset-mid-stream=3", "end-mid-stream=3"))
def test_a_broken_array_is_an_array_whose_last_element_is_the_error(start, start_mock, kind, hedged, fault):
    slow, fast = start_mock("--latency", "300"), start_mock()
    route = {
        "model": "m", "targets": ["a/x", "b/x"], **({"hedge": {"after": "30ms", "max_share": 1.0}} if hedged else {})
    }
    weir = start({
        "providers": {
            n: {**provider(f"http://127.0.0.1:{m.port}{KINDS[kind]}", ["x"], priority=p), "type": kind}
            for n, m, p in (("a", slow, 1), ("b", fast, 2))
        }, "routes": [route]
    })
    for winner in ((slow, fast) if hedged else (slow,)):
        # The first to answer wins: once the second, once the first that a second began beside.
        other = fast if winner is slow else slow
        winner.fault(fault)
        if hedged:
            other.fault("hang")
        reply = http(weir.port, "POST", "/v1beta/models/m:streamGenerateContent",
                     {"contents": [{"role": "user", "parts": [{"text": "[mock tokens=20 rate=100] go on"}]}]})
        assert reply.status == 200 and reply.complete, reply
        elements = json.loads(reply.body)
        assert ("error" in elements[-1] and all("candidates" in e for e in elements[:-1]) and
                len(elements) > 1), reply.body
        winner.reset()
        other.reset()
        for name in "ab":
            assert (http(weir.port, "POST", f"/admin/v1/providers/{name}/resume",
                         headers={"authorization": f"Bearer {weir.admin_key}"}).status == 200)

"""What a provider's own limits and a stranger's names do to others: a key that says it is used up rests, and a failed
lookup tells nothing."""
import json
import time

import pytest

from weirlib import RawProvider, chat, good_reply, http, poll, provider

VENDORS = {  # how each says that nothing is left, and for how long
    "openai": ["x-ratelimit-remaining-requests: 0", "x-ratelimit-reset-requests: 30s"],
    "tokens": ["x-ratelimit-remaining-tokens: 0", "x-ratelimit-reset-tokens: 30s"],
    "anthropic": ["anthropic-ratelimit-requests-remaining: 0", "anthropic-ratelimit-requests-reset: LATER"],
    "anthropic tokens": ["anthropic-ratelimit-tokens-remaining: 0", "anthropic-ratelimit-tokens-reset: LATER"],
}


@pytest.mark.parametrize("throttled", [True, False])
@pytest.mark.parametrize("vendor", VENDORS)
def test_a_key_of_which_nothing_is_left_rests(start, vendor, throttled):
    used_up = [
        line.replace("LATER", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 30)))
        for line in VENDORS[vendor]
    ]

    def answer(connection, head, _):
        first = b"key-number-one-0001" in head
        connection.sendall(good_reply(extra="".join(line + "\r\n" for line in used_up) if first else ""))
    with RawProvider(answer) as far:
        block = {
            **provider(far.base_url), "api_keys": ["key-number-one-0001", "key-number-two-0002"],
            "adaptive_throttling": throttled
        }
        del block["api_key"]
        weir = start({"providers": {"p": block}})
        for _ in range(8):
            assert chat(weir.port).status == 200
        by_first = sum("key-number-one-0001" in head for head in far.heads)
        assert by_first == (1 if throttled else 4), far.heads


def test_a_name_that_is_not_there_and_one_that_leads_inside_say_the_same(start, start_mock):
    mock = start_mock()
    weir = start({
        "providers": {"g": provider(f"http://127.0.0.1:{mock.port}/v1beta", ["m"], type="gemini")},
        "fetch": {"timeout_seconds": 3}
    })

    def said(host):
        body = {
            "model": "m", "messages": [{
                "role": "user", "content": [{"type": "text", "text": "x"},
                                            {"type": "image_url", "image_url": {"url": f"http://{host}/x.png"}}]
            }]
        }
        reply = http(weir.port, "POST", "/v1/chat/completions", body)
        assert reply.status == 400 and mock.requests()["count"] == 0
        return reply.error["message"].replace(host, "HOST")
    words = said("no-such-name.invalid")
    assert [said(host) for host in ("localhost", "ip6-localhost")] == [words] * 2

"""The mock by itself: what the tests of weir stand on."""
import json

import pytest

from weirlib import http

LONG = {
    "/v1/chat/completions": {"model": "m", "messages": [{"role": "user", "content": "[mock tokens=9000] x"}], "stream": True},
    "/v1/messages": {"model": "m", "max_tokens": 10000, "messages": [{"role": "user", "content": "[mock tokens=9000] x"}], "stream": True},
    "/v1/responses": {"model": "m", "input": "[mock tokens=9000] x", "stream": True},
    "/v1beta/models/m:streamGenerateContent?alt=sse": {"contents": [{"role": "user", "parts": [{"text": "[mock tokens=9000] x"}]}]},
}
ENDS = {"/v1/chat/completions": "[DONE]", "/v1/messages": "message_stop", "/v1/responses": "response.completed", "/v1beta/models/m:streamGenerateContent?alt=sse": "STOP"}


@pytest.mark.parametrize("path", LONG)
def test_a_long_stream_has_its_end_in_every_dialect(start_mock, path):
    reply = http(start_mock().port, "POST", path, LONG[path])
    assert reply.complete and len(reply.events) > 9000
    assert ENDS[path] in json.dumps(reply.events[-1])

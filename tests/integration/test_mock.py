"""The mock by itself: what the tests of weir stand on."""
import json

import pytest

from weirlib import http

LONG = {
    "/v1/chat/completions": {
        "model": "m", "messages": [{"role": "user", "content": "[mock tokens=9000] x"}], "stream": True
    },
    "/v1/messages": {
        "model": "m", "max_tokens": 10000, "messages": [{"role": "user", "content": "[mock tokens=9000] x"}],
        "stream": True
    },
    "/v1/responses": {"model": "m", "input": "[mock tokens=9000] x", "stream": True},
    "/v1beta/models/m:streamGenerateContent?alt=sse": {
        "contents": [{"role": "user", "parts": [{"text": "[mock tokens=9000] x"}]}]
    },
}
ENDS = {
    "/v1/chat/completions": "[DONE]", "/v1/messages": "message_stop", "/v1/responses": "response.completed",
    "/v1beta/models/m:streamGenerateContent?alt=sse": "STOP"
}


@pytest.mark.parametrize("host", ("127.0.0.1", "[::1]", "localhost"))
def test_it_says_where_it_listens(start_mock, host):
    mock = start_mock(listen=f"{host}:0")
    assert mock.out[0] == f"weir mock listens on http://{host}:{mock.port}/v1" and mock.port > 0


@pytest.mark.parametrize("path", LONG)
def test_a_long_stream_has_its_end_in_every_dialect(start_mock, path):
    reply = http(start_mock().port, "POST", path, LONG[path])
    assert reply.complete and len(reply.events) > 9000
    assert ENDS[path] in json.dumps(reply.events[-1])


# Each vendor's own 400, by path: (the body, the words, what the shape must hold).
USER = {"role": "user", "content": "x"}
REFUSED = {
    "/v1/chat/completions": [({"messages": [USER], "tomorrow": 1}, "Unknown parameter: 'tomorrow'.",
                              {"param": "tomorrow", "code": "unknown_parameter"}),
                             ({"messages": []}, "empty array", {"param": "messages", "code": "empty_array"})],
    "/v1/responses": [({"input": "x", "tomorrow": 1}, "Unknown parameter: 'tomorrow'.",
                       {"param": "tomorrow", "code": "unknown_parameter"})],
    "/v1/messages": [({"max_tokens": 9, "messages": [USER],
                       "tomorrow": 1}, "tomorrow: Extra inputs are not permitted", {"type": "invalid_request_error"}),
                     ({"messages": [USER]}, "max_tokens: Field required", {"type": "invalid_request_error"})],
    "/v1beta/models/m:generateContent": [
        ({"contents": [{"parts": [{"text": "x"}]}],
          "tomorrow": 1}, 'Unknown name "tomorrow": Cannot find field.', {"status": "INVALID_ARGUMENT", "code": 400}),
        ({"contents": []}, "contents is not specified", {"status": "INVALID_ARGUMENT", "code": 400})
    ],
}


@pytest.mark.parametrize("path", REFUSED)
def test_it_is_as_strict_as_the_vendor_unless_told_otherwise(start_mock, path):
    strict, lenient = start_mock(), start_mock("--lenient")
    for body, words, shape in REFUSED[path]:
        asked = body if "models" in path else {"model": "m", **body}
        reply = http(strict.port, "POST", path, asked)
        assert reply.status == 400, reply
        error = reply.json["error"]
        assert words in error["message"] and shape.items() <= error.items(), reply
        if "tomorrow" in body:
            assert http(lenient.port, "POST", path, asked).status == 200
            if path == "/v1/chat/completions":  # another vendor's
                assert http(strict.port, "POST", "/vendor" + path, asked).status == 200

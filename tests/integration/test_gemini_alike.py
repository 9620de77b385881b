"""Google's callers in front of Google: the request goes up as it came, with the target's name wherever a model is
named."""
import json

import pytest

from weirlib import RawProvider, good_reply, http

WORDS = {
    "contents": [{
        "role": "user", "parts": [{"text": "hi"},
                                  {"fileData": {"fileUri": "https://example.com/a.png", "mimeType": "image/png"}}]
    }], "generationConfig": {"aFutureOption": 1}
}


@pytest.fixture
def google(start):
    """(weir, provider): the provider answers every request with what `says` holds; `alias` is its model real-1."""
    class Google(RawProvider):
        says, kind = b"{}", "application/json"

        def __init__(self):
            super().__init__(lambda connection, head, body: connection.sendall(
                good_reply(self.says).replace(b"application/json", self.kind.encode())))

        def asked(self):
            return self.heads[-1].split()[1], json.loads(self.bodies[-1])
    with Google() as provider:
        yield start({"routes": [{"model": "alias", "targets": ["g/real-1"]}], "providers": {
            "g": {"type": "gemini", "base_url": provider.base_url, "api_key": "k", "models": ["real-1"]}}}), provider


def test_a_batch_of_one_stays_a_batch_and_names_the_target(google):
    weir, provider = google
    provider.says = b'{"embeddings":[{"values":[1,2]}]}'
    text = {"content": {"parts": [{"text": "the \"model\": one"}]}, "taskType": "RETRIEVAL_QUERY"}
    reply = http(weir.port, "POST", "/v1beta/models/alias:batchEmbedContents",
                 {"requests": [{"model": "models/alias", **text}]})
    assert reply.status == 200 and reply.body == provider.says, reply
    assert (provider.asked() == ("/v1/models/real-1:batchEmbedContents",
                                 {"requests": [{"model": "models/real-1", **text}]}))
    http(weir.port, "POST", "/v1beta/models/alias:batchEmbedContents",
         {"requests": [{"model": "models/alias", **text}, text]})
    assert provider.asked()[1] == {"requests": [{"model": "models/real-1", **text}, text]}


def test_one_embedding_names_the_target(google):
    weir, provider = google
    provider.says = b'{"embedding":{"values":[1,2]}}'
    text = {"content": {"parts": [{"text": "x"}]}}
    reply = http(weir.port, "POST", "/v1beta/models/alias:embedContent", {"model": "models/alias", **text})
    assert reply.status == 200 and reply.body == provider.says, reply
    assert provider.asked() == ("/v1/models/real-1:embedContent", {"model": "models/real-1", **text})


def test_counts_that_cannot_be_true_are_not_counted(google):
    weir, provider = google
    provider.says = b'{"embedding":{"values":[1,2]},"usageMetadata":{"promptTokenCount":9223372036854775807}}'
    for _ in range(3):
        reply = http(weir.port, "POST", "/v1/embeddings", {"model": "alias", "input": "x"})
        assert reply.status == 200 and reply.json["usage"]["total_tokens"] == 0, reply
    tokens = [
        line for line in http(weir.port, "GET", "/metrics").body.decode().splitlines()
        if line.startswith("weir_tokens_total") and 'direction="input"' in line
    ]
    assert tokens and all(line.endswith(" 0") for line in tokens)


def test_an_array_is_made_of_events_and_the_request_stays_as_it_is(google):
    weir, provider = google
    provider.kind = "text/event-stream"
    provider.says = (
        b'data: {"candidates":[{"content":{"parts":[{"text":"a"}]}}]}\r\n\r\ndata: '
        b'{"candidates":[{"content":{"parts":[]},"finishReason":2}]}\r\n\r\n'
    )
    reply = http(weir.port, "POST", "/v1beta/models/alias:streamGenerateContent", WORDS)
    assert reply.status == 200 and reply.headers["content-type"] == "application/json", reply
    assert "".join(p["text"] for e in reply.json for p in e["candidates"][0]["content"]["parts"]) == "a"
    # said as a number where enums were asked for as numbers
    assert reply.json[-1]["candidates"][0]["finishReason"] == "MAX_TOKENS"
    assert provider.asked() == ("/v1/models/real-1:streamGenerateContent?alt=sse", WORDS)


def test_a_verb_that_is_not_there_is_a_404_that_names_the_nearest(google):
    weir, _ = google
    for verb, nearest in (("embedContents", "embedContent"), ("generateContents", "generateContent"), ("countToken",
                                                                                                       "countTokens")):
        reply = http(weir.port, "POST", f"/v1beta/models/a-model-of-a-long-name:{verb}", WORDS)
        assert (reply.status == 404 and
                f"Did you mean /v1beta/models/{{model}}:{nearest}?" in reply.json["error"]["message"]), reply
    assert http(weir.port, "PUT", "/v1beta/models/m", WORDS).status == 405

"""The other endpoints: passed through with routing, failover and accounting."""
import base64
import json
import struct

import pytest

from weirlib import chat, http, poll, provider


@pytest.fixture(scope="module")
def weir(mocks, tmp_path_factory):
    from weirlib import Weir
    weir = Weir(tmp_path_factory.mktemp("pass"), {"providers": {
        "a": provider(mocks[0], priority=1), "b": provider(mocks[1], priority=2),
        "together": {**provider(mocks[1], ["r"]), "type": "together"}}})
    yield weir
    weir.stop()


@pytest.fixture(autouse=True)
def clean(mocks):
    for mock in mocks:
        mock.reset()


def post(weir, path, body, **more):
    return http(weir.port, "POST", path, body, **more)


def test_completions(weir):
    reply = post(weir, "/v1/completions", {"model": "m", "prompt": "Say it"})
    assert reply.json["object"] == "text_completion" and reply.json["choices"][0]["text"] == "You said: Say it"
    streamed = post(weir, "/v1/completions", {"model": "m", "prompt": "Say it", "stream": True})
    assert ("".join(e["choices"][0]["text"] for e in streamed.events[:-1]) == "You said: Say it" and
            streamed.events[-1] == "[DONE]")


def test_embeddings_as_floats_and_base64(weir):
    floats = post(weir, "/v1/embeddings", {"model": "m", "input": ["a", "b"], "dimensions": 8}).json
    coded = post(weir, "/v1/embeddings",
                 {"model": "m", "input": ["a", "b"], "dimensions": 8, "encoding_format": "base64"}).json
    assert [d["index"] for d in floats["data"]] == [0, 1] and floats["usage"]["prompt_tokens"] > 0
    for one, other in zip(floats["data"], coded["data"]):
        assert struct.unpack("<8f", base64.b64decode(other["embedding"])) == pytest.approx(one["embedding"], rel=1e-6)


def test_a_large_embedding_reply(weir):
    reply = post(weir, "/v1/embeddings", {"model": "m", "input": ["x"] * 200})
    assert reply.complete and len(reply.json["data"]) == 200 and len(reply.body) > 2_000_000


def test_moderations_images_and_reranking(weir):
    assert post(weir, "/v1/moderations", {"model": "m", "input": "violence"}).json["results"][0]["flagged"] is True
    assert post(weir, "/v1/images/generations", {"model": "m", "prompt": "a cat", "n": 2}).json["data"][1]["b64_json"]
    ranked = post(weir, "/v1/rerank", {"model": "r", "query": "q", "documents": ["a", "b"], "top_n": 1})
    assert ranked.status == 200 and ranked.json["results"][0]["index"] == 0


def test_a_path_that_no_provider_of_the_model_has_is_refused(weir):
    reply = post(weir, "/v1/rerank", {"model": "m", "query": "q", "documents": ["a"]})
    assert reply.status == 400 and reply.error["code"] == "unsupported"


def test_speech_is_bytes(weir, mocks):
    reply = post(weir, "/v1/audio/speech", {"model": "m", "input": "hello", "voice": "alloy"})
    assert (reply.status == 200 and reply.headers["content-type"] == "audio/mpeg" and len(reply.body) == 4096 and
            len(set(reply.body)) > 200)
    assert post(weir, "/v1/audio/speech", {"model": "m", "input": "hello", "voice": "alloy"}).body == reply.body
    mocks[0].fault("status=500")
    assert (post(weir, "/v1/audio/speech",
                 {"model": "m", "input": "hello", "voice": "alloy"}).headers["x-weir-provider"] == "b")


def multipart(fields, boundary="xyzzy"):
    out = b""
    for name, value in fields:
        extra = '; filename="a.wav"' if isinstance(value, bytes) else ""
        data = value if isinstance(value, bytes) else value.encode()
        out += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{extra}\r\n\r\n'.encode() + data + b"\r\n"
    return out + f"--{boundary}--\r\n".encode()


def test_transcriptions(weir, mocks):
    audio = bytes(range(256)) * 64
    body = multipart([("file", audio), ("model", "a/m"), ("response_format", "text")])
    reply = post(weir, "/v1/audio/transcriptions", body,
                 headers={"Content-Type": "multipart/form-data; boundary=xyzzy"})
    assert (reply.status == 200 and reply.text.startswith("The mock heard") and
            reply.headers["content-type"].startswith("text/plain")), reply
    seen = mocks[0].last()
    assert (seen["headers"]["content-type"] == "multipart/form-data; boundary=xyzzy" and
            seen["body_bytes"] == len(body) - 2)
    body = multipart([("model", "m"), ("file", audio)])
    reply = post(weir, "/v1/audio/transcriptions", body,
                 headers={"Content-Type": 'multipart/form-data; boundary="xyzzy"'})
    assert reply.json["usage"]["output_tokens"] == 7 and mocks[0].last()["body_bytes"] == len(body)


@pytest.mark.parametrize("body, kind", [(b"", "multipart/form-data; boundary=xyzzy"),
                                        (b"--xyzzy--\r\n", "multipart/form-data"),
                                        (b"nothing", "multipart/form-data; boundary=xyzzy"),
                                        (multipart([("model", "m"), ("model", "n"),
                                                    ("file", b"x")]), "multipart/form-data; boundary=xyzzy"),
                                        (b"{}", "application/json")])
def test_a_broken_form_is_a_400(weir, body, kind):
    reply = post(weir, "/v1/audio/transcriptions", body, headers={"Content-Type": kind})
    assert reply.status in (400, 415) and reply.error["code"] in ("invalid_request", "unsupported_media_type"), reply


def test_an_unknown_path_names_the_nearest(weir):
    reply = post(weir, "/v1/chat/completion", {})
    assert (reply.status == 404 and reply.error["code"] == "unknown_path" and
            "/v1/chat/completions" in reply.error["message"])
    assert http(weir.port, "GET", "/v1/chat/completions").status == 405
    assert json.dumps(http(weir.port, "GET", "/nothing").error)


def test_moderations_and_images_need_no_model(start, mocks):
    """As the vendor's own API has it."""
    models = ["gpt-4o-mini", "gpt-image-1-mini", "omni-moderation-latest"]
    weir = start({"providers": {"p": provider(mocks[0], models)}})
    for path, body, served in (("/v1/moderations", '{"input":"x"}', "omni-moderation-latest"),
                               ("/v1/images/generations", '{"prompt":"x"}', "gpt-image-1-mini")):
        reply = http(weir.port, "POST", path, body)
        assert reply.status == 200 and reply.headers["x-weir-model"] == served, (path, reply)
    assert chat(weir.port, model="default").headers["x-weir-model"] == "gpt-4o-mini"
    done = poll(lambda: len(weir.log("request_done")) == 3 and weir.log("request_done"))
    assert [line["served"] for line in done] == ["omni-moderation-latest", "gpt-image-1-mini", "gpt-4o-mini"]
    assert all(line["cached"] is False for line in done)


@pytest.mark.parametrize("form", [{"type": "json_object", "value": {"type": "object", "properties": {}}},
                                  {"type": "json", "value": {"type": "object", "properties": {}}},
                                  {"type": "json_object", "schema": {"type": "object", "properties": {}}}])
def test_a_schema_in_the_words_of_hugging_faces_sdks_is_understood(start, mocks, form):
    mock = mocks[0]
    native = {"type": "ollama-native", "base_url": f"http://127.0.0.1:{mock.port}", "models": ["m"]}
    weir = start({"providers": {"p": native}})
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}], "response_format": form}
    assert http(weir.port, "POST", "/v1/chat/completions", json.dumps(body)).status == 200
    assert json.loads(mock.last()["body"])["format"]["type"] == "object"

"""`redact_to_providers`: what a client's providers are not to read is taken out of every request and put back into its
answer, in every dialect, whole and streamed, over any cut."""
import hashlib
import json

import pytest

from weirlib import RawProvider, good_reply, http, poll, provider

KEYS = {name: f"weir-key-of-{name}" for name in ("puts-back", "hides", "plain", "boss")}
SETTINGS = {"puts-back": {"redact_to_providers": "restore", "conversations": "store"},
            "hides": {"redact_to_providers": "hide"}, "plain": {}, "boss": {"role": "admin"}}
SECRETS = ["ada@example.com", "+49 30 9018200", "4111 1111 1111 1111", "sk-live-0123456789abcdef", "KD-4711"]
WORDS = "mail ada@example.com, call +49 30 9018200, card 4111 1111 1111 1111, key sk-live-0123456789abcdef, of KD-4711"


def clients():
    return [{"name": name, "key_hash": hashlib.sha256(key.encode()).hexdigest(), "raw": True, **SETTINGS[name]}
            for name, key in KEYS.items()]


def of(name):
    return {"authorization": f"Bearer {KEYS[name]}"}


@pytest.fixture
def run(folder, mocks):
    mocks[0].reset()

    def begin(**top):
        base = f"http://127.0.0.1:{mocks[0].port}"
        kinds = {"openai": f"{base}/v1", "anthropic": base, "gemini": f"{base}/v1beta"}
        providers = {kind: provider(url, type=kind, models=[f"{kind}-m"]) for kind, url in kinds.items()}
        return folder({"providers": providers, "clients": clients(), "log": {"redact_patterns": ["KD-[0-9]+"]}, **top})
    return begin


BODIES = {
    "/v1/chat/completions": {"messages": [{"role": "user", "content": WORDS}]},
    "/v1/completions": {"prompt": WORDS},
    "/v1/messages": {"max_tokens": 500, "messages": [{"role": "user", "content": [{"type": "text", "text": WORDS}]}]},
    "/v1/responses": {"input": WORDS},
    "generate": {"contents": [{"role": "user", "parts": [{"text": WORDS}]}]},
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["openai-m", "anthropic-m", "gemini-m"])
@pytest.mark.parametrize("path", BODIES)
def test_no_provider_reads_it_and_its_caller_gets_it_back(run, mocks, path, model, stream):
    weir = run()
    body = {**BODIES[path], "model": model, **({"stream": True} if stream else {})}
    if path == "generate":
        body = BODIES[path]
        path = f"/v1beta/models/{model}:" + ("streamGenerateContent?alt=sse" if stream else "generateContent")
    reply = http(weir.port, "POST", path, body, of("puts-back"))
    assert reply.status == 200, reply
    sent = mocks[0].last()["body"]
    assert not [secret for secret in SECRETS if secret in sent], sent
    assert "<EMAIL_1>" in sent.replace("\\u003c", "<").replace("\\u003e", ">") and "<PRIVATE_1>" in sent
    assert reply.headers["x-weir-changed"].endswith("redacted email 1 phone 1 card 1 key 1 own 1")
    kept = poll(lambda: http(weir.port, "GET", "/v1/key/conversations", None, of("puts-back")).json["data"])[0]
    turn, = http(weir.port, "GET", f"/v1/key/conversations/{kept['id']}", None, of("puts-back")).json["data"]
    said = turn["answer"]["content"]  # the mock echoes its prompt
    assert "<EMAIL_1>" not in reply.text and not [secret for secret in SECRETS if secret not in said], said
    assert turn["messages"][-1]["content"] == WORDS
    story = http(weir.port, "GET", f"/admin/v1/requests/{reply.headers['x-weir-request-id']}", None, of("boss"))
    assert story.json["redacted"] == "redacted email 1 phone 1 card 1 key 1 own 1" and "ada@" not in story.text


def test_who_says_nothing_and_who_hides(run, mocks):
    weir = run()
    body = {"model": "openai-m", **BODIES["/v1/chat/completions"]}
    plain = http(weir.port, "POST", "/v1/chat/completions", body, of("plain"))
    assert WORDS in mocks[0].last()["body"] and "x-weir-changed" not in plain.headers
    hidden = http(weir.port, "POST", "/v1/chat/completions", body, of("hides"))
    assert "ada@" not in mocks[0].last()["body"] and "<EMAIL_1>" in hidden.content and "ada@" not in hidden.text


def answering(answers):
    seen = []

    def answer(connection, head, body):
        seen.append(json.loads(body))
        reply = answers.pop(0)
        if isinstance(reply, bytes):
            connection.sendall(good_reply(reply))
            return
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        for piece in reply:
            connection.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
        connection.sendall(b"0\r\n\r\n")
    return answer, seen


def events(*deltas, finish="stop"):
    made = [{"id": "c", "object": "chat.completion.chunk", "model": "m",
             "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    made.append({"id": "c", "object": "chat.completion.chunk", "model": "m",
                 "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    return b"".join(b"data: %s\n\n" % json.dumps(one).encode() for one in made) + b"data: [DONE]\n\n"


def deltas_of(reply):
    return [event["choices"][0]["delta"] for event in reply.events if event != "[DONE]"]


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/v1/responses"])
def test_a_placeholder_that_is_said_in_pieces_is_put_together(folder, path):
    text = "write to <EMAIL_1> or <EMAIL_2>; a < b, <EMAIL_9>, <EM"
    for size in (1, 2, 3, 7):
        pieces = [text[i:i + size] for i in range(0, len(text), size)]
        answer, seen = answering([[events(*({"content": piece} for piece in pieces))]])
        with RawProvider(answer) as raw:
            weir = folder({"providers": {"one": provider(raw, api="chat")}, "clients": clients()})
            words = "I am ada@example.com, she is bob@example.com, and again ada@example.com"
            body = {"model": "m", "stream": True, "max_tokens": 100, "messages": [{"role": "user", "content": words}]}
            if path == "/v1/responses":
                body = {"model": "m", "stream": True, "input": words}
            reply = http(weir.port, "POST", path, body, of("puts-back"))
            assert seen[0]["messages"][-1]["content"] == "I am <EMAIL_1>, she is <EMAIL_2>, and again <EMAIL_1>"
            assert reply.complete
            kept = poll(lambda: http(weir.port, "GET", "/v1/key/conversations", None, of("puts-back")).json["data"])[0]
            turn = http(weir.port, "GET", f"/v1/key/conversations/{kept['id']}", None,
                        of("puts-back")).json["data"][-1]
            assert turn["answer"]["content"] == "write to ada@example.com or bob@example.com; a < b, <EMAIL_9>, <EM"
            weir.stop()


def test_a_list_of_googles_has_it_put_together_over_its_elements(folder):
    text = "write to <EMAIL_1> or <EMAIL_2>; a < b, <EMAIL_9>, <EM"
    for size in (1, 3, 7):
        answer, _ = answering([[events(*({"content": text[i:i + size]} for i in range(0, len(text), size)))]])
        with RawProvider(answer) as raw:
            weir = folder({"providers": {"one": provider(raw, api="chat")}, "clients": clients()})
            body = {"contents": [{"role": "user", "parts": [{"text": "ada@example.com and bob@example.com"}]}]}
            reply = http(weir.port, "POST", "/v1beta/models/m:streamGenerateContent", body, of("puts-back"))
            assert reply.status == 200 and reply.complete, reply
            assert reply.headers["content-type"].startswith("application/json") and isinstance(reply.json, list)
            said = "".join(part.get("text", "") for element in reply.json for one in element.get("candidates", [])
                           for part in one.get("content", {}).get("parts", []))
            assert said == "write to ada@example.com or bob@example.com; a < b, <EMAIL_9>, <EM"
            weir.stop()


def test_numbers_of_cards_and_telephones_go_up_without_them(run, mocks):
    weir = run()
    arguments = {"card": 4111111111111111, "phone": 4930901820, "at_ms": 1763856000009}
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": json.dumps(arguments)}}
    chat = {"seed": 4111111111111111, "messages": [
        {"role": "user", "content": "go"}, {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": json.dumps(arguments)}]}
    messages = {"max_tokens": 100, "messages": [
        {"role": "user", "content": "go"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "call_1", "name": "f", "input": arguments}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "call_1", "content": "good"}]}]}
    for path, body in (("/v1/chat/completions", chat), ("/v1/messages", messages)):
        for model in ("openai-m", "anthropic-m", "gemini-m"):
            reply = http(weir.port, "POST", path, {**body, "model": model}, of("puts-back"))
            assert reply.status == 200, reply
            sent = mocks[0].last()["body"].replace('"seed": 4111111111111111', "")
            sent = sent.replace('"seed":4111111111111111', "")
            assert "4111111111111111" not in sent and "4930901820" not in sent and "1763856000009" in sent, sent


def test_in_tool_arguments_the_escapes_are_right_at_every_cut(folder):
    words = 'the word is "quoted\\path"'
    inner = json.dumps({"to": "<PRIVATE_1>", "n": 1})
    for size in (1, 3, 50):
        pieces = [inner[i:i + size] for i in range(0, len(inner), size)]
        calls = [{"tool_calls": [{"index": 0, "id": "call_1", "type": "function",
                                  "function": {"name": "send", "arguments": ""}}]}]
        calls += [{"tool_calls": [{"index": 0, "function": {"arguments": piece}}]} for piece in pieces]
        whole = json.dumps({"id": "c", "object": "chat.completion", "model": "m", "choices": [
            {"index": 0, "finish_reason": "tool_calls", "message": {"role": "assistant", "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "send", "arguments": inner}}]}}]}).encode()
        answer, seen = answering([[events(*calls, finish="tool_calls")], whole])
        with RawProvider(answer) as raw:
            weir = folder({"providers": {"one": provider(raw)}, "clients": clients(),
                           "log": {"redact_patterns": ['"quoted.path"']}})
            body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": words}]}
            reply = http(weir.port, "POST", "/v1/chat/completions", body, of("puts-back"))
            assert seen[0]["messages"][0]["content"] == "the word is <PRIVATE_1>"
            said = "".join(call["function"]["arguments"] for delta in deltas_of(reply)
                           for call in delta.get("tool_calls", ()))
            assert json.loads(said) == {"to": '"quoted\\path"', "n": 1}
            reply = http(weir.port, "POST", "/v1/chat/completions", {**body, "stream": False}, of("puts-back"))
            call, = reply.json["choices"][0]["message"]["tool_calls"]
            assert json.loads(call["function"]["arguments"]) == {"to": '"quoted\\path"', "n": 1}
            weir.stop()


def test_tool_results_instructions_and_arguments_go_up_without_it(run, mocks):
    weir = run()
    mail = "ada@example.com"
    body = {"model": "anthropic-m", "max_tokens": 100, "system": f"I serve {mail}", "messages": [
        {"role": "user", "content": "go"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "f",
                                           "input": {"id": mail, "deep": [{"url": mail}]}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": f"found {mail}"}]}],
        "tools": [{"name": "f", "input_schema": {"type": "object"}}]}
    assert http(weir.port, "POST", "/v1/messages", body, of("puts-back")).status == 200
    sent = mocks[0].last()["body"]
    assert mail not in sent and sent.count("<EMAIL_1>") == 4 and '"toolu_1"' in sent


def test_what_stands_there_as_a_placeholder_already_is_nobodys_word(run, mocks):
    weir = run()
    body = {"model": "openai-m", "messages": [{"role": "user", "content": "say <EMAIL_1>, I am ada@example.com"}]}
    reply = http(weir.port, "POST", "/v1/chat/completions", body, of("puts-back"))
    assert "say <EMAIL_1>, I am <EMAIL_2>" in mocks[0].last()["body"]
    assert "<EMAIL_1>" in reply.content and "ada@example.com" in reply.content


def test_what_is_no_json_goes_nowhere(run, mocks):
    weir = run()
    before = mocks[0].requests()
    form = ('--x\r\ncontent-disposition: form-data; name="model"\r\n\r\nopenai-m\r\n--x\r\n'
            'content-disposition: form-data; name="file"; filename="a"\r\n\r\nada@example.com\r\n--x--\r\n').encode()
    for path, body, kind in (("/v1/audio/transcriptions", form, "multipart/form-data; boundary=x"),
                             ("/providers/openai/files", form, "multipart/form-data; boundary=x"),
                             ("/v1/chat/completions", b'{"a":"\\ud800 ada@example.com"}', "application/json")):
        reply = http(weir.port, "POST", path, body, {**of("puts-back"), "content-type": kind})
        assert reply.status == 400, reply
    assert mocks[0].requests() == before


def test_raw_json_is_looked_at_too(run, mocks):
    weir = run()
    body = {"model": "openai-m", **BODIES["/v1/chat/completions"]}
    reply = http(weir.port, "POST", "/providers/openai/chat/completions", body, of("puts-back"))
    assert reply.status == 200 and "ada@" not in mocks[0].last()["body"] and "ada@example.com" in reply.content


def test_a_stored_response_keeps_its_words_and_goes_on(run, mocks):
    weir = run()
    first = http(weir.port, "POST", "/v1/responses", {"model": "openai-m", "input": WORDS}, of("puts-back"))
    kept = http(weir.port, "GET", f"/v1/responses/{first.json['id']}", None, of("puts-back"))
    assert "ada@example.com" in kept.text and "<EMAIL_1>" not in kept.text
    again = {"model": "openai-m", "input": "and bob@example.com", "previous_response_id": first.json["id"]}
    assert http(weir.port, "POST", "/v1/responses", again, of("puts-back")).status == 200
    sent = mocks[0].last()["body"]
    assert "ada@" not in sent and "bob@" not in sent and "<EMAIL_2>" in sent


def test_many_words_and_hostile_ones_take_their_time_and_no_more(run, mocks):
    weir = run()
    hostile = ["a." * 200_000, "<" * 300_000, "\\" * 100_000, "1 " * 200_000, "+1" * 200_000, "@." * 100_000,
               " ".join(f"u{i}@example.com" for i in range(9000)), "KD-" * 100_000, "://" * 100_000, "key=" * 100_000,
               " ".join(f"{i:x}@a.co" for i in range(300_000))]
    for words in hostile:
        body = {"model": "openai-m", "messages": [{"role": "user", "content": words}]}
        reply = http(weir.port, "POST", "/v1/chat/completions", body, of("puts-back"))
        assert reply.status == 200, (words[:10], reply)
        assert "@example.com" not in mocks[0].last()["body"]

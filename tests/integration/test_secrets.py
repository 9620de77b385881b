"""What is sent to a provider as a credential comes back nowhere: a provider echoes all it got, in every place and way
of writing."""
import base64
import glob
import hashlib
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import tempfile
import urllib.parse

import pytest

from weirlib import BINARY, RawProvider, chat, environment, http, poll, provider

KEY = "zq9-pLanted.Provider_Key-4711/with+signs=="
TOKEN = "hd7TokenInAHeader0123456789abcdef"
PASSWORD = "pr0xy-Pass-word-which-is-long"
CALLER = "weir_caller-key-0123456789abcdef0123"
SECRETS = {"key": KEY, "header": TOKEN, "proxy": PASSWORD}
MARK = "ECHO"


def written(secret):
    """Every way in which it is looked for, as what must not be found."""
    ways = [
        secret,
        urllib.parse.quote(secret, safe=""),
        re.sub("%..", lambda m: m.group().lower(), urllib.parse.quote(secret, safe="")),
        secret.replace("/", "\\/"), "".join(c if c.isalnum() else f"\\u{ord(c):04x}" for c in secret),
        "".join(c if c.isalnum() else f"%{ord(c):02x}" for c in secret)
    ]
    for before in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            text = encode(b"x" * before + secret.encode()).decode()
            # the characters that the secret alone decides
            ways.append(text[(0, 2, 3)[before]:(before + len(secret)) * 8 // 6])
    return list(dict.fromkeys(ways))


WAYS = {name: written(secret) for name, secret in SECRETS.items()}
# As a provider writes them: with what stands around a base64 text, percent forms and escapes that need no quoting in
# JSON.
ECHOED = [way for name in ("key", "header") for way in WAYS[name]]


def assert_clean(text, where, names=("key", "header")):
    text = text if isinstance(text, str) else text.decode("utf-8", "replace")
    for name in names:
        for way in WAYS[name]:
            assert way not in text, f"the {name} stands in {where}: {way}"
            parsed = way.replace("\\/", "/")
            assert parsed not in text, f"the {name} stands in {where}: {parsed}"


def got(head):
    """All that the head told, and the proof that it held what must not come back."""
    assert KEY.encode() in head and TOKEN.encode() in head, head
    return MARK + " " + " ".join(ECHOED) + " " + MARK


def quoted(text):
    """As the inside of a JSON string, with the escapes that some of the ways are left as they are."""
    return text.replace('"', "'")


def openai_error(text):
    return '{"error":{"message":"%s","type":"invalid_request_error","code":"bad","param":null}}' % quoted(text)


def whole(text):
    return ((
        '{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,'
        '"message":{"role":"assistant","content":"%s"},'
        '"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":1,"total_tokens":6}}') % quoted(text))


def events(text):
    chunk = (
        '{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":%s,'
        '"finish_reason":%s}]}'
    )
    return "".join(f"data: {line}\n\n"
                   for line in (chunk % ('{"role":"assistant","content":"%s"}' % quoted(text), "null"), chunk %
                                ("{}", '"stop"'), "[DONE]"))


def reply(status, body, type="application/json", extra=(), cut=0):
    head = (f"HTTP/1.1 {status} X\r\nContent-Type: {type}\r\nContent-Length: {len(body)}\r\n" +
            "".join(f"{line}\r\n" for line in extra) + "\r\n")
    return (head + body).encode()


def send(connection, data, cut):
    """In pieces, so that a credential is cut."""
    for at in range(0, len(data), cut or len(data)):
        connection.sendall(data[at:at + (cut or len(data))])


def echoing(make, cut=0):
    def answer(connection, head, body):
        send(connection, make(got(head)), cut)
    return answer


def config(far, **more):
    one = provider(far.base_url, api_key=KEY, headers={"x-extra-token": TOKEN}, max_retries=0, **more)
    return {
        "providers": {"one": one},
        "clients": [{"name": "me", "key_hash": hashlib.sha256(CALLER.encode()).hexdigest(),
                     "raw": True}], "log": {"level": "debug"}, "retry": {"max_retries": 0}
    }


AUTH = {"authorization": f"Bearer {CALLER}"}


def everything(weir, request_id):
    """All that weir tells of a request and of itself."""
    admin = {"authorization": f"Bearer {weir.admin_key}"}
    story = poll(lambda:
                 (r := http(weir.port, "GET", f"/admin/v1/requests/{request_id}", headers=admin)).status == 200 and r)
    places = {
        "explain": story.text, "log": "\n".join(list(weir.err) + list(weir.out)),
        "metrics": http(weir.port, "GET", "/metrics").text
    }
    for path in ("status", "providers", "providers/one", "health", "health/history", "route", "lock"):
        answer = http(weir.port, "GET", f"/admin/v1/{path}", headers=admin)
        places[path] = str(answer.headers) + answer.text
    pid = weir.process.pid
    for name in ("cmdline", "environ"):
        with open(f"/proc/{pid}/{name}", "rb") as file:
            places[name] = file.read()
    return places


def ask(weir, kind, **more):
    body = {
        "chat": ("/v1/chat/completions", {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}),
        "anthropic": ("/v1/messages", {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}),
        "gemini": ("/v1beta/models/m:%s" %
                   ("streamGenerateContent?alt=sse" if more.get("stream") else "generateContent"),
                   {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}),
        "responses": ("/v1/responses", {"model": "m", "input": "Hi"}),
        "speech": ("/v1/audio/speech", {"model": "m", "input": "Hi",
                                        "voice": "v"}), "raw": ("/providers/one/anything", {"a": 1})
    }
    path, asked = body[kind]
    if kind not in ("gemini", "raw"):
        asked = {**asked, **more}
    return http(weir.port, "POST", path, asked, {**AUTH, "x-weir-request-id": f"secret-{kind}"})


def check(weir, kind, answer, names=("key", "header")):
    assert_clean(str(answer.headers), "the head", names)
    assert_clean(answer.body, "the body", names)
    assert CALLER not in answer.text and CALLER not in str(answer.headers)
    for place, text in everything(weir, f"secret-{kind}").items():
        assert_clean(text, place, names)
        assert CALLER not in (text if isinstance(text, str) else text.decode("utf-8", "replace")), place


CALLERS = ["chat", "anthropic", "gemini", "responses", "raw"]


@pytest.mark.parametrize("kind", CALLERS)
@pytest.mark.parametrize("status", [400, 404, 409, 422, 429, 500, 503])
def test_an_error_that_quotes_the_credentials_does_not_tell_them(start, kind, status):
    with RawProvider(echoing(lambda text: reply(status, openai_error(text)))) as far:
        weir = start(config(far))
        answer = ask(weir, kind)
        assert answer.status >= 400
        check(weir, kind, answer)
        if kind in ("chat", "raw") and status < 429:
            assert (f"{MARK} *****" in answer.text and
                    len(answer.body) == len(openai_error(got(KEY.encode() + TOKEN.encode()))))


@pytest.mark.parametrize("kind", CALLERS)
@pytest.mark.parametrize("cut", [0, 7], ids=["whole", "in pieces"])
def test_a_good_answer_that_quotes_them_does_not_either(start, kind, cut):
    with RawProvider(echoing(lambda text: reply(200, whole(text)), cut)) as far:
        weir = start(config(far, type="groq"))  # which has the chat API only
        answer = ask(weir, kind)
        assert answer.status == 200 and MARK in answer.text and "*****" in answer.text
        check(weir, kind, answer)


@pytest.mark.parametrize("kind", CALLERS)
@pytest.mark.parametrize("cut", [0, 5], ids=["whole", "in pieces"])
def test_nor_does_a_stream(start, kind, cut):
    with RawProvider(echoing(lambda text: reply(200, events(text), "text/event-stream"), cut)) as far:
        weir = start(config(far, type="groq"))
        answer = ask(weir, kind, stream=True)
        assert answer.status == 200 and MARK in answer.text and "*****" in answer.text
        check(weir, kind, answer)


ESCAPED = {"every letter": 1, "every third": 3, "every fourth": 4}


@pytest.mark.parametrize("each", ESCAPED.values(), ids=ESCAPED)
@pytest.mark.parametrize("kind", CALLERS)
def test_what_escapes_have_hidden_is_masked_as_it_is_and_where_it_is_decoded(start, kind, each):
    hidden = "".join(f"\\u{ord(c):04x}" if at % each == 0 else c for at, c in enumerate(KEY))
    for status, body, type in ((200, whole(f"{MARK} {hidden}"), "application/json"), (200, events(f"{MARK} {hidden}"),
                                                                                      "text/event-stream"),
                               (400, openai_error(f"{MARK} {hidden}"), "application/json")):
        with RawProvider(lambda connection, head, _, reply=reply(status, body, type): connection.sendall(reply)) as far:
            weir = start(config(far, type="groq"))
            answer = ask(weir, kind, **({"stream": True} if type == "text/event-stream" else {}))
            assert answer.status == status and MARK in answer.text and "*****" in answer.text
            check(weir, kind, answer)


def test_nor_does_what_weir_does_not_read(start):
    with RawProvider(echoing(lambda text: reply(200, text, "audio/mpeg"), 11)) as far:
        weir = start(config(far))
        answer = ask(weir, "speech")
        assert answer.status == 200 and answer.text.startswith(MARK + " ***") and answer.text.endswith(MARK)
        check(weir, "speech", answer)


def test_nor_do_heads(start):
    names = ("x-request-id", "x-ratelimit-limit-requests", "x-ratelimit-remaining-tokens", "openai-version",
             "openai-processing-ms", "content-disposition", "x-odd")
    def make(text):
        words = " ".join(w for w in ECHOED)
        return reply(200, whole("fine"), extra=[f"{name}: {words}" for name in names] + [f"x-ratelimit-{TOKEN}: 1"])
    with RawProvider(echoing(make)) as far:
        weir = start(config(far, forward_headers=["x-odd"]))
        for kind in ("chat", "raw"):
            answer = ask(weir, kind)
            assert answer.status == 200 and "***" in answer.headers["x-request-id"]
            check(weir, kind, answer)


def test_an_error_inside_an_answer_does_not_tell_a_short_key(start):
    short = "k3y-short"
    error = '{"error":{"message":"your key %s is bad","type":"x"}}' % short
    replies = [
        reply(401, error),
        reply(400, error, extra=[f"x-request-id: {short}"]),
        reply(200, error),
        reply(200, f"data: {error}\n\n", "text/event-stream"),
        reply(
            200,
            events("a").split("data: {", 2)[0] + "data: {" + events("a").split("data: {", 2)[1] + f"data: {error}\n\n",
            "text/event-stream")
    ]
    for number, each in enumerate(replies):
        with RawProvider(lambda connection, head, body, each=each: connection.sendall(each)) as far:
            weir = start({
                "providers": {"one": provider(far.base_url, api_key=short, max_retries=0)}, "retry": {"max_retries": 0}
            })
            answer = http(weir.port, "POST", "/v1/chat/completions",
                          {"model": "m", "stream": number > 2, "messages": [{"role": "user", "content": "Hi"}]},
                          {"x-weir-request-id": "short"})
            admin = {"authorization": f"Bearer {weir.admin_key}"}
            story = poll(lambda:
                         (r := http(weir.port, "GET", "/admin/v1/requests/short", headers=admin)).status == 200 and r)
            for text in (answer.text, str(answer.headers), story.text, "\n".join(list(weir.err))):
                assert short not in text, (number, text)


def test_a_proxys_password_does_not_come_back(start):
    def answer(connection, head, body):
        basic = re.search(r"Proxy-Authorization: Basic (\S+)", head.decode()).group(1)
        assert PASSWORD in base64.b64decode(basic).decode()
        connection.sendall(
            reply(400, openai_error(f"{MARK} {basic} " + " ".join(WAYS["proxy"] + ECHOED)),
                  extra=[f"x-request-id: {basic}"]))
    with RawProvider(answer) as far:
        weir = start(config(far, proxy=f"http://user:{PASSWORD}@127.0.0.1:{far.port}"))
        answer = ask(weir, "chat")
        assert answer.status == 400 and MARK in answer.text
        check(weir, "chat", answer, SECRETS)


def test_a_stored_response_holds_none(start):
    with RawProvider(echoing(lambda text: reply(200, whole(text)))) as far:
        weir = start(config(far, type="groq"))
        made = http(weir.port, "POST", "/v1/responses", {"model": "m", "input": "Hi", "store": True}, AUTH)
        assert made.status == 200 and MARK in made.text
        again = poll(
            lambda: (r := http(weir.port, "GET", f"/v1/responses/{made.json['id']}", headers=AUTH)).status == 200 and r)
        assert_clean(again.text, "the stored response")
        weir.stop()
        for path in filter(os.path.isfile, glob.glob(str(weir.state_dir / "**"), recursive=True)):
            with open(path, "rb") as file:
                assert_clean(file.read(), path)


def test_a_finished_event_does_not_wait_for_the_next(start):
    """Only bytes that may begin a credential are held back: none, where a read ends with an event."""
    import threading
    go_on = threading.Event()

    def answer(connection, head, body):
        first, rest = events("some words").split("\n\n", 1)
        data = (first + "\n\n").encode()
        connection.sendall(
            f"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: {len(events('some words'))}\r\n\r\n"
            .encode() + data)
        assert go_on.wait(10)
        connection.sendall(rest.encode())
    from weirlib import Connection, chat_body, request_bytes
    with RawProvider(answer) as far:
        weir = start(config(far, stall_timeout_seconds=10, timeout_seconds=10))
        with Connection(weir.port) as connection:
            connection.send(request_bytes("POST", "/v1/chat/completions", chat_body(stream=True), AUTH))
            assert b"some words" in connection.read_until(b"some words")
            go_on.set()
            connection.read_until(b"[DONE]")


def test_what_a_provider_says_of_the_prompt_is_not_logged(start):
    said = "bad: jane.doe@example.org paid with 4111 1111 1111 1111 and wrote PRIVATE-WORDS"
    with RawProvider(lambda connection, head, body: connection.sendall(reply(400, openai_error(said)))) as far:
        weir = start(config(far))
        assert ask(weir, "chat").status == 400
        places = everything(weir, "secret-chat")
        line = poll(lambda: weir.log("attempt_failed"))[0]
        assert line["code"] == "bad" and line["status"] == 400 and "said" not in line
        assert "PRIVATE-WORDS" not in places["log"] and "jane" not in places["log"]
        assert "jane" not in places["explain"] and "4111" not in places["explain"] and "***" in places["explain"]


# -- the process -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("asked", [False, True])
def test_serve_is_not_dumpable_unless_asked(start_mock, asked):
    """As somebody else than root, to whom /proc tells it apart."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        os.chmod(folder, 0o777)
        weir, config = f"{folder}/weir", f"{folder}/weir.yaml"
        shutil.copy(BINARY, weir)
        with open(config, "w", encoding="utf-8") as file:
            json.dump({"listen": "127.0.0.1:0", "state_dir": f"{folder}/state", "workers": 1, "core_dumps": asked,
                       "providers": {"one": provider(start_mock())}}, file)
        somebody = 65534 if os.getuid() == 0 else None
        process = subprocess.Popen([weir, "serve", "-c", config], stderr=subprocess.PIPE, text=True, cwd=folder,
                                   env=environment(), user=somebody, group=somebody)
        try:
            said = []
            while not said or '"ready"' not in said[-1]:
                said.append(process.stderr.readline())
                assert said[-1], said
            assert (os.stat(f"/proc/{process.pid}/environ").st_uid != 0) == asked
        finally:
            process.kill()
            process.communicate()


def test_what_the_environment_held_is_moved_out_of_sight_and_still_read(start_mock):
    """Where the kernel shows a process's environment none of it stands any more; a reload finds it all the same."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        config, secret = f"{folder}/weir.yaml", "sk-of-the-environment-0123456789"
        with open(config, "w", encoding="utf-8") as file:
            json.dump({"listen": "127.0.0.1:0", "state_dir": f"{folder}/state", "workers": 1,
                       "providers": {"one": provider(start_mock(), api_key="${KEPT_OUT_OF_SIGHT}")}}, file)
        process = subprocess.Popen([BINARY, "serve", "-c", config], stderr=subprocess.PIPE, text=True, cwd=folder,
                                   env=environment(KEPT_OUT_OF_SIGHT=secret, ANOTHER_VARIABLE="another-value"))
        try:
            said = []
            for event in ('"ready"', '"reloaded"'):
                while not said or event not in said[-1]:
                    said.append(process.stderr.readline())
                    assert said[-1] and "reload_failed" not in said[-1], said
                with open(f"/proc/{process.pid}/environ", "rb") as file:
                    shown = file.read()
                assert secret.encode() not in shown and b"another-value" not in shown
                process.send_signal(signal.SIGHUP)
        finally:
            process.kill()
            process.communicate()


def is_sanitized():
    with open(BINARY, "rb") as file:
        return b"__asan_init" in file.read()


def core_of(weir, folder):
    """The path of a core of the running process, or why there can be none."""
    with open("/proc/sys/kernel/core_pattern") as file:
        pattern = file.read().strip()
    pid = weir.process.pid
    if "tsan" in BINARY:
        return None, "the thread sanitizer keeps the environment as it was"
    if pattern.startswith("|") or "/" in pattern:
        return None, f"cores go to `{pattern}`"
    try:
        resource.prlimit(pid, resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    except (PermissionError, ValueError) as error:
        return None, f"the limit of cores cannot be raised: {error}"
    weir.process.send_signal(signal.SIGABRT)
    weir.process.wait(60)
    found = glob.glob(str(folder / "core*"))
    return (found[0], "") if found else (None, "the system wrote no core")


def held(path, secret):
    """Does the file hold it, whole or two thirds of it?"""
    part = secret.encode()[:len(secret) * 2 // 3]
    last = b""
    with open(path, "rb") as file:
        while piece := file.read(1 << 24):
            if part in last + piece:
                return True
            last = piece[-len(part):]
    return False


def test_a_core_holds_no_credential(start, start_mock, tmp_path):
    if is_sanitized() and "disable_coredump=0" not in os.environ.get("ASAN_OPTIONS", ""):
        pytest.skip("a process under the address sanitizer writes no core")
    keys = {"file": "core-planted-in-the-file-4711-abcdefgh", "environment": "core-planted-in-the-environment-0815-xyz",
            "header": "core-planted-in-a-header-2222-qwertzu", "admin": "core-planted-by-the-admin-api-3333-asdfgh"}
    mock = start_mock()
    from weirlib import environment
    weir = start(
        {
            "core_dumps": True, "providers": {
                "one": provider(mock, api_key=keys["file"], headers={"x-extra-token": keys["header"]}), "two": provider(
                    mock, ["m2"], api_key="${PLANTED_KEY}")
            }, "clients": config(RawProvider(b""))["clients"]
        }, env=environment(PLANTED_KEY=keys["environment"]))
    admin = {"authorization": f"Bearer {weir.admin_key}"}
    keys["admin key"] = weir.admin_key
    keys["client"] = CALLER
    for model in ("m", "m2"):
        assert (http(weir.port, "POST", "/v1/chat/completions",
                     {"model": model, "messages": [{"role": "user", "content": "PLAIN-WORDS"}]}, AUTH).status == 200)
    assert (http(weir.port, "POST", "/admin/v1/providers",
                 {"name": "three", **provider(mock, ["m3"], api_key=keys["admin"])}, admin).status in (200, 201))
    assert (http(weir.port, "POST", "/v1/chat/completions",
                 {"model": "m3", "messages": [{"role": "user", "content": "x"}]}, AUTH).status == 200)
    poll(lambda: len(weir.log("request_done")) >= 3)  # a request under way holds its keys
    for _ in range(2):  # and their connections' ends have been seen
        assert http(weir.port, "GET", "/healthz").status == 200
    path, why = core_of(weir, weir.folder)
    if not path:
        pytest.skip(why)
    assert held(path, "chat/completions"), "the core is empty"
    found = [name for name, secret in keys.items() if held(path, secret)]
    os.unlink(path)
    assert not found, f"a core holds: {found}"

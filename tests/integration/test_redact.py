"""What an operator does not want to read stands in no log line and no explain record; bad patterns do not start."""
import json
import subprocess

import pytest

from weirlib import BINARY, RawProvider, chat, environment, http, poll, provider


def reply(status, body):
    head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def test_own_patterns_hold_for_callers_words_and_providers(start):
    said = "customer KD-4711 of +49 30 901820 (jane@example.org) is unknown"
    body = json.dumps({"error": {"message": said, "type": "invalid_request_error", "code": "bad"}}).encode()
    with RawProvider(lambda connection, head, _: connection.sendall(reply(400, body))) as far:
        weir = start({"providers": {"one": provider(far.base_url)},
                      "log": {"level": "debug", "redact_patterns": ["KD-[0-9]+", "(?i)secret-[a-z]+"]}})
        asked = chat(weir.port, headers={"x-weir-session": "secret-Falcon", "user-agent": "KD-99 client"})
        assert asked.status == 400 and said in asked.json["error"]["message"]  # its caller reads it whole
        unknown = chat(weir.port, model="KD-12345")
        poll(lambda: len(weir.log("request_done")) == 2)
        told = "".join(http(weir.port, "GET", f"/admin/v1/requests/{one.headers['x-weir-request-id']}",
                            headers={"authorization": f"Bearer {weir.admin_key}"}).text for one in (asked, unknown))
    lines = "\n".join(weir.err)
    for words in (lines, told):
        for hidden in ("KD-", "901820", "jane", "Falcon"):
            assert hidden not in words, words[max(0, words.find(hidden) - 200):][:400]
    assert "customer *** of *** (***)" in told
    assert sorted(line["model"] for line in weir.log("request_done")) == ["***", "m"]


@pytest.mark.parametrize("pattern, says", [
    ("(a", "`(` has no `)`"), ("a*", "matches nothing"), ("(a)\\1", "letter or digit"),
    ("((a{200}){200}){200}", "too long"), ("[z-a]", "lower to the higher"), ("(?<=a)b", "(?:")])
def test_check_says_which_pattern_is_wrong_and_where(tmp_path, pattern, says):
    path = tmp_path / "weir.yaml"
    path.write_text(f"log:\n  redact_patterns:\n    - 'fine'\n    - '{pattern}'\n")
    checked = subprocess.run([BINARY, "check", "-c", str(path)], capture_output=True, text=True, timeout=20,
                             env=environment())
    told = checked.stdout + checked.stderr
    assert checked.returncode == 2 and f"{path}:4:7: " in told and says in told, told

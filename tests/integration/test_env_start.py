"""Starting without a file: the environment alone, or nothing at all and the simulated provider."""
import json
import os
import re
import subprocess

import pytest

from weirlib import BINARY, Process, chat, environment, http


@pytest.fixture
def bare(tmp_path):
    """serve with these variables and no file."""
    started = []

    def run(*arguments, **variables):
        home = tmp_path / "home"
        home.mkdir(exist_ok=True)
        env = environment(WEIR_LISTEN="127.0.0.1:0", WEIR_STATE_DIR=str(tmp_path / "state"), HOME=str(home),
                          XDG_CONFIG_HOME=str(home), **variables)
        process = Process(["serve", *arguments], cwd=tmp_path, env=env)
        started.append(process)
        ready = json.loads(process.line(process.err, '"ready"'))
        process.port, process.ready, process.state = ready["port"], ready, tmp_path / "state"
        return process
    yield run
    for process in started:
        process.stop()


def refused(tmp_path, *arguments, **variables):
    """The same, where it does not start: what both `serve` and `check` say."""
    (tmp_path / "empty").mkdir(exist_ok=True)
    env = environment(WEIR_LISTEN="127.0.0.1:0", WEIR_STATE_DIR=str(tmp_path / "state"), HOME=str(tmp_path),
                      XDG_CONFIG_HOME=str(tmp_path), **variables)
    runs = [subprocess.run([BINARY, command, *arguments], capture_output=True, text=True, timeout=20, env=env,
                           cwd=tmp_path / "empty") for command in ("serve", "check")]
    assert [run.returncode for run in runs] == [2, 2], runs
    assert runs[0].stderr.splitlines()[0] in runs[1].stdout, runs
    return runs[1].stdout


def test_with_nothing_the_simulated_provider_answers(bare):
    weir = bare()
    assert weir.ready["simulated"] is True
    for model in ("default", "gpt-4o", "anything"):
        reply = chat(weir.port, "Hi", model=model)
        assert (reply.status == 200 and reply.content == "You said: Hi" and
                reply.headers["x-weir-provider"] == "simulated"), reply
    streamed = chat(weir.port, "Hi", model="default", stream=True)
    assert streamed.content == "You said: Hi" and streamed.events[-1] == "[DONE]"
    assert http(weir.port, "GET", "/v1/models").json["data"]


def test_simulated_answers_say_so_everywhere(bare):
    weir = bare()
    assert json.loads(weir.line(weir.err, '"event":"simulated"'))["level"] == "warn"
    ready = http(weir.port, "GET", "/readyz")
    assert ready.status == 200 and "simulated" in ready.text
    assert "simulated" in http(weir.port, "GET", "/").text
    for stream in (False, True):
        assert chat(weir.port, "Hi", model="default", stream=stream).headers["x-weir-simulated"] == "true"


@pytest.mark.parametrize("variables, words", [
    ({"OPENAI_API_KEY": ""}, "OPENAI_API_KEY is set and empty: give it the key, or unset it"),
    ({"OPENAI_API_KEY": "", "GROQ_API_KEY": "gsk-groq"}, "OPENAI_API_KEY is set and empty"),
    ({"CLOUDFLARE_API_TOKEN": "cf"}, "CLOUDFLARE_ACCOUNT_ID is not"),
    ({"CLOUDFLARE_ACCOUNT_ID": "acc"}, "CLOUDFLARE_API_TOKEN is not"),
    ({"PRIMARY_PROVIDER": "openai"}, "PRIMARY_PROVIDER names `openai`"),
    ({"ENABLE_PROVIDER_SYSTEM": "maybe"}, "ENABLE_PROVIDER_SYSTEM must be true or false"),
])
def test_what_was_asked_for_and_is_not_there_is_an_error_and_never_a_simulated_answer(tmp_path, variables, words):
    assert words in refused(tmp_path, **variables)


@pytest.mark.parametrize("word", ["off", "OFF", "False", "0", "no"])
def test_the_provider_system_can_be_switched_off(bare, word):
    weir = bare(ENABLE_PROVIDER_SYSTEM=word, OPENAI_API_KEY="sk-openai")
    assert weir.ready["simulated"] is True and weir.ready["providers"] == 1


def test_simulated_answers_can_be_asked_for_by_name(bare, tmp_path):
    (tmp_path / "weir.yaml").write_text("providers: {openai: {type: openai, api_key: k}}\n")
    weir = bare("--simulated", OPENAI_API_KEY="sk-openai")
    assert weir.ready["simulated"] is True and weir.ready["providers"] == 1


def test_a_models_name_that_no_list_knows_goes_to_its_vendor_or_nowhere(bare, start_mock):
    weir = bare(OPENAI_API_KEY="sk-openai", ANTHROPIC_API_KEY="sk-ant")
    reply = chat(weir.port, model="no-such-model")
    assert reply.status == 404 and reply.error["code"] == "model_not_found"
    near = chat(weir.port, model="gtp-4o-mini")
    assert near.status == 404 and "did you mean `gpt-4o-mini`?" in near.error["message"]
    for model, provider in (("gpt-99-preview", "openai"), ("o7-mini", "openai"), ("claude-9-sonnet", "anthropic")):
        told = http(weir.port, "GET", "/admin/v1/route/" + model,
                    headers={"Authorization": "Bearer " + (weir.state / "admin.key").read_text().strip()}).json
        assert told["chosen"] == f"{provider}/{model}", told
    assert chat(weir.port, model="gemini-9-pro").status == 404


def test_a_start_on_a_terminal_says_where_it_serves_and_what_to_try(tmp_path):
    screen, terminal = os.openpty()
    env = environment(WEIR_LISTEN="127.0.0.1:0", WEIR_STATE_DIR=str(tmp_path / "state"), HOME=str(tmp_path))
    with subprocess.Popen([BINARY, "serve"], cwd=tmp_path, env=env, stdin=subprocess.DEVNULL, stdout=terminal,
                          stderr=subprocess.DEVNULL) as weir:
        os.close(terminal)
        shown = ""
        while "admin.key" not in shown:
            shown += os.read(screen, 65536).decode().replace("\r\n", "\n")
        weir.terminate()
        assert weir.wait(timeout=10) == 0
    os.close(screen)
    first, second, *_ = shown.splitlines()
    address = re.fullmatch(r"weir [0-9.]+ serves on (http://127\.0\.0\.1:[1-9][0-9]+)", first).group(1)
    assert second == "All answers are simulated: set a provider's key, or write a configuration file."
    assert f"curl {address}/v1/chat/completions" in shown and f"Dashboard: {address}/\n" in shown
    assert f"Admin key: {tmp_path}/state/admin.key\n" in shown


def test_a_key_in_the_environment_makes_a_provider(bare):
    weir = bare(OPENAI_API_KEY="sk-openai", GROQ_API_KEY="gsk-groq")
    assert weir.ready["simulated"] is False and weir.ready["providers"] == 2
    models = {m["id"] for m in http(weir.port, "GET", "/v1/models").json["data"]}
    assert "gpt-4o-mini" in models and any("llama" in m for m in models)
    assert not re.search("sk-openai|gsk-groq", "\n".join(weir.err))


def test_one_token_of_hugging_face_has_both_of_its_apis(bare):
    weir = bare(HF_TOKEN="hf_token")
    headers = {"Authorization": "Bearer " + (weir.state / "admin.key").read_text().strip()}

    def chosen(model, path):
        return http(weir.port, "GET", f"/admin/v1/route/{model}?path={path}", headers=headers).json["chosen"]
    assert chosen("mistralai/Mixtral-8x7B-Instruct-v0.1", "/v1/chat/completions").startswith("huggingface/mistralai/")
    assert chosen("chronos-t5-large", "/v1/forecasts") == "huggingface-native/amazon/chronos-t5-large"
    assert chosen("Lag-Llama", "/v1/forecasts").endswith("/Lag-Llama")
    nameless = http(weir.port, "POST", "/admin/v1/route?path=/v1/forecasts", '{"inputs":[1,2,3]}', headers=headers)
    assert nameless.json["chosen"] == "huggingface-native/amazon/chronos-t5-large"


def test_short_names_find_the_model_where_a_provider_has_it(bare):
    weir = bare(GROQ_API_KEY="gsk", CLOUDFLARE_API_TOKEN="cf", CLOUDFLARE_ACCOUNT_ID="acc")
    headers = {"Authorization": "Bearer " + (weir.state / "admin.key").read_text().strip()}
    for model, targets in (("llama-3.1-8b", ["groq/llama-3.1-8b-instant",
                                             "cloudflare/@cf/meta/llama-3.1-8b-instruct-fp8"]),
                           ("Llama-2-7B", ["cloudflare/@cf/meta/llama-2-7b-chat-fp16"]),
                           ("mistral-7b", ["cloudflare/@cf/mistral/mistral-7b-instruct-v0.1"]),
                           ("codellama-7b", ["cloudflare/@hf/thebloke/codellama-7b-instruct-awq"])):
        told = http(weir.port, "GET", "/admin/v1/route/" + model, headers=headers).json
        assert [c["target"] for c in told["candidates"]] == targets, told


def test_a_file_in_the_folder_is_found(bare, tmp_path, start_mock):
    mock = start_mock()
    (tmp_path / "weir.yaml").write_text(f"""\
providers:
  p:
    type: openai
    base_url: {mock.base_url}
    api_key: k
    models: [only]
""")
    weir = bare(OPENAI_API_KEY="sk-openai")
    assert chat(weir.port, model="only").status == 200 and chat(weir.port, model="gpt-4o").status == 404

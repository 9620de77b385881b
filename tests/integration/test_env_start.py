"""Starting without a file: the environment alone, or nothing at all and the simulated provider."""
import json
import re

import pytest

from weirlib import Process, chat, environment, http


@pytest.fixture
def bare(tmp_path):
    """serve with these variables and no file."""
    started = []

    def run(**variables):
        home = tmp_path / "home"
        home.mkdir(exist_ok=True)
        env = environment(WEIR_LISTEN="127.0.0.1:0", WEIR_STATE_DIR=str(tmp_path / "state"), HOME=str(home),
                          XDG_CONFIG_HOME=str(home), **variables)
        process = Process(["serve"], cwd=tmp_path, env=env)
        started.append(process)
        ready = json.loads(process.line(process.err, '"ready"'))
        process.port, process.ready = ready["port"], ready
        return process
    yield run
    for process in started:
        process.stop()


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
    assert http(weir.port, "GET", "/readyz").status == 200


def test_a_key_in_the_environment_makes_a_provider(bare):
    weir = bare(OPENAI_API_KEY="sk-openai", GROQ_API_KEY="gsk-groq")
    assert weir.ready["simulated"] is False and weir.ready["providers"] == 2
    models = {m["id"] for m in http(weir.port, "GET", "/v1/models").json["data"]}
    assert "gpt-4o-mini" in models and any("llama" in m for m in models)
    assert not re.search("sk-openai|gsk-groq", "\n".join(weir.err))


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

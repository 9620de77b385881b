"""The catalogue: who is asked for what, what is told of models, what a request costs, and a catalogue of one's own."""
import datetime
import json
import os
import signal
import subprocess
import warnings

import pytest

from weirlib import BINARY, Weir, chat, chat_body, environment, http, on_terminal, poll, provider

PICTURE = [{"type": "text", "text": "what is it"},
           {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]
SOUND = [{"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}]
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
SCHEMA = {
    "type": "json_schema",
    "json_schema": {"name": "x", "schema": {"type": "object", "properties": {"count": {"type": "integer"}}}}
}

OWN = """\
{"provider":"openai","base_url":"https://api.openai.com/v1","key_env":"OPENAI_API_KEY"}
{"model":"blind","context":8000,"output":100,"can":["tools"],\
"cannot":["vision","audio","json"],"price":{"input":1,"output":1},"speed":"fast"}
{"model":"sees","context":2000,"can":["vision"],"cannot":["tools"],"price":{"input":3,"output":3},"speed":"slow"}
{"model":"small","context":200}
{"model":"vectors","use":["embeddings"]}
{"model":"dear","price":{"input":1000,"output":2000,"cached_input":100,"above":[{"tokens":1000,"input":5000}]}}
"""


def image(port, model, content=PICTURE):
    return http(port, "POST", "/v1/chat/completions",
                {"model": model, "messages": [{"role": "user", "content": content}]})


@pytest.fixture
def own(start, start_mock, tmp_path):
    """A gateway with a catalogue of its own; providers one (tried first) and two, of type openai."""
    (tmp_path / "catalogue.jsonl").write_text(OWN)
    one, two = start_mock(), start_mock()
    models = ["blind", "sees", "small", "vectors", "dear", "stranger"]
    weir = start({"catalog": str(tmp_path / "catalogue.jsonl"), "selection_strategy": "priority", "providers": {
        "one": provider(one, models, priority=1), "two": provider(two, models, priority=2)},
        "routes": [{"model": "any", "targets": ["one/blind", "two/sees"]},
                   {"model": "maybe", "targets": ["one/blind", "two/stranger"]},
                   {"model": "long", "targets": ["one/small", "two/blind"]},
                   {"model": "short", "targets": ["one/small", "two/small"]},
                   {"model": "locked", "strategy": "exclusive", "targets": ["one/blind", "two/sees"]}]})
    return weir, one, two


def served(reply):
    assert reply.status == 200, reply
    return reply.headers["x-weir-provider"] + "/" + reply.headers["x-weir-model"]


def test_an_image_goes_only_to_a_model_that_sees(own):
    weir, one, _ = own
    assert served(chat(weir.port, model="any")) == "one/blind"
    for _ in range(3):
        assert served(image(weir.port, "any")) == "two/sees"
    assert served(image(weir.port, "maybe")) == "two/stranger"  # nothing is known of it: it may
    assert one.requests()["count"] == 1
    for model in ("blind", "one/blind"):
        reply = image(weir.port, model)
        assert (reply.status == 400 and reply.error["code"] == "unsupported" and
                "can see images" in reply.error["message"] and model in reply.error["message"])
    pinned = http(weir.port, "POST", "/v1/chat/completions",
                  {"model": "any", "messages": [{"role": "user", "content": PICTURE}]}, {"x-weir-targets": "one/blind"})
    assert pinned.status == 400 and pinned.error["code"] == "unsupported"
    assert one.requests()["count"] == 1


def test_an_image_in_anthropics_and_geminis_words(own):
    weir, one, _ = own
    anthropic = {
        "model": "any", "max_tokens": 9, "messages": [{
            "role": "user",
            "content": [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}]
        }]
    }
    assert served(http(weir.port, "POST", "/v1/messages", anthropic)) == "two/sees"
    gemini = {"contents": [{"role": "user", "parts": [{"inlineData": {"mimeType": "image/png", "data": "AAAA"}}]}]}
    assert served(http(weir.port, "POST", "/v1beta/models/any:generateContent", gemini)) == "two/sees"
    reply = http(weir.port, "POST", "/v1/messages", dict(anthropic, model="blind"))
    assert reply.status == 400 and reply.json["type"] == "error" and "can see images" in reply.json["error"]["message"]
    assert one.requests()["count"] == 0


def test_tools_schemas_sound_and_uses(own):
    weir, _, _ = own
    assert served(chat(weir.port, model="any", tools=[TOOL])) == "one/blind"
    reply = chat(weir.port, model="sees", tools=[TOOL])
    assert reply.status == 400 and "can call tools" in reply.error["message"]
    assert served(chat(weir.port, model="any", response_format=SCHEMA)) == "two/sees"
    # a schema is more than JSON
    assert served(chat(weir.port, model="any", response_format={"type": "json_object"})) == "one/blind"
    assert served(image(weir.port, "any", SOUND)) == "two/sees"
    assert "can hear audio" in image(weir.port, "blind", SOUND).error["message"]
    assert http(weir.port, "POST", "/v1/embeddings", {"model": "vectors", "input": "x"}).status == 200
    reply = http(weir.port, "POST", "/v1/embeddings", {"model": "blind", "input": "x"})
    assert reply.status == 400 and "makes embeddings" in reply.error["message"]
    assert "can chat" in chat(weir.port, model="vectors").error["message"]


def test_a_long_prompt_goes_to_a_model_that_holds_it(own):
    weir, _, _ = own
    assert served(chat(weir.port, "short", model="long")) == "one/small"
    assert served(chat(weir.port, "x" * 2000, model="long")) == "two/blind"
    assert served(chat(weir.port, "short", model="long", max_tokens=500)) == "two/blind"
    assert served(chat(weir.port, "x" * 2000, model="short")) == "one/small"  # only its tokenizer knows


def test_a_locks_holder_keeps_it_and_is_not_asked_for_what_it_cannot_do(own):
    weir, one, two = own
    assert served(chat(weir.port, model="locked")) == "one/blind"
    assert image(weir.port, "locked").status == 503
    assert served(chat(weir.port, model="locked")) == "one/blind"
    assert one.requests()["count"] == 2 and two.requests()["count"] == 0


def test_cost_counts_tiers(own):
    weir, one, _ = own
    def cost(text):
        reply = chat(weir.port, text, model="dear", max_tokens=5)
        usage = reply.json["usage"]
        return usage, round(float(reply.headers["x-weir-cost"]) * 1e6, 3)
    usage, paid = cost("hello")
    assert usage["prompt_tokens"] < 1000 and paid == usage["prompt_tokens"] * 1000 + usage["completion_tokens"] * 2000
    usage, paid = cost("word " * 3000)
    assert usage["prompt_tokens"] > 1000 and paid == usage["prompt_tokens"] * 5000 + usage["completion_tokens"] * 2000


def test_models_are_told_with_what_they_can_do(own):
    weir, _, _ = own
    facts = http(weir.port, "GET", "/v1/models/blind").json["weir"]
    assert (facts == {
        "targets": ["one/blind",
                    "two/blind"], "context_tokens": 8000, "output_tokens_max": 100, "vision": False, "audio": False,
        "tools": True, "json": False, "embeddings": False, "time_series": False, "speed": "fast", "first_token_ms": 400,
        "place": "cloud", "use": ["chat"], "refuses": ["json_schema"]
    })
    together = http(weir.port, "GET", "/v1/models/any").json["weir"]  # what its targets can do together
    assert together["vision"] and together["tools"] and together["context_tokens"] == 8000 and "json" not in together
    assert http(weir.port, "GET", "/v1/models/stranger").json["weir"] == {"targets": ["one/stranger", "two/stranger"]}
    listed = {m["id"]: m["weir"] for m in http(weir.port, "GET", "/v1/models").json["data"]}
    assert listed["vectors"]["use"] == ["embeddings"] and listed["vectors"]["embeddings"] and len(listed) == 12
    anthropic = http(weir.port, "GET", "/v1/models/blind", headers={"anthropic-version": "2023-06-01"}).json
    assert anthropic["max_input_tokens"] == 8000 and anthropic["max_tokens"] == 100
    gemini = {m["name"]: m for m in http(weir.port, "GET", "/v1beta/models").json["models"]}
    assert (gemini["models/vectors"]["supportedGenerationMethods"] == ["embedContent"] and
            gemini["models/blind"]["inputTokenLimit"] == 8000)


def test_provider_list_shows_them(own):
    weir, _, _ = own
    shown = http(weir.port, "GET", "/admin/v1/providers/one",
                 headers={"authorization": f"Bearer {weir.admin_key}"}).json
    models = {m["id"]: m for m in shown["models"]}
    assert (models["dear"]["prices"] == {
        "input": 1000, "output": 2000, "cached_input": 100, "above": [{"tokens": 1000, "input": 5000}]
    })
    assert (models["sees"]["vision"] is True and models["sees"]["speed"] == "slow" and
            models["stranger"] == {"id": "stranger"})
    code, said = on_terminal("provider", "list", "one", "--url", f"http://127.0.0.1:{weir.port}", "--admin-key",
                             weir.admin_key)
    assert code == 0
    line = next(x for x in said.splitlines() if x.startswith("sees"))
    assert line.split() == ["sees", "2000", "-", "slow", "3", "3", "chat", "vision"]


def test_the_built_in_catalogue_serves_what_a_type_lists(start, start_mock):
    weir = start({
        "providers": {
            "gemini": {"api_key": "k"}, "azure": {"api_key": "k", "account": "acme"}, "openai": {"api_key": "k"}
        }
    })
    listed = {m["id"]: m["weir"] for m in http(weir.port, "GET", "/v1/models").json["data"]}
    assert listed["gemini-2.5-pro"]["context_tokens"] == 1048576 and listed["gpt-4o"]["targets"] == ["openai/gpt-4o"]
    assert http(weir.port, "GET", "/v1/models/azure%2Fgpt-4o-2024-08-06").json["weir"]["vision"] is True
    shown = http(weir.port, "GET", "/admin/v1/providers/azure",
                 headers={"authorization": f"Bearer {weir.admin_key}"}).json
    assert shown["base_url"] == "https://acme.openai.azure.com/openai/v1" and shown["models"] == []
    assert "can see images" in image(weir.port, "openai/gpt-3.5-turbo").error["message"]


def check(folder, catalogue, config='catalog: own.jsonl\nproviders: {openai: {api_key: k, models: [m]}}\n'):
    (folder / "weir.yaml").write_text(config)
    if catalogue is not None:
        (folder / "own.jsonl").write_text(catalogue)
    run = subprocess.run([BINARY, "check", "-c", "weir.yaml"], capture_output=True, text=True, timeout=10,
                         env=environment(), cwd=folder)
    return run.returncode, run.stdout + run.stderr


def test_every_problem_of_a_catalogue_is_told_with_file_and_line(tmp_path):
    status, said = check(
        tmp_path,
        '\n{"extends":"built-in"}\n{"provider":"openai","bas_url":"x"}\n{"model":"m","can":["vison"],'
        '"price":{"input":"1"}}\n{"model":\n'
    )
    assert status == 2
    for line, words in ((3, "unknown member `bas_url`: did you mean `base_url`?"),
                        (4, "unknown word `vison`: did you mean `vision`?"), (4, "`input` is USD"), (5, "not JSON")):
        assert [x for x in said.splitlines() if x.startswith(f"own.jsonl:{line}:") and words in x], (line, words, said)
    assert not [line for line in said.splitlines() if line.startswith("weir.yaml") and "warning" not in line]
    assert check(tmp_path, OWN)[0] == 0
    status, said = check(tmp_path, '{"provider":"mine","base_url":"http://h/v1"}\n')
    assert status == 2 and "unknown provider type `openai`" in said
    (tmp_path / "own.jsonl").unlink()
    status, said = check(tmp_path, None)
    assert status == 2 and "weir.yaml:1:" in said and "cannot read own.jsonl" in said
    assert check(tmp_path, "x" * (4 * 1024 * 1024 + 1))[0] == 2


def test_a_reload_takes_a_new_catalogue_or_keeps_the_old_one(start, start_mock, tmp_path):
    file = tmp_path / "own.jsonl"
    file.write_text('{"extends":"built-in"}\n{"provider":"openai"}\n{"model":"m","cannot":["vision"]}\n')
    mock = start_mock()
    weir = start({"catalog": str(file), "providers": {"p": provider(mock, ["m"])}})
    assert image(weir.port, "m").status == 400
    admin = {"Authorization": f"Bearer {weir.admin_key}"}
    file.write_text('{"extends":"built-in"}\n{"provider":"openai"}\n{"model":"m","cannot":["eyes"]}\n')
    reply = http(weir.port, "POST", "/admin/v1/reload", "", admin)
    assert reply.status >= 400 and "own.jsonl:3:1: `cannot`: unknown word `eyes`" in reply.error["message"]
    assert image(weir.port, "m").status == 400 and chat(weir.port).status == 200
    file.write_text('{"extends":"built-in"}\n{"provider":"openai"}\n{"model":"m","can":["vision"],"context":123}\n')
    weir.process.send_signal(signal.SIGHUP)
    poll(lambda: weir.log("reloaded"))
    assert image(weir.port, "m").status == 200
    assert http(weir.port, "GET", "/v1/models/m").json["weir"]["context_tokens"] == 123


def newer(folder, day="2099-01-01", output=77, more=""):
    """The built-in catalogue as of another day, with another price of gpt-4o."""
    lines = []
    for above, row in built_in():
        if "facts" in row:
            row = dict(row, facts=day)
        if above["provider"] == "openai" and row.get("model") == "gpt-4o":
            row = dict(row, price={"input": 3, "output": output})
        lines.append(json.dumps(row) + "\n")
    path = folder / "newer.jsonl"
    path.write_text("".join(lines) + more)
    return path


def catalog(weir, *arguments):
    run = subprocess.run([BINARY, "catalog", *map(str, arguments), "-c", str(weir.path)], capture_output=True,
                         text=True, timeout=20, env=environment())
    return run.returncode, run.stdout, run.stderr


def output_price(weir):
    shown = http(weir.port, "GET", "/admin/v1/providers/p", headers={"authorization": f"Bearer {weir.admin_key}"}).json
    return [m for m in shown["models"] if m["id"] == "gpt-4o"][0]["prices"]["output"]


def test_a_newer_catalogue_is_taken_while_it_runs_and_kept(start, start_mock, tmp_path):
    weir = start({"providers": {"p": provider(start_mock(), ["gpt-4o"])}})
    status, said, _ = catalog(weir)
    assert status == 0 and said.startswith("built-in, of 2026-") and "models" in said
    assert output_price(weir) == 10
    status, said, problems = catalog(weir, "update", newer(tmp_path))
    assert status == 0 and "of 2099-01-01" in said and not problems
    assert output_price(weir) == 10  # until it is told to
    admin = {"Authorization": f"Bearer {weir.admin_key}"}
    assert http(weir.port, "POST", "/admin/v1/reload", "", admin).status == 200
    assert output_price(weir) == 77
    assert (weir.state_dir / "catalog.jsonl").stat().st_mode & 0o777 == 0o600
    status, said, _ = catalog(weir)
    assert status == 0 and str(weir.state_dir / "catalog.jsonl") in said and "of 2099-01-01" in said
    edited = http(weir.port, "PATCH", "/admin/v1/providers/p", {"weight": 2}, admin)  # what is in force goes on
    assert edited.status == 200 and output_price(weir) == 77
    weir.stop()
    again = Weir(weir.folder, {"providers": {"p": provider(start_mock(), ["gpt-4o"])}})
    try:
        assert output_price(again) == 77
        status, said, _ = catalog(again, "reset")
        assert status == 0 and "dropped" in said and catalog(again, "reset")[1] == "none had been taken\n"
        assert http(again.port, "POST", "/admin/v1/reload", "", admin).status == 200
        assert output_price(again) == 10
    finally:
        again.stop()


def test_a_catalogue_that_is_not_right_replaces_nothing(start, start_mock, tmp_path):
    weir = start({"providers": {"p": provider(start_mock(), ["gpt-4o"])}})
    good = newer(tmp_path)
    assert catalog(weir, "update", good)[0] == 0
    kept = (weir.state_dir / "catalog.jsonl").read_bytes()
    bad = tmp_path / "bad.jsonl"
    whole = good.read_text()
    old = whole.replace("2099-01-01", "2020-01-01")
    other = '{"provider":"mine","base_url":"http://h/v1","facts":"2099-01-01"}\n'
    for text, words in ((whole + '{"model":"m","can":["vison"]}\n', "did you mean `vision`?"),
                        (whole[:5000], "is not JSON"), ("", "is empty"),
                        ("x" * (4 * 1024 * 1024 + 1), "larger than 4 MB"),
                        (old, "its facts are of 2020-01-01, the built-in ones of"),
                        ('{"provider":"openai","base_url":"https://h/v1"}\n', "of no day"),
                        (other, "unknown provider type")):
        bad.write_text(text)
        status, said, problems = catalog(weir, "update", bad)
        assert status == 2 and words in problems and "nothing was changed" in problems and not said, (words, problems)
        assert (weir.state_dir / "catalog.jsonl").read_bytes() == kept
    for place, why in ((tmp_path / "none.jsonl", "No such file or directory"),
                       (tmp_path, "it is a folder, and no file")):
        assert f"{place}: cannot be read: {why}" in catalog(weir, "update", place)[2]
    assert catalog(weir, "updat", bad)[0] == 2


def test_a_catalogue_that_was_taken_and_is_damaged_or_old_is_passed_over(start, start_mock, tmp_path):
    config = {"providers": {"p": provider(start_mock(), ["gpt-4o"])}}
    weir = start(config)
    catalog(weir, "update", newer(tmp_path))
    weir.stop()
    file = weir.state_dir / "catalog.jsonl"
    whole = file.read_text()
    old = whole.replace("2099-01-01", "2020-01-01")
    for text, words in ((whole[:9000], "is not JSON"), (old, "are of 2020-01-01")):
        file.write_text(text)
        again = Weir(weir.folder, config)
        try:
            assert output_price(again) == 10
            status, said, problems = catalog(again)
            assert status == 0 and said.startswith("built-in")
            assert words in problems and "weir catalog reset" in problems
        finally:
            again.stop()


def test_a_catalogue_that_the_configuration_names_is_not_replaced(start, start_mock, tmp_path):
    own = tmp_path / "own.jsonl"
    own.write_text(OWN)
    weir = start({"catalog": str(own), "providers": {"p": provider(start_mock(), ["dear"])}})
    status, _, problems = catalog(weir, "update", newer(tmp_path))
    assert status == 2 and f"`catalog: {own}`: change that file" in problems
    assert not (weir.state_dir / "catalog.jsonl").exists() and str(own) in catalog(weir)[1]


def built_in():
    """Rows of the built-in catalogue: (its provider's row, the row)."""
    above = None
    with open(os.path.join(os.environ["WEIR_SOURCE_ROOT"], "catalog", "built_in.jsonl"), encoding="ascii") as lines:
        for line in lines:
            row = json.loads(line)
            above = row if "provider" in row else above
            yield above, row


def test_the_catalogue_says_how_old_it_is():
    """Never a failure for the day alone: what it says is for who makes a release."""
    days = sorted({above["facts"] for above, row in built_in() if "model" in row and "checked" not in row})
    age = (datetime.date.today() - datetime.date.fromisoformat(days[0])).days
    assert days[0] >= "2026-11-21" and all(above.get("checked") for above, _ in built_in())
    if age > 60:
        warnings.warn(f"the oldest models' rows of the catalogue are {age} days old: run scripts/catalog")


def test_what_decides_translation_is_told_of_each_vendors_newest():
    rows = {(above["provider"], row["model"]): row for above, row in built_in() if "model" in row}
    for name in ("gpt-5.6-sol", "gpt-6-sol", "gpt-6.1-sol", "gpt-6.2-astra"):
        assert rows["openai", name]["api"] == "responses_for_tools", name
    assert "none" in rows["openai", "gpt-6-sol"]["efforts"] and "none" not in rows["openai", "gpt-6.1-sol"]["efforts"]
    assert "api" not in rows["openai", "gpt-5.1"] and rows["openai", "gpt-5-pro"]["api"] == "responses"
    assert "temperature" not in str(rows["openai", "gpt-4o"]) and "sampling" in rows["openai", "gpt-5"]["cannot"]
    assert "max_tokens" in rows["openai", "o3"]["refuses"] and rows["openai", "gpt-4o"]["bills_hidden"] is False
    for name in ("claude-opus-4-7", "claude-sonnet-5-5", "claude-fable-5-2"):
        assert "budget" not in rows["anthropic", name]["thinking"] and "adaptive" in rows["anthropic", name]["thinking"]
        assert {"sampling", "prefill"} <= set(rows["anthropic", name]["cannot"])
    assert rows["anthropic", "claude-sonnet-4-5"]["thinking_least"] == 1024
    assert rows["anthropic", "claude-opus-5-5"]["cache_lifetimes"] == ["5m", "1h"]
    assert "levels" in rows["gemini", "gemini-3.8-flash"]["thinking"]
    assert "budget" in rows["gemini", "gemini-2.5-pro"]["thinking"]


def test_model_information_shows_every_column(start, tmp_path):
    (tmp_path / "own.jsonl").write_text("""\
{"provider":"mine","base_url":"https://mine.example/v1","key_required":false,"place":"edge"}
{"model":"m","cannot":["sampling","forced_tools"],"refuses":["stop"],"thinking":["budget","always_on"],\
"thinking_least":128,"thinking_most":4096,"efforts":["low","high=max"],"schema":["closed"],\
"api":"responses_for_tools","bills_hidden":true,"cache_least":512,"cache_lifetimes":["5m","1h"],\
"released":"2026-01-02","deprecated":"2026-10-01","retires":"2027-01-02","first_token_ms":77}
{"model":"n","place":"local"}
""")
    weir = start({"catalog": str(tmp_path / "own.jsonl"), "providers": {"mine": {}}})
    told = http(weir.port, "GET", "/v1/models/m").json["weir"]
    assert told == {
        "targets": ["mine/m"], "sampling": False, "forced_tools": False, "embeddings": False, "time_series": False,
        "first_token_ms": 77, "place": "edge", "use": ["chat"], "thinking": ["budget", "always_on"],
        "refuses": ["temperature", "top_p", "top_k", "min_p", "stop", "tool_choice"], "thinking_least": 128,
        "thinking_most": 4096, "efforts": ["low", "high"], "schema": ["closed"], "api": "responses_for_tools",
        "bills_hidden": True, "cache_least": 512, "cache_lifetimes": ["5m", "1h"], "released": "2026-01-02",
        "deprecated": "2026-10-01", "retires": "2027-01-02"
    }
    assert http(weir.port, "GET", "/v1/models/n").json["weir"]["place"] == "local"


def test_own_models_get_their_facts_by_configuration(start):
    weir = start({
        "providers": {
            "vllm": {
                "models": ["house", "other"], "facts": {
                    "house": {
                        "context": 32768, "can": ["tools"], "cannot": ["vision", "sampling"], "thinking": "adaptive",
                        "efforts": ["low", "high=max"], "bills_hidden": False, "place": "edge", "retires": "2027-01-02"
                    }
                }
            }, "openai": {"api_key": "k", "facts": {"gpt-4o": {"cannot": "vision", "output": 5}}}
        }
    })
    told = http(weir.port, "GET", "/v1/models/house").json["weir"]
    assert told["context_tokens"] == 32768 and told["tools"] and not told["vision"] and told["place"] == "edge"
    assert told["refuses"] == ["temperature", "top_p", "top_k", "min_p"] and told["efforts"] == ["low", "high"]
    assert told["thinking"] == ["adaptive"] and told["bills_hidden"] is False and told["retires"] == "2027-01-02"
    assert "context_tokens" not in http(weir.port, "GET", "/v1/models/other").json["weir"]
    over = http(weir.port, "GET", "/v1/models/gpt-4o").json["weir"]  # the catalogue's row, but for what is said
    assert over["vision"] is False and over["output_tokens_max"] == 5 and over["context_tokens"] == 128000
    assert "can see images" in image(weir.port, "openai/gpt-4o").error["message"]


@pytest.mark.parametrize("facts, said", [
    ({"can": ["vison"]}, "did you mean `vision`"),
    ({"efforts": ["hgh"]}, "did you mean `high`"),
    ({"api": "both"}, "`api`: unknown word `both`"),
    ({"retires": "soon"}, "`retires` is a day"),
    ({"can": ["json"], "cannot": ["json"]}, "in `can` and `cannot`"),
    ({"thinking_least": 9, "thinking_most": 8}, "`thinking_most` is less than `thinking_least`"),
    ({"contxt": 9}, "context"),
])
def test_facts_that_are_not_right_are_told_by_the_check(tmp_path, facts, said):
    path = tmp_path / "weir.json"
    path.write_text(json.dumps({"providers": {"vllm": {"models": ["m"], "facts": {"m": facts}}}}))
    run = subprocess.run([BINARY, "check", "--config", str(path)], capture_output=True, text=True, timeout=20,
                         env=environment(), check=False)
    assert run.returncode == 2 and said in run.stdout + run.stderr, run.stdout + run.stderr

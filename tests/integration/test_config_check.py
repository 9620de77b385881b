"""weir check: every problem with its line and column, suggestions, exit status; and what serve refuses to start
with."""
import os
import re
import socket
import subprocess

import pytest

from weirlib import BINARY, Weir, environment, provider


def check(folder, text, command="check", env=None, path="weir.yaml"):
    if text is not None:
        (folder / path).write_text(text)
    run = subprocess.run([BINARY, command, "-c", str(folder / path)], capture_output=True, text=True, timeout=10,
                         env=env or environment(), cwd=folder)
    return run.returncode, run.stdout + run.stderr


GOOD = """\
providers:
  openai:
    api_key: sk-test
    models: [gpt-4o]
"""


def test_a_good_file(tmp_path):
    status, said = check(tmp_path, GOOD)
    assert status == 0 and ": error" not in said.lower()


def test_the_whole_file_may_stand_under_ai_providers(tmp_path):
    text = "ai_providers:\n" + "".join("  " + line + "\n" for line in GOOD.splitlines())
    assert check(tmp_path, text)[0] == 0


def test_every_problem_at_once_with_line_and_column(tmp_path):
    status, said = check(tmp_path, """\
lisen: 127.0.0.1:8080
request_timeout_seconds: soon
providers:
  openai:
    api_key: ${NOT_SET_ANYWHERE}
    timout_seconds: 5
    priority: 0
  mine:
    type: opanai
    api_key: x
routes:
  - model: fast
    targets: [nobody/m]
on_disconnect: cancle
""")
    assert status == 2
    for line, words in ((1, "`lisen`: did you mean `listen`"), (2, "request_timeout_seconds"), (5, "NOT_SET_ANYWHERE"),
                        (6, "`timout_seconds`: did you mean"), (7, "priority"), (9, "did you mean `openai`"),
                        (13, "nobody/m"), (14, "did you mean `cancel`")):
        assert [x for x in said.splitlines() if f"weir.yaml:{line}:" in x and words in x], (line, words, said)


@pytest.mark.parametrize("more", [
    "alerts: {webhook: '${NOT_SET}'}\n", "alerts: {webhooks: [{url: '${NOT_SET}', format: slack}]}\n",
    "alerts: {webhook: 'https://a.example/${NOT_SET}', secret: x}\n", "traces: {endpoint: '${NOT_SET}'}\n",
    "    base_url: ${NOT_SET}\n", "    proxy: ${NOT_SET}\n", "    ca_file: ${NOT_SET}\n",
    "clients:\n  - {name: a, key_hash: '${NOT_SET}'}\n", "listen: ${NOT_SET}\n", "ledger: ${NOT_SET}\n"])
def test_a_reference_that_leads_nowhere_is_one_problem(tmp_path, more):
    """Nothing else is said of a value that nobody knows."""
    status, said = check(tmp_path, GOOD + more)
    problems = [line for line in said.splitlines() if "weir.yaml:" in line and "warning:" not in line]
    assert status == 2 and len(problems) == 1 and "NOT_SET is not set" in problems[0], said


@pytest.mark.parametrize(
    "text, words",
    [("providers: [", "weir.yaml:"), ("\tproviders: {}", "weir.yaml:1:"), ("- a\n- b\n", "map"),
     ("providers:\n  a:\n  a:\n", "weir.yaml:3:"), ("x: &a [*a]\n", "weir.yaml:1:"), ("", "providers"),
     (GOOD + "listen: 300.1.1.1:99999\n", "listen"), (GOOD + "max_body_bytes: -5\n", "max_body_bytes"),
     (GOOD + "workers: many\n", "workers"),
     (GOOD + "fetch: {timeout_seconds: 0}\n", "a number of seconds above 0 and up to 600, not `0`"),
     (GOOD + "fetch: {allow: [10.0.0.0/40]}\n", "`10.0.0.0/40`"), (GOOD + "fetch: yes\n", "`fetch` must be a map"),
     (GOOD + "responses: {keep_days: -2}\n", "from 0 to 36500, not `-2`"),
     (GOOD + "responses: {stor: false}\n", "did you mean `store`"),
     (GOOD + "clients:\n  - {name: a, key_hash: " + "0" * 64 + ", raw: perhaps}\n", "`raw` must be true or false"),
     (GOOD + "clients:\n  - {name: a, key_hash: short}\n", "key_hash"),
     (GOOD.replace("sk-test", "file:/nowhere/key"), "/nowhere/key"), (GOOD.replace("sk-test", "vault:x"), "vault"),
     (GOOD + "    base_url: ftp://x\n", "base_url"), (GOOD + "    base_url: http://user@\n", "base_url")])
def test_what_is_wrong_is_said(tmp_path, text, words):
    status, said = check(tmp_path, text)
    if text:
        assert status == 2 and words in said, said


def test_values_from_the_environment_and_from_files(tmp_path):
    (tmp_path / "key").write_text("sk-from-file\n")
    text = GOOD.replace("sk-test", "${MY_KEY}")
    assert check(tmp_path, text)[0] == 2
    assert check(tmp_path, text, env=environment(MY_KEY="sk-1"))[0] == 0
    assert check(tmp_path, text.replace("${MY_KEY}", "${MY_KEY:-sk-default}"))[0] == 0
    assert check(tmp_path, text.replace("${MY_KEY}", f"file:{tmp_path}/key"))[0] == 0
    assert check(tmp_path, text.replace("    models", "    enabled: false\n    models"))[0] in (0, 2)


def test_no_message_shows_a_secret(tmp_path):
    _, said = check(tmp_path, GOOD.replace("sk-test", "sk-very-secret-value") + "    priority: x\n    timout: 1\n")
    assert "sk-very-secret" not in said


@pytest.mark.parametrize(
    "key", ["rate_limit_rpm: 60", "quota_limit: 100", "max_concurrent: 10", "quota: {requests_per_day: 100}"])
def test_serve_refuses_what_protects_and_is_not_there_yet(tmp_path, key):
    text = GOOD + f"    {key}\n"
    status, said = check(tmp_path, text)
    if "not available yet" not in said:
        pytest.skip("available by now")
    assert status == 2 and f"`{key.split(':')[0]}`" in said and "weir.yaml:5:5" in said, "as serve has it"
    served, why = check(tmp_path, text, "serve")
    assert served == 2 and "refusing to start" in why


@pytest.mark.parametrize("yes, no", [("true", "false"), ("True", "False"), ("TRUE", "FALSE"), ("yes", "no"),
                                     ("Yes", "No"), ("on", "off"), ("ON", "Off")])
def test_yes_and_no_are_understood_as_people_write_them(tmp_path, yes, no):
    text = GOOD + f"    enabled: {yes}\n  other: {{type: opanai, enabled: {no}}}\n"
    assert check(tmp_path, text.replace("opanai", "openai"))[0] == 0
    assert check(tmp_path, GOOD + "    enabled: maybe\n")[0] == 2


@pytest.mark.parametrize("text", [
    "batch_size: 8\n",
    "health_check_interval: 0\n",
    "clients: [{name: a, key_hash: '%s  -'}]\n" % ("ab" * 32),  # as sha256sum prints it
    "rules: [{name: r, condition: {has_image: true}, provider: openai}]\n",
    "rules: [{name: r, condition: {has_image: yes}, provider: openai/gpt-4o}]\n",
])
def test_what_people_write_is_understood(tmp_path, text):
    status, said = check(tmp_path, GOOD + "    provider_type: openai\n    name: openai\n"
                         "    circuit_breaker: {ramp_seconds: 0}\n" + text)
    assert status == 0, said


@pytest.mark.parametrize("text, words", [
    ("routes: [{model: r, targets: [nobody/m]}]\n", "the target `nobody/m` names a provider that does not exist"),
    ("rules: [{name: r, targets: [nobody/m]}]\n", "the target `nobody/m` names a provider that does not exist"),
    ("rules: [{name: r, provider: nobody}]\n", "the target `nobody` names a provider that does not exist"),
    ("rules: [{name: r, provider: openai, targets: [openai/m]}]\n", "not both"),
    ("routes: [{model: r, targets: ['openai/*']}]\n", "names no model"),
    ("rules: [{name: r, targets: ['openai/*']}]\n", "names no model"),
])
def test_a_target_that_leads_nowhere_is_an_error_wherever_it_stands(tmp_path, text, words):
    status, said = check(tmp_path, GOOD + text)
    assert status == 2 and words in said, said


def test_a_models_name_that_nobody_knows_is_a_warning(tmp_path):
    text = GOOD.replace("gpt-4o", "gpt-4o-mni") + "routes: [{model: r, targets: [openai/zork]}]\n"
    status, said = check(tmp_path, text)
    assert status == 0, said
    assert re.search(r"4:14: warning: .*no model `gpt-4o-mni` of `openai`: did you mean `gpt-4o-mini`", said), said
    assert "6:32: warning: the catalogue knows no model `zork` of `openai`: it is asked for" in said or "`zork`" in said
    status, said = check(tmp_path, GOOD.replace("gpt-4o", "m") + "    base_url: http://127.0.0.1:1/v1\n")
    assert "warning" not in said or "no model" not in said, said  # another server has models of its own


@pytest.mark.parametrize("url, status, words", [
    ("https://api.example.com/v1/chat/completions", 2, "ends in `/chat/completions`, which weir adds itself"),
    ("https://api.example.com/v1/messages/", 2, "ends in `/messages`"),
    ("http://api.example.com/v1", 0, "warning: base_url of `openai` is http:// to another network"),
    ("http://8.8.8.8/v1", 0, "http:// to another network"),
    ("http://10.1.2.3/v1", 0, None), ("http://localhost:8000/v1", 0, None), ("http://[::1]:1/v1", 0, None),
    ("http://vllm:8000/v1", 0, None), ("https://api.example.com/v1", 0, None)])
def test_a_base_url_that_is_hardly_meant_is_told(tmp_path, url, status, words):
    found, said = check(tmp_path, GOOD + f"    base_url: '{url}'\n")
    assert found == status and (words in said if words else "warning" not in said), said


CONTRACT = """\
listen: 127.0.0.1:8080
workers: auto
state_dir: ./weir-state
selection_strategy: adaptive
health_check_interval: 300
request_timeout_seconds: 120
max_body_bytes: 33554432
on_disconnect: cancel
reserve_output_tokens: 4096
adaptive: {health: 0.4, quota: 0.3, response_time: 0.3}
retry: {max_retries: 3, base_ms: 200, max_ms: 10000, budget: 0.2}
hedge: {after: p95, max_share: 0.05}
cache: {enabled: true, mode: deterministic, ttl_seconds: 300, max_bytes: 268435456, serve_stale_on_outage: true}
providers:
  openai:
    type: openai
    enabled: true
    api_key: ${OPENAI_API_KEY}
    base_url: https://api.openai.com/v1
    models: [gpt-4o, gpt-4o-mini]
    priority: 1
    weight: 1.0
    timeout_seconds: 30
    reply_timeout_seconds: 600
    stall_timeout_seconds: 15
    connect_timeout_seconds: 5
    max_retries: 3
    max_concurrent: 10
    rate_limit_rpm: 60
    rate_limit_tpm: 10000
    rate_limit_rph: 3600
    burst_allowance: 10
    adaptive_throttling: true
    cost_per_request: 0.0
    prices: {"gpt-4o": {input: 2.50, output: 10.00, cached_input: 1.25}}
    circuit_breaker: {failure_threshold: 5, timeout_seconds: 60, half_open_max_calls: 3, success_threshold: 1}
    health_check_interval: 300
    headers: {OpenAI-Organization: org-1}
  gemini: {type: gemini, api_key: "${GEMINI_API_KEY}", priority: 2}
  groq_1: {type: groq, api_key: "${GROQ_API_KEY}"}
routes:
  - model: fast
    strategy: fastest_response
    targets: [groq_1/llama-3.3-70b-versatile, {target: openai/gpt-4o-mini, weight: 2}]
  - model: questions
    strategy: exclusive
    failover_after: 3
    resume_streams: true
    targets: [openai/gpt-4o, gemini/gemini-1.5-pro, groq_1/llama-3.3-70b-versatile]
rules:
  - {name: images, when: {has_image: true}, targets: [openai/gpt-4o, gemini/gemini-1.5-pro]}
  - {name: long, when: {prompt_tokens_over: 100000}, targets: [gemini/gemini-1.5-pro]}
clients:
  - {name: app, key_hash: "HASH", role: user, models: ["*"], providers: ["*"], rate_limit_rpm: 600, may_steer: true,
     raw: false}
log: {level: info, format: json, redact: true, bodies: false}
alerts: {quota: [0.8, 0.9, 1.0], webhook: null}
"""


def test_anchors_aliases_and_merges_count_as_yaml_has_them(tmp_path):
    status, said = check(tmp_path, """\
providers:
  a: &a
    type: openai
    api_key: &key sk-test
    models: &models [m, n]
    circuit_breaker: &breaker {failure_threshold: 3}
  b:
    <<: *a
    api_key: *key
    priority: 2
  c: {<<: [{priority: 3}, *a], circuit_breaker: {<<: *breaker, ramp_seconds: 0}}
routes:
  - &one {model: r, targets: [a/m, b/m]}
  - {<<: *one, model: s}
""")
    assert status == 0, said


@pytest.mark.parametrize("text, words", [
    ("a: *none\n", "weir.yaml:1:4: there is no anchor `&none` above"),
    ("providers: &a {b: *a}\n", "an alias stands inside of what it names"),
    ("log: {<<: level}\n", "`<<` takes a map"),
    ("? *x\n: y\n", "weir.yaml:1:3: a key must be a plain word"),
    ("x0: &x0 [1,1,1,1,1,1,1,1,1]\n" + "".join(
        f"x{i}: &x{i} [{','.join(['*x%d' % (i - 1)] * 9)}]\n" for i in range(1, 9)),
     "aliases stand for more than 100000 values"),
    ("".join(f"x{i}: &x{i} [{'*x%d' % (i - 1) if i else 1}]\n" for i in range(40)), "nested too deep"),
])
def test_aliases_have_limits_and_lead_somewhere(tmp_path, text, words):
    status, said = check(tmp_path, text)
    assert status == 2 and words in said, said[:500]


def test_included_files_stand_beside_the_first_one(tmp_path):
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "a.yaml").write_text("providers:\n  a: {type: openai, api_key: k, models: [m]}\n")
    (tmp_path / "conf.d" / "b.yaml").write_text("""\
ai_providers:
  providers:
    b: {type: openai, api_key: k, models: [m]}
  routes: [{model: two, targets: [b/m, a/m]}]
""")
    (tmp_path / "more.yaml").write_text("log: {level: debug}\n")
    text = "include: [conf.d/*.yaml, more.yaml]\nroutes: [{model: one, targets: [a/m]}]\n"
    status, said = check(tmp_path, text)
    assert status == 0, said
    (tmp_path / "conf.d" / "b.yaml").write_text("providers:\n  a: {type: openai, api_key: k}\n  c: {typ: openai}\n")
    status, said = check(tmp_path, text)
    assert status == 2 and "conf.d/b.yaml:2:3: the key `a` stands twice: the first is in" in said, said
    assert re.search(r"conf\.d/b\.yaml:3:7: unknown key `typ`: did you mean `type`", said), said
    (tmp_path / "more.yaml").write_text("log: [\n")
    assert re.search(r"more\.yaml:2:1: ", check(tmp_path, text)[1])
    (tmp_path / "more.yaml").write_text("include: other.yaml\n")
    assert "an included file includes no others" in check(tmp_path, text)[1]
    status, said = check(tmp_path, GOOD + "include: nothing.yaml\n")
    assert status == 2 and "weir.yaml:5:10: cannot read" in said and "nothing.yaml" in said, said
    status, said = check(tmp_path, GOOD + "include: nothing/*.yaml\n")
    assert status == 0 and "fits no file" in said, said


NAMED = {  # where a configuration names a file: the line and column that a message has
    "include: [PATH]\n" + GOOD: (1, 11),
    "include: ['P*TH']\n" + GOOD: (1, 11),
    "providers:\n  openai:\n    api_key: file:PATH\n    models: [gpt-4o]\n": (3, 14),
    "catalog: PATH\n" + GOOD: (1, 10),
    GOOD + "    ca_file: PATH\n": (5, 14),
    "listen:\n  - {address: '127.0.0.1:0', tls: {cert: PATH, key: PATH}}\n" + GOOD: (2, None),
}


@pytest.mark.parametrize("kind", ["pipe", "folder", "socket", "device"])
@pytest.mark.parametrize("text", NAMED, ids=["include", "pattern", "reference", "catalog", "ca_file", "certificate"])
def test_what_is_no_file_is_an_error_and_is_not_waited_for(tmp_path, text, kind):
    path = tmp_path / "PATH"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
    line, column = NAMED[text]
    text = text.replace("PATH", str(path)).replace("P*TH", str(tmp_path / "P*TH"))
    for command in ("check", "serve"):
        status, said = check(tmp_path, text, command)
        where = f"weir.yaml:{line}:{column}:" if column else f"weir.yaml:{line}:"
        assert status == 2 and where in said and f"it is a {kind}, and no file" in said, said


def test_a_configuration_may_come_from_a_pipe(tmp_path):
    run = subprocess.run([BINARY, "check", "-c", "/dev/stdin"], input=GOOD, capture_output=True, text=True, timeout=10,
                         env=environment(), cwd=tmp_path)
    assert run.returncode == 0, run
    os.mkfifo(tmp_path / "pipe")
    for command in ("check", "serve"):  # nobody writes to it, or what stood in it was read already
        status, said = check(tmp_path, None, command, path="pipe")
        assert status == 2 and "pipe: cannot be read: it is a pipe, and empty" in said, said


def test_the_contracts_own_example_is_fine_but_for_what_is_to_come(tmp_path):
    env = environment(OPENAI_API_KEY="k", GEMINI_API_KEY="k", GROQ_API_KEY="k")
    status, said = check(tmp_path, CONTRACT.replace("HASH", "ab" * 32), env=env)
    rest = [line for line in said.splitlines() if "is not available yet" not in line]
    assert status == 0 and len(rest) == 1 and "fine" in rest[0], said


def test_what_only_comes_later_does_not_stop_serve(start, start_mock):
    weir = start({
        "selection_strategy": "priority", "cache": {"ttl_seconds": 5},
        "providers": {"p": provider(start_mock(), circuit_breaker={"failure_threshold": 3})}
    })
    assert weir.process.poll() is None


def test_a_missing_file_and_wrong_usage(tmp_path):
    status, said = check(tmp_path, None, path="none.yaml")
    assert status in (1, 2) and "none.yaml" in said
    for arguments in ([], ["nothing"], ["serve", "--nothing"], ["check", "a", "b"], ["mock", "--fault", "hag"],
                      ["mock", "--latency", "x"], ["mock", "x"]):
        run = subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=10, env=environment(),
                             cwd=tmp_path)
        assert run.returncode == 2 and run.stderr, arguments
    assert ("hang" in subprocess.run([BINARY, "mock", "--fault", "hag"], capture_output=True, text=True,
                                     timeout=10).stderr)


def test_the_page_of_the_commands_is_what_they_say_of_themselves(tmp_path):
    """docs/commands.md. With WEIR_UPDATE_DOCS=1 it is written instead. mock has a page of its own."""
    def said(*arguments):
        run = subprocess.run([BINARY, *arguments, "--help"], capture_output=True, text=True, timeout=10, cwd=tmp_path)
        assert run.returncode == 0 and not run.stderr, arguments
        return "```\n%s```\n" % run.stdout

    path = os.path.join(os.environ["WEIR_SOURCE_ROOT"], "docs", "commands.md")
    commands = re.findall(r"^  weir (\w+)", said(), re.M)
    assert len(commands) > 10
    page = ("# Commands\n\nWhat each says with `--help`; [mock.md](mock.md) has the options of `weir mock`. "
            "Exit status: 0 done, 1 failed, 2 bad usage or configuration.\n\n" + said())
    parts = {command: re.findall(r"^  weir %s (\w+)  " % command, said(command), re.M) for command in commands}
    assert parts["usage"] == ["recost", "replay", "export", "purge"]
    page += "".join("\n## weir %s\n\n%s" % (command, said(command)) +
                    "".join("\n### weir %s %s\n\n%s" % (command, part, said(command, part))
                            for part in parts[command])
                    for command in commands if command != "mock")
    if os.environ.get("WEIR_UPDATE_DOCS"):
        open(path, "w", encoding="utf-8").write(page)
    assert open(path, encoding="utf-8").read() == page


def test_a_part_of_a_command_that_is_used_wrongly_says_its_own_usage(tmp_path):
    for part, wants in (("recost", "--since TIME"), ("replay", "--config OTHER.yaml"),
                        ("export", "--client NAME|--owner NAME"), ("purge", "--client NAME|--owner NAME")):
        run = subprocess.run([BINARY, "usage", part], capture_output=True, text=True, timeout=10, cwd=tmp_path)
        assert run.returncode == 2 and run.stderr.startswith("usage: weir usage %s %s [OPTION ...]\n" % (part, wants))
        assert "--state-dir DIR" in run.stderr and not run.stdout
        run = subprocess.run([BINARY, "usage", part, "--nothing"], capture_output=True, text=True, timeout=10,
                             cwd=tmp_path)
        assert run.stderr == "weir usage %s: unknown option `--nothing` (weir usage %s --help)\n" % (part, part)


@pytest.mark.parametrize("name", ["bad header", "X-User:", "Authorization", "x-api-key", "x" * 129])
def test_the_header_of_end_users_is_one_that_can_be_and_holds_no_credential(tmp_path, name):
    status, said = check(tmp_path, "providers: {openai: {api_key: x}}\nend_user_header: \"%s\"\n" % name)
    assert status == 2 and ":2:18: `end_user_header` is the name of a header" in said, said
    assert check(tmp_path, "providers: {openai: {api_key: x}}\nend_user_header: X-End-User\n")[0] == 0
    status, said = check(tmp_path, "providers: {openai: {api_key: x, forward_headers: [\"%s\"]}}\n" % name)
    assert status == 2 and ":1:51: `forward_headers`: `" in said, said


def test_caps_that_come_to_nothing_are_warned_of_where_they_stand(tmp_path):
    status, said = check(tmp_path, """providers: {openai: {api_key: x}}
owners:
  - {name: a, sessions: {idle_minutes: 5}}
  - {name: b, loop_guard: {}}
  - {name: c, loop_guard: {warn: 6, refuse: 6}}
  - {name: d, loop_guard: {warn: 5, refuse: 6}, sessions: {calls: 1}}
  - {name: e, loop_guard: {refuse: 6}}
""")
    assert status == 0
    assert [line.split(":", 1)[1].split(": ")[0] for line in said.splitlines() if "warning: " in line] == \
        ["3:25", "4:27", "5:27"], said


def test_targets_of_a_budget_that_are_none_are_told_where_they_stand(tmp_path):
    status, said = check(tmp_path, """providers: {openai: {api_key: x}}
budgets:
  one: {usd: 1, window: day, over: downgrade, to: [openai/gpt-4o-mini, no/such]}
  two: {usd: 1, window: day, over: downgrade, to: no/other}
  three: {usd: 1, window: day, at: 0.5}
""")
    assert status == 2
    assert re.search(r"^\S+:3:72: the budget `one` downgrades to `no/such`, which is no target", said, re.M), said
    assert re.search(r"^\S+:4:51: the budget `two` downgrades to `no/other`, which is no target", said, re.M), said
    assert re.search(r"^\S+:5:36: `at` is the share", said, re.M), said


def test_version_and_help(tmp_path):
    for arguments in (["version"], ["--version"], ["--help"], ["mock",
                                                               "--help"], ["serve",
                                                                           "--help"], ["check",
                                                                                       "-h"], ["provider", "--help"]):
        run = subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=10, cwd=tmp_path)
        assert run.returncode == 0 and "weir" in run.stdout


def test_serve_with_a_bad_file_says_so_and_ends_with_2(tmp_path):
    bad = Weir(tmp_path, "providers:\n  openai: {api_key: x, nothing: 1}\n", wait=False)
    assert bad.wait() == 2 and "unknown key `nothing`" in "\n".join(bad.err)

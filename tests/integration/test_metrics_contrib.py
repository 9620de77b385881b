"""What is offered beside weir for its metrics: promtool takes the page and the rules, and every metric that dashboard
and rules name is one of the page's, with the labels that it has."""
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from weirlib import chat, http, provider

CONTRIB = Path(os.environ.get("WEIR_SOURCE_ROOT", Path(__file__).resolve().parents[2])) / "contrib"
DASHBOARDS, RULES = sorted(CONTRIB.glob("grafana/*.json")), sorted(CONTRIB.glob("prometheus/*.rules.yml"))
PROMTOOL = shutil.which("promtool")
promtool = pytest.mark.skipif(not PROMTOOL and "CI" not in os.environ,
                              reason="promtool is not here: Debian's package prometheus has it (scripts/setup)")


def told(*arguments, **more):
    run = subprocess.run([PROMTOOL, *arguments], capture_output=True, text=True, timeout=60, **more)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout + run.stderr


@pytest.fixture
def page(start, start_mock):
    """/metrics after some traffic of every kind that makes series."""
    mock = start_mock()
    weir = start({"retry": {"max_retries": 0}, "cache": {"enabled": True, "mode": "all"},
                  "budgets": {"shared": {"usd": 5, "window": "day"}},
                  "owners": [{"name": 'a "team"', "budgets": [{"usd": 3, "window": "day", "models": ["m"]},
                                                               {"usd": 7, "window": "day"}, "shared"]}],
                  "providers": {"p": provider(mock, prices={"m": {"input": 1, "output": 2}}, daily_budget=10,
                                              quota={"requests_per_day": 100}),
                                "dead": provider(mock, ["gone"])}})
    for stream in (False, True):
        assert chat(weir.port, f"stream: {stream}", stream=stream).status == 200
    chat(weir.port, "stream: True"), chat(weir.port, model="nothing of that name")
    mock.fault("status=500")
    assert chat(weir.port, model="gone").status >= 500
    return http(weir.port, "GET", "/metrics").text


@promtool
def test_promtool_takes_the_page(page):
    said = told("check", "metrics", input=page)
    assert "error" not in said, said


@promtool
@pytest.mark.parametrize("rules", RULES, ids=lambda path: path.name)
def test_promtool_takes_the_rules(rules):
    assert "SUCCESS" in told("check", "rules", str(rules))
    assert "SUCCESS" in told("test", "rules", str(rules).replace(".rules.yml", ".rules.test.yml"))


def families(page):
    """name -> its labels, of all that is announced."""
    table = dict(re.findall(r"(?m)^\| `(\w+)` \| \w+ \| ([\w, ]*) \|", (CONTRIB / "../docs/metrics.md").read_text()))
    kinds = dict(re.findall(r"(?m)^# TYPE (\w+) (\w+)$", page))
    assert set(table) == set(kinds)
    known = {}
    for name, labels in table.items():
        of = {label for label in labels.split(", ") if label}
        for suffix in ("_bucket", "_sum", "_count") if kinds[name] == "histogram" else ("",):
            known[name + suffix] = of | ({"le"} if suffix == "_bucket" else set())
    return known


def expressions(path):
    if path.suffix == ".json":
        return [t["expr"] for panel in json.loads(path.read_text())["panels"] for t in panel.get("targets", [])]
    return re.findall(r"(?m)^ +expr: (.*)$", path.read_text())


@pytest.mark.parametrize("path", DASHBOARDS + RULES, ids=lambda path: path.name)
def test_every_metric_that_is_named_is_one_of_the_page(page, path):
    known, found = families(page), expressions(path)
    assert len(found) > 10
    for expression in found:
        names = re.findall(r"\b((?:weir|process)_\w+)", expression)
        assert names and set(names) <= set(known), expression
        had = set().union(*(known[name] for name in names))
        asked = set(re.findall(r"(\w+)(?:=~|!=|=)\"", expression))
        asked |= {label for by in re.findall(r"(?:by|on) \(([^)]*)\)", expression) for label in by.split(", ")}
        assert asked <= had, expression


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.name)
def test_a_dashboard_is_whole(path):
    board = json.loads(path.read_text())
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in board["panels"]]
    assert len(set(places)) == len(places) and all(p["gridPos"]["x"] + p["gridPos"]["w"] <= 24 for p in board["panels"])
    for panel in board["panels"]:
        legends = [word for t in panel.get("targets", []) for word in re.findall(r"{{(\w+)}}", t["legendFormat"])]
        assert all(any(word in t["expr"] or "by (" not in t["expr"] for t in panel["targets"]) for word in legends)


def test_the_new_families_say_what_happened(page):
    def value(series):
        return float(re.search(rf"(?m)^{re.escape(series)} (\S+)$", page).group(1))
    assert value('weir_between_tokens_seconds_count{provider="p",model="m"}') == 1
    assert value('weir_first_byte_seconds_count{endpoint="chat"}') == value(
        'weir_request_duration_seconds_count{endpoint="chat"}')
    spent = {(o, b): float(v) for o, b, v in re.findall(
        r'(?m)^weir_budget_spent_usd{owner="((?:\\.|[^"])*)",budget="(\w+)",id="[0-9a-f]{16}"} (\S+)$', page)}
    assert spent["provider p", "day"] > 0 and len(re.findall(r"(?m)^weir_budget_limit_usd{", page)) >= 4
    shown = len([line for line in page.splitlines() if line[0] != "#" and not line.startswith("weir_metrics_series")])
    assert value("weir_metrics_series") == shown and value("weir_metrics_series_left_out") == 0

"""`make mutate` changes what it says and nothing else: each operator's own changes on a small source, and on all of src
that comments, strings, CHECKs, tables and lines' numbers stay."""
import importlib.machinery
import importlib.util
import re
import sys

import pytest
from weirlib import ROOT

sys.dont_write_bytecode = True
loader = importlib.machinery.SourceFileLoader("mutate", str(ROOT / "scripts/mutate"))
mutate = importlib.util.module_from_spec(importlib.util.spec_from_loader("mutate", loader))
loader.exec_module(mutate)

SOURCE = """/* a < b && c + 1; x = 2; */
#define MOST (1 + 2)
static const int table[] = {1, 2, 3};

static bool is_small(int a, const char *name) {
    char room[64], more[8] = "", much[2][4 + f(1)], said[] = {a, room[a + 3]};
    struct text text = text_in_arena(&room[1], 2 * f(3, a - 4) + 5);
    arena_init(&scrap, a + 64, 128);
    static const int inside[] = {4, 5};
    CHECKF(a < 9, "a=%d", a + 1); // a == 2
    if (a > MOST &&
        name[0] != '<') {
        say("a < b; c = 1;", -1);
        other->count -= inside[a];
    } else x = 0x10u;
    int y = a + f(a);
    return a == 7;
}

struct pair {
    int first;
};

int count_of(struct pair *pair) { return pair->first; }
"""


def told(name, source=SOURCE):
    return [mutate.described(source, change)[len("a.c:"):] for change in mutate.changes_of("a.c", source)[name]]


@pytest.mark.parametrize(
    "operator, wanted", {
        "relation": ["11: `>` to `>=`", "11: `>` to `<=`", "12: `!=` to `==`", "17: `==` to `!=`"],
        "connective": ["11: `&&` to `||`"],
        "sum": ["6: `+` to `-`", "14: `-=` to `+=`", "16: `+` to `-`"],
        "constant": [
            "6: `3` to `4`", "6: `3` to `2`", "7: `1` to `2`", "7: `1` to `0`", "8: `128` to `129`",
            "8: `128` to `127`", "12: `0` to `1`", "13: `1` to `2`", "13: `1` to `0`", "15: `0x10u` to `17u`",
            "15: `0x10u` to `15u`",
            "17: `7` to `8`", "17: `7` to `6`"
        ],
        "condition": ["11: `(a > MOST && name[0] != '<')` to `(!(a > MOST && name[0] != '<'))`"],
        "statement": [
            "8: `arena_init(&scrap, a + 64, 128)` deleted", '13: `say("a < b; c = 1;", -1)` deleted',
            "14: `other->count -= inside[a]` deleted", "15: `x = 0x10u` deleted"
        ],
        "answer": ["17: `a == 7` to `!(a == 7)`", "24: `pair->first` to `0`"],
    }.items())
def test_an_operator_changes_its_own_and_nothing_else(operator, wanted):
    assert told(operator) == wanted


def test_a_change_leaves_the_lines_where_they_are():
    source = (
        "void f(void) {\n    call(1,\n         2);\n    if (a &&\n        b) {\n    }\n    return g(\n        3);\n}\n")
    for changes in mutate.changes_of("a.c", source).values():
        for change in changes:
            after = mutate.changed(source, change)
            assert after != source and after.count("\n") == source.count("\n") and after.endswith("}\n")


def test_the_real_sources_change_in_their_functions_only():
    texts = mutate.read_sources([])
    assert len(texts) > 100 and not any(path.startswith("src/mock/") for path in texts)
    for path, text in texts.items():
        comments = [m.span() for m in re.finditer(r'/\*.*?\*/|"(?:\\.|[^"\\\n])*"', text, re.S) if m.group(0)[0] == "/"]
        tables = [m.span() for m in re.finditer(r"^static const [^;{()]*= \{.*?\};", text, re.S | re.M)]
        for changes in mutate.changes_of(path, text).values():
            for change in changes:
                line = text[text.rfind("\n", 0, change.start) + 1:].split("\n")[0]
                assert not re.match(r"\s*(CHECKF?\(|#)", line), mutate.described(text, change)
                assert not any(a <= change.start < b for a, b in comments + tables), mutate.described(text, change)


def test_a_seed_draws_the_same_again_and_each_operator_gets_its_share():
    texts = mutate.read_sources(["src/core"])
    first, again, other = ([change for change, _ in zip(mutate.draw(texts, seed), range(200))] for seed in (1, 1, 2))
    assert first == again != other and len(set(first)) == 200
    of = {
        change: name for path, text in texts.items() for name, changes in mutate.changes_of(path, text).items()
        for change in changes
    }
    assert {of[change] for change in first} == set(mutate.OPERATORS)


def measured(seconds, passed=True, **lines):
    return {"seconds": seconds, "passed": passed, "lines": {f"src/{name}.c": ran for name, ran in lines.items()}}


REACH = {
    "executable": {"src/a.c": [1, 2, 5, 7], "src/b.c": [1]},
    "tests": {
        "unit core-a_test": measured(0.1, a=[1, 2, 5, 7]),
        "unit core-all_test": measured(0.1, a=[1, 2], b=[1]),
        "unit core-broken_test": measured(0.1, False, a=[1, 2]),
        "simulator": measured(9, a=[1, 5]),
        "tests/integration/test_quick.py": measured(2, a=[1, 2, 5]),
        "tests/integration/test_slow.py": measured(80, a=[1, 2, 5]),
        "tests/integration/test_slower.py": measured(mutate.NEAR_S, a=[1, 2, 5]),
        "tests/integration/test_other.py": measured(1, b=[1]),
    }
}


def named(*names):
    return [f"tests/integration/test_{name}.py" for name in names]


def test_the_tests_of_a_change_are_those_that_run_its_line():
    reach = mutate.Reach(REACH)
    assert reach.chosen("src/a.c", 5, 5, "none") == (["core-a_test"], True, [])
    units = ["core-a_test", "core-all_test", "core-broken_test"]
    assert reach.chosen("src/a.c", 2, 2, "none") == (units, False, [])
    assert reach.chosen("src/b.c", 1, 1, "all") == (["core-all_test"], False, [named("other")])


@pytest.mark.parametrize("first, last, place", [(1, 1, {1}), (3, 3, {2}), (3, 6, {2, 5}), (9, 9, {7})])
def test_a_line_inside_a_statement_runs_where_its_beginning_does(first, last, place):
    assert mutate.Reach(REACH).place("src/a.c", first, last) == place


def test_the_nearest_come_first_and_near_ends_where_its_seconds_do():
    reach = mutate.Reach(REACH)
    assert reach.chosen("src/a.c", 2, 2, "near")[2] == [named("quick"), named("slow")]
    assert reach.chosen("src/a.c", 2, 2, "all")[2] == [named("quick"), named("slow", "slower")]


def test_a_line_that_nobody_seems_to_run_gets_the_tests_of_its_source():
    alone = {**REACH, "executable": {"src/a.c": [1, 2, 5, 7, 8]}}
    units, simulated, files = mutate.Reach(alone).chosen("src/a.c", 8, 8, "near")
    assert units == ["core-a_test", "core-all_test", "core-broken_test"] and simulated
    assert files == [named("quick"), named("slow")]

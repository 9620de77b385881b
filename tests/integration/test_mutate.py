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


def test_each_folder_has_integration_tests_near_it():
    for path in mutate.read_sources([]):
        near, = mutate.near(path, "near")
        for file in near:
            assert (ROOT / file).is_file(), file


def test_the_near_ones_run_first_then_the_quick_or_all_others_each_once():
    near, = mutate.near("src/core/pick.c", "near")
    first, quick = mutate.near("src/core/pick.c", "quick")
    again, others = mutate.near("src/core/pick.c", "all")
    assert near == first == again and set(quick) < set(others) and not set(near) & set(others)
    assert all((ROOT / file).is_file() for file in others) and len(set(others)) == len(others)
    long = {mutate.INTEGRATION % name for name in mutate.LONG}
    assert set(others) - set(quick) == long - set(near) and all((ROOT / file).is_file() for file in long)
    assert mutate.near("src/core/pick.c", "none") == []

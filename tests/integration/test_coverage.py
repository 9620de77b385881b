"""`make coverage` fails for a folder below its bar, says which lines nobody ran, and counts a header's line once, by
its best object."""
import importlib.machinery
import importlib.util
import json
import sys

from weirlib import ROOT

sys.dont_write_bytecode = True
loader = importlib.machinery.SourceFileLoader("coverage_script", str(ROOT / "scripts/coverage"))
coverage = importlib.util.module_from_spec(importlib.util.spec_from_loader("coverage_script", loader))
loader.exec_module(coverage)


def test_a_folder_below_its_bar_is_told_with_the_lines_of_its_files(capsys, monkeypatch):
    monkeypatch.setattr(coverage, "BAR", {"src/a": 75, "src/b": 75, "src/none": 75})
    good, bad = {1: 1, 2: 5, 3: 2, 9: 0}, {3: 1, 4: 0, 5: 0, 6: 1, 9: 0}
    below = coverage.report({"src/a/deep/x.c": good, "src/b/x.c": good, "src/b/y.c": bad, "src/bb/z.c": bad,
                             "tests/t.c": bad})
    told = capsys.readouterr().out.splitlines()
    assert below == 2 and [line.split()[1] for line in told] == ["src/a", "src/b", "src/b/y.c", "src/none", "total"]
    assert "75.0%" in told[0] and "BELOW" not in told[0] and told[1].endswith("BELOW 75%")
    assert told[2].split()[2:] == ["5", "lines", "40.0%", "4-5", "9"] and " 13 lines   61.5%" in told[4]


def test_ranges_are_written_short():
    assert coverage.ranges([]) == "" and coverage.ranges([7]) == "7" and coverage.ranges([9, 3, 5, 4, 1]) == "1 3-5 9"


def test_a_headers_line_counts_where_any_object_ran_it(tmp_path, monkeypatch):
    (tmp_path / "one.gcno").touch()
    (tmp_path / "two.gcno").touch()

    def gcov(command, **more):
        def document(count):
            lines = [{"line_number": 3, "count": count}, {"line_number": 3, "count": 0}]
            return json.dumps({"files": [{"file": str(ROOT / "src/core/cell.h"), "lines": lines}]})
        assert command[-2:] == ["one.gcno", "two.gcno"]
        return type("Told", (), {"stdout": "\n".join([document(4), document(0), ""])})
    monkeypatch.setattr(coverage.subprocess, "run", gcov)
    assert coverage.lines_run(str(tmp_path)) == {"src/core/cell.h": {3: 4}}


def test_the_folders_of_the_bar_are_there():
    for folder, bar in coverage.BAR.items():
        assert (ROOT / folder).is_dir() and 0 < bar <= 100

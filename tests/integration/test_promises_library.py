"""What a host process may rely on: looked for in the library's own object files."""
import re
import subprocess
from pathlib import Path

import pytest

from weirlib import BINARY

OBJECTS = sorted((Path(BINARY).parent / "libweir-objects.a.p").glob("src_*.o"))
FORBIDDEN = {
    "a signal handler": {"signal", "sigaction", "bsd_signal", "sigset", "__sysv_signal"},
    "a fork": {
        "fork", "vfork", "posix_spawn", "posix_spawnp", "system", "popen", "clone", "uv_spawn", "execv", "execve",
        "execvp"
    },
    "an exit": {"exit", "_exit", "_Exit", "quick_exit", "atexit", "on_exit"},
    "a print": {"printf", "puts", "putchar", "perror", "__printf_chk", "vprintf", "stdout", "dprintf"},
}
# What the page names: the test hooks of memory, and what the instances in a process share.
GLOBALS = {
    "check_report", "fail_at", "calls", "living", "living_mutex", "shared", "shared_mutex", "last_id", "started",
    "session_index", "endpoint_names", "failure_names", "opened_library", "library_lacks", "library_once"
}


@pytest.mark.skipif(not OBJECTS, reason="no object files beside this binary")
def test_it_forks_exits_prints_and_handles_nothing():
    assert len(OBJECTS) > 100
    for path in OBJECTS:
        wanted = {
            line.split()[-1].split("@")[0] for line in subprocess.run(["nm", "-u", path], capture_output=True,
                                                                      text=True, check=True).stdout.splitlines()
        }
        for what, names in FORBIDDEN.items():
            assert not wanted & names, f"{path.name} holds {what}: {wanted & names}"
        assert path.name == "src_base_check.c.o" or "stderr" not in wanted, path.name


@pytest.mark.skipif(not OBJECTS, reason="no object files beside this binary")
def test_its_globals_are_those_that_the_page_names():
    found = set()
    for path in OBJECTS:
        for line in subprocess.run(["objdump", "-t", path], capture_output=True, text=True,
                                   check=True).stdout.splitlines():
            variable = re.search(r" O (\.\S+)\s+\S+\s+(?:\.hidden )?(\w+)", line)
            if (variable and re.match(r"\.(data|bss)(?!\.rel\.ro)", variable.group(1)) and
                    not re.search("asan|ubsan|tsan|__odr|sancov|gcov", line)):
                found.add(variable.group(2))
    assert found - GLOBALS == set()

"""What `make install` puts down works without the build folder: the program, and a host program linked either way."""
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from weirlib import BINARY, ROOT

BUILD = Path(BINARY).parent
HOST = r"""
#include <stdio.h>
#include <weir.h>
int main(void) {
    struct weir_error error;
    struct weir_options options = {.size = sizeof options, \
        .config_text = "providers: {openai: {api_key: k, models: [m]}}"};
    struct weir *weir = weir_open(&options, &error);
    if (!weir) return puts(error.message), 1;
    char *models = weir_models(weir);
    puts(models);
    weir_free(models);
    weir_close(weir, 0);
    return 0;
}
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    if (any(kind in BUILD.name for kind in ("asan", "tsan", "coverage")) or not (BUILD / "build.ninja").exists() or
            not shutil.which("pkg-config")):
        pytest.skip("only an ordinary build is installed")
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run(["meson", "install", "-C",
                    str(BUILD), "--no-rebuild", "--quiet", "--destdir",
                    str(folder)], check=True, capture_output=True)
    description = next(folder.rglob("weir.pc"))
    first, rest = description.read_text().split("\n", 1)
    description.write_text(f"prefix={folder / first.split('=')[1].lstrip('/')}\n{rest}")
    (folder / "host.c").write_text(HOST)
    return folder, description.parent


def flags(where, *arguments):
    env = dict(os.environ, PKG_CONFIG_PATH=str(where))
    return subprocess.run(["pkg-config", *arguments, "weir"], check=True, capture_output=True, text=True,
                          env=env).stdout.split()


def run(program, **env):
    done = subprocess.run([program], capture_output=True, text=True, timeout=20, env=dict(os.environ, **env))
    assert done.returncode == 0 and '"id":"m"' in done.stdout, done


def test_the_program_runs_and_names_no_build_folder(installed):
    folder, _ = installed
    program = next(folder.rglob("bin/weir"))
    assert subprocess.run([program, "version"], capture_output=True, text=True).stdout.startswith("weir ")
    dynamic = subprocess.run(["readelf", "-d", program], capture_output=True, text=True).stdout
    assert str(ROOT) not in dynamic


def test_a_host_links_the_shared_library(installed):
    folder, where = installed
    subprocess.run(["cc", folder / "host.c", *flags(where, "--cflags", "--libs"), "-o", folder / "shared"], check=True)
    run(folder / "shared", LD_LIBRARY_PATH=str(where.parent))


def test_a_host_links_the_archive_and_sees_only_weir(installed):
    folder, where = installed
    libraries = [flag for flag in flags(where, "--static", "--libs") if flag != "-lweir"]
    archive = next(folder.rglob("libweir.a"))
    subprocess.run(["cc", folder / "host.c", *flags(where, "--cflags"), archive, *libraries, "-o", folder / "static"],
                   check=True)
    run(folder / "static")
    names = subprocess.run(["nm", "-g", "--defined-only", archive], capture_output=True, text=True).stdout.split()[1:]
    assert ({n for n in names if len(n) > 1 and not n.startswith("0")} -
            {"libweir.o:"} == {n for n in names if n.startswith("weir_")})

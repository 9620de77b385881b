"""make chaos: the whole process under sanitizers, with everything going wrong around it. See README.md.

python3 tests/chaos [--seconds N] [--seed N] [--binary PATH] [--callers N] [--worlds tcp,tls,unix]"""
import argparse
import asyncio
import os
import random
import resource
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.set_int_max_str_digits(0)

from books import books, rest  # noqa: E402
from callers import Caller  # noqa: E402
from record import INVARIANTS, Record  # noqa: E402
from selftest import selftest  # noqa: E402
from upsets import Upsets  # noqa: E402
from world import Certificates, World, exits  # noqa: E402

async def live(world, record, seconds, callers, first):
    """So many callers for so many seconds, with upsets all the while; then everything comes to rest."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    upsets = Upsets(world, record, first)
    tasks = [
        asyncio.create_task(Caller(world, f"{first}s{i}", True, record).run(lambda: until))
        for i in range(max(2, callers // 6))
    ]
    tasks += [
        asyncio.create_task(Caller(world, f"{first}c{i}", False, record).run(lambda: until)) for i in range(callers)
    ]
    tasks += upsets.start(lambda: until)
    watch = asyncio.create_task(watch_processes(world))
    all_of_them = asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.wait([all_of_them, watch], return_when=asyncio.FIRST_COMPLETED)
    watch.cancel()
    for task in tasks:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            raise result
    return all(program.alive for program in world.programs())


async def watch_processes(world):
    while all(program.alive for program in world.programs()):
        await asyncio.sleep(0.2)


async def run_world(listen, options, folder, certificates, record, seconds):
    record.world, record.ids, record.estimates = listen, {}, {}
    reached = False
    world = World(options.binary, folder / listen, options.seed, listen, certificates)
    try:
        await world.start()
        warm, begun = max(4.0, seconds * 0.25), time.monotonic()
        alive = await live(world, record, warm, options.callers, "w")
        before = await rest(world, record) if alive else None
        if alive and before:
            alive = await live(world, record, max(4.0, seconds - (time.monotonic() - begun)), options.callers, "m")
            after = await rest(world, record) if alive else None
            if after:
                await books(world, record, before, after)
                reached = True
    except Exception as error:  # the harness itself: told as such, with where
        import traceback
        record.violation("alive", None, "the harness: " + "".join(traceback.format_exception(error)))
    finally:
        statuses = await world.stop()
    if not reached:
        for name in ("rest", "books", "descriptors", "memory", "log"):
            record.violation(name, None, "nobody could look: the world ended before")
    exits(record, world.programs(), statuses)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=180)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--binary", default="build-asan/weir")
    parser.add_argument("--callers", type=int, default=60)
    parser.add_argument("--worlds", default="tcp,tls,unix")
    parser.add_argument("--selftest", action="store_true", help="only see that each invariant can fail")
    parser.add_argument("--keep", action="store_true", help="keep the folder in any case")
    options = parser.parse_args()
    unseen = selftest()
    if unseen or options.selftest:
        print(f"{0 if unseen else 1} passed, {1 if unseen else 0} failed")
        sys.exit(1 if unseen else 0)
    options.binary = str(Path(options.binary).resolve())
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(1 << 32)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    folder = Path(tempfile.mkdtemp(prefix="weir-chaos-"))
    print(
        f"chaos: seed {options.seed}, {options.seconds:.0f} s, {options.callers} callers, {options.worlds}; again: "
        f"make chaos SECONDS={options.seconds:.0f} SEED={options.seed}",
        flush=True)
    record, worlds = Record(options.seed), options.worlds.split(",")
    certificates = Certificates(folder)
    for listen in worlds:
        asyncio.run(run_world(listen, options, folder, certificates, record, options.seconds / len(worlds)))
    print("chaos: " + ", ".join(f"{b}/{k} {n}" for (b, k), n in sorted(record.kinds.items(), key=str)))
    print("chaos: statuses " + ", ".join(f"{s}: {n}" for s, n in sorted(record.statuses.items(), key=str)))
    for name, found in record.violations.items():
        (folder / f"violations-{name}.txt").write_text("\n".join(found))
    failed = [name for name in INVARIANTS if record.violations.get(name)]
    for name in failed:
        print(
            f"chaos: FAILED {name} ({INVARIANTS[name]}): {len(record.violations[name])} times, seed {options.seed}; "
            f"{folder}/violations-{name}.txt"
        )
    if failed or options.keep:
        print(f"chaos: everything is kept in {folder}")
    else:
        import shutil
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{len(INVARIANTS) + 1 - len(failed)} passed, {len(failed)} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()

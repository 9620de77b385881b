"""make chaos: the whole process under sanitizers, with everything going wrong around it. See README.md.

python3 tests/chaos [--seconds N] [--seed N] [--binary PATH] [--callers N] [--worlds tcp,tls,unix]"""
import argparse
import asyncio
import collections
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
from upsets import Upsets  # noqa: E402
from world import Certificates, World  # noqa: E402

INVARIANTS = {
    "answers": "each answer is whole or honestly broken", "bystanders": "who asks for what nobody hurts is never hurt",
    "own": "no answer holds another caller's bytes or a credential", "alive": "no process dies, no sanitizer speaks, every exit is clean",
    "rest": "at rest nothing is in flight", "books": "requests and attempts are counted once, and agree with what the providers saw",
    "descriptors": "descriptors come back to where they were", "memory": "memory comes back to where it was",
    "log": "each accepted request has one line in the log, and no line a credential or an internal error",
    "changes": "each reload and each edit has the outcome that it must have",
}
OF_KIND = {"answer": "answers", "framing": "answers", "silence": "answers", "no connection": "answers", "nonsense answered": "answers",
           "a bystander hurt": "bystanders", "another caller's bytes": "own", "a credential": "own"}


class Record:
    """What was seen: counts, and what must not be."""

    def __init__(self, seed):
        self.seed, self.kinds, self.statuses = seed, collections.Counter(), collections.Counter()
        self.violations = collections.defaultdict(list)
        self.world, self.ids, self.samples = "", {}, []

    def answered(self, ask, reply, kind):
        self.kinds[(ask.behaviour, kind)] += 1
        self.statuses[reply.status] += 1
        if reply.status and reply.header("x-weir-request-id") == ask.id:
            told_early = ask.stream and reply.status == 200  # the head has gone before the last attempt may have begun
            self.ids[ask.id] = "" if told_early else reply.header("x-weir-attempts")

    def seen(self, behaviour, reply):
        self.kinds[(behaviour, str(reply.status))] += 1

    def violation(self, kind, ask, what):
        name = OF_KIND.get(kind, kind)
        self.violations[name].append(f"[{self.world}] {kind}: {ask if ask is not None else ''}\n    {what[:3000]}")
        if len(self.violations[name]) <= 5:
            print(f"chaos: seed {self.seed} [{self.world}] {kind}: {ask if ask is not None else ''}\n    {what[:1500]}", flush=True)


async def live(world, record, seconds, callers, first):
    """So many callers for so many seconds, with upsets all the while; then everything comes to rest."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    upsets = Upsets(world, record, first)
    tasks = [asyncio.create_task(Caller(world, f"{first}s{i}", True, record).run(lambda: until)) for i in range(max(2, callers // 6))]
    tasks += [asyncio.create_task(Caller(world, f"{first}c{i}", False, record).run(lambda: until)) for i in range(callers)]
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
    record.world, record.ids = listen, {}
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
    for program in world.programs():
        if program is None:
            continue
        if statuses.get(program.name) != 0:
            record.violation("alive", None, f"{program.name} ended with {statuses.get(program.name)}\n" + program.text()[-6000:])
        elif program.reports():
            record.violation("alive", None, f"{program.name}: " + "\n".join(program.reports()[:20]))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=180)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--binary", default="build-asan/weir")
    parser.add_argument("--callers", type=int, default=60)
    parser.add_argument("--worlds", default="tcp,tls,unix")
    parser.add_argument("--keep", action="store_true", help="keep the folder in any case")
    options = parser.parse_args()
    options.binary = str(Path(options.binary).resolve())
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(1 << 32)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    folder = Path(tempfile.mkdtemp(prefix="weir-chaos-"))
    print(f"chaos: seed {options.seed}, {options.seconds:.0f} s, {options.callers} callers, {options.worlds}; again: make chaos SECONDS={options.seconds:.0f} SEED={options.seed}", flush=True)
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
        print(f"chaos: FAILED {name} ({INVARIANTS[name]}): {len(record.violations[name])} times, seed {options.seed}; {folder}/violations-{name}.txt")
    if failed or options.keep:
        print(f"chaos: everything is kept in {folder}")
    else:
        import shutil
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{len(INVARIANTS) - len(failed)} passed, {len(failed)} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()

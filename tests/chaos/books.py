"""Whether it adds up: at rest nothing is held, and every request and attempt stands once in weir's metrics and log, and
agrees with what the providers saw."""
import asyncio
import collections
import json

# under sanitizers, with their quarantine; the warm-up has filled pools, rings and caches
MEMORY_SHARE, MEMORY_SLACK = 1.25, 48 << 20
LOOKS = 5
KEPT_MOST = 4  # more descriptors of a database without its log are not SQLite's for the next connection: they are lost
LOG_ERRORS = {"reload_failed", "key_rests"}  # bad files, and mocks that refuse their keys
# What a provider that fails, as ours do, is told as.
PROVIDERS_OWN = {("alert", "provider_down"), ("alert", "provider_errors")}


class State:
    pass


def kept_by_sqlite(found):
    """Descriptors of a database whose connection was closed: SQLite keeps each, for the next connection to take, until
    no other of the process holds a lock (os_unix.c, unixClose). One that is open has its log open too."""
    counts = collections.Counter(found)
    kept = {name: count - counts[f"{name}-wal"] for name, count in counts.items() if name.endswith(".db")}
    return sum(min(KEPT_MOST, max(0, count)) for count in kept.values())


async def rest(world, record, limit_s=60.0):
    """The world at rest: its metrics, descriptors beyond those of connections, and memory. None: it did not come to
    rest."""
    loop, state = asyncio.get_running_loop(), State()
    end = loop.time() + limit_s
    while True:
        m = state.metrics = await world.metrics()
        busy = {
            "requests in flight": world.total(m, "weir_requests_in_flight") - 0,
            "streams open": world.total(m, "weir_streams_open"),
            "callers' connections": world.total(m, "weir_connections", side="caller") - 2,
            "busy upstream": world.total(m, "weir_upstream_connections", state="busy")
        }
        if busy["requests in flight"] == 0 and busy["streams open"] != 0:
            record.violation("rest", None, f"streams without a request: {busy}")
        if not any(v > 0 for v in busy.values()):  # one or two connections are the looks' own
            break
        if loop.time() > end:
            record.violation("rest", None, f"after {limit_s} s: {busy}")
            return None
        await asyncio.sleep(0.1)
    if any(v < 0 for name, v in busy.items() if name != "callers' connections"):
        record.violation("rest", None, f"a gauge below nothing: {busy}")
    looks = []
    for _ in range(50):  # connections to providers only end at rest: as many before as behind a look, and as many in it
        first = world.total(m, "weir_upstream_connections")
        await asyncio.sleep(0.05)  # the connection of the look before may not be closed yet: the least of some looks
        found = world.weir.descriptors()
        m = state.metrics = await world.metrics()
        if world.total(m, "weir_upstream_connections") == first:
            looks.append((len(found) - int(first) - kept_by_sqlite(found), found))
        if len(looks) == LOOKS:
            break
    state.descriptors, state.leads_to = min(looks, default=(None, []))
    await asyncio.sleep(1.5)  # the sanitizer gives freed pages back every half second
    state.memory = world.weir.resident()
    return state


async def books(world, record, before, after, quiet=False):
    if after.descriptors is None or before.descriptors is None:
        record.violation("descriptors", None, "connections to providers come and go at rest")
    elif after.descriptors > before.descriptors:
        record.violation(
            "descriptors", None,
            f"{before.descriptors} after the warm-up, {after.descriptors} at the end, connections to providers left "
            "out:\n"
            f"    {collections.Counter(before.leads_to)}\n    {collections.Counter(after.leads_to)}")
    if after.memory > before.memory * MEMORY_SHARE + MEMORY_SLACK:
        record.violation("memory", None,
                         f"{before.memory >> 20} MB after the warm-up, {after.memory >> 20} MB at the end")
    if not quiet:
        print(
            f"chaos: [{record.world}] descriptors {before.descriptors} -> {after.descriptors}, memory "
            f"{before.memory >> 20} -> {after.memory >> 20} MB",
            flush=True)
    done = logged(world, record)
    metrics(world, record, after.metrics, done, quiet)
    await providers(world, record, after.metrics)
    await estimates(world, record)


async def estimates(world, record, limit_s=30.0):
    """A count that no provider told is one that the ledger marks as estimated."""
    end, marked = asyncio.get_running_loop().time() + limit_s, {}
    while record.estimates.keys() - marked.keys() and asyncio.get_running_loop().time() < end:
        marked = {**marked, **world.estimated(record.estimates)}
        await asyncio.sleep(0.1)
    for name, output in record.estimates.items():
        if output not in marked.get(name, ()):
            record.violation("answer", None,
                             f"{name} was told {output} output tokens, which its provider did not tell, and the ledger "
                             f"has {marked.get(name)} estimated")


def logged(world, record):
    """The lines request_done by id."""
    lines, _ = world.log()
    done, dropped = collections.defaultdict(list), 0
    for line in lines:
        event = line["event"]
        if event is None:
            record.violation("log", None, f"a line that is no JSON: {line['line'][:500]}")
        elif event == "request_done":
            done[line["request_id"]].append(line)
        elif event == "log_dropped":
            dropped += line["lines"]
        elif (line.get("level") == "error" and event not in LOG_ERRORS and
              (event, line.get("kind")) not in PROVIDERS_OWN):
            record.violation("log", None, f"an error in the log: {json.dumps(line)[:1000]}")
        if event == "request_done" and line.get("error") == "internal":
            record.violation("log", None, f"an internal error: {json.dumps(line)[:1000]}")
    raw = world.weir.err.read_bytes()
    for secret in (b"sk-chaos", b"wk-chaos", world.admin_key.encode()):
        if secret in raw:
            at = raw.index(secret)
            record.violation("log", None, f"a credential in the log: {raw[max(0, at - 300):at + 100]!r}")
    for name, found in done.items():
        if len(found) > 1:
            record.violation("log", None, f"{name} is told {len(found)} times: {json.dumps(found)[:1500]}")
    for name, attempts in record.ids.items():
        if name not in done and not dropped:
            record.violation("log", None, f"{name} was answered and has no line")
        elif name in done and attempts and str(done[name][0].get("attempts")) != attempts:
            record.violation(
                "books", None,
                f"{name} was told of {attempts} attempts, the log of {done[name][0].get('attempts')}: "
                f"{json.dumps(done[name][0])}"
            )
    world.dropped = dropped
    return done


def metrics(world, record, m, done, quiet):
    requests, told = int(world.total(m, "weir_requests_total")), sum(len(v) for v in done.values())
    if requests != told and not world.dropped:
        record.violation("books", None, f"the metrics count {requests} requests, the log {told}")
    attempts, told = (int(world.total(m, "weir_attempts_total")),
                      sum(line.get("attempts", 0) for lines in done.values() for line in lines))
    if attempts != told and not world.dropped:
        record.violation("books", None, f"the metrics count {attempts} attempts, the log {told}")
    if quiet:
        return
    print(
        f"chaos: [{record.world}] {requests} requests, {attempts} attempts, "
        f"{int(world.total(m, 'weir_failovers_total'))} failovers, "
        f"{int(world.total(m, 'weir_callers_gone_total'))} callers gone, "
        f"{int(world.total(m, 'weir_stream_events_total'))} events",
        flush=True)


async def providers(world, record, m):
    """What came through each relay is no more than the attempts in the books; at the steady mock it is exactly as
    many."""
    for name, relay in world.relays.items():
        attempts = world.total(m, "weir_attempts_total", provider=name)
        # others lead there too: added ones, extra ones
        if relay.name.startswith("d-openai") or relay.name.startswith("c-openai"):
            attempts = sum(
                v for labels, v in m.get("weir_attempts_total", [])
                if labels["provider"] == name or labels["provider"].startswith(("edit-", "extra-", "(other)")))
        if relay.requests > attempts:
            record.violation("books", None,
                             f"{name} was sent {relay.requests} requests, the books hold {int(attempts)} attempts")
    seen = await world.mock_counts("steady")
    probes = sum(count for path, count in seen["paths"].items() if path.endswith("/models"))
    attempts = sum(v for labels, v in m.get("weir_attempts_total", []) if labels["provider"].startswith("steady"))
    if seen["count"] - probes != attempts:
        record.violation(
            "books", None,
            f"the steady mock was sent {seen['count']} requests ({probes} probes), the books hold {int(attempts)} "
            f"attempts: {seen['paths']}"
        )
    for mock in world.mocks:
        counts = await world.mock_counts(mock)
        if counts["open"] > 0:
            record.violation("rest", None, f"mock {mock} still has {counts['open']} requests open")

"""`ledger: postgresql://...`: what was spent is in a server's database, once and to the nano-dollar, whatever becomes
of the server, of weir and of what lies between; and what is asked of it answers as a file does."""
import contextlib
import hashlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import threading

import pytest

from postgres import PASSWORD
from weirlib import BINARY, Connection, Weir, chat, chat_body, environment, http, poll, provider, request_bytes

PRICES = {"m": {"input": 1.0, "output": 2.0}}  # USD a million tokens
KEY = "weir-key-of-app"
BUDGETS = [{"usd": 1000, "window": "lifetime"}, {"usd": 1000, "window": "30d", "rolling": True},
           {"usd": 1000, "window": "day"}]


@pytest.fixture
def url(server):
    with contextlib.suppress(AssertionError):
        server.start()  # one that a test has left stopped
    return server.database()


def config(url, mock, **top):
    client = {"name": "app", "key_hash": hashlib.sha256(KEY.encode()).hexdigest(), "budgets": BUDGETS}
    return {"providers": {"one": provider(mock, prices=PRICES)}, "ledger": url, "clients": [client], **top}


@pytest.fixture
def run(folder, mocks, url):
    mocks[0].reset()
    return lambda wait=True, **top: folder(config(top.pop("ledger", url), mocks[0], **top), wait=wait)


@pytest.fixture
def served(mocks):
    """How many requests the provider has had since this test began."""
    before = mocks[0].requests()["count"]
    return lambda: mocks[0].requests()["count"] - before


OWN = {"authorization": f"Bearer {KEY}"}


def ask(weir, **more):
    return chat(weir.port, headers=OWN, **more)


def admin(weir, path, method="GET", body=None):
    return http(weir.port, method, "/admin/v1" + path, body and json.dumps(body),
                {"authorization": f"Bearer {weir.admin_key}", "content-type": "application/json"})


def usage(weir, query=""):
    reply = admin(weir, "/usage" + query)
    assert reply.status == 200, reply
    return reply.json


def answers_on_disk(weir):
    with contextlib.closing(sqlite3.connect(f"file:{weir.state_dir}/cache.db?mode=ro", uri=True)) as database:
        return database.execute("SELECT count(*) FROM answers").fetchone()[0]


def name_of(url):
    return url.split("@/")[1].split("?")[0]


def attempts(server, url):
    """Each as the database has it: its request, how it ended, what it cost."""
    return [(request, ended, int(cost or 0)) for request, ended, cost in server.admin(
        "SELECT request_id, (SELECT name FROM names WHERE id = outcome), cost_nano_usd FROM attempts", name_of(url))]


def spent(weir):
    return {budget["spent_usd"] for budget in admin(weir, "/budgets").json["budgets"]}


def dollars(nano):
    return f"{nano / 1e9:.9f}"


def load(weir, answered, stop, draw):
    """Asks until it is stopped; notes the id of each answer that came whole."""
    while not stop.is_set():
        try:
            reply = ask(weir, stream=draw.random() < 0.3)
        except (OSError, AssertionError):
            continue
        if reply.status == 200 and reply.complete and (b"[DONE]" in reply.body or b"usage" in reply.body):
            answered.append(reply.headers["x-weir-request-id"])


@contextlib.contextmanager
def under_load(weir, answered, callers=4):
    stop, draw = threading.Event(), random.Random()
    threads = [threading.Thread(target=load, args=(weir, answered, stop, draw), daemon=True) for _ in range(callers)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def check_whole(server, url, weir, answered, provider_saw=None):
    """What callers got, what the database has, what its sums and the budgets say: the same, each once."""
    total = usage(weir, "?since=2d")["total"]
    kept = attempts(server, url)
    good = [request for request, ended, _ in kept if ended == "ok"]
    assert len(good) == len(set(good))
    assert not set(answered) - set(good), f"{len(set(answered) - set(good))} of {len(answered)} answers are missing"
    assert provider_saw is None or len(kept) == provider_saw
    nano = sum(cost for _, _, cost in kept)
    assert total["attempts"] == len(kept) and total["cost_usd"] == dollars(nano)
    assert spent(weir) == {dollars(nano)}


def test_each_attempt_is_there_once_at_once_and_after_a_restart(run, server, url, served):
    weir = run()
    answered = [ask(weir).headers["x-weir-request-id"] for _ in range(5)]
    check_whole(server, url, weir, answered, served())
    versions = server.admin("SELECT version FROM schema_versions ORDER BY version", name_of(url))
    assert versions == [[str(i + 1)] for i in range(len(versions))] and versions
    assert not (weir.state_dir / "ledger.db").exists()
    weir.stop()
    weir = run()
    answered += [ask(weir).headers["x-weir-request-id"] for _ in range(5)]
    check_whole(server, url, weir, answered, served())
    assert server.admin("SELECT version FROM schema_versions ORDER BY version", name_of(url)) == versions


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_server_that_goes_and_comes_back_under_load_loses_and_doubles_nothing(run, server, url, served, mode):
    weir, answered = run(workers=2), []
    with under_load(weir, answered):
        for turn in range(3):
            poll(lambda seen=len(answered): len(answered) >= seen + 40)
            server.stop(mode)
            poll(lambda seen=len(answered): len(answered) >= seen + 40)  # requests go on: the journal has them
            poll(lambda turn=turn: len(weir.log("ledger_failed")) > turn)
            server.start()
            poll(lambda turn=turn: len(weir.log("ledger_works")) > turn, 20)
    told = weir.log("ledger_failed")
    assert told and all(PASSWORD not in json.dumps(line) for line in told) and "server" in told[0]["mend"]
    check_whole(server, url, weir, answered, served())
    weir.stop()
    check_whole(server, url, run(), answered, served())


def test_kills_under_load_lose_and_double_nothing(run, server, url):
    answered, draw = [], random.Random()
    for _ in range(int(os.environ.get("WEIR_KILLS", 6))):
        weir = run(workers=2)
        with under_load(weir, answered):
            poll(lambda seen=len(answered), more=draw.randrange(1, 60): len(answered) >= seen + more)
            weir.stop(signal.SIGKILL, status=-signal.SIGKILL)
    check_whole(server, url, run(workers=2), answered)


def test_what_the_cache_gave_is_there_once_after_kills_and_while_the_server_was_away(run, server):
    weir = run(cache={"mode": "all"})
    assert ask(weir).headers["x-weir-cache"] == "miss"
    poll(lambda: answers_on_disk(weir) == 1)  # a cache may lose what it has not written
    for hits in (1, 2):
        assert ask(weir).headers["x-weir-cache"] == "hit"
        weir.stop(signal.SIGKILL, status=-signal.SIGKILL)
        weir = run(cache={"mode": "all"})
        assert usage(weir)["total"]["cache_hits"] == hits
        poll(lambda weir=weir: admin(weir, "/cache").json["answers"] == 1)
    server.stop("immediate")
    assert ask(weir).headers["x-weir-cache"] == "hit"
    poll(lambda: weir.log("ledger_failed"))
    server.start()
    poll(lambda: weir.log("ledger_works"), 20)
    total = usage(weir)["total"]
    assert (total["cache_hits"], total["requests"]) == (3, 1) and float(total["saved_usd"]) > 0, total


def test_a_kill_while_the_server_is_away_loses_nothing(run, server, url):
    weir, answered = run(), []
    with under_load(weir, answered):
        poll(lambda: len(answered) >= 20)
        server.stop("immediate")
        poll(lambda seen=len(answered): len(answered) >= seen + 40)
        weir.stop(signal.SIGKILL, status=-signal.SIGKILL)
    server.start()
    weir = run()
    assert weir.log("journal_replayed")
    check_whole(server, url, weir, answered)


def test_a_server_that_is_away_at_the_start_refuses_it_or_is_waited_for(run, server, url, served):
    weir = run()
    answered = [ask(weir).headers["x-weir-request-id"] for _ in range(3)]
    weir.stop()
    server.stop()
    weir = run(wait=False)
    weir.wait()
    said = "\n".join(weir.err)
    assert weir.process.returncode == 2 and "mend `ledger`, the server, or the way to it" in said, said
    assert PASSWORD not in said
    weir = run(on_ledger_failure="serve")
    answered += [ask(weir).headers["x-weir-request-id"] for _ in range(3)]
    server.start()
    poll(lambda: weir.log("ledger_works"), 20)
    check_whole(server, url, weir, answered, served())  # what was spent before counts again


def test_a_second_weir_is_refused_and_a_ledger_that_is_given_up_may_be_taken(run, server, url, tmp_path_factory, mocks):
    weir = run()
    ask(weir)
    other = Weir(tmp_path_factory.mktemp("other"), config(url, mocks[0]), wait=False)
    other.wait()
    said = "\n".join(other.err)
    assert other.process.returncode == 2 and "another weir keeps this ledger" in said and "since 20" in said, said
    weir.stop()
    other = Weir(other.folder, config(url, mocks[0]))
    assert usage(other)["total"]["requests"] == 1
    other.stop()


def test_one_that_has_lost_its_place_to_another_keeps_what_is_spent_and_adds_it_later(run, server, url, mocks, served,
                                                                                  tmp_path_factory):
    weir = run()
    ask(weir)
    usage(weir)
    weir.process.send_signal(signal.SIGSTOP)  # its machine stands still, and its connections are given up
    server.admin(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name_of(url)}'")
    other = Weir(tmp_path_factory.mktemp("other"), config(url, mocks[0]))
    weir.process.send_signal(signal.SIGCONT)
    answered = [ask(which).headers["x-weir-request-id"] for which in (weir, other, weir, other)]
    poll(lambda: weir.log("ledger_failed"))
    poll(lambda: usage(other)["total"]["attempts"] == 3)  # one of before, and its own
    other.stop()
    poll(lambda: weir.log("ledger_works"), 30)
    check_ids = {request for request, _, _ in attempts(server, url)}
    assert set(answered) <= check_ids and len(check_ids) == served() == 5


@pytest.mark.parametrize("change, says", [
    (dict(password="wrong"), "password authentication failed"),
    (dict(user="nobody"), "password authentication failed"),
    (dict(name="nowhere"), "does not exist"),
])
def test_what_the_server_refuses_is_told_in_its_words_and_with_a_cure_and_no_password(run, server, url, change, says):
    weir = run(wait=False, ledger=server.url(**{"name": name_of(url), **change}))
    weir.wait()
    said = "\n".join(weir.err)
    assert weir.process.returncode == 2 and says in said and ("mend" in said or "make it" in said), said
    assert "wrong" not in said.replace("What is wrong", "") and PASSWORD not in said


@pytest.mark.parametrize("ledger, says", [
    ("mysql://root:hunter2@host/db", "must be postgresql://"),
    ("postgresql://u:hunter2@host/db?nonsense=1", "cannot read this URL"),
    ("postgresql://u:hunter2%zz@host/db", "cannot read this URL"),
    ("postgresql://u:hunter2@host:port/db", "its port"),
    ("postgresql://u:hunter2@host/db?sslmode=maybe", "its sslmode"),
    ("postgresql://u:hunter2 @host/db", "without blanks"),
])
def test_check_refuses_what_serve_refuses(tmp_path, mocks, ledger, says):
    path = tmp_path / "weir.yaml"
    path.write_text(json.dumps(config(ledger, mocks[0], state_dir=str(tmp_path / "state"), listen="127.0.0.1:0")))
    for command in ("check", "serve"):
        done = subprocess.run([BINARY, command, "-c", str(path)], capture_output=True, text=True, timeout=30,
                              env=environment())
        said = done.stdout + done.stderr
        assert done.returncode == 2 and says in said and "hunter2" not in said, said


def test_the_url_may_come_from_the_environment(folder, mocks, server, url):
    weir = folder(config("${LEDGER}", mocks[0]), env=environment(LEDGER=url))
    ask(weir)
    assert usage(weir)["total"]["requests"] == 1 and len(attempts(server, url)) == 1
    for path in ("/status", "/debug/memory", "/providers"):
        assert PASSWORD not in admin(weir, path).text
    assert PASSWORD not in "\n".join(weir.err)


def test_a_server_that_stands_still_holds_up_no_request(run, server, url, served):
    """Its connections are there, and nobody answers."""
    weir, answered = run(workers=2), []
    with under_load(weir, answered):
        poll(lambda: len(answered) >= 20)
        server.pause(True)
        try:
            poll(lambda seen=len(answered): len(answered) >= seen + 500)
        finally:
            server.pause(False)
    poll(lambda: usage(weir, "?since=2d")["total"]["attempts"] == served(), 20)
    check_whole(server, url, weir, answered, served())


def test_past_the_bytes_that_may_wait_requests_are_refused_until_it_is_back(run, server, url):
    weir, answered, refused = run(journal_max_bytes=16777216, trust_tags=True), [], []

    def ask_until_refused(number):
        with Connection(weir.port) as caller:
            for i in range(8000):  # words that are never the same fill it sooner
                if refused: return
                tags = "tag=" + f"{number}-{i}-".ljust(480, "t")
                caller.send(request_bytes("POST", "/v1/chat/completions", chat_body(), {
                    **OWN, "x-weir-session": f"{number}-{i}-".ljust(250, "s"), "x-weir-tags": tags}))
                reply = caller.reply()
                (answered if reply.status == 200 else refused).append(reply)

    signal.alarm(240)  # megabytes are written, and taken in again
    server.stop("immediate")
    threads = [threading.Thread(target=ask_until_refused, args=(n,), daemon=True) for n in range(4)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    assert refused and refused[0].status == 503 and refused[0].error["code"] == "usage_unrecorded"
    server.start()
    poll(lambda: weir.log("ledger_works"), 150)
    poll(lambda: ask(weir).status == 200)
    check_whole(server, url, weir, [reply.headers["x-weir-request-id"] for reply in answered])


def told_of(weir, mock):
    """Traffic of every kind, and what is told of it: without moments and what hangs on them."""
    mock.reset()
    made = admin(weir, "/clients", "POST", {"name": "made", "budgets": [{"usd": 5, "window": "lifetime"}]}).json
    keys = [OWN, {"authorization": f"Bearer {made['key']}"}]
    for i in range(12):
        chat(weir.port, f"word {i}", stream=i % 3 == 0, headers={
            **keys[i % 2], "x-weir-session": f"session-{i % 4}", "x-weir-tags": f"env=prod,team={i % 2}"})
    mock.fault("status=500", 1)
    chat(weir.port, headers=OWN)
    mock.reset()
    asked = ["", "?by=provider,model", "?by=client,session", "?by=tag", "?by=owner", "?by=route,asked", "?by=day",
             "?by=hour", "?by=rule", "?compare=true", "?client=app&by=session", "?tag=env=prod&by=client"]
    views = {query: admin(weir, "/usage" + query) for query in asked}
    told = {query: [reply.status, reply.json] for query, reply in views.items()}
    csv = admin(weir, "/usage?by=client,tag&format=csv").text.splitlines()
    audit = admin(weir, "/audit").json["rows"]
    verdict = admin(weir, "/audit/verify").json
    listed = admin(weir, "/clients").json
    own = http(weir.port, "GET", "/v1/key", headers=keys[1]).json
    return told, csv, audit, verdict, listed, own, log_of(weir)


def log_of(weir):
    """The request log, page by page, searched, and by id."""
    rows, place = [], ""
    while place is not None:
        page = admin(weir, f"/requests?limit=5{place}").json
        rows += page["rows"]
        place = f"&before={page['next']}" if "next" in page else None
    assert len({(row["id"], row["attempt"]) for row in rows}) == len(rows)
    assert [row["time_ms"] for row in rows] == sorted((row["time_ms"] for row in rows), reverse=True)
    assert admin(weir, f"/requests?id={rows[3]['id']}").json["rows"] == [rows[3]]
    named = [[row.get(name) for name in ("client", "session", "tags", "asked", "outcome", "status", "cost_usd")]
             for row in rows]
    found = [len(admin(weir, f"/requests?{query}").json["rows"]) for query in (
        "outcome=failed", "session=session-1", "client=made&session=session-1", "status=5xx", "cost=0.00001")]
    return sorted(map(str, named)), found


def without(value, *names):
    """Without members of these names, at any depth."""
    if isinstance(value, dict):
        return {name: without(one, *names) for name, one in value.items() if name not in names}
    return [without(one, *names) for one in value] if isinstance(value, list) else value


TIMES = ("changed_at", "created_at", "rotated_at", "last_used_at", "latency_ms", "first_token_ms", "duration_us",
         "since_ms", "tokens_per_second", "forecast_usd", "id")


def test_what_is_asked_is_answered_as_of_a_file(run, start, mocks, url):
    here = told_of(run(trust_tags=True), mocks[0])
    there = told_of(start({**config(url, mocks[0], trust_tags=True), "ledger": ""}), mocks[0])
    for query in here[0]:
        assert without(here[0][query], *TIMES) == without(there[0][query], *TIMES), query
    assert [line.split(",")[:12] for line in here[1]] == [line.split(",")[:12] for line in there[1]]
    assert [(row["action"], row["outcome"], row["actor"]) for row in here[2]] == \
        [(row["action"], row["outcome"], row["actor"]) for row in there[2]]
    assert all(row["time"][:4] == "20" + row["time"][2:4] and row["time"].endswith("Z") for row in here[2])
    assert here[3]["good"] and there[3]["good"] and here[3]["rows"] == there[3]["rows"] > 1
    assert without(here[4], *TIMES) == without(there[4], *TIMES)
    assert without(here[5], *TIMES) == without(there[5], *TIMES)
    assert here[6] == there[6] and len(here[6][0]) == 14 and here[6][1][:2] == [1, 3]


def test_clients_made_at_run_time_their_spend_and_alerts_are_there_after_a_restart(run, server, url):
    weir = run()
    made = admin(weir, "/clients", "POST", {"name": "made", "budgets": [{"usd": 0.0001, "window": "lifetime"}]}).json
    key = {"authorization": f"Bearer {made['key']}"}
    poll(lambda: chat(weir.port, headers=key).status == 429)
    before = http(weir.port, "GET", "/v1/key", headers=key).json["budgets"]
    server.stop(), chat(weir.port, headers=OWN)
    poll(lambda: weir.log("ledger_failed"))
    server.start()
    poll(lambda: admin(weir, "/clients", "POST", {"name": "later"}).status in (200, 201), 20)  # connected again
    poll(lambda: server.admin("SELECT count(*) FROM alerts", name_of(url))[0][0] != "0", 30)
    weir.stop()
    weir = run()
    assert chat(weir.port, headers=key).status == 429
    assert http(weir.port, "GET", "/v1/key", headers=key).json["budgets"][0]["spent_usd"] == before[0]["spent_usd"]
    assert {client["name"] for client in admin(weir, "/clients").json["clients"]} >= {"app", "made", "later"}
    assert "ledger_failed" in admin(weir, "/alerts").text


def test_what_was_changed_of_the_configuration_is_there_after_a_restart(run, server, url):
    weir = run()
    assert admin(weir, "/owners", "POST", {"name": "made", "daily_budget": 2}).status == 201
    assert admin(weir, "/owners/made", "PATCH", {"daily_budget": 3}).status == 200
    server.stop()
    refused = admin(weir, "/owners/made", "PATCH", {"daily_budget": 4})
    assert refused.status == 500 and "changed" in refused.error["message"], refused
    server.start()
    poll(lambda: admin(weir, "/templates", "POST", {"name": "guest", "rate_limit_rpm": 5}).status == 201, 20)
    weir.stop()
    weir = run()
    changed = {one["name"]: one["how"] for one in admin(weir, "/status").json["changed_at_run_time"]}
    assert changed.items() >= {"made": "added", "guest": "added"}.items()
    assert admin(weir, "/owners/made").json["settings"] == {"daily_budget": 3}
    assert admin(weir, "/owners/made", "DELETE").status == 200


def test_a_clients_records_are_exported_and_purged(run, server, url):
    weir = run()
    ids = [ask(weir).headers["x-weir-request-id"] for _ in range(3)]
    usage(weir)

    def command(action):
        done = subprocess.run([BINARY, "usage", action, "--client", "app", "-c", str(weir.path), "--json"],
                              capture_output=True, text=True, timeout=30, env=environment())
        assert done.returncode == 0, done
        return [json.loads(line) for line in done.stdout.splitlines()]

    lines = command("export")
    assert {line["request_id"] for line in lines if line["kind"] == "attempt"} == set(ids)
    hours = [line["hour"] for line in lines if line["kind"] == "hour"]
    assert hours and all(hour.startswith("20") and hour.endswith(":00Z") for hour in hours)
    told, = command("purge")
    assert told["attempts"] == 3 and told["hours"] == 1
    ask(weir)
    rows = {row["client"]: row["requests"] for row in usage(weir, "?by=client")["rows"]}
    assert rows == {"app": 1, told["tombstone"]: 3}
    assert not [row for row in server.admin("SELECT request_id FROM attempts", name_of(url)) if row[0] in ids]


def test_commands_find_it_by_the_configuration(run):
    weir = run()
    ask(weir), usage(weir)
    folder, gateway = ["-c", str(weir.path)], ["-c", str(weir.path), "--url", f"http://127.0.0.1:{weir.port}"]
    commands = [(["audit", "list"], folder), (["audit", "verify"], folder), (["audit", "head"], folder),
                (["usage", "recost", "--since", "1h", "--dry-run"], folder), (["check"], folder),
                (["usage", "replay", "--since", "1h"], folder), (["usage", "--by", "client,day"], gateway),
                (["status"], gateway), (["budget", "list"], gateway), (["client", "list"], gateway),
                (["alert", "list"], gateway)]
    for command, where in commands:
        done = subprocess.run([BINARY, *command, *where], capture_output=True, text=True, timeout=30, env=environment())
        assert done.returncode == 0 and PASSWORD not in done.stdout + done.stderr, done
    weir.stop()
    done = subprocess.run([BINARY, "usage", "recost", "--since", "1h", *folder], capture_output=True, text=True,
                          timeout=30, env=environment())
    assert done.returncode == 0, done
    done = subprocess.run([BINARY, "backup", str(weir.folder / "copy"), *folder], capture_output=True, text=True,
                          timeout=30, env=environment())
    assert done.returncode == 2 and "pg_dump" in done.stderr


def test_what_a_caller_sends_that_is_no_text_stops_no_ledger(run, server, url, served):
    weir = run(trust_tags=True)
    for bytes_of in (b"\xff\xfe\x80", "\u00e4".encode("latin-1"), b"x" * 600, b"' OR 1=1; --"):
        word = bytes_of.decode("latin-1")
        http(weir.port, "POST", "/v1/chat/completions", chat_body(),
             {**OWN, "x-weir-session": word, "x-weir-tags": "a=" + word, "x-request-id": word[:60]})
    poll(lambda: usage(weir)["total"]["attempts"] == served())
    assert not weir.log("ledger_failed")


def test_what_the_unit_tests_of_the_ledger_hold_of_a_file_they_hold_of_a_server(server):
    """The binaries that the build has: make unit builds them all."""
    folder = os.environ.get("WEIR_BUILD")
    names = ["store-ledger_test", "store-ledger_alerts_test", "store-audit_test", "store-ledger_erase_test",
             "store-entry_store_test", "store-ledger_health_test", "store-ledger_given_test"]
    built = [os.path.join(folder, name) for name in names if folder and os.path.exists(os.path.join(folder, name))]
    if not built:
        pytest.skip("no unit tests are built")
    server.admin("CREATE DATABASE units OWNER weir")
    for program in built:
        signal.alarm(120)
        done = subprocess.run([program], capture_output=True, text=True, timeout=110,
                              env={**os.environ, "WEIR_TEST_POSTGRES": server.url("units")})
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]

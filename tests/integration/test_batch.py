"""weir batch: order, tries, bad lines, and a run that is killed and taken up again."""
import json
import os
import random
import re
import resource
import signal
import subprocess
import threading
import time

import pytest

from weirlib import BINARY, SANITIZER, environment, poll, provider


@pytest.fixture
def batch(tmp_path, start_mock):
    """(mock, run, paths): run(lines, *arguments) runs a batch to its end; lines are bodies' texts, or whole lines."""
    mock = start_mock("--latency-distribution", "uniform:0,30")
    (tmp_path / "weir.yaml").write_text(
        json.dumps({
            "retry": {"max_retries": 0}, "state_dir": str(tmp_path / "state"),
            "providers": {"p": provider(mock, circuit_breaker={"failure_threshold": 65535})}
        }))
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"

    def write(lines):
        source.write_text("".join(
            (line if line.startswith(("{", "x")) else request(i, line)) + "\n" for i, line in enumerate(lines)))

    def run(lines=None, *arguments, wait=True, file_bytes_max=None, stderr=subprocess.PIPE):
        if lines is not None:
            write(lines)
        process = subprocess.Popen(
            [BINARY, "batch",
             str(source), "-o",
             str(out), "-c",
             str(tmp_path / "weir.yaml"), *arguments], stdout=subprocess.PIPE, stderr=stderr, text=True,
            env=environment(), restore_signals=file_bytes_max is None, preexec_fn=file_bytes_max and
            (lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes_max, file_bytes_max))))
        if not wait:
            return process
        process.said, process.warned = process.communicate(timeout=60)
        return process
    return mock, run, out


def request(number, text):
    return json.dumps({"custom_id": f"id-{number}", "method": "POST", "url": "/v1/chat/completions",
                       "body": {"model": "m", "messages": [{"role": "user", "content": text}]}})


def results(out):
    return [json.loads(line) for line in out.read_text().splitlines()]


def test_results_come_in_the_inputs_order(batch):
    mock, run, out = batch
    done = run([f"line {i}" for i in range(200)], "--json")
    assert done.returncode == 0, done.warned
    lines = results(out)
    assert [line["custom_id"] for line in lines] == [f"id-{i}" for i in range(200)]
    for i, line in enumerate(lines):
        assert line["error"] is None and line["response"]["status_code"] == 200 and line["response"]["request_id"]
        assert line["response"]["body"]["choices"][0]["message"]["content"] == f"You said: line {i}"
    told = json.loads(done.said)
    assert told["total"] == told["done"] == 200 and told["failed"] == 0 and told["input_tokens"] > 200
    assert not (out.parent / "out.jsonl.partial").exists()


def test_bad_lines_have_their_error_and_the_rest_goes_on(batch):
    _, run, out = batch
    bad = [
        "x not JSON", '{"method":"POST"}', '{"custom_id":"c","method":"GET","url":"/v1/chat/completions","body":{}}',
        '{"custom_id":"d","method":"POST","url":"/v1/nowhere","body":{}}',
        '{"custom_id":"e","method":"POST","url":"/v1/chat/completions","body":[]}',
        '{"custom_id":"f","method":"POST","url":"/v1/chat/completions","body":{"model":"m","stream":true}}'
    ]
    done = run(["good", *bad, "good"])
    assert done.returncode == 1
    lines = results(out)
    assert [line["error"] is None for line in lines] == [True] + [False] * 6 + [True]
    assert [line["custom_id"] for line in lines] == ["id-0", None, None, "c", "d", "e", "f", "id-7"]
    assert all(f"Line {i}" in lines[i - 1]["error"]["message"] for i in range(2, 8))


def test_a_callers_fault_is_its_result_and_is_not_sent_again(batch):
    mock, run, out = batch
    mock.fault("status=400", count=1)
    done = run(["a"])
    assert done.returncode == 1 and results(out)[0]["response"]["status_code"] == 400
    assert mock.requests()["paths"] == {"/v1/chat/completions": 1}


def test_what_may_pass_is_tried_again(batch):
    mock, run, out = batch
    mock.fault("status=503", count=4)
    done = run([str(i) for i in range(8)])
    assert done.returncode == 0 and len(results(out)) == 8, done.warned
    assert mock.requests()["paths"] == {"/v1/chat/completions": 12}


def test_a_routes_last_word_is_no_answer_to_a_line(batch, tmp_path):
    mock, run, out = batch
    options = json.loads((tmp_path / "weir.yaml").read_text())
    options["routes"] = [{"model": "m", "targets": ["p/m"], "fallback_response": "We are out."}]
    (tmp_path / "weir.yaml").write_text(json.dumps(options))
    mock.fault("status=503", count=1)
    done = run(["a"])  # out for a moment: it is tried again, and answered
    assert done.returncode == 0 and "We are out." not in out.read_text(), done.warned
    assert mock.requests()["paths"] == {"/v1/chat/completions": 2}
    out.unlink()
    mock.fault("status=503", count=-1)
    done = run(["b"], "--tries", "2", "--json")
    assert done.returncode == 1 and json.loads(done.said)["failed"] == 1, done.said
    result = results(out)[0]
    assert (result["response"], result["error"]["code"]) == (None, "no_provider_available"), result


@pytest.mark.parametrize("seed", range(3))
def test_a_killed_run_is_taken_up_and_sends_no_finished_line_again(batch, seed):
    mock, run, out = batch
    partial = out.parent / "out.jsonl.partial"
    draw = random.Random(seed)
    lines = [f"line {i}" for i in range(150)]
    finished = 0
    process = run(lines, "--parallel", "6", wait=False)
    for _ in range(3):
        wanted = finished + draw.randrange(5, 30)
        poll(lambda: process.poll() is not None or (partial.exists() and partial.read_bytes().count(b"\n") > wanted))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        if out.exists():
            break
        with partial.open("ab") as file:  # a line that the kill tore
            file.write(b'149\t{"id":"to')
        finished = partial.read_bytes().count(b"\n") - 1
        process = run(None, "--parallel", "6", wait=False)
    process.communicate(timeout=60)
    assert [line["custom_id"] for line in results(out)] == [f"id-{i}" for i in range(150)]
    assert all(line["error"] is None for line in results(out))
    # only what was under way when it was killed
    assert mock.requests()["paths"]["/v1/chat/completions"] <= 150 + 3 * 6 + 3


def test_two_runs_of_one_batch_and_another_batchs_file(batch):
    mock, run, out = batch
    first = run([f"line {i}" for i in range(300)], "--parallel", "2", wait=False)
    poll(lambda: (out.parent / "out.jsonl.partial").exists() and
         (out.parent / "out.jsonl.partial").stat().st_size > 200)
    second = run()
    assert second.returncode == 1 and "another run" in second.warned
    first.send_signal(signal.SIGINT)
    said, warned = first.communicate(timeout=30)
    assert first.returncode == 1 and "goes on from here" in warned and not out.exists()
    other = run(["another input"])
    assert other.returncode == 1 and "another input" in other.warned
    assert not out.exists()


def test_an_output_that_exists_is_not_touched(batch):
    _, run, out = batch
    out.write_text("mine\n")
    assert run(["a"]).returncode == 1 and out.read_text() == "mine\n"


def test_a_full_disk_at_the_end_costs_nothing_that_was_done(batch):
    mock, run, out = batch
    new = out.parent / "out.jsonl.new"
    new.symlink_to("/dev/full")
    full = run([f"line {i}" for i in range(50)], "--quiet")
    assert full.returncode == 1 and "out.jsonl.new" in full.warned and "No space left" in full.warned, full.warned
    assert not out.exists() and not new.is_symlink() and (out.parent / "out.jsonl.partial").exists()
    done = run(None, "--json")
    assert done.returncode == 0 and json.loads(done.said)["skipped"] == 50, done.warned
    assert [line["custom_id"] for line in results(out)] == [f"id-{i}" for i in range(50)]
    assert mock.requests()["paths"] == {"/v1/chat/completions": 50}


def test_a_disk_that_fills_on_the_way_ends_the_run_and_loses_no_result(batch):
    mock, run, out = batch
    partial = out.parent / "out.jsonl.partial"
    # Python has SIGXFSZ ignored, and so has its child
    full = run([f"line {i}" for i in range(300)], "--parallel", "4", "--quiet", file_bytes_max=65536)
    assert full.returncode == 1 and "cannot be written" in full.warned, (full.returncode, full.warned)
    assert not out.exists() and partial.stat().st_size <= 65536
    kept = partial.read_bytes().count(b"\n") - 1
    assert 50 < kept < 300
    sent = mock.requests()["paths"]["/v1/chat/completions"]
    assert kept <= sent <= kept + 4 + 1  # what was under way, and no line more
    done = run(None, "--json")
    assert done.returncode == 0 and json.loads(done.said)["skipped"] == kept, done.warned
    assert [line["custom_id"] for line in results(out)] == [f"id-{i}" for i in range(300)]
    assert all(line["error"] is None and line["response"]["status_code"] == 200 for line in results(out))


def test_an_output_that_cannot_be_opened_is_told_before_anything_is_sent(batch):
    mock, run, out = batch
    (out.parent / "out.jsonl.partial").mkdir()
    refused = run(["a"])
    assert refused.returncode == 1 and "out.jsonl.partial" in refused.warned and mock.requests()["count"] == 0


FRAME = re.compile(
    r"\r\[(#*)(\.*)\] (\d+)/\d+  (\d+\.\d)/s  (\d+) at once  (\d) failed  \$0\.\d{4}(?:  (\d+) s left)?\x1b\[K")


def on_terminal(run, lines, *arguments):
    """(the process, what its bar showed, the seconds that it took)"""
    screen, terminal = os.openpty()
    pieces = []

    def read():
        while True:
            try:
                pieces.append(os.read(screen, 65536))
            except OSError:  # how Linux tells that the other side is closed
                return
    reader = threading.Thread(target=read)
    reader.start()
    begun = time.monotonic()
    done = run(lines, *arguments, stderr=terminal)
    took = time.monotonic() - begun
    os.close(terminal)
    reader.join()
    os.close(screen)
    shown = b"".join(pieces).decode()
    frames = FRAME.findall(shown)
    assert frames and shown.count("\r[") == len(frames), shown
    return done, frames, took


def test_a_terminal_sees_how_far_it_is(batch):
    _, run, out = batch
    done, frames, _ = on_terminal(run, [f"line {i}" for i in range(9)] + ["x not JSON"])
    assert done.returncode == 1 and len(results(out)) == 10
    for full, rest, count, _, _, failed, _ in frames:
        assert len(full) == 3 * int(count) and len(full) + len(rest) == 30 and int(failed) <= 1
    assert [int(frame[2]) for frame in frames] == sorted(int(frame[2]) for frame in frames)
    assert frames[-1][2] == "10" and frames[-1][5] == "1" and frames[-1][6] == "0"


def test_however_fast_lines_end_it_is_told_ten_times_a_second(batch):
    _, run, out = batch
    done, frames, took = on_terminal(run, [f"line {i}" for i in range(400)])
    assert done.returncode == 0 and frames[-1][2] == "400"
    assert len(frames) <= took / 0.1 + 2  # one at the beginning, one at the end


def test_it_goes_faster_while_all_is_well_and_never_over_its_limit(batch):
    _, run, out = batch
    for most in (1, 6):
        _, frames, _ = on_terminal(run, [f"line {i}" for i in range(100)], "--parallel", str(most))
        at_once = [int(frame[4]) for frame in frames]
        assert at_once == sorted(at_once) and at_once[-1] == most, at_once
        out.unlink()


def test_lines_that_wait_for_their_next_try_when_it_is_stopped_are_taken_up_later(batch):
    mock, run, out = batch
    mock.fault("status=503,retry-after=30")
    first = run([f"line {i}" for i in range(4)], "--parallel", "4", wait=False)
    poll(lambda: mock.requests()["paths"].get("/v1/chat/completions") == 4)
    first.send_signal(signal.SIGINT)
    said, warned = first.communicate(timeout=30)
    assert first.returncode == 1 and "goes on from here" in warned and not out.exists(), warned
    assert not SANITIZER.search(said + warned), warned
    mock.reset()
    assert run().returncode == 0 and len(results(out)) == 4


@pytest.mark.parametrize("status, calls", [(408, 2), (429, 2), (500, 2), (503, 2), (529, 2), (400, 1), (404, 1),
                                           (422, 1)])
def test_what_is_sent_again_is_what_may_pass(batch, status, calls):
    mock, run, out = batch
    mock.fault(f"status={status}", count=1)
    done = run(["line"])
    assert done.returncode == (calls == 1) and mock.requests()["paths"] == {"/v1/chat/completions": calls}


def test_fewer_are_under_way_where_the_provider_has_too_much(batch):
    mock, run, _ = batch
    mock.fault("status=429", count=2)  # of the four that it begins with
    _, frames, _ = on_terminal(run, [f"line {i}" for i in range(4)], "--parallel", "100")
    assert min(int(frame[4]) for frame in frames) < 4


def test_the_summary_counts_what_became_of_the_lines(batch):
    _, run, _ = batch
    done = run([f"line {i}" for i in range(9)] + ["x not JSON"])
    assert re.fullmatch(
        r"10 lines: 9 succeeded, 1 failed, 0 from an earlier run; [1-9]\d* tokens in, [1-9]\d* out, "
        r"\$0\.\d{6}, \d+\.\d s\n", done.said), done.said


@pytest.mark.parametrize("arguments, good", [(("--parallel", "10000"), True), (("--parallel", "10001"), False),
                                             (("--parallel", "-1"), False), (("--tries", "100"), True),
                                             (("--tries", "101"), False), (("--tries", "-1"), False)])
def test_numbers_out_of_range_are_bad_usage(batch, arguments, good):
    _, run, out = batch
    done = run(["line"], *arguments)
    assert done.returncode == (0 if good else 2) and out.exists() == good
    assert good or done.warned.startswith("usage: weir batch IN.jsonl -o OUT.jsonl")


def test_quiet_says_nothing(batch):
    _, run, out = batch
    done = run(["line"], "--quiet")
    assert done.returncode == 0 and (done.said, done.warned) == ("", "") and out.exists()

"""What must hold of a simulated day, looked for in what was seen of it. Pure: the self test plants each fault."""
from collections import Counter

BUDGET_SHARES = (0.8, 0.9, 1.0)
MB = 1 << 20


def told_twice(lines):
    """An alert's beginning, and its end, stand in the log once; and no two of one thing last at once."""
    raised = Counter(line["id"] for line in lines if line["event"] == "alert")
    ended = Counter(line["id"] for line in lines if line["event"] == "alert_ended")
    found = [f"alert {i} was raised {n} times" for i, n in raised.items() if n > 1]
    found += [f"alert {i} ended {n} times" for i, n in ended.items() if n > 1]
    found += [f"alert {i} ended and was never raised" for i in ended if i not in raised]
    lasting = {}
    for line in lines:
        thing = (line["kind"], line["subject"], line.get("percent"))
        if line["event"] == "alert_ended":
            lasting = {one: i for one, i in lasting.items() if i != line["id"]}
        elif thing in lasting and line["kind"] != "budget":  # one window's may meet the next one's
            found.append(f"alert {line['id']} says what {lasting[thing]} says: {thing}")
        else:
            lasting[thing] = line["id"]
    return found


def windows_missed(posts, spent_hours):
    """Each hour in which the budget was spent has one alert for each share, and no other hour has one."""
    of = Counter((post["window_started_at"], post["share"]) for post in posts
                 if post["event"] == "raised" and post["kind"] == "budget")
    wanted = {(hour, share) for hour in spent_hours for share in BUDGET_SHARES}
    found = [f"budget alert missed: {hour} at {share}" for hour, share in sorted(wanted) if not of[(hour, share)]]
    found += [f"budget alert told {n} times: {one}" for one, n in of.items() if n > 1]
    return found + [f"budget alert of an hour in which nothing was spent: {one}" for one in of if one not in wanted]


def upsets_missed(posts, upsets):
    """Each upset (kind, subject, begins_ms, ends_ms) is told while it lasts, and its end after it; none is told of what
    was no upset. ends_ms is late enough for what looks at the minutes before."""
    found, known = [], set()
    for kind, subject, begins, ends in upsets:
        during = [post for post in posts if post["kind"] == kind and post["subject"] == subject and
                  begins <= post["raised_ms"] <= ends]
        raised = {post["id"] for post in during if post["event"] == "raised"}
        ended = {post["id"] for post in during if post["event"] == "ended"}
        known |= raised
        if not raised:
            found.append(f"missed: {kind} of {subject}")
        found += [f"never ended: {kind} of {subject}" for one in raised - ended]
        if kind == "provider_out" and len(raised) > 1:
            found.append(f"told {len(raised)} times: {kind} of {subject}")
    kinds = {upset[0] for upset in upsets}
    found += [f"told of nothing: {post['kind']} of {post['subject']}" for post in posts
              if post["kind"] in kinds and post["event"] == "raised" and post["id"] not in known]
    return found + [f"unforeseen: {post['kind']} of {post['subject']}: {post['message']}" for post in posts
                    if post["kind"] not in kinds | {"budget"} and post["event"] == "raised"]


def posts_missed(lines, posts):
    """What the log says the webhook was told."""
    told = {(post["event"], post["id"]) for post in posts}
    words = {"alert": "raised", "alert_ended": "ended"}
    return [f"not posted: {line['event']} {line['id']} {line['kind']}" for line in lines
            if (words[line["event"]], line["id"]) not in told]


def memory_grows(before, after):
    most = before * 1.1 + 8 * MB
    return [f"memory grew from {before / MB:.1f} to {after / MB:.1f} MB"] if after > most else []


def descriptors_leak(before, after):
    return [f"{after} descriptors are open where {before} were"] if after > before else []


def books_differ(got, told):
    """What callers got, by the reply's own headers, and what the ledger says."""
    return [f"{name}: callers got {got[name]}, the ledger has {told[name]}" for name in got if got[name] != told[name]]


def selftest():
    """Each check sees the fault that is planted for it, and none where there is none. What it did not."""
    line = {"event": "alert", "id": 1, "kind": "breaker_open", "subject": "q"}
    end = {**line, "event": "alert_ended"}
    post = {"event": "raised", "id": 1, "kind": "provider_out", "subject": "q", "raised_ms": 5, "message": ""}
    over, upset = {**post, "event": "ended"}, [("provider_out", "q", 0, 10)]
    hour = [{"event": "raised", "id": i, "kind": "budget", "share": share, "window_started_at": "h"}
            for i, share in enumerate(BUDGET_SHARES)]
    rows = [
        (told_twice, ([line, end],), ([line, line, end],)), (told_twice, ([line],), ([line, {**line, "id": 2}],)),
        (told_twice, ([line, end],), ([end],)), (windows_missed, (hour, ["h"]), (hour[1:], ["h"])),
        (windows_missed, (hour, ["h"]), (hour + hour[:1], ["h"])), (windows_missed, (hour, ["h"]), (hour, [])),
        (upsets_missed, ([post, over], upset), ([], upset)), (upsets_missed, ([post, over], upset), ([post], upset)),
        (upsets_missed, ([post, over], upset), ([post, over, {**post, "id": 2}], upset)),
        (upsets_missed, ([post, over], upset), ([post, over, {**post, "id": 2, "raised_ms": 50}], upset)),
        (upsets_missed, ([post, over], upset), ([post, over, {**post, "kind": "quota"}], upset)),
        (posts_missed, ([line], [{**post, "kind": "breaker_open"}]), ([line, end], [post])),
        (memory_grows, (100 * MB, 110 * MB), (100 * MB, 119 * MB)), (descriptors_leak, (20, 20), (20, 21)),
        (books_differ, ({"a": 1}, {"a": 1}), ({"a": 1}, {"a": 2}))
    ]
    return [f"{check.__name__}: row {i}" for i, (check, good, bad) in enumerate(rows)
            if check(*good) or not check(*bad)]

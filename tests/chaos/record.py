"""What must hold, and what was seen of it."""
import collections

INVARIANTS = {
    "answers": "each answer is whole or honestly broken",
    "bystanders": "who asks for what nobody hurts is never hurt",
    "own": "no answer holds another caller's bytes or a credential",
    "alive": "no process dies, no sanitizer speaks, every exit is clean",
    "rest": "at rest nothing is in flight",
    "books": "requests and attempts are counted once, and agree with what the providers saw",
    "descriptors": "descriptors come back to where they were",
    "memory": "memory comes back to where it was",
    "log": "each accepted request has one line in the log, and no line a credential or an internal error",
    "changes": "each reload and each edit has the outcome that it must have",
}
OF_KIND = {
    "answer": "answers", "framing": "answers", "silence": "answers", "no connection": "answers",
    "nonsense answered": "answers", "a bystander hurt": "bystanders", "another caller's bytes": "own",
    "a credential": "own"
}


class Record:
    """What was seen: counts, and what must not be."""

    def __init__(self, seed):
        self.seed, self.kinds, self.statuses = seed, collections.Counter(), collections.Counter()
        self.violations = collections.defaultdict(list)
        self.world, self.ids, self.estimates, self.samples = "", {}, {}, []

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
            print(f"chaos: seed {self.seed} [{self.world}] {kind}: {ask if ask is not None else ''}\n    {what[:1500]}",
                  flush=True)

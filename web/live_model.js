// The newest requests as data: what events tell of them, and what the log has of those before. Bounded: what goes first
// is the oldest that is over. Knows no page: `dirty` are those that have changed since whoever shows them took them.
export class Requests {
  constructor(most = 100) {
    this.most = most;
    this.list = []; // the newest begin first
    this.by_id = new Map();
    this.dirty = new Set();
    this.gone = []; // that were shown, perhaps
    this.left_out = 0;
  }

  #of(id, began_ms) {
    let one = this.by_id.get(id);
    if (!one) {
      one = { id, began_ms, attempts: new Map(), state: "open" };
      this.by_id.set(id, one);
      const at = this.list.findIndex((other) => other.began_ms <= began_ms);
      this.list.splice(at < 0 ? this.list.length : at, 0, one);
      this.#bound();
    }
    this.dirty.add(one);
    return one;
  }

  #bound() {
    if (this.list.length <= this.most) return;
    let at = this.list.findLastIndex((one) => one.state !== "open");
    if (at < 0) at = this.list.length - 1;
    const [one] = this.list.splice(at, 1);
    this.by_id.delete(one.id);
    this.dirty.delete(one);
    this.gone.push(one);
  }

  // An attempt, as an event or a row of the log has it. began_ms, ended_ms: by the gateway's clock.
  #attempt(one, data, began_ms, ended_ms) {
    const known = one.attempts.get(data.attempt) ?? { began_ms };
    one.attempts.set(data.attempt, { ...known, ...data, began_ms: known.began_ms, ended_ms });
    for (const name of ["client", "asked", "route", "session"]) one[name] ??= data[name];
  }

  // An event of the stream. at: when it came, by a clock that only grows (performance.now).
  told(type, data, at = 0) {
    const took_ms = (data.duration_us ?? 0) / 1000;
    if (type === "attempt") {
      const one = this.#of(data.id, data.time_ms - took_ms);
      if (one.state !== "over") one.state = "open";
      one.seen ??= { at, time_ms: data.time_ms };
      this.#attempt(one, data, data.time_ms - took_ms, data.outcome === undefined ? undefined : data.time_ms);
    } else if (type === "request") {
      const one = this.#of(data.id, data.time_ms - took_ms);
      Object.assign(one, data, { attempts: one.attempts, tries: data.attempts, state: "over" });
    } else if (type === "request_gap") {
      this.left_out += data.requests;
      if (data.events) this.lose(); // the end of any of them may be among these
    }
  }

  // The stream has broken, or left something out: what is not over may be by now.
  lose() {
    for (const one of this.list) {
      if (one.state !== "open") continue;
      one.state = "lost";
      this.dirty.add(one);
    }
  }

  // Rows of the log, the newest first: attempts. What the stream tells of them is newer.
  from_log(rows) {
    for (const row of [...rows].reverse()) {
      if (!row.id || ["open", "over"].includes(this.by_id.get(row.id)?.state)) continue;
      const one = this.#of(row.id, row.time_ms);
      one.state = "log";
      this.#attempt(one, row, row.time_ms, row.time_ms + (row.duration_us ?? 0) / 1000);
      const { cost_usd, input_tokens, output_tokens } = row;
      Object.assign(one, { cost_usd, input_tokens, output_tokens, duration_us: (row.time_ms - one.began_ms) * 1000 + (row.duration_us ?? 0) });
    }
  }

  get open() {
    return this.list.filter((one) => one.state === "open");
  }
}

export const tries_of = (one) => [...one.attempts.values()].sort((a, b) => a.attempt - b.attempt);

// What became of it, in a word, and whether that is good.
export function outcome_of(one) {
  const last = tries_of(one).at(-1);
  if (one.state === "open") return { text: "under way", kind: null };
  if (one.state === "lost") return { text: "not known", kind: "warn" };
  if (one.state === "log") return { text: last.outcome ?? "", kind: last.outcome === "ok" ? "good" : "bad" };
  if (one.caller_gone) return { text: "caller gone", kind: "warn" };
  const good = !one.error && one.status < 400;
  return { text: one.error ?? (good ? (one.fallback ? "fallback" : ["hit", "shared", "stale"].includes(one.cache) ? `cache ${one.cache}` : "ok") : last?.outcome ?? "failed"), kind: good ? "good" : "bad" };
}

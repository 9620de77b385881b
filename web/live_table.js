// The newest requests as a table that changes in place: at most once a frame, only those rows that have changed, and in
// them only what has. What has the focus stays where it is.
import { el, fill, pill } from "./dom.js";
import { clock, count, ms, usd } from "./words.js";
import { outcome_of, tries_of } from "./live_model.js";

const space = "http://www.w3.org/2000/svg";

const now_of = (one) => (one.seen ? one.seen.time_ms + performance.now() - one.seen.at : one.began_ms); // by the gateway's clock
const took_us = (one) => one.duration_us ?? (one.state === "open" ? Math.max(0, now_of(one) - one.began_ms) * 1000 : undefined);

// Each attempt begins where it was sent and is as long as it took, one below the other, on the request's scale.
function timeline(one, tries) {
  const svg = document.createElementNS(space, "svg"), whole = Math.max((took_us(one) ?? 0) / 1000, 0.001);
  svg.setAttribute("class", "track");
  svg.setAttribute("viewBox", `0 0 100 ${tries.length}`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  tries.forEach((attempt, i) => {
    const from = Math.min(99, Math.max(0, (100 * (attempt.began_ms - one.began_ms)) / whole)), until = attempt.ended_ms ?? now_of(one);
    const rect = document.createElementNS(space, "rect");
    rect.setAttribute("x", String(from));
    rect.setAttribute("y", String(i));
    rect.setAttribute("width", String(Math.min(100 - from, Math.max(1, (100 * (until - attempt.began_ms)) / whole))));
    rect.setAttribute("height", "1");
    rect.setAttribute("class", `took ${attempt.outcome === undefined ? "open" : attempt.outcome === "ok" ? "good" : "bad"}`);
    svg.append(rect);
  });
  return svg;
}

const said = (attempt) => `${attempt.attempt + 1}. ${attempt.provider}/${attempt.model} ${attempt.outcome ?? "under way"}${attempt.status && attempt.outcome !== "ok" ? ` (${attempt.status})` : ""}${attempt.hedge ? ", beside another" : ""}`;

function attempts(one) {
  const tries = tries_of(one), others = one.state === "over" ? (one.tries ?? 0) - tries.length : 0;
  if (!tries.length && !others) return [el("span", { class: "faint" }, one.state === "open" ? "" : "none")];
  return [tries.length > 0 && timeline(one, tries), tries.map((attempt) => el("div", { class: attempt.outcome === undefined || attempt.outcome === "ok" ? null : "bad" }, said(attempt))),
    others > 0 && el("div", { class: "faint" }, `${others} before this was looked at`)];
}

const number = (value, show) => (value === undefined ? "" : show(value));
// What a cell is made of, as a text: it is drawn again when that is another.
const columns = [
  { head: "Time", key: (one) => one.began_ms, of: (one) => el("a", { href: `#requests/${encodeURIComponent(one.id)}` }, clock(one.began_ms)) },
  { head: "Client", key: (one) => one.client ?? "" },
  { head: "Asked for", key: (one) => one.asked ?? "" },
  { head: "Outcome", key: (one) => `${outcome_of(one).text} ${one.status ?? ""}`, of: (one) => [pill(outcome_of(one).text, outcome_of(one).kind), one.state === "over" && one.status ? ` ${one.status}` : ""] },
  { head: "Attempts", wide: true, key: (one) => JSON.stringify([one.state, one.tries, one.duration_us, one.state === "open" && Math.floor(now_of(one) / 250), tries_of(one).map(said)]), of: attempts },
  { head: "Took", number: true, key: (one) => ms(took_us(one)) },
  { head: "In", number: true, key: (one) => number(one.input_tokens, count) },
  { head: "Out", number: true, key: (one) => number(one.output_tokens, count) },
  { head: "Cost", number: true, key: (one) => number(one.cost_usd, usd) },
  { head: "Session", key: (one) => one.session ?? "", of: (one) => (one.session ? el("a", { href: `#sessions/${encodeURIComponent(`${one.client ?? ""}\n${one.session}`)}` }, one.session) : "") },
];
const kind = (column) => (column.number ? "number" : column.wide ? "wide" : null);

function draw(one) {
  if (!one.row) {
    one.row = el("tr", null, columns.map((column) => el("td", { class: kind(column) })));
    one.keys = [];
  }
  columns.forEach((column, i) => {
    const key = String(column.key(one));
    if (one.keys[i] === key) return;
    one.keys[i] = key;
    fill(one.row.cells[i], column.of ? column.of(one) : key);
  });
}

export class LiveTable {
  constructor(requests, none) {
    this.requests = requests;
    this.body = el("tbody");
    this.none = el("p", { class: "faint" }, none);
    this.table = el("div", { class: "table", tabindex: "0", role: "region", "aria-label": "Newest requests", hidden: true },
      el("table", null, el("thead", null, el("tr", null, columns.map((column) => el("th", { scope: "col", class: kind(column) }, column.head)))), this.body));
    this.node = el("div", null, this.none, this.table);
    this.ticking = setInterval(() => this.#tick(), 500);
  }

  // What is under way becomes longer.
  #tick() {
    for (const one of this.requests.open) this.requests.dirty.add(one);
    if (this.requests.dirty.size) this.changed();
  }

  changed() {
    this.frame ??= requestAnimationFrame(() => this.#paint());
  }

  #paint() {
    const { list, dirty, gone } = this.requests;
    this.frame = undefined;
    for (const one of gone.splice(0)) one.row?.remove();
    for (const one of dirty) draw(one);
    let next = null;
    for (let i = list.length - 1; i >= 0; i--) {
      const one = list[i];
      if (dirty.has(one) && !one.row.isConnected) this.body.insertBefore(one.row, next);
      next = one.row ?? next;
    }
    dirty.clear();
    this.none.hidden = list.length > 0;
    this.table.hidden = !list.length;
  }

  end() {
    clearInterval(this.ticking);
    if (this.frame !== undefined) cancelAnimationFrame(this.frame);
  }
}

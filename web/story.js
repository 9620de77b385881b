// What became of one request: its attempts on a line of time, and what was decided. From what the process remembers of
// it; else from the ledger, which has its attempts alone.
import { el, facts, table } from "./dom.js";
import { clock, count, ms, usd } from "./words.js";
import * as api from "./api.js";

// Each attempt begins where it was sent and is as long as it took, on the whole request's scale.
function bar(from_us, took_us, whole_us, good) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("class", "track");
  svg.setAttribute("viewBox", "0 0 100 2");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  const rect = document.createElementNS(space, "rect");
  const whole = Math.max(whole_us, 1);
  rect.setAttribute("x", String((100 * from_us) / whole));
  rect.setAttribute("width", String(Math.max(0.6, (100 * took_us) / whole)));
  rect.setAttribute("height", "2");
  rect.setAttribute("class", good ? "took good" : "took bad");
  svg.append(rect);
  return svg;
}

function attempts(list) {
  const whole = Math.max(...list.map((one) => (one.sent_us ?? 0) + (one.duration_us ?? 0)), 1);
  return el("ol", { class: "line" }, list.map((one, i) => {
    const good = one.outcome === "ok";
    return el("li", { class: good ? "good" : "bad" },
      el("strong", null, `${i + 1}. ${one.target}`), ` ${one.outcome}${one.status ? ` (${one.status})` : ""}`,
      one.hedge && " beside another", one.failover && " after another had failed",
      bar(one.sent_us ?? 0, one.duration_us ?? 0, whole, good),
      el("span", { class: "faint" }, `sent after ${ms(one.sent_us ?? 0)}, took ${ms(one.duration_us)}${one.first_token_us ? `, first token after ${ms(one.first_token_us)}` : ""}`
        + `${one.input_tokens !== undefined ? `, ${count(one.input_tokens)} tokens in, ${count(one.output_tokens)} out` : ""}${one.cost_usd !== undefined ? `, ${usd(one.cost_usd)}` : ""}`),
      one.said && el("div", { class: "bad" }, one.said), one.next && el("div", { class: "faint" }, one.next), one.changed && el("div", { class: "faint" }, `changed: ${one.changed}`), one.dropped && el("div", { class: "faint" }, `dropped: ${one.dropped}`));
  }));
}

const of_ledger = (rows) => ({
  request_id: rows[0].id, time_ms: rows[0].time_ms, client: rows[0].client, model: rows[0].asked, route: rows[0].route, endpoint: rows[0].endpoint, stream: rows[0].streamed ?? false,
  attempts: rows.map((row) => ({ ...row, target: `${row.provider}/${row.model}`, sent_us: (row.time_ms - rows[0].time_ms) * 1000 })), remembered: false,
});

export async function story_of(id, client) {
  try {
    return { ...await api.get(`admin/v1/requests/${api.name(id)}${api.query({ client })}`), remembered: true };
  } catch (problem) {
    if (problem.status !== 404) throw problem;
    const { rows } = await api.get(`admin/v1/requests${api.query({ id })}`);
    if (!rows.length) throw problem;
    return of_ledger(rows);
  }
}

export function told(story) {
  const shown = ["request_id", "own_id", "time_ms", "client", "model", "route", "rule", "strategy", "endpoint", "stream", "status", "error", "cache", "cache_why", "made_by", "budget", "ended", "saved_usd"];
  const pairs = shown.filter((name) => story[name] !== undefined && story[name] !== "").map((name) => [name.replaceAll("_", " ").replace("time ms", "began"), name === "time_ms" ? clock(story[name]) : String(story[name])]);
  return [facts(pairs),
    el("h2", null, "Attempts"), story.attempts?.length ? attempts(story.attempts) : el("p", { class: "faint" }, "None: nothing was sent to a provider."),
    story.candidates?.length ? [el("h2", null, "Candidates"), table("Candidates", [
      { head: "Target", of: (one) => one.target }, { head: "Score", of: (one) => one.score, number: true }, { head: "Tries", of: (one) => one.tries ?? 0, number: true },
      { head: "Against it", of: (one) => one.refused ?? "", wide: true }], story.candidates)] : null,
    !story.remembered && el("p", { class: "faint" }, "From the ledger: what was decided is not remembered any more.")];
}

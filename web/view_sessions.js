// Sessions, an agent's each: what they cost; and the calls of one, in their order.
import { el, fill, facts, table, choice, field } from "./dom.js";
import { clock, count, ms, since, usd } from "./words.js";
import { log_table } from "./log_table.js";
import * as api from "./api.js";

async function show_one(place) {
  const [client, session] = place.argument.split("\n");
  const rows = [];
  let before = "";
  do {
    const answer = await api.get(`admin/v1/requests${api.query({ client, session, since: "12w", limit: 1000, before })}`);
    rows.push(...answer.rows);
    before = answer.next ?? "";
  } while (before && rows.length < 5000 && place.live());
  if (!place.live()) return;
  rows.reverse();
  const turns = new Set(rows.map((row) => row.id)).size, cost = rows.reduce((sum, row) => sum + Number(row.cost_usd ?? 0), 0);
  const failed = rows.filter((row) => row.outcome !== "ok").length;
  fill(place.body, el("p", null, el("a", { href: "#sessions" }, "All sessions")),
    facts([["Session", session], ["Client", client], ["Turns", count(turns)], ["Attempts", `${count(rows.length)}, ${count(failed)} of them not answered well`], ["Cost", usd(cost)],
      ["Lasted", rows.length ? since((rows.at(-1).time_ms - rows[0].time_ms) / 1000) : ""], ["Began", rows.length ? clock(rows[0].time_ms) : ""]]),
    el("h2", null, "Calls in order"), log_table("Calls of the session", rows));
}

export async function show_sessions(place) {
  if (place.argument) return show_one(place);
  const period = choice([["24h"], ["7d"], ["4w"]], "7d"), results = el("div");
  fill(place.body, el("form", { class: "row" }, field("Since", period, "since")), results);
  const look = async () => {
    const [usage, status] = await Promise.all([api.get(`admin/v1/usage?by=session&since=${period.value}&limit=500`), api.get("admin/v1/status")]);
    if (!place.live()) return;
    fill(results, el("p", null, `${count(usage.rows.length)} sessions, the dearest first; ${count(status.totals.tool_loops)} tool loops were told or refused since the start.`),
      table("Sessions", [
        { head: "Session", of: (row) => el("a", { href: `#sessions/${encodeURIComponent(`${row.client}\n${row.session}`)}` }, row.session || "(none)") },
        { head: "Client", of: (row) => row.client }, { head: "Turns", of: (row) => count(row.requests), number: true }, { head: "Attempts", of: (row) => count(row.attempts), number: true },
        { head: "Failed", of: (row) => count(row.errors), number: true }, { head: "Tokens in", of: (row) => count(row.input_tokens), number: true }, { head: "From prompt cache", of: (row) => count(row.cached_tokens), number: true },
        { head: "Tokens out", of: (row) => count(row.output_tokens), number: true }, { head: "Took, p95", of: (row) => ms((row.latency_ms?.p95 ?? 0) * 1000), number: true }, { head: "Cost", of: (row) => usd(row.cost_usd), number: true },
      ], usage.rows.filter((row) => row.session), "No session was named: x-weir-session, or an agent's own header, names one."));
  };
  period.addEventListener("change", () => look().catch(place.failed));
  await look();
}

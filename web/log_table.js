// The log's attempts as a table: live, searched, and of a session.
import { el, table, pill } from "./dom.js";
import { clock, count, ms, usd } from "./words.js";

export function log_table(caption, rows, none) {
  return table(caption, [
    { head: "Time", of: (row) => el("a", { href: `#requests/${encodeURIComponent(row.id ?? "")}` }, clock(row.time_ms)) },
    { head: "Client", of: (row) => row.client || "" },
    { head: "Asked for", of: (row) => row.asked || "" },
    { head: "Target", of: (row) => `${row.provider ?? ""}/${row.model ?? ""}` },
    { head: "Outcome", of: (row) => [pill(row.outcome ?? "", row.outcome === "ok" ? "good" : "bad"), " ", row.status ? row.status : "", row.failover ? " failover" : "", row.hedge ? " hedge" : ""] },
    { head: "Took", of: (row) => ms(row.duration_us), number: true },
    { head: "In", of: (row) => (row.input_tokens === undefined ? "" : count(row.input_tokens)), number: true },
    { head: "Out", of: (row) => (row.output_tokens === undefined ? "" : count(row.output_tokens)), number: true },
    { head: "Cost", of: (row) => (row.cost_usd === undefined ? "" : usd(row.cost_usd)), number: true },
    { head: "Session", of: (row) => (row.session ? el("a", { href: `#sessions/${encodeURIComponent(`${row.client ?? ""}\n${row.session}`)}` }, row.session) : "") },
  ], rows, none);
}

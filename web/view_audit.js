// Who changed what, the newest first, and whether the chain of it is whole.
import { el, fill, table, pill, say } from "./dom.js";
import { clock, count } from "./words.js";
import { save } from "./view_requests.js";
import * as api from "./api.js";

export async function show_audit(place) {
  const results = el("div"), rows = [];
  const columns = [{ head: "Time", of: (row) => clock(row.time_ms) }, { head: "Who", of: (row) => row.actor }, { head: "From", of: (row) => row.address }, { head: "Action", of: (row) => row.action }, { head: "Outcome", of: (row) => pill(row.outcome, row.outcome === "ok" ? "good" : "bad") },
    { head: "Of", of: (row) => row.subject }, { head: "Detail", of: (row) => row.detail, wide: true }];
  async function page() {
    const answer = await api.get(`admin/v1/audit${api.query({ limit: 200, before: rows.at(-1)?.seq })}`);
    if (!place.live()) return;
    rows.push(...answer.rows.reverse());
    fill(results, table("Audit", columns, rows), answer.more && el("div", { class: "actions" }, el("button", { onclick: () => page().catch(place.failed) }, "Older ones")));
  }
  async function verify() {
    try {
      const answer = await api.get("admin/v1/audit/verify");
      say(answer.good ? `The chain of ${count(answer.rows)} rows is whole` : `The chain is not whole: ${answer.said}`);
    } catch (problem) {
      place.failed(problem);
    }
  }
  async function as_table() {
    try {
      save("audit.csv", "text/csv", await api.text("admin/v1/audit?format=csv&limit=10000"));
    } catch (problem) {
      place.failed(problem);
    }
  }
  fill(place.body, el("div", { class: "actions" }, el("button", { onclick: verify }, "Verify the chain"), el("button", { onclick: as_table }, "Save as CSV")), results);
  await page();
}

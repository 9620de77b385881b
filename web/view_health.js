// Health over time, a strip for each provider, and each change and probe.
import { el, fill, table, pill } from "./dom.js";
import { clock, ms, percent } from "./words.js";
import * as api from "./api.js";

const kinds = { healthy: "good", degraded: "warn", unhealthy: "bad" }, cells = 120;

// So many pieces of the time that the records cover; of each the worst that was seen, and what it was before where nothing was.
export function strip(records, cells_most = cells) {
  const worse = ["healthy", "degraded", "unhealthy"];
  const first = records[0]?.time_ms ?? 0, span = Math.max((records.at(-1)?.time_ms ?? 0) - first, 1), states = Array(cells_most).fill(null);
  for (const record of records) {
    const at = Math.min(cells_most - 1, Math.floor(((record.time_ms - first) / span) * cells_most));
    if (!states[at] || worse.indexOf(record.state) > worse.indexOf(states[at])) states[at] = record.state;
  }
  let before = null;
  return states.map((state) => (before = state ?? before));
}

// What made the record.
function reason(record) {
  if (record.event === "probe") return record.probe ? "probe" : `probe failed: ${record.said ?? record.status}`;
  return record.from ? `${record.event} was ${record.from}` : "";
}

export async function show_health(place) {
  const [health, history] = await Promise.all([api.get("admin/v1/health"), api.get("admin/v1/health/history")]);
  if (!place.live()) return;
  const of = (name) => history.records.filter((record) => record.provider === name && record.state);
  fill(place.body, el("p", null, "Together: ", pill(health.overall_health, kinds[health.overall_health])),
    health.providers.map((provider) => {
      const records = of(provider.name), bad = records.filter((record) => record.state !== "healthy").length;
      return el("section", { class: "card", "aria-label": provider.name }, el("div", { class: "head" }, el("h2", null, provider.name), pill(provider.health, kinds[provider.health])),
        records.length ? [el("div", { class: "strip", role: "img", "aria-label": `${records.length} records since ${clock(records[0].time_ms)}, ${bad} of them not healthy` }, strip(records).map((state) => el("span", { class: state ?? "" }))),
          el("p", { class: "faint" }, `${clock(records[0].time_ms)} to ${clock(records.at(-1).time_ms)}`)] : el("p", { class: "faint" }, "Nothing was recorded yet: a sample a minute is."));
    }),
    el("h2", null, "Changes and probes"),
    table("Changes and probes", [{ head: "Time", of: (record) => clock(record.time_ms) }, { head: "Provider", of: (record) => record.provider ?? `route ${record.route}` }, { head: "State", of: (record) => pill(record.state ?? record.to, kinds[record.state]) }, { head: "Score", of: (record) => (record.state ? percent(record.score) : ""), number: true },
      { head: "Answered well", of: (record) => (record.state ? percent(record.success) : ""), number: true }, { head: "Latency", of: (record) => (record.latency_us ? ms(record.latency_us) : ""), number: true }, { head: "By", of: reason, wide: true }], history.records.slice(-200).reverse(), "None yet."));
}

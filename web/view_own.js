// What a client sees with its own key: its limits and budgets, its spend, its sessions, its requests, and its next key.
import { el, fill, facts, table, meter, ask, say, show, choice, field } from "./dom.js";
import { clock, count, ms, usd } from "./words.js";
import { chart } from "./charts.js";
import { over_time } from "./view_money.js";
import * as api from "./api.js";

const limit_words = (limit) => (typeof limit === "object" && limit ? `${count(limit.left)} of ${count(limit.limit)} left` : String(limit));

export async function show_own(place) {
  const own = await api.get("v1/key");
  if (!place.live()) return;
  const limits = Object.entries(own.limits ?? {}).map(([name, limit]) => [name.replaceAll("_", " "), limit_words(limit)]);
  fill(place.body,
    facts([["Client", own.name], ["Role", own.role], ["In", (own.owners ?? []).map((owner) => `${owner.kind ?? ""} ${owner.name}`.trim()).join(", ")]]),
    el("h2", null, "Budgets"), own.budgets?.length ? own.budgets.map((budget) => el("section", { class: "card", "aria-label": `${budget.owner} ${budget.name}` }, meter(`${budget.owner}, ${budget.name}`, Number(budget.spent_usd) / Number(budget.limit_usd), `${usd(budget.spent_usd)} of ${usd(budget.limit_usd)}`),
      facts([["Left", usd(budget.left_usd)], ["By the end, as it goes", budget.forecast_usd && usd(budget.forecast_usd)], ["Empty at", clock(budget.spent_at)], ["Begins anew", clock(budget.resets_at)]]))) : el("p", { class: "faint" }, "None."),
    el("h2", null, "Limits"), limits.length ? facts(limits) : el("p", { class: "faint" }, "None."),
    own.rate_limits?.length ? table("Limits by value", [{ head: "Of", of: (limit) => limit.owner ?? "" }, { head: "Limit", of: (limit) => limit.name ?? limit.per ?? "", wide: true }, { head: "Left", of: (limit) => JSON.stringify(limit.left ?? ""), wide: true }], own.rate_limits) : null,
    own.sessions ? [el("h2", null, "Caps of a session"), el("pre", { tabindex: "0" }, JSON.stringify(own.sessions, null, 2))] : null);
}

export async function show_own_usage(place) {
  const period = choice([["24h", "24 hours"], ["7d", "7 days"], ["4w", "4 weeks"]], "7d"), by = choice([["model"], ["provider"], ["asked"], ["tag"]], "model"), results = el("div");
  let drawn = null;
  fill(place.body, el("form", { class: "row" }, field("By", by, "by"), field("Since", period, "since")), results);
  const look = async () => {
    const time = period.value === "24h" ? "hour" : "day", query = (keys) => `v1/usage${api.query({ by: keys, since: period.value })}`;
    const [times, sums] = await Promise.all([api.get(query(`${time},${by.value}`)), api.get(query(by.value))]);
    if (!place.live()) return;
    drawn?.end();
    const { labels, series } = over_time(times.rows, time, by.value);
    drawn = labels.length ? chart("bar", labels, series, `Cost in dollars by ${time}; the sums stand in the table below`) : null;
    fill(results, el("p", null, `${usd(sums.total.cost_usd)} for ${count(sums.total.requests)} requests; prompt caches saved ${usd(sums.total.cache_saved_usd)}.`), drawn?.box,
      table("Own usage", [{ head: by.value, of: (row) => row[by.value] || "(none)" }, { head: "Requests", of: (row) => count(row.requests), number: true }, { head: "Tokens in", of: (row) => count(row.input_tokens), number: true }, { head: "Tokens out", of: (row) => count(row.output_tokens), number: true }, { head: "Cost", of: (row) => usd(row.cost_usd), number: true }], sums.rows, "Nothing was spent in this time."));
  };
  for (const select of [by, period]) select.addEventListener("change", () => look().catch(place.failed));
  await look();
  return () => drawn?.end();
}

export async function show_own_sessions(place) {
  const { rows } = await api.get("v1/usage?by=session&since=4w&limit=500");
  if (!place.live()) return;
  const found = el("div", { "aria-live": "polite" }), id = el("input", { required: true, autocomplete: "off", spellcheck: "false" });
  const form = el("form", { class: "row", role: "search", "aria-label": "Find a request" }, field("A request's id (x-weir-request-id)", id, "id"), el("button", { class: "main" }, "Find"));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      const { data } = await api.get(`v1/generation${api.query({ id: id.value.trim() })}`);
      fill(found, facts([["Id", data.id], ["Began", clock(data.created_ms)], ["Asked for", data.asked], ["Cost", data.cost_usd === undefined ? "" : usd(data.cost_usd)]]),
        table("Attempts", [{ head: "Target", of: (one) => `${one.provider}/${one.model}` }, { head: "Outcome", of: (one) => one.outcome }, { head: "Took", of: (one) => ms(one.duration_us), number: true }, { head: "In", of: (one) => count(one.input_tokens), number: true }, { head: "Out", of: (one) => count(one.output_tokens), number: true }], data.attempts));
    } catch (problem) {
      fill(found, el("p", { class: "bad" }, problem.message));
    }
  });
  fill(place.body, form, found, el("h2", null, "Sessions, 4 weeks"),
    table("Own sessions", [{ head: "Session", of: (row) => row.session }, { head: "Turns", of: (row) => count(row.requests), number: true }, { head: "Tokens in", of: (row) => count(row.input_tokens), number: true }, { head: "Tokens out", of: (row) => count(row.output_tokens), number: true }, { head: "Cost", of: (row) => usd(row.cost_usd), number: true }], rows.filter((row) => row.session), "No session was named: x-weir-session names one."));
}

export async function show_own_key(place) {
  async function rotate() {
    const grace = choice([["3600", "an hour more"], ["86400", "a day more"], ["604800", "a week more"], ["0", "not at all"]], "86400");
    const chosen = await ask("Rotate your key?", "You get your next key, which is shown once. This tab goes on with it.", [["The one of now holds", grace, "grace"]], "Rotate", true);
    if (!chosen) return;
    try {
      const { key } = await api.send("POST", "v1/key/rotate", { grace_seconds: Number(chosen.grace) });
      api.keep(key);
      say("The key is rotated");
      show("Your next key", el("p", null, "It is shown this once."), el("p", { class: "secret" }, key));
    } catch (problem) {
      place.failed(problem);
    }
  }
  fill(place.body, el("p", null, "The key that is typed in here is the only one that this client has; its next one takes its place. A key that stands in the configuration file is rotated there."),
    el("div", { class: "actions" }, el("button", { class: "main", onclick: rotate }, "Rotate the key")));
}

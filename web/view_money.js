// What was spent over time, by whom and where; and what open windows of budgets will have cost.
import { el, fill, table, field, choice, meter } from "./dom.js";
import { clock, count, usd } from "./words.js";
import { chart } from "./charts.js";
import { save } from "./view_requests.js";
import * as api from "./api.js";

const most = 9; // that are told apart; the others stand together

// {labels, series}: of rows by time and one more key, the dearest of it apart.
export function over_time(rows, time, key) {
  const labels = [...new Set(rows.map((row) => row[time]))].sort(), sums = new Map();
  for (const row of rows) sums.set(row[key], (sums.get(row[key]) ?? 0) + Number(row.cost_usd));
  const names = [...sums].sort((a, b) => b[1] - a[1]).map(([name]) => name), apart = new Set(names.slice(0, most));
  const series = [...apart].map((name) => ({ label: name || "(none)", values: labels.map(() => 0), name }));
  if (names.length > most) series.push({ label: "others", values: labels.map(() => 0), name: null });
  for (const row of rows) {
    const one = series.find((each) => each.name === row[key] && apart.has(row[key])) ?? series.at(-1);
    one.values[labels.indexOf(row[time])] += Number(row.cost_usd);
  }
  return { labels, series };
}

// What is spent by the end, if it goes on as it did: each budget that has a forecast.
function forecasts(budgets) {
  const open = budgets.filter((budget) => budget.forecast_usd !== undefined && Number(budget.spent_usd) > 0);
  if (!open.length) return null;
  return [el("h2", null, "Forecast"), el("div", { class: "cards" }, open.slice(0, 24).map((budget) => el("section", { class: "card", "aria-label": `${budget.owner} ${budget.name}` },
    el("h3", null, `${budget.owner} ${budget.name}`),
    meter("spent", Number(budget.spent_usd) / Number(budget.limit_usd), `${usd(budget.spent_usd)} of ${usd(budget.limit_usd)}`),
    meter("at the window's end", Number(budget.forecast_usd) / Number(budget.limit_usd), usd(budget.forecast_usd)),
    budget.spent_at && el("p", { class: "bad" }, `empty at ${clock(budget.spent_at)}`),
    budget.resets_at && el("p", { class: "faint" }, `begins anew at ${clock(budget.resets_at)}`))))];
}

export async function show_money(place) {
  const by = choice([["provider"], ["model"], ["owner"], ["client"], ["route"], ["tag"]], "provider"), period = choice([["24h", "24 hours"], ["7d", "7 days"], ["4w", "4 weeks"], ["52w", "a year"]], "7d"), results = el("div");
  let drawn = null;
  const path = (more) => `admin/v1/usage${api.query({ since: period.value, ...more })}`;
  fill(place.body, el("form", { class: "row" }, field("By", by, "by"), field("Since", period, "since"), el("button", { type: "button", onclick: as_table }, "Save as CSV")), results);
  async function as_table() {
    try {
      save("usage.csv", "text/csv", await api.text(path({ by: `day,${by.value}`, format: "csv", limit: 4000 })));
    } catch (problem) {
      place.failed(problem);
    }
  }
  async function look() {
    const time = period.value === "24h" ? "hour" : "day";
    const [times, sums, budgets] = await Promise.all([api.get(path({ by: `${time},${by.value}`, limit: 4000 })), api.get(path({ by: by.value, limit: 200 })), api.get("admin/v1/budgets")]);
    if (!place.live()) return;
    drawn?.end();
    const { labels, series } = over_time(times.rows, time, by.value);
    drawn = labels.length ? chart("bar", labels, series, `Cost in dollars by ${time} and ${by.value}; the sums stand in the table below`) : null;
    fill(results,
      el("div", { class: "sums" }, [["Cost", usd(sums.total.cost_usd)], ["Requests", count(sums.total.requests)], ["Attempts that failed", count(sums.total.errors)], ["Without a known price", count(sums.total.unpriced)], ["Saved by prompt caches", usd(sums.total.cache_saved_usd)]].map(([name, value]) => el("p", { class: "card" }, el("span", { class: "faint" }, name), el("br"), el("span", { class: "value" }, value)))),
      drawn?.box,
      table(`By ${by.value}`, [{ head: by.value, of: (row) => row[by.value] || "(none)" }, { head: "Requests", of: (row) => count(row.requests), number: true }, { head: "Failed", of: (row) => count(row.errors), number: true },
        { head: "Tokens in", of: (row) => count(row.input_tokens), number: true }, { head: "Tokens out", of: (row) => count(row.output_tokens), number: true }, { head: "Cost", of: (row) => usd(row.cost_usd), number: true }], sums.rows, "Nothing was spent in this time."),
      forecasts(budgets.budgets));
  }
  for (const select of [by, period]) select.addEventListener("change", () => look().catch(place.failed));
  await look();
  return () => drawn?.end();
}

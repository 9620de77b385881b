// What caches save: the gateway's own of answers, and the providers' of prompts.
import { el, fill, table, facts, meter, ask, say, choice } from "./dom.js";
import { count, percent, usd } from "./words.js";
import { chart } from "./charts.js";
import * as api from "./api.js";

async function purge(place) {
  const what = choice([["all", "everything"], ["client"], ["route"], ["model"], ["target"], ["tag"], ["key"]]), of = el("input", { type: "text", autocomplete: "off" });
  const chosen = await ask("Purge the response cache?", "What is taken out is asked of the providers again.", [["What", what, "what"], ["Of which name", of, "of"]], "Purge", true);
  if (!chosen) return;
  try {
    const answer = await api.send("POST", "admin/v1/cache/purge", chosen.what === "all" ? { all: true } : { [chosen.what]: chosen.of });
    say(`${count(answer.purged)} answers were taken out`);
    place.again();
  } catch (problem) {
    place.failed(problem);
  }
}

export async function show_cache(place) {
  const [cache, status, models, days] = await Promise.all([api.get("admin/v1/cache"), api.get("admin/v1/status"), api.get("admin/v1/usage?by=model,client&since=7d&limit=200"), api.get("admin/v1/usage?by=day&since=4w")]);
  if (!place.live()) return;
  const asked = cache.found + cache.missed, total = models.total;
  const share = (row) => (row.input_tokens ? row.cached_tokens / row.input_tokens : 0);
  const drawn = days.rows.length ? chart("line", days.rows.map((row) => row.day), [{ label: "prompt tokens from providers' caches, %", values: days.rows.map((row) => 100 * share(row)) }], "Share of prompt tokens from providers' caches by day", false) : null;
  fill(place.body,
    el("h2", null, "Answers"),
    cache.on ? [facts([["Answers kept", count(cache.answers)], ["Found", `${count(cache.found)} of ${count(asked)} looked for, ${percent(asked ? cache.found / asked : 0)}`], ["Saved since the start", usd(status.totals.cache_saved_usd)], ["Put out for room", count(cache.evicted)], ["Expired", count(cache.expired)]]),
      meter("room", cache.bytes / cache.max_bytes, `${count(Math.round(cache.bytes / 1024))} of ${count(Math.round(cache.max_bytes / 1024))} KB`)] : el("p", { class: "faint" }, "The response cache is off: `cache` is not written in the configuration."),
    place.may && cache.on && el("div", { class: "actions" }, el("button", { class: "danger", onclick: () => purge(place) }, "Purge")),
    el("h2", null, "Providers' prompt caches, 7 days"),
    facts([["Prompt tokens from them", `${count(total.cached_tokens)} of ${count(total.input_tokens)}, ${percent(share(total))}`], ["Written into them", count(total.cache_write_tokens)], ["Saved", usd(total.cache_saved_usd)]]),
    drawn?.box,
    table("By model and client", [{ head: "Model", of: (row) => row.model }, { head: "Client", of: (row) => row.client || "(none)" }, { head: "Prompt tokens", of: (row) => count(row.input_tokens), number: true }, { head: "From the cache", of: (row) => percent(share(row)), number: true },
      { head: "Missed", of: (row) => count(row.cache_missed_tokens), number: true }, { head: "Why (too late, moved, changed)", of: (row) => [row.cache_missed_expired, row.cache_missed_moved, row.cache_missed_changed].map(count).join(", ") },
      { head: "Written", of: (row) => count(row.cache_write_tokens), number: true }, { head: "Saved", of: (row) => usd(row.cache_saved_usd), number: true }], models.rows));
  return () => drawn?.end();
}

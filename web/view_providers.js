// Providers: how they are, what they have left, and what an admin does with them.
import { el, fill, facts, pill, meter, say, ask, choice } from "./dom.js";
import { ms, percent, count, usd } from "./words.js";
import * as api from "./api.js";
import { spark } from "./charts.js";

const kinds = { healthy: "good", degraded: "warn", unhealthy: "bad", active: "good", draining: "warn", drained: "warn", maintenance: "warn", closed: "good", open: "bad", half_open: "warn" };
const every_ms = 5000;

const done = { drain: "takes no new requests", resume: "takes requests again", maintenance: "is in maintenance" };
async function act(place, provider, action) {
  const question = { drain: "No new attempts go to it; those under way end.", maintenance: "No new attempts go to it until it is resumed.", resume: "It takes attempts again; its breakers close and its keys' rests end.", probe: "One small request is sent to it now; it may cost a little." };
  if (!await ask(`${action[0].toUpperCase()}${action.slice(1)} ${provider}?`, question[action], [], action, action !== "resume" && action !== "probe")) return;
  try {
    const answer = await api.send("POST", `admin/v1/providers/${api.name(provider)}/${action}`);
    say(action === "probe" ? `${provider}: the probe ${answer.good ? "was answered well" : "failed"}, ${ms(answer.took_us)}` : `${provider} ${done[action]}`);
    place.refresh();
  } catch (problem) {
    place.failed(problem);
  }
}

async function lock_move(place, lock) {
  const targets = (place.targets[lock.route] ?? []).filter((target) => target !== lock.holder);
  const chosen = await ask(`Move the lock of ${lock.route}?`, `${lock.holder || "Nobody"} holds it. All further requests of the route go to the new holder.`, [["To the target", choice(targets.map((target) => [target])), "to"]], "Move");
  if (!chosen) return;
  try {
    await api.send("POST", `admin/v1/lock/${api.name(lock.route)}`, { target: chosen.to });
    say(`The lock of ${lock.route} is at ${chosen.to}`);
    place.refresh();
  } catch (problem) {
    place.failed(problem);
  }
}

function card(place, provider, budgets, records) {
  const own = budgets.filter((budget) => budget.owner === `provider ${provider.name}`);
  const latencies = records.filter((record) => record.provider === provider.name && record.latency_us > 0).slice(-60).map((record) => record.latency_us / 1000);
  const line = latencies.length > 1 ? spark(latencies, `Latency of ${provider.name}: ${latencies.length} samples, the last ${ms(latencies.at(-1) * 1000)}`) : null;
  if (line) place.ends.push(line.end);
  const keys = [`${provider.keys} ${provider.keys === 1 ? "key" : "keys"}`, provider.keys_cooling && `${provider.keys_cooling} rest`, provider.keys_refused && `${provider.keys_refused} refused`, provider.keys_quota_exhausted && `${provider.keys_quota_exhausted} used up`].filter(Boolean).join(", ");
  return el("section", { class: "card", "aria-label": provider.name },
    el("div", { class: "head" }, el("h2", null, provider.name), el("span", null, pill(provider.state, kinds[provider.state]), " ", pill(provider.health, kinds[provider.health]))),
    facts([["Type", provider.type], ["Score", percent(provider.score)], ["Answered well", percent(provider.success)], ["Latency", provider.latency_us ? ms(provider.latency_us) : "not known yet"],
      ["Breaker", el("span", { class: kinds[provider.breaker] }, provider.breaker)], ["Keys", provider.has_key ? keys : "none"], ["Under way", count(provider.in_flight)]]),
    line?.box,
    (provider.quotas ?? []).map((quota) => meter(quota.quota.replaceAll("_", " "), (quota.counted + quota.reserved) / quota.limit, `${count(quota.counted)} of ${count(quota.limit)}`)),
    own.map((budget) => meter(`budget ${budget.name}`, Number(budget.spent_usd) / Number(budget.limit_usd), `${usd(budget.spent_usd)} of ${usd(budget.limit_usd)}`)),
    place.may && el("div", { class: "actions" },
      provider.state === "active"
        ? [el("button", { onclick: () => act(place, provider.name, "drain") }, "Drain"), el("button", { onclick: () => act(place, provider.name, "maintenance") }, "Maintenance")]
        : el("button", { onclick: () => act(place, provider.name, "resume") }, "Resume"),
      el("button", { onclick: () => act(place, provider.name, "probe") }, "Probe")));
}

function locks(place, held) {
  if (!held.length) return null;
  return [el("h2", null, "Locks"), el("div", { class: "cards" }, held.map((lock) => el("section", { class: "card", "aria-label": `Lock of ${lock.route}` },
    el("h3", null, lock.route), facts([["Held by", lock.holder || "nobody"], ["Failures in a row", `${lock.failures} of ${lock.failover_after}`], ["Moved", `${lock.epoch} times`]]),
    place.may && el("div", { class: "actions" }, el("button", { onclick: () => lock_move(place, lock) }, "Move the lock")))))];
}

async function reload(place) {
  if (!await ask("Reload the configuration?", "The file is read again. One with a mistake in it changes nothing.", [], "Reload")) return;
  try {
    const answer = await api.send("POST", "admin/v1/reload");
    say(answer.restart_for?.length ? `Reloaded; these wait for a restart: ${answer.restart_for.join(", ")}` : "Reloaded");
    place.refresh();
  } catch (problem) {
    place.failed(problem);
  }
}

async function draw(place) {
  const [status, budgets, history, routes] = await Promise.all([api.get("admin/v1/status"), api.get("admin/v1/budgets"), api.get("admin/v1/health/history"), api.get("admin/v1/routes")]);
  if (!place.live() || document.getElementById("ask").open) return;
  for (const end of place.ends.splice(0)) end();
  place.targets = Object.fromEntries((routes.routes ?? []).map((route) => [route.model, (route.settings.targets ?? []).map((target) => (typeof target === "string" ? target : target.target ?? target.model))]));
  const totals = status.totals;
  fill(place.body,
    el("p", { class: "faint" }, `weir ${status.version}, ${count(totals.requests)} requests, ${usd(totals.cost_usd)} since the start; ${count(totals.in_flight)} under way`),
    status.configuration && status.configuration.in_force === false && el("p", { class: "warn" }, `The configuration file is not what is in force: ${status.configuration.said ?? ""}`),
    el("div", { class: "cards" }, status.providers.map((provider) => card(place, provider, budgets.budgets, history.records))),
    locks(place, status.locks),
    place.may && el("div", { class: "actions" }, el("button", { onclick: () => reload(place) }, "Reload the configuration")));
}

export async function show_providers(place) {
  place.ends = [];
  place.refresh = () => draw(place).catch(place.failed);
  await draw(place);
  const timer = setInterval(() => document.hidden || place.body.contains(document.activeElement) || place.refresh(), every_ms);
  return () => {
    clearInterval(timer);
    for (const end of place.ends) end();
  };
}

// Owners, their clients and keys, and all budgets.
import { el, fill, table, pill, ask, say, show, choice } from "./dom.js";
import { clock, usd, count } from "./words.js";
import * as api from "./api.js";

async function change(place, question, work) {
  const chosen = await ask(...question);
  if (!chosen) return;
  try {
    await work(chosen);
    place.again();
  } catch (problem) {
    place.failed(problem);
  }
}

const amount = () => el("input", { type: "text", inputmode: "decimal", pattern: "[0-9]+(\\.[0-9]{1,9})?", required: true, autocomplete: "off" });

function raise(place, budget) {
  return change(place, [`Raise ${budget.name} of ${budget.owner}?`, `Its limit is ${usd(budget.limit_usd)}.`, [["By how many dollars", amount(), "usd"], ["Until", choice([["", "the window's end"], ["1h"], ["24h"], ["7d"]]), "until"]], "Raise"], async ({ usd: by, until }) => {
    const raised = await api.send("POST", "admin/v1/budgets/raise", { budget: budget.name, owner: budget.owner, usd: by, ...(until ? { until } : {}) });
    say(`The limit of ${budget.name} of ${budget.owner} is ${usd(raised.limit_usd)}`);
  });
}

const key_shown = (name, key) => show(`The key of ${name}`, el("p", null, "It is shown this once."), el("p", { class: "secret" }, key));

function client_actions(place, client) {
  const path = `admin/v1/clients/${api.name(client.name)}`;
  const act = (action, text, danger) => () => change(place, [`${action[0].toUpperCase()}${action.slice(1)} ${client.name}?`, text, [], action, danger], async () => {
    if (action === "revoke") await api.send("DELETE", path);
    else {
      const answer = await api.send("POST", `${path}/${action}`, action === "rotate" ? {} : undefined);
      if (answer.key) setTimeout(() => key_shown(client.name, answer.key), 0);
    }
    say(`${client.name}: ${action} is done`);
  });
  const button = (text, handler, danger) => el("button", { onclick: handler, class: danger ? "danger" : null, "aria-label": `${text} ${client.name}` }, text);
  return el("span", null,
    client.from === "runtime" && button("Rotate", act("rotate", "It gets its next key; the one before holds for a day.")), " ",
    client.state === "active" ? button("Disable", act("disable", "Its key is refused until it is enabled.", true)) : client.state === "disabled" && button("Enable", act("enable", "Its key is taken again.")), " ",
    client.state !== "revoked" && button("Revoke", act("revoke", "Its key is refused for good, from now on.", true), true), " ",
    button("Purge", () => change(place, [`Purge the records of ${client.name}?`, "Names, words and stored answers go for good; amounts and times stay.", [], "Purge", true], async () => {
      await api.send("POST", "admin/v1/purge", { client: client.name });
      say(`The records of ${client.name} are purged`);
    }), true));
}

function client_add(place) {
  return change(place, ["A new client?", "Its key is shown once.", [["Name", el("input", { required: true, autocomplete: "off" }), "name"], ["Dollars a day (empty: no limit)", Object.assign(amount(), { required: false }), "usd"]], "Add"], async ({ name, usd: day }) => {
    const made = await api.send("POST", "admin/v1/clients", { name, ...(day ? { budgets: [{ usd: Number(day), window: "day" }] } : {}) });
    setTimeout(() => key_shown(made.name, made.key), 0);
  });
}

export async function show_people(place) {
  const [{ owners }, { clients, total }, { budgets }] = await Promise.all([api.get("admin/v1/owners"), api.get("admin/v1/clients?limit=500"), api.get("admin/v1/budgets")]);
  if (!place.live()) return;
  const states = { active: "good", disabled: "warn", expired: "warn", revoked: "bad" };
  fill(place.body,
    el("h2", null, "Clients"), total > clients.length && el("p", { class: "faint" }, `${count(clients.length)} of ${count(total)}: weir client list has all`),
    table("Clients", [{ head: "Name", of: (client) => client.name }, { head: "Role", of: (client) => client.role }, { head: "State", of: (client) => pill(client.state, states[client.state]) }, { head: "From", of: (client) => client.from },
      { head: "Last used", of: (client) => clock(client.last_used_at) }, ...(place.may ? [{ head: "Actions", of: (client) => (client.from === "token" ? "" : client_actions(place, client)) }] : [])], clients, "There are none: who is on this machine may ask."),
    place.may && el("div", { class: "actions" }, el("button", { onclick: () => client_add(place) }, "Add a client")),
    el("h2", null, "Owners"),
    table("Owners", [{ head: "Name", of: (owner) => owner.name }, { head: "Kind", of: (owner) => owner.settings.kind ?? "" }, { head: "In", of: (owner) => owner.settings.in ?? "" }, { head: "From", of: (owner) => owner.from + (owner.edited ? ", changed" : "") }], owners, "None are configured."),
    el("h2", null, "Budgets"),
    table("Budgets", [{ head: "Of", of: (budget) => budget.owner }, { head: "Name", of: (budget) => budget.name }, { head: "Window", of: (budget) => budget.window }, { head: "Spent", of: (budget) => usd(budget.spent_usd), number: true }, { head: "Reserved", of: (budget) => usd(budget.reserved_usd), number: true },
      { head: "Limit", of: (budget) => usd(budget.limit_usd), number: true }, { head: "Left", of: (budget) => usd(budget.left_usd), number: true }, { head: "Mode", of: (budget) => budget.mode },
      ...(place.may ? [{ head: "Actions", of: (budget) => el("button", { onclick: () => raise(place, budget), "aria-label": `Raise ${budget.owner} ${budget.name}` }, "Raise") }] : [])], budgets, "None are configured."));
}

// The first minute: providers' keys into the vault, each checked; a route over them; what to call it with; and the file
// that says the same.
import { el, add, fill, field, say } from "./dom.js";
import { ms } from "./words.js";
import { save } from "./view_requests.js";
import * as api from "./api.js";

// Some that many have; any type of the catalogue may be written.
const known = ["openai", "anthropic", "gemini", "groq", "openrouter", "mistral", "deepseek", "xai", "together"];

// A text in double quotes, as YAML and shells of this page take it; names of weir have neither quote nor backslash.
const quoted = (text) => JSON.stringify(text);
const variable = (name) => `${name.toUpperCase().replace(/[^A-Z0-9]/g, "_")}_API_KEY`;

export function file_of(providers, route) {
  const lines = ["# What was set up by hand. The keys are variables of the environment here.", "providers:"];
  for (const provider of providers) lines.push(`  ${quoted(provider.name)}: {type: ${quoted(provider.type)}, api_key: "\${${variable(provider.name)}}"${provider.base_url ? `, base_url: ${quoted(provider.base_url)}` : ""}}`);
  if (route) lines.push("routes:", `  - model: ${quoted(route.model)}`, `    targets: [${route.targets.map(quoted).join(", ")}]`);
  return lines.join("\n") + "\n";
}

const curl = (base, model) => `curl ${base}v1/chat/completions -H 'content-type: application/json' -H "authorization: Bearer $KEY" \\\n  -d '{"model":${quoted(model)},"messages":[{"role":"user","content":"Hello"}]}'`;
const python = (base, model) => `from openai import OpenAI\nclient = OpenAI(base_url=${quoted(`${base}v1`)}, api_key="KEY")\nprint(client.chat.completions.create(model=${quoted(model)}, messages=[{"role": "user", "content": "Hello"}]).choices[0].message.content)`;
const text = (properties) => el("input", { type: "text", autocomplete: "off", spellcheck: "false", ...properties });
const code = (label, words) => [el("h3", null, label), el("pre", { tabindex: "0", role: "region", "aria-label": label }, words)];

async function keys_step(place, refresh) {
  const type = text({ list: "types", required: true }), name = text({ placeholder: "as its type" }), key = el("input", { type: "password", autocomplete: "off", required: true }), base = text({ placeholder: "the vendor's own" });
  const wrong = el("p", { class: "bad", role: "alert" });
  const form = el("form", { class: "row", "aria-label": "A provider's key" }, field("Type", type, "type"), el("datalist", { id: "types" }, known.map((one) => el("option", { value: one }))), field("Name", name, "name"), field("Key", key, "key"), field("Base URL", base, "base_url"),
    el("button", { class: "main" }, "Keep and check"));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button"), called = name.value.trim() || type.value.trim();
    button.disabled = true;
    wrong.textContent = "";
    try {
      await api.send("POST", "admin/v1/providers", { name: called, type: type.value.trim(), api_key: key.value.trim(), ...(base.value.trim() ? { base_url: base.value.trim() } : {}) });
      const probe = await api.send("POST", `admin/v1/providers/${api.name(called)}/probe`);
      say(probe.good ? `${called} answers, after ${ms(probe.took_us)}` : `${called} is kept, but its probe failed${probe.status ? ` with ${probe.status}` : ""}`);
      if (!probe.good) wrong.textContent = probe.said ?? probe.error ?? `The probe of ${called} failed: see whether its key is right.`;
      form.reset();
      await refresh();
    } catch (problem) {
      wrong.textContent = problem.message;
    }
    button.disabled = false;
  });
  return [el("h2", null, "1. Providers"), el("p", null, "Keys go into the vault, encrypted, and are not shown again."), form, wrong];
}

function route_step(place, providers, refresh) {
  const model = text({ required: true, value: "assistant" }), wrong = el("p", { class: "bad", role: "alert" });
  const targets = providers.map((provider) => [provider, text({ value: provider.default_model ?? "", list: `models-${provider.name}` })]);
  const form = el("form", { class: "row", "aria-label": "A route" }, field("Its name, for callers", model, "model"),
    targets.map(([provider, input]) => [field(`Model of ${provider.name} (empty: not in it)`, input, `target-${provider.name}`), el("datalist", { id: `models-${provider.name}` }, (provider.models ?? []).map((one) => el("option", { value: one.id })))]),
    el("button", { class: "main" }, "Make the route"));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const chosen = targets.filter(([, input]) => input.value.trim()).map(([provider, input]) => `${provider.name}/${input.value.trim()}`);
    try {
      await api.send("POST", "admin/v1/routes", { model: model.value.trim(), targets: chosen });
      place.route = { model: model.value.trim(), targets: chosen };
      say(`The route ${place.route.model} is there`);
      await refresh();
    } catch (problem) {
      wrong.textContent = problem.message;
    }
  });
  return [el("h2", null, "2. A route"), el("p", null, "Callers ask for its name; the first target that can answers, the others stand behind it."), form, wrong];
}

function use_step(place, providers) {
  const model = place.route?.model ?? `${providers[0].name}/${providers[0].default_model ?? "MODEL"}`, base = new URL(".", location.href.split("#")[0]).href;
  const file = file_of(providers, place.route);
  return [el("h2", null, "3. Use it"), el("p", null, "Without clients anybody on this machine may ask, with any key; Owners and keys makes clients."), code("By curl", curl(base, model)), code("By OpenAI's SDK for Python", python(base, model)),
    code("The same as a file", file), el("div", { class: "actions" }, el("button", { onclick: () => save("weir.yaml", "application/yaml", file) }, "Save weir.yaml"))];
}

export async function show_first(place) {
  const steps = el("div"), rest = el("div");
  const refresh = async () => {
    const [{ providers }, { routes }] = await Promise.all([api.get("admin/v1/providers"), api.get("admin/v1/routes")]);
    if (!place.live()) return;
    const real = providers.filter((provider) => provider.type !== "simulated");
    place.route ??= routes.length ? { model: routes.at(-1).model, targets: (routes.at(-1).settings.targets ?? []).map((one) => (typeof one === "string" ? one : one.target)) } : undefined;
    fill(rest, real.length ? [el("p", { class: "good" }, `Kept: ${real.map((provider) => provider.name).join(", ")}`), route_step(place, real, refresh), use_step(place, real)] : null);
    document.getElementById("simulated").hidden = real.length > 0;
  };
  fill(place.body, steps, rest);
  add(steps, await keys_step(place, refresh));
  await refresh();
}

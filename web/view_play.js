// The playground: a prompt, and perhaps a picture, to one or several names side by side, as their callers would send it.
import { el, fill, facts, field, say } from "./dom.js";
import { count, ms, usd } from "./words.js";
import * as api from "./api.js";

const side_by_side = 4, picture_most = 4 * 1024 * 1024;
const shell = (text) => `'${text.replaceAll("'", "'\\''")}'`;
const base = () => new URL(".", location.href.split("#")[0]).href;

// The body that is sent, and told.
export function body_of(model, prompt, picture, output) {
  const content = picture ? [{ type: "text", text: prompt }, { type: "image_url", image_url: { url: picture } }] : prompt;
  return { model, messages: [{ role: "user", content }], stream: true, stream_options: { include_usage: true }, ...(output ? { max_tokens: output } : {}) };
}

const shortened = (body, picture) => (picture ? JSON.parse(JSON.stringify(body).replaceAll(picture, "data:image/png;base64,...")) : body);
export const as_curl = (body) => `curl -N ${base()}v1/chat/completions -H 'content-type: application/json' -H "authorization: Bearer $KEY" \\\n  -d ${shell(JSON.stringify(body))}`;
export function as_python(body) {
  const { model, messages, max_tokens } = body;
  return `import json\nfrom openai import OpenAI\nclient = OpenAI(base_url=${JSON.stringify(`${base()}v1`)}, api_key="KEY")\nmessages = json.loads(r'''${JSON.stringify(messages).replaceAll("'", "\\u0027")}''')\n`
    + `for chunk in client.chat.completions.create(model=json.loads(r'''${JSON.stringify(model).replaceAll("'", "\\u0027")}'''), messages=messages, stream=True${max_tokens ? `, max_tokens=${max_tokens}` : ""}):\n    print(chunk.choices[0].delta.content or "" if chunk.choices else "", end="", flush=True)`;
}

// One name's answer in its own card, as it comes.
async function run(place, body, card, signal) {
  const answer = el("p", { class: "answer" }), state = el("p", { class: "faint", role: "status" }, "Asking"), told = el("div");
  fill(card, el("h2", null, body.model), answer, state, told);
  const began = performance.now();
  let first, usage;
  try {
    const response = await api.reply("v1/chat/completions", { method: "POST", body, signal, headers: { "x-weir-cost": "true" } });
    const header = (name) => response.headers.get(name) ?? "";
    state.textContent = `${header("x-weir-provider")}/${header("x-weir-model")} answers`;
    for await (const event of api.told_by(response)) {
      if (event.data === "[DONE]") break;
      const piece = JSON.parse(event.data);
      if (piece.error) throw new Error(piece.error.message);
      usage = piece.usage ?? usage;
      const words = piece.choices?.[0]?.delta?.content;
      if (!words) continue;
      first ??= performance.now();
      answer.append(words);
    }
    const id = header("x-weir-request-id");
    state.textContent = "Answered";
    fill(told, facts([["Target", `${header("x-weir-provider")}/${header("x-weir-model")}`], ["Attempts", header("x-weir-attempts")], ["Cache", header("x-weir-cache")], ["Downgraded", header("x-weir-downgraded")], ["Dropped", header("x-weir-dropped")], ["Changed", header("x-weir-changed")],
      ["First token", first ? ms((first - began) * 1000) : ""], ["Whole", ms((performance.now() - began) * 1000)], ["Tokens", usage ? `${count(usage.prompt_tokens)} in, ${count(usage.completion_tokens)} out` : ""],
      ["Cost", usage?.weir_cost?.cost_usd === undefined ? "not told" : usd(usage.weir_cost.cost_usd)],
      ["Decisions", place.session.role === "user" ? id : el("a", { href: `#requests/${encodeURIComponent(id)}` }, "how it was chosen")]]));
  } catch (problem) {
    state.textContent = problem.name === "AbortError" ? "Stopped" : problem.message;
    if (problem.name !== "AbortError") state.className = "bad";
  }
}

const read = (file) => new Promise((resolve, reject) => {
  const reader = new FileReader();
  reader.onload = () => resolve(reader.result);
  reader.onerror = () => reject(reader.error);
  reader.readAsDataURL(file);
});

export async function show_play(place) {
  const { data } = await api.get("v1/models");
  if (!place.live()) return;
  const list = el("datalist", { id: "play-models" }, data.slice(0, 500).map((model) => el("option", { value: model.id })));
  const models = el("input", { type: "text", required: true, autocomplete: "off", spellcheck: "false", list: "play-models", value: data[0]?.id ?? "" });
  const more = el("textarea", { rows: 2, spellcheck: "false", placeholder: "one a line" });
  const prompt = el("textarea", { rows: 4, required: true }), picture = el("input", { type: "file", accept: "image/*" }), output = el("input", { type: "number", min: 1, value: "256" });
  const cards = el("div", { class: "cards" }), words = el("div"), stop = el("button", { type: "button", disabled: true }, "Stop"), go = el("button", { class: "main" }, "Send");
  let stopping = new AbortController();
  const form = el("form", null,
    el("div", { class: "row-fields" }, field("Model or route", models, "model"), field("And beside it", more, "more"), field("Prompt", prompt, "prompt"), field("Picture", picture, "picture"), field("Output tokens, at most", output, "output")), list,
    el("p", { class: "faint" }, "It is sent with the key of this tab, costs what it costs, and is counted like any other."), el("div", { class: "actions" }, go, stop));
  stop.addEventListener("click", () => stopping.abort());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const names = [...new Set([models.value, ...more.value.split("\n")].map((one) => one.trim()).filter(Boolean))];
    if (names.length > side_by_side) return say(`At most ${side_by_side} side by side`);
    const file = picture.files[0];
    if (file && file.size > picture_most) return say("A picture is at most 4 MB here");
    stopping = new AbortController();
    go.disabled = true;
    stop.disabled = false;
    fill(cards); // an answer of before is none of what is asked now
    fill(words);
    const data_url = file ? await read(file) : "", bodies = names.map((name) => body_of(name, prompt.value, data_url, Number(output.value) || 0));
    const told = shortened(bodies[0], data_url);
    const sections = bodies.map((body) => el("section", { class: "card", "aria-label": `Answer of ${body.model}` }));
    fill(cards, sections);
    fill(words, el("h2", null, "As curl"), el("pre", { tabindex: "0", role: "region", "aria-label": "As curl" }, as_curl(told)), el("h2", null, "As Python"), el("pre", { tabindex: "0", role: "region", "aria-label": "As Python" }, as_python(told)));
    await Promise.all(bodies.map((body, i) => run(place, body, sections[i], stopping.signal)));
    go.disabled = false;
    stop.disabled = true;
  });
  fill(place.body, form, cards, words);
  return () => stopping.abort();
}

// The request log: searched, read on page by page, saved as a table; and one request's story.
import { el, add, fill, field, choice, say } from "./dom.js";
import { log_table } from "./log_table.js";
import { story_of, told } from "./story.js";
import * as api from "./api.js";

export function save(name, type, text) {
  const link = el("a", { href: URL.createObjectURL(new Blob([text], { type })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

let last = { since: "24h" }; // what was searched for, for who comes back from a story

async function show_story(place) {
  const story = await story_of(place.argument);
  if (place.live()) fill(place.body, el("p", null, el("a", { href: "#requests" }, "Back to the log")), told(story));
}

export async function show_requests(place) {
  if (place.argument) return show_story(place);
  const text = () => el("input", { type: "text", autocomplete: "off", spellcheck: "false" });
  const inputs = {
    id: text(), client: text(), asked: text(), provider: text(), model: text(),
    outcome: choice([["", "any"], ["ok"], ["failed"], ["timeout"], ["rate_limited"], ["server_error"], ["cancelled"]], last.outcome ?? ""),
    status: text(), session: text(), cost: text(), since: choice([["1h"], ["24h"], ["7d"], ["4w"], ["12w"]], last.since),
  };
  const labels = { id: "Request id", client: "Client", asked: "Asked for", provider: "Provider", model: "Model", outcome: "Outcome", status: "Status", session: "Session", cost: "Cost from, $", since: "Since" };
  const results = el("div", { "aria-live": "polite" });
  for (const [name, value] of Object.entries(last)) inputs[name].value = value;
  const asked = () => Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, input.value.trim()]));
  const form = el("form", { class: "row", role: "search", "aria-label": "Search the log" }, Object.entries(inputs).map(([name, input]) => field(labels[name], input, name)),
    el("button", { class: "main" }, "Search"), el("button", { type: "button", onclick: as_table }, "Save as CSV"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    search();
  });
  fill(place.body, form, results);

  async function as_table() {
    try {
      save("requests.csv", "text/csv", await api.text(`admin/v1/requests${api.query({ ...asked(), format: "csv", limit: 1000 })}`));
      say("Saved: the newest 1,000 of them at most");
    } catch (problem) {
      place.failed(problem);
    }
  }

  async function page(before, list) {
    const answer = await api.get(`admin/v1/requests${api.query({ ...asked(), before })}`);
    if (!place.live()) return;
    list.push(...answer.rows);
    fill(results, log_table("Requests", list, answer.next ? "Nothing in what was looked through so far." : "Nothing is found."));
    if (answer.next) add(results, [el("div", { class: "actions" }, el("button", { onclick: () => page(answer.next, list).catch(place.failed) }, "Older ones"))]);
  }
  async function search() {
    last = asked();
    try {
      await page("", []);
    } catch (problem) {
      fill(results, el("p", { class: "bad" }, problem.message));
    }
  }
  await search();
}

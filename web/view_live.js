// What happens now: the gateway's events as they come, and the newest requests, asked for every two seconds.
import { el, fill } from "./dom.js";
import { clock } from "./words.js";
import { log_table } from "./log_table.js";
import * as api from "./api.js";

const every_ms = 2000, kept = 100;
const words = {
  provider: (data) => `${data.provider}: ${data.changed} from ${data.from} to ${data.to}`,
  lock: (data) => `lock of ${data.route}: from ${data.from || "nobody"} to ${data.to}`,
  alert: (data) => `${data.event}: ${data.message}`,
  change: (data) => `${data.actor}: ${data.action} ${data.subject ?? ""} (${data.outcome})`,
  configuration: (data) => `generation ${data.generation} is in force`,
  gap: (data) => (data.missed === null ? "what happened before this process is not told" : `${data.missed} events were missed`),
  end: () => "the gateway ends this stream",
};

export async function show_live(place) {
  const state = el("p", { class: "faint", role: "status" }, "Connecting"), list = el("ul", { class: "line", "aria-label": "Events" }), newest = el("div");
  const stopping = new AbortController();
  fill(place.body, el("h2", null, "Newest requests"), newest, el("h2", null, "Events"), state, list);
  api.events((type, data) => {
    list.prepend(el("li", { class: data.event === "raised" || data.to === "open" || data.to === "unhealthy" ? "bad" : null }, el("span", { class: "faint" }, `${data.time_ms ? clock(data.time_ms) : ""} ${type} `), words[type]?.(data) ?? JSON.stringify(data)));
    while (list.childElementCount > kept) list.lastChild.remove();
  }, (now, said) => (state.textContent = now === "open" ? "Listening" : now === "lost" ? "The connection is lost; trying again" : `Not allowed: ${said}`), stopping.signal);
  let asking = false;
  const look = async () => {
    if (document.hidden || asking || newest.contains(document.activeElement)) return;
    asking = true;
    try {
      const { rows } = await api.get("admin/v1/requests?limit=25", { signal: stopping.signal });
      if (place.live()) fill(newest, log_table("Newest requests", rows, "No request has had an attempt in the last day."));
    } catch (problem) {
      place.failed(problem);
    }
    asking = false;
  };
  await look();
  const timer = setInterval(look, every_ms);
  return () => {
    clearInterval(timer);
    stopping.abort();
  };
}

// What happens now: requests as they happen, and the gateway's other events, out of one stream. The log is asked once
// when the stream opens, for what was before.
import { el, fill } from "./dom.js";
import { clock, count } from "./words.js";
import { Requests } from "./live_model.js";
import { LiveTable } from "./live_table.js";
import * as api from "./api.js";

const kept = 100, of_requests = ["attempt", "request", "request_gap"];
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
  const state = el("p", { class: "faint", role: "status" }, "Connecting"), left_out = el("p", { class: "faint" }), list = el("ul", { class: "line", "aria-label": "Events" });
  const stopping = new AbortController(), requests = new Requests(kept), table = new LiveTable(requests, "No request yet.");
  fill(place.body, state, el("h2", null, "Newest requests"), left_out, table.node, el("h2", null, "Events"), list);

  function event(type, data) {
    list.prepend(el("li", { class: data.event === "raised" || data.to === "open" || data.to === "unhealthy" ? "bad" : null }, el("span", { class: "faint" }, `${data.time_ms ? clock(data.time_ms) : ""} ${type} `), words[type]?.(data) ?? JSON.stringify(data)));
    while (list.childElementCount > kept) list.lastChild.remove();
  }
  async function past() {
    try {
      const { rows } = await api.get("admin/v1/requests?limit=25", { signal: stopping.signal });
      requests.from_log(rows);
      table.changed();
    } catch (problem) {
      place.failed(problem);
    }
  }
  function is(now, said) {
    state.textContent = now === "open" ? "Listening" : now === "lost" ? "The connection is lost; trying again" : `Not allowed: ${said}`;
    state.className = now === "open" ? "faint" : "bad";
    if (now === "open") return past();
    requests.lose();
    table.changed();
  }
  api.events((type, data) => {
    if (!of_requests.includes(type)) return event(type, data);
    requests.told(type, data, performance.now());
    if (requests.left_out) left_out.textContent = `${count(requests.left_out)} were too many at once, and are not shown here; the log has them.`;
    table.changed();
  }, is, stopping.signal, { requests: true });
  return () => {
    table.end();
    stopping.abort();
  };
}

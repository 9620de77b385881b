// What somebody should know of: what lasts, and what is over.
import { el, fill, table, pill } from "./dom.js";
import { count } from "./words.js";
import * as api from "./api.js";

export async function show_alerts(place) {
  const { alerts, webhook } = await api.get("admin/v1/alerts");
  if (!place.live()) return;
  const columns = [{ head: "Since", of: (alert) => alert.raised_at }, { head: "Kind", of: (alert) => pill(alert.kind, alert.level === "error" ? "bad" : "warn") }, { head: "Of", of: (alert) => alert.subject }, { head: "What", of: (alert) => alert.message, wide: true }];
  fill(place.body, el("h2", null, "Now"), table("Alerts that last", columns, alerts.filter((alert) => alert.active), "Nothing: all is well."),
    el("h2", null, "Over"), table("Alerts that are over", [...columns, { head: "Until", of: (alert) => alert.ended_at ?? "" }], alerts.filter((alert) => !alert.active), "None."),
    webhook && el("p", { class: "faint" }, `Webhook: ${count(webhook.delivered)} delivered, ${count(webhook.failed)} failed, ${count(webhook.waiting)} wait.`));
}

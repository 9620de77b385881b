// What somebody should know of: what lasts, and what is over.
import { el, fill, table, pill } from "./dom.js";
import { clock, count, percent, usd } from "./words.js";
import * as api from "./api.js";

// A number in its alert's unit.
function told(unit, value) {
  if (value === undefined || value === null) return "";
  if (unit === "share") return percent(value);
  if (unit === "usd") return usd(value);
  return `${Number(value).toLocaleString("en", { maximumFractionDigits: 1 })} ${unit ?? ""}`.trim();
}

export async function show_alerts(place) {
  const { alerts, webhook } = await api.get("admin/v1/alerts");
  if (!place.live()) return;
  const columns = [{ head: "Since", of: (alert) => clock(alert.raised_at) }, { head: "Level", of: (alert) => pill(alert.level, alert.level === "error" ? "bad" : "warn") }, { head: "Kind", of: (alert) => alert.kind }, { head: "Of", of: (alert) => alert.subject }, { head: "Value", of: (alert) => told(alert.unit, alert.value), number: true }, { head: "Threshold", of: (alert) => told(alert.unit, alert.threshold), number: true },
    { head: "What", of: (alert) => alert.message, wide: true }];
  fill(place.body, el("h2", null, "Now"), table("Alerts that last", columns, alerts.filter((alert) => alert.active), "Nothing: all is well."),
    el("h2", null, "Over"), table("Alerts that are over", [...columns, { head: "Until", of: (alert) => clock(alert.ended_at) }], alerts.filter((alert) => !alert.active), "None."),
    webhook && el("p", { class: "faint" }, `Webhook: ${count(webhook.delivered)} delivered, ${count(webhook.failed)} failed, ${count(webhook.waiting)} wait.`));
}

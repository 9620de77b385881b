// Charts by Chart.js. Colours are those of the page, and a chart's numbers also stand in a table beside it.
import { el } from "./dom.js";

const colours = ["#3584e4", "#e66100", "#2ec27e", "#9141ac", "#e5a50a", "#c01c28", "#00a3a3", "#986a44", "#77767b", "#d16d9e"];
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function base() {
  Chart.defaults.color = colour("--faint");
  Chart.defaults.borderColor = colour("--line");
  Chart.defaults.font.family = "system-ui, sans-serif";
  return { animation: false, responsive: true, maintainAspectRatio: false, interaction: { mode: "index", intersect: false } };
}

// A small line without words: its text says what it shows.
export function spark(values, label) {
  const canvas = el("canvas", { role: "img", "aria-label": label });
  const box = el("div", { class: "spark" }, canvas);
  const chart = new Chart(canvas, {
    type: "line",
    data: { labels: values.map((_, i) => i), datasets: [{ data: values, borderColor: colours[0], borderWidth: 1.5, pointRadius: values.length < 2 ? 2 : 0 }] },
    options: { ...base(), events: [], scales: { x: { display: false }, y: { display: false, beginAtZero: true } }, plugins: { legend: { display: false }, tooltip: { enabled: false } } },
  });
  return { box, end: () => chart.destroy() };
}

// series: [{label, values}], a value for each of `labels`. kind: bar (stacked) or line.
export function chart(kind, labels, series, label, stacked = true) {
  const canvas = el("canvas", { role: "img", "aria-label": label });
  const box = el("div", { class: "chart" }, canvas);
  const drawn = new Chart(canvas, {
    type: kind,
    data: {
      labels,
      datasets: series.map((one, i) => ({
        label: one.label, data: one.values, backgroundColor: colours[i % colours.length], borderColor: colours[i % colours.length],
        borderWidth: kind === "line" ? 2 : 0, borderDash: one.dashed ? [5, 4] : undefined, pointRadius: kind === "line" && labels.length > 60 ? 0 : 2, maxBarThickness: 48,
      })),
    },
    options: {
      ...base(), scales: { x: { stacked, grid: { display: false }, ticks: { maxRotation: 0, autoSkip: true } }, y: { stacked, beginAtZero: true } },
      plugins: { legend: { position: "bottom", labels: { boxWidth: 12 } }, decimation: { enabled: true } },
    },
  });
  return { box, end: () => drawn.destroy() };
}

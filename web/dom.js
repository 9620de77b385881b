// Parts of the page, made of nodes and texts: what anybody has said is a text here, never HTML.

// el("p", {class: "faint", onclick: f}, "text", node, ...): null and false are left out.
export function el(name, properties, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(properties ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key === "value") node.value = value;
    else node.setAttribute(key, value === true ? "" : String(value));
  }
  add(node, children);
  return node;
}

export function add(node, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    node.append(child instanceof Node ? child : String(child));
  }
  return node;
}

export function fill(node, ...children) {
  node.replaceChildren();
  return add(node, children);
}

// columns: [{head, of: (row) => text or node, number, wide}]
export function table(caption, columns, rows, none = "Nothing.") {
  if (!rows.length) return el("p", { class: "faint" }, none);
  const kind = (column) => (column.number ? "number" : column.wide ? "wide" : null);
  return el("div", { class: "table", tabindex: "0", role: "region", "aria-label": caption },
    el("table", null,
      el("thead", null, el("tr", null, columns.map((column) => el("th", { scope: "col", class: kind(column) }, column.head)))),
      el("tbody", null, rows.map((row) => el("tr", null, columns.map((column) => el("td", { class: kind(column) }, column.of(row))))))));
}

export const pill = (text, kind) => el("span", { class: `pill ${kind ?? ""}` }, text);

// A share of a limit, as a bar with its words.
export function meter(name, share, words) {
  const bar = el("progress", { max: 1, "aria-label": name });
  bar.value = Math.max(0, Math.min(1, share || 0));
  return el("div", { class: "meter" }, el("div", null, el("span", null, name), el("span", { class: share >= 1 ? "bad" : share >= 0.8 ? "warn" : "faint" }, words)), bar);
}

export const facts = (pairs) => el("dl", null, pairs.filter(([, value]) => value !== undefined && value !== null && value !== "").map(([name, value]) => [el("dt", null, name), el("dd", null, value)]));

export function field(label, input, name) {
  input.setAttribute("name", name);
  return el("label", null, label, input);
}

export function choice(values, chosen) {
  const select = el("select", null, values.map(([value, text]) => el("option", { value }, text ?? value)));
  select.value = chosen ?? values[0]?.[0];
  return select;
}

// What was done, for eyes and for screen readers.
let fading;
export function say(text) {
  document.getElementById("said").textContent = text;
  clearTimeout(fading);
  fading = setTimeout(() => (document.getElementById("said").textContent = ""), 6000);
}

// Asks before something is changed. fields: [[label, input, name]]. Answers their values, or null.
export function ask(title, text, fields = [], yes = "Yes", danger = false) {
  const dialog = document.getElementById("ask");
  return new Promise((resolve) => {
    const form = el("form", { method: "dialog" },
      el("h2", { id: "ask-title" }, title), text && el("p", null, text),
      fields.map(([label, input, name]) => field(label, input, name)),
      el("div", { class: "actions" },
        el("button", { value: "yes", class: danger ? "danger" : "main" }, yes),
        el("button", { value: "", formnovalidate: true }, "Cancel")));
    fill(dialog, form);
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes" ? Object.fromEntries(new FormData(form)) : null), { once: true });
    dialog.returnValue = "";
    dialog.showModal();
  });
}

// Shows what is to be read, and perhaps to be copied once.
export function show(title, ...children) {
  const dialog = document.getElementById("ask");
  fill(dialog, el("form", { method: "dialog" }, el("h2", { id: "ask-title" }, title), children, el("div", { class: "actions" }, el("button", { class: "main" }, "Close"))));
  dialog.showModal();
}

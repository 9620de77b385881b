// Signing in and out, and which view is shown. A view is a function of a place on the page; what it returns is called
// when it is left.
import { el, fill, say } from "./dom.js";
import * as api from "./api.js";
import { views } from "./views.js";
import { zone } from "./words.js";

const main = document.getElementById("main"), nav = document.getElementById("views"), who = document.getElementById("who");
const session = { role: "", name: "" };
let leave = null, shown = 0;

// What the key is: its role is what the gateway says, and decides what is offered; what is allowed the gateway decides.
async function role_of(key) {
  const own = await api.get("v1/key", { key });
  if (own.role === "admin" || own.role === "operator") return { role: own.role, name: own.name || "admin key" };
  if (own.name) return { role: "user", name: own.name };
  await api.get("admin/v1/status", { key });
  return { role: "admin", name: "admin key" };
}

async function enter(key) {
  Object.assign(session, await role_of(key));
  api.keep(key);
  fill(nav, views.filter((view) => view.roles.includes(session.role)).map((view) => el("a", { href: `#${view.id}`, id: view.id }, view.title)));
  fill(who, el("span", null, `${session.name} (${session.role})`), el("span", { class: "faint" }, `times: ${zone()}`), el("button", { onclick: sign_out }, "Sign out"));
  nav.hidden = who.hidden = false;
}

function sign_out() {
  api.forget();
  stop();
  history.replaceState(null, "", location.pathname);
  sign_in();
}

function stop() {
  shown++;
  if (leave) leave();
  leave = null;
}

function sign_in(problem) {
  stop();
  nav.hidden = who.hidden = true;
  fill(nav);
  document.title = "weir: sign in";
  const key = el("input", { type: "password", autocomplete: "off", required: true, id: "key", spellcheck: "false" });
  const wrong = el("p", { class: "bad", role: "alert" }, problem);
  const form = el("form", { class: "card" },
    el("h1", null, "Sign in"),
    el("p", null, "With the admin key (STATE_DIR/admin.key), an operator's key, or your own client key: that shows what is yours."),
    el("label", null, "Key", key), wrong,
    el("div", { class: "actions" }, el("button", { class: "main" }, "Sign in")));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    try {
      await enter(key.value.trim());
      route();
    } catch (failed) {
      wrong.textContent = failed.message;
    }
    button.disabled = false;
  });
  fill(main, form);
  key.focus();
}

async function route() {
  if (!session.role || !api.key()) return;
  const [id, ...rest] = location.hash.slice(1).split("/");
  const mine = views.filter((view) => view.roles.includes(session.role));
  const view = mine.find((one) => one.id === id) ?? mine[0];
  stop();
  const turn = shown;
  for (const link of nav.children) {
    if (link.getAttribute("href") !== `#${view.id}`) {
      link.removeAttribute("aria-current");
      continue;
    }
    link.setAttribute("aria-current", "page");
    nav.scrollLeft += link.getBoundingClientRect().left - nav.getBoundingClientRect().left - (nav.clientWidth - link.offsetWidth) / 2; // on a phone it is one long line
  }
  document.title = `weir: ${view.title}`;
  const body = el("div");
  fill(main, el("h1", null, view.title), body);
  const place = {
    body, session, argument: rest.length ? decodeURIComponent(rest.join("/")) : "",
    may: session.role === "admin",
    live: () => turn === shown,
    failed,
    again: () => turn === shown && route(),
  };
  function failed(problem) {
    if (turn !== shown || problem.name === "AbortError") return;
    if (problem.status === 401) {
      api.forget();
      return sign_in(problem.message);
    }
    say(problem.message);
    if (!body.childNodes.length) fill(body, el("p", { class: "bad" }, problem.message));
  }
  try {
    const left = await view.show(place);
    if (turn === shown) leave = left ?? null;
    else if (left) left();
    body.dataset.ready = "yes";
  } catch (problem) {
    failed(problem);
  }
}

addEventListener("hashchange", () => {
  route();
  main.focus();
});

// The link of a first start: its code is good once, and does not stay in the address.
async function enter_first(code) {
  history.replaceState(null, "", location.pathname);
  const reply = await fetch("page/enter", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ code }), cache: "no-store", credentials: "omit" });
  const said = await reply.json();
  if (!reply.ok) throw new Error(said.error?.message ?? reply.statusText);
  await enter(said.key);
  history.replaceState(null, "", "#first");
}

async function start() {
  fetch("readyz").then((response) => response.text()).then((said) => {
    document.getElementById("simulated").hidden = !said.includes("simulated");
  }).catch(() => {});
  const code = /^#first=(\w+)$/.exec(location.hash);
  if (!code && !api.key()) return sign_in();
  try {
    if (code) await enter_first(code[1]);
    else await enter(api.key());
  } catch (problem) {
    api.forget();
    return sign_in(problem.message);
  }
  route();
}
start();

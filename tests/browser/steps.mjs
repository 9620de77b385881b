// What a person does on the page, and what must hold whatever it is.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

// A page of its own browser context. Whatever the browser complains of, and whatever is asked of another origin, is in page.wrong.
export async function open(lab, options = {}) {
  const { expects = [], looked_at = false, ...context_options } = options;
  const context = await lab.browser.newContext({ viewport: { width: 1100, height: 900 }, ...context_options });
  if (looked_at) await context.addInitScript(axe); // the page's own policy lets no script in by the document
  const page = await context.newPage();
  page.setDefaultTimeout(25000);
  page.wrong = [];
  page.on("pageerror", (error) => page.wrong.push(`error: ${error.message}`));
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && !expects.some((one) => one.test(message.text())) && page.wrong.push(`console: ${message.text()}`));
  page.on("request", (request) => request.url().startsWith(lab.url + "/") || page.wrong.push(`asked ${request.url()}`));
  const close = page.close.bind(page);
  page.close = async () => {
    await close();
    await context.close();
    assert.deepEqual(page.wrong, []);
  };
  await page.goto(lab.url + "/");
  return page;
}

export async function sign_in(page, key) {
  await page.getByLabel("Key").fill(key);
  await page.getByRole("button", { name: "Sign in" }).click();
}

// The view is there with what it shows.
export async function shown(page, view) {
  if (view) await page.waitForFunction((view) => document.querySelector(`nav a[href="#${view}"]`)?.getAttribute("aria-current") === "page", view);
  await page.waitForSelector("main > div[data-ready]");
}

export async function go(page, view, argument) {
  await page.evaluate((hash) => (location.hash = hash), view + (argument ? "/" + encodeURIComponent(argument) : ""));
  await shown(page, view);
}

// Fills in the question's fields and confirms it.
export async function answer(page, yes, values = {}) {
  const dialog = page.locator("dialog[open]");
  for (const [name, value] of Object.entries(values)) {
    const input = dialog.locator(`[name="${name}"]`);
    if ((await input.evaluate((node) => node.tagName)) === "SELECT") await input.selectOption(value);
    else await input.fill(value);
  }
  await dialog.getByRole("button", { name: yes, exact: true }).click();
}

// What axe-core finds wrong, and what is wider than the window.
export async function check(page, what) {
  const found = await page.evaluate(async () => (await globalThis.axe.run(document, { resultTypes: ["violations"] })).violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html.slice(0, 120)).slice(0, 3).join(" | ")}`));
  assert.deepEqual(found, [], what);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  const widest = wide > 0 && await page.evaluate(() => [...document.querySelectorAll("body *")].filter((one) => one.getBoundingClientRect().right > innerWidth + 1 && !one.closest(".table, nav")).slice(0, 4).map((one) => one.outerHTML.slice(0, 150)));
  assert.ok(wide <= 0, `${what}: ${wide} px too wide: ${widest}`);
}

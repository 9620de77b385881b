// What a person does on the page, and what must hold whatever it is.
import assert from "node:assert/strict";

// A page of its own browser context. Whatever the browser complains of, and whatever is asked of another origin, is in page.wrong.
export async function open(lab, options = {}) {
  const { expects = [], ...context_options } = options;
  const context = await lab.browser.newContext({ viewport: { width: 1100, height: 900 }, ...context_options });
  const page = await context.newPage();
  page.setDefaultTimeout(10000);
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

// The page in Debian's Chromium, with real traffic behind it: every view, every action, every role.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { start, keys, hostile } from "./harness.mjs";
import { open, sign_in, shown, go, answer, check } from "./steps.mjs";

const operator_views = ["providers", "live", "requests", "sessions", "money", "cache", "health", "alerts", "people", "audit", "play"], admin_views = [...operator_views, "first"];
const user_views = ["own", "own-usage", "own-sessions", "own-key", "play"];
let lab, made;

before(async () => {
  lab = await start();
  for (let i = 0; i < 4; i++) await lab.chat(keys.user, "fast", `Hello ${i % 3}`, { "x-weir-session": `agent-${i % 2}` });
  await lab.chat(keys.user, "questions", "Who?");
  await lab.chat(keys.other, `any ${hostile}`, "Hello", { "x-weir-session": hostile });
  await lab.fault(0, "status=503", 1);
  await lab.chat(keys.user, "fast", "after a failure");
  made = JSON.parse((await lab.ask(lab.admin, "/admin/v1/clients", { name: "made", budgets: [{ usd: 1, window: "day" }] })).text).key;
});
after(() => lab.close());

async function entered(key, options) {
  const page = await open(lab, options);
  await sign_in(page, key);
  await shown(page);
  return page;
}

test("a wrong key is refused and said, and nothing is kept of it", async () => {
  const page = await open(lab, { expects: [/401/] });
  await sign_in(page, "wrong");
  await page.getByRole("alert").filter({ hasText: "key" }).waitFor();
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  assert.equal(await page.locator("nav").isVisible(), false);
  await page.close();
});

test("each role has its own views, and leaves nothing behind when it signs out", async () => {
  for (const [key, views] of [[lab.admin, admin_views], [keys.operator, operator_views], [keys.user, user_views]]) {
    const page = await entered(key);
    assert.deepEqual(await page.locator("nav a").evaluateAll((links) => links.map((link) => link.hash.slice(1))), views);
    assert.deepEqual(await page.evaluate(() => [localStorage.length, document.cookie, Object.keys(sessionStorage).join()]), [0, "", "weir-key"]);
    await page.reload();
    await shown(page);
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("Key").waitFor();
    assert.equal(await page.evaluate(() => sessionStorage.length), 0);
    assert.equal(await page.locator("nav a").count(), 0);
    await page.close();
  }
});

test("an operator is offered no change, and the gateway refuses those that are made all the same", async () => {
  const page = await entered(keys.operator, { expects: [/403/] });
  for (const view of operator_views) {
    await go(page, view);
    const names = await page.locator("main button").allInnerTexts();
    assert.deepEqual(names.filter((name) => /Drain|Resume|Probe|Maintenance|Move|Raise|Revoke|Reload|Purge|Rotate|Disable|Add/.test(name)), [], view);
  }
  for (const path of ["admin/v1/providers/alpha/drain", "admin/v1/reload", "admin/v1/purge", "admin/v1/budgets/raise"])
    assert.equal(await page.evaluate(async (path) => (await fetch(path, { method: "POST", headers: { authorization: `Bearer ${sessionStorage.getItem("weir-key")}` }, body: "{}" })).status, path), 403);
  await page.close();
});

test("a user sees what is its own: limits, spend, sessions, and no view of others", async () => {
  const page = await entered(keys.user, { expects: [/403/] });
  await go(page, "own");
  assert.match(await page.locator("main").innerText(), /client app, day[\s\S]*of \$5\.00/);
  assert.match(await page.locator("main").innerText(), /organization acme, month/);
  await go(page, "own-usage");
  assert.match(await page.locator("main").innerText(), /gpt-4o-mini/);
  await go(page, "own-sessions");
  const told = await page.locator("main").innerText();
  assert.ok(told.includes("agent-0") && told.includes("agent-1") && !told.includes("onerror"), told);
  await page.evaluate(() => (location.hash = "people"));
  await shown(page, "own");
  assert.equal(await page.evaluate(async () => (await fetch("admin/v1/requests", { headers: { authorization: `Bearer ${sessionStorage.getItem("weir-key")}` } })).status), 403);
  await page.close();
});

test("a user rotates its own key, goes on with the next, and the one before ends", async () => {
  const page = await entered(made);
  await go(page, "own-key");
  await page.getByRole("button", { name: "Rotate the key" }).click();
  await answer(page, "Rotate", { grace: "0" });
  const next = (await page.locator("dialog .secret").innerText()).trim();
  assert.match(next, /^weir-[0-9a-f]{64}$/);
  await page.getByRole("button", { name: "Close" }).click();
  assert.notEqual(next, made);
  assert.equal((await lab.ask(made, "/v1/key")).status, 401);
  assert.equal((await lab.ask(next, "/v1/key")).status, 200);
  await go(page, "own");
  assert.match(await page.locator("main").innerText(), /made/);
  const audit = JSON.parse((await lab.ask(lab.admin, "/admin/v1/audit")).text).rows.at(-1);
  assert.deepEqual([audit.action, audit.actor, audit.subject], ["client.rotate", "made", "made"]);
  await page.close();
  const filed = await lab.ask(keys.user, "/v1/key/rotate", {});
  assert.equal(filed.status, 400);
  assert.equal((await lab.ask(lab.admin, "/v1/key/rotate", {})).status, 403);
});

test("each view shows the traffic that is behind it", async () => {
  const page = await entered(lab.admin);
  const expected = {
    providers: [/alpha/, /beta/, /requests per day/, /budget day/, /questions/, /Held by\s*alpha\/gpt-4o/],
    live: [/Newest requests/, /fast/, /Listening/], requests: [/gpt-4o-mini/, /failover/, /app/], sessions: [/agent-0/, /agent-1/],
    money: [/alpha/, /Forecast/, /at the window's end/], cache: [/Answers kept/, /Providers' prompt caches/, /gpt-4o-mini/],
    health: [/alpha/, /Together/], alerts: [/Now/, /Webhook/], people: [/watcher/, /acme/, /organization acme/], audit: [/gateway\.start/, /client\.add/], play: [/Prompt/],
  };
  for (const view of operator_views) {
    await go(page, view);
    for (const words of expected[view]) await page.locator("main").filter({ hasText: words }).waitFor({ timeout: 20000 }).catch(async () => assert.match(await page.locator("main").innerText(), words, view));
  }
  for (const view of ["money", "cache"]) {
    await go(page, view);
    const drawn = await page.locator("main canvas").first().evaluate((canvas) => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some((value) => value > 0));
    assert.ok(drawn, view);
  }
  await page.close();
});

test("an alert tells its level, its value and its threshold, in the reader's own time, which is said", async () => {
  const page = await entered(lab.admin, { timezoneId: "Asia/Tokyo" });
  const alert = (more) => ({ id: 1, kind: "budget", level: "warn", subject: "client app budget day", message: "80% of it is spent", unit: "share", value: 0.845, threshold: 0.8, raised_at: "2026-11-20T20:30:00Z", active: true, ...more });
  const said = [alert(), alert({ id: 2, kind: "budget_burn", unit: "usd", value: 12.5, threshold: 10 }), alert({ id: 3, kind: "certificate_ends", level: "error", unit: "days", value: 6.25, threshold: 21 }), alert({ id: 4, kind: "provider_out", unit: undefined, value: undefined, threshold: undefined, active: false, ended_at: "2026-11-20T21:30:00Z" })];
  await page.route("**/admin/v1/alerts*", (route) => route.fulfill({ json: { alerts: said } }));
  await go(page, "alerts");
  const rows = await page.locator("main tbody tr").evaluateAll((list) => list.map((row) => [...row.cells].map((cell) => cell.innerText)));
  assert.deepEqual(rows.map((row) => [row[1], row[4], row[5]]), [["warn", "85%", "80%"], ["warn", "$12.50", "$10.00"], ["error", "6.3 days", "21 days"], ["warn", "", ""]]);
  assert.equal(rows[0][0], "2026-11-21 05:30:00");
  assert.equal(rows[3].at(-1), "2026-11-21 06:30:00");
  assert.match(await page.locator("header").innerText(), /times: Asia\/Tokyo/);
  assert.doesNotMatch(await page.locator("main").innerText(), /\dZ\b/);
  await page.close();
});

test("on a phone the menu shows where one is", async () => {
  const page = await entered(lab.admin, { viewport: { width: 360, height: 780 } });
  for (const view of ["audit", "providers", "play", "live"]) {
    await go(page, view);
    const box = await page.locator("nav a[aria-current]").boundingBox();
    assert.ok(box.x >= 0 && box.x + box.width <= 360, `${view}: ${JSON.stringify(box)}`);
  }
  await page.close();
});

test("the log is searched, read on, saved, and a request's story is a line of its attempts", async () => {
  const page = await entered(lab.admin);
  await go(page, "requests");
  await page.getByLabel("Outcome").selectOption("failed");
  await page.getByRole("button", { name: "Search" }).click();
  await page.waitForFunction(() => document.querySelectorAll("main tbody tr").length === 1);
  assert.match(await page.locator("main tbody").innerText(), /503/);
  const saved = page.waitForEvent("download");
  await page.getByRole("button", { name: "Save as CSV" }).click();
  const lines = readFileSync(await (await saved).path(), "utf8").trim().split("\r\n");
  assert.equal(lines.length, 2);
  assert.match(lines[0], /^time_ms,id,/);
  await page.locator("main tbody a").first().click();
  await page.getByRole("heading", { name: "Attempts" }).waitFor();
  const attempts = await page.locator("main ol.line li").allInnerTexts();
  assert.equal(attempts.length, 2);
  assert.match(attempts[0], /alpha\/gpt-4o-mini/);
  assert.match(attempts[1], /beta\/gpt-4o ok/);
  assert.match(await page.locator("main").innerText(), /Candidates/);
  await page.close();
});

test("a session's calls stand in their order", async () => {
  const page = await entered(lab.admin);
  await go(page, "sessions", "app\nagent-0");
  const told = await page.locator("main").innerText();
  assert.match(told, /agent-0/);
  assert.match(told, /Turns\s+2|Turns\s+1/);
  await page.close();
});

test("an event comes as it happens", async () => {
  const page = await entered(lab.admin);
  await go(page, "live");
  await page.locator("main").filter({ hasText: "Listening" }).waitFor();
  await lab.ask(lab.admin, "/admin/v1/reload", {});
  await page.getByRole("list", { name: "Events" }).filter({ hasText: "config.reload" }).waitFor().catch(async () => assert.match(await page.locator("main").innerText(), /reload/));
  await page.close();
});

test("the playground asks two side by side, tells what they cost and how they were chosen, and says the same as curl and as Python", async () => {
  for (const key of [keys.user, lab.admin]) {
    const page = await entered(key, { expects: [/404/] });
    await go(page, "play");
    await page.getByLabel("Model or route").fill("fast");
    await page.getByLabel("And beside it").fill("questions\nno-such-model");
    await page.getByLabel("Prompt").fill("It's \"quoted\", <b>bold</b> and $HOME");
    await page.getByRole("button", { name: "Send" }).click();
    for (const model of ["fast", "questions"]) {
      const card = page.getByRole("region", { name: `Answer of ${model}` });
      await card.filter({ hasText: "Answered" }).waitFor();
      assert.match(await card.innerText(), /Target\s+(alpha|beta)\/gpt-4o[\s\S]*Tokens\s+\d+ in, \d+ out[\s\S]*Cost\s+\$/);
    }
    await page.getByRole("region", { name: "Answer of no-such-model" }).filter({ hasText: "no-such-model" }).locator(".bad").waitFor();
    const curl = await page.getByRole("region", { name: "As curl" }).innerText();
    const run = spawnSync("sh", ["-c", curl], { encoding: "utf8", env: { PATH: process.env.PATH, KEY: key } });
    assert.match(run.stdout, /data: \[DONE\]/, run.stderr + run.stdout);
    const python = await page.getByRole("region", { name: "As Python" }).innerText();
    const read = spawnSync("python3", ["-c", `import sys, types\nm = types.ModuleType("openai")\nclass C:\n    def __init__(self, **k): self.chat = self; self.completions = self\n    def create(self, **k): print(k["messages"][0]["content"]); return []\nm.OpenAI = C\nsys.modules["openai"] = m\n${python}`], { encoding: "utf8" });
    assert.equal(read.stdout, "It's \"quoted\", <b>bold</b> and $HOME\n", read.stderr);
    if (key === lab.admin) {
      const picture = readFileSync(new URL("../../docs/screenshots/money.png", import.meta.url));
      await page.getByLabel("Picture").setInputFiles({ name: "money.png", mimeType: "image/png", buffer: picture });
      await page.getByLabel("And beside it").fill("");
      await page.getByRole("button", { name: "Send" }).click();
      await page.getByRole("region", { name: "Answer of fast" }).filter({ hasText: "Answered" }).waitFor();
      const came = await Promise.all(lab.mocks.map(async (mock) => (await fetch(`${mock.replace(/\/v1$/, "")}/mock/requests`)).text()));
      assert.ok(came.some((told) => told.includes(picture.toString("base64").slice(0, 200))));
      assert.ok(!(await page.getByRole("region", { name: "As curl" }).innerText()).includes(picture.toString("base64").slice(0, 200)));
      await page.getByRole("region", { name: "Answer of fast" }).getByRole("link").click();
      await page.getByRole("heading", { name: "Attempts" }).waitFor();
    }
    await page.close();
  }
});

test("what strangers say is text everywhere", async () => {
  const page = await entered(lab.admin);
  for (const view of operator_views) {
    await go(page, view);
    if (["requests", "live", "sessions"].includes(view)) await page.locator("main").filter({ hasText: "onerror=" }).waitFor();
    assert.equal(await page.locator("main img, main script").count(), 0, view);
    assert.match(await page.title(), /^weir: /);
  }
  await go(page, "sessions", `stranger\n${hostile}`);
  assert.match(await page.locator("main").innerText(), /onerror=/);
  assert.equal(await page.evaluate(() => {
    try {
      document.body.innerHTML = "<p>";
      return "taken";
    } catch {
      return "refused";
    }
  }), "refused");
  page.wrong = page.wrong.filter((said) => !/TrustedHTML/.test(said));
  await page.close();
});

// Each action: where, its button, what is answered to the question, what is so afterwards.
const providers = async () => Object.fromEntries(JSON.parse((await lab.ask(lab.admin, "/admin/v1/status")).text).providers.map((one) => [one.name, one.state]));
const actions = [
  ["drain", "providers", (page) => page.getByRole("region", { name: "beta", exact: true }).getByRole("button", { name: "Drain" }), {}, async () => assert.match((await providers()).beta, /drain/)],
  ["resume", "providers", (page) => page.getByRole("region", { name: "beta", exact: true }).getByRole("button", { name: "Resume" }), {}, async () => assert.equal((await providers()).beta, "active")],
  ["maintenance", "providers", (page) => page.getByRole("region", { name: "beta", exact: true }).getByRole("button", { name: "Maintenance" }), {}, async () => assert.equal((await providers()).beta, "maintenance")],
  ["resume", "providers", (page) => page.getByRole("region", { name: "beta", exact: true }).getByRole("button", { name: "Resume" }), {}, async () => assert.equal((await providers()).beta, "active")],
  ["probe", "providers", (page) => page.getByRole("region", { name: "alpha", exact: true }).getByRole("button", { name: "Probe" }), {}, async (page) => page.locator("#said").filter({ hasText: "answered well" }).waitFor()],
  ["Move", "providers", (page) => page.getByRole("button", { name: "Move the lock" }), {}, async () => assert.match((await lab.ask(lab.admin, "/admin/v1/lock")).text, /"holder":"beta\/gpt-4o"/)],
  ["Reload", "providers", (page) => page.getByRole("button", { name: "Reload the configuration" }), {}, async (page) => page.locator("#said").filter({ hasText: "Reloaded" }).waitFor()],
  ["Raise", "people", (page) => page.getByRole("button", { name: "Raise client app day" }), { usd: "2.50" }, async () => assert.match((await lab.ask(keys.user, "/v1/key")).text, /"limit_usd":"7.500000000"/)],
  ["Add", "people", (page) => page.getByRole("button", { name: "Add a client" }), { name: "newcomer", usd: "3" }, async (page) => {
    assert.match(await page.locator("dialog .secret").innerText(), /^weir-/);
    await page.getByRole("button", { name: "Close" }).click();
  }],
  ["rotate", "people", (page) => page.getByRole("button", { name: "Rotate newcomer" }), {}, async (page) => {
    assert.match(await page.locator("dialog .secret").innerText(), /^weir-/);
    await page.getByRole("button", { name: "Close" }).click();
  }],
  ["disable", "people", (page) => page.getByRole("button", { name: "Disable newcomer" }), {}, async () => assert.match((await lab.ask(lab.admin, "/admin/v1/clients/newcomer")).text, /"state":"disabled"/)],
  ["enable", "people", (page) => page.getByRole("button", { name: "Enable newcomer" }), {}, async () => assert.match((await lab.ask(lab.admin, "/admin/v1/clients/newcomer")).text, /"state":"active"/)],
  ["revoke", "people", (page) => page.getByRole("button", { name: "Revoke newcomer" }), {}, async () => assert.match((await lab.ask(lab.admin, "/admin/v1/clients/newcomer")).text, /"state":"revoked"/)],
  ["Purge", "people", (page) => page.getByRole("button", { name: "Purge newcomer" }), {}, async (page) => page.locator("#said").filter({ hasText: "purged" }).waitFor()],
  ["Purge", "cache", (page) => page.getByRole("button", { name: "Purge" }), { what: "all" }, async () => assert.equal(JSON.parse((await lab.ask(lab.admin, "/admin/v1/cache")).text).answers, 0)],
];

test("each action is asked about, is done when it is confirmed, and not when it is not", async () => {
  const page = await entered(lab.admin);
  for (const [yes, view, button, values, holds] of actions) {
    await go(page, view);
    const changes = [];
    const note = (request) => request.method() !== "GET" && changes.push(request.url());
    page.on("request", note);
    await button(page).click();
    await page.getByRole("button", { name: "Cancel" }).click();
    assert.deepEqual(changes, [], `${view}: ${yes}`);
    await button(page).click();
    const done = page.waitForResponse((response) => response.request().method() !== "GET");
    await answer(page, yes, values);
    const response = await done;
    assert.ok(response.ok(), `${view}: ${yes}: ${response.status()}`);
    await response.finished();
    await holds(page);
    page.off("request", note);
  }
  await page.close();
});

test("dark and light, a phone and a desk: nothing overflows, and axe finds nothing wrong", async () => {
  for (const [colorScheme, width] of [["light", 360], ["dark", 1100]])
    for (const [key, views] of [[lab.admin, admin_views], [keys.user, user_views]]) {
      const page = await open(lab, { looked_at: true, colorScheme, viewport: { width, height: 800 } });
      await check(page, `${colorScheme} sign-in`);
      await sign_in(page, key);
      await shown(page);
      const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      assert.equal(Number(ground.match(/\d+/)[0]) > 128, colorScheme === "light");
      for (const view of views) {
        await go(page, view);
        await check(page, `${colorScheme} ${view}`);
      }
      await page.close();
    }
});

test("the other two: light on a desk, dark on a phone", async () => {
  for (const [colorScheme, width] of [["light", 1100], ["dark", 360]]) {
    const page = await open(lab, { looked_at: true, colorScheme, viewport: { width, height: 800 } });
    await sign_in(page, lab.admin);
    await shown(page);
    for (const view of ["providers", "requests", "people"]) {
      await go(page, view);
      await check(page, `${colorScheme} ${view}`);
    }
    await page.close();
  }
});

test("the keyboard reaches all of it: signing in, a view, an action, and back out of the question", async () => {
  const page = await open(lab);
  assert.equal(await page.evaluate(() => document.activeElement.id), "key");
  await page.keyboard.type(lab.admin);
  await page.keyboard.press("Enter");
  await shown(page, "providers");
  const reach = async (name) => {
    for (let i = 0; i < 60; i++) {
      await page.keyboard.press("Tab");
      if ((await page.evaluate(() => document.activeElement.innerText)) === name) return;
    }
    assert.fail(`no way to ${name}`);
  };
  await reach("Drain");
  await page.keyboard.press("Enter");
  await page.locator("dialog[open]").waitFor();
  await page.keyboard.press("Escape");
  await page.locator("dialog[open]").waitFor({ state: "detached" });
  assert.equal((await providers()).alpha, "active");
  await page.close();
});

// The list of requests as they happen: what it holds, and the page that is fed by events and asks the log once.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { connect, createServer } from "node:net";
import { Requests, outcome_of, tries_of } from "../../web/live_model.js";
import { start, keys, hostile } from "./harness.mjs";
import { open, sign_in, shown, go, check } from "./steps.mjs";

const attempt = (id, n, time_ms, more) => ["attempt", { id, attempt: n, time_ms, provider: `p${n}`, model: "m", asked: "fast", ...more }];

test("a request is there from its first attempt to its end, with what became of each", () => {
  const requests = new Requests();
  requests.told(...attempt("a", 0, 1000));
  assert.deepEqual(outcome_of(requests.list[0]), { text: "under way", kind: null });
  requests.told(...attempt("a", 0, 1100, { outcome: "timeout", duration_us: 100000 }));
  requests.told(...attempt("a", 1, 1100));
  requests.told(...attempt("a", 1, 1150, { outcome: "ok", status: 200, duration_us: 50000 }));
  requests.told("request", { id: "a", time_ms: 1160, status: 200, attempts: 2, duration_us: 160000, model: "m" });
  const [one] = requests.list;
  assert.deepEqual(tries_of(one).map((each) => [each.began_ms, each.ended_ms, each.outcome]), [[1000, 1100, "timeout"], [1100, 1150, "ok"]]);
  assert.deepEqual([outcome_of(one).text, one.began_ms, one.tries, requests.list.length], ["ok", 1000, 2, 1]);
  requests.told("request", { id: "b", time_ms: 1200, status: 429, error: "rate_limited", attempts: 0, duration_us: 0 });
  requests.told("request", { id: "c", time_ms: 1201, status: 200, cache: "hit", attempts: 0, duration_us: 1000 });
  assert.deepEqual(requests.list.map((each) => [each.id, outcome_of(each).text]), [["c", "cache hit"], ["b", "rate_limited"], ["a", "ok"]]);
});

test("it is bounded, and what is under way goes last", () => {
  const requests = new Requests(3);
  requests.told(...attempt("long", 0, 1));
  for (let i = 0; i < 1000; i++) requests.told("request", { id: `r${i}`, time_ms: 10 + i, status: 200, attempts: 1, duration_us: 0 });
  assert.deepEqual(requests.list.map((one) => one.id), ["r999", "r998", "long"]);
  assert.ok(requests.dirty.size <= 3 && requests.by_id.size === 3);
  for (let i = 0; i < 5; i++) requests.told(...attempt(`open${i}`, 0, 2000 + i));
  assert.deepEqual(requests.list.map((one) => one.id), ["open4", "open3", "open2"]);
});

test("what the stream has not told of is not shown as under way for ever, and the log tells what it became", () => {
  const requests = new Requests();
  for (const id of ["a", "b", "c"]) requests.told(...attempt(id, 0, 1000));
  requests.lose();
  assert.deepEqual(requests.list.map((one) => outcome_of(one).text), ["not known", "not known", "not known"]);
  requests.told(...attempt("b", 1, 1300));
  requests.from_log([
    { id: "old", attempt: 1, time_ms: 500, duration_us: 20000, outcome: "ok", provider: "p", model: "m", cost_usd: "0.1" }, { id: "a", attempt: 0, time_ms: 1000, duration_us: 5000, outcome: "ok" },
    { id: "b", attempt: 0, time_ms: 1000, outcome: "timeout" }, { id: "old", attempt: 0, time_ms: 400, duration_us: 10000, outcome: "timeout", provider: "q", model: "m" }]);
  assert.deepEqual(Object.fromEntries(requests.list.map((one) => [one.id, outcome_of(one).text])), { a: "ok", b: "under way", c: "not known", old: "ok" });
  const old = requests.list.at(-1);
  assert.deepEqual([old.began_ms, old.duration_us, tries_of(old).length], [400, 120000, 2]);
  requests.told("request_gap", { requests: 7, events: 0 });
  assert.deepEqual([requests.left_out, requests.open.length], [7, 1]);
  requests.told("request_gap", { requests: 2, events: 3 });
  assert.deepEqual([requests.left_out, requests.open.length], [9, 0]);
});

let lab;
before(async () => {
  lab = await start();
});
after(() => lab.close());

async function entered(key, options) {
  const page = await open(lab, options);
  page.asked = [];
  page.on("request", (request) => page.asked.push(new URL(request.url()).pathname));
  await sign_in(page, key);
  await shown(page);
  await go(page, "live");
  await page.getByRole("status").filter({ hasText: "Listening" }).waitFor();
  return page;
}

const rows = (page) => page.getByRole("region", { name: "Newest requests" }).locator("tbody tr");
const log_asked = (page) => page.asked.filter((path) => path === "/admin/v1/requests").length;

test("the list fills from the stream: what is under way, a failover as two attempts, the story by a click; and the log is asked once", async () => {
  const page = await entered(lab.admin);
  await lab.chat(keys.user, "fast", "Before all");
  await rows(page).first().filter({ hasText: "ok" }).waitFor();
  await lab.fault(0, "status=503", 1);
  await lab.fault(1, "slow-bytes=10", 1);
  const slow = lab.chat(keys.user, "fast", "Hello to both", { "x-weir-session": "a walk" });
  const first = rows(page).first();
  await first.filter({ hasText: "under way" }).filter({ hasText: /1\. alpha\/gpt-4o-mini \w+ \(503\)/ }).waitFor();
  assert.equal((await slow).status, 200);
  await first.filter({ hasText: /2\. beta\/gpt-4o ok/ }).filter({ hasText: "200" }).filter({ hasText: "$" }).waitFor();
  assert.equal(await first.locator("svg rect").count(), 2);
  assert.equal(await rows(page).count(), 2);
  assert.match(await rows(page).nth(1).innerText(), /app\s+fast\s+ok 200/);
  for (let i = 0; i < 5; i++) {
    await lab.chat(keys.other, `any ${i}`, `Hello ${i}`);
    await rows(page).first().filter({ hasText: `any ${i}` }).waitFor();
  }
  assert.equal(log_asked(page), 1);
  await first.getByRole("link").first().focus(); // what has the focus keeps it when rows come above it
  await lab.chat(keys.user, "fast", "Before all"); // out of the cache
  await rows(page).first().filter({ hasText: "cache hit" }).waitFor();
  assert.match(await page.evaluate(() => document.activeElement.hash), /^#requests\/req_/);
  await page.locator("tr", { hasText: "beta/gpt-4o ok" }).getByRole("link").first().click();
  await page.getByRole("heading", { name: "Attempts" }).waitFor();
  assert.match(await page.locator("main").innerText(), /1\. alpha\/gpt-4o-mini[\s\S]*2\. beta\/gpt-4o/);
  await page.close();
});

test("what strangers say is text in it, also on a phone and in the dark", async () => {
  const page = await entered(lab.admin, { looked_at: true, viewport: { width: 360, height: 700 }, colorScheme: "dark" });
  await lab.chat(keys.other, `any ${hostile}`, "Hello", { "x-weir-session": hostile });
  await rows(page).first().filter({ hasText: "onerror=" }).waitFor();
  assert.equal(await page.locator("main img, main script").count(), 0);
  assert.match(await page.title(), /^weir: /);
  await check(page, "live");
  await page.close();
});

test("a burst leaves as many rows as there may be, and says how many are not shown", async () => {
  const page = await entered(lab.admin);
  await Promise.all(Array.from({ length: 400 }, (_, i) => lab.chat(keys.user, "fast", `burst ${i}`)));
  await page.locator("main").filter({ hasText: /[\d,]+ were too many at once/ }).waitFor();
  await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 100);
  assert.equal(await rows(page).filter({ hasText: "under way" }).count(), 0);
  assert.equal(log_asked(page), 1);
  await page.close();
});

// Stands between page and gateway, and can be cut.
async function relay(port) {
  const open = new Set();
  const server = createServer((socket) => {
    const other = connect(port, "127.0.0.1");
    for (const [one, to] of [[socket, other], [other, socket]]) {
      open.add(one);
      one.on("error", () => {}).on("close", () => {
        open.delete(one);
        to.destroy();
      });
      one.pipe(to);
    }
  });
  const listen = (at) => new Promise((resolve) => server.listen(at, "127.0.0.1", resolve));
  await listen(0);
  const own = server.address().port;
  const cut = () => new Promise((resolve) => {
    server.close(resolve);
    for (const one of open) one.destroy();
  });
  return { url: `http://127.0.0.1:${own}`, cut, mend: () => listen(own) };
}

test("a stream that breaks is said, and what was missed is there when it is back", async () => {
  const between = await relay(Number(new URL(lab.url).port));
  const page = await open({ ...lab, url: between.url }, { expects: [/ERR_/, /Failed to load/] });
  const asked = [];
  page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  await sign_in(page, lab.admin);
  await shown(page);
  await go(page, "live");
  await page.getByRole("status").filter({ hasText: "Listening" }).waitFor();
  await lab.chat(keys.other, "any one", "before it breaks");
  await rows(page).first().filter({ hasText: "any one" }).waitFor();
  await between.cut();
  await page.getByRole("status").filter({ hasText: "The connection is lost; trying again" }).waitFor();
  await lab.chat(keys.other, "any two", "in between");
  await between.mend();
  await page.getByRole("status").filter({ hasText: "Listening" }).waitFor();
  await rows(page).filter({ hasText: "any two" }).first().waitFor();
  await lab.chat(keys.other, "any three", "and after");
  await rows(page).first().filter({ hasText: "any three" }).waitFor();
  assert.equal(asked.filter((path) => path === "/admin/v1/requests").length, 2);
  await page.close();
  await between.cut();
});

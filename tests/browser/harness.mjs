// Starts two `weir mock`, `weir serve` in front of them and Debian's Chromium, and stops them. WEIR_BINARY names the program under test.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

export const binary = process.env.WEIR_BINARY ?? new URL("../../build/weir", import.meta.url).pathname;
export const browser_path = process.env.WEIR_CHROMIUM ?? ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find(existsSync);
export const quiet = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
export const keys = { user: "weir-user-key-0001", other: "weir-other-key-0001", operator: "weir-operator-key-0001" };
const hash = (key) => createHash("sha256").update(key).digest("hex");

// Waits for a line of the child's output that the pattern matches; its first group is the answer.
export function waitFor(child, stream, pattern) {
  return new Promise((resolve, reject) => {
    let text = "";
    const timer = setTimeout(() => reject(new Error(`no ${pattern} in: ${text}`)), 20000);
    child.on("exit", (code) => reject(new Error(`ended with ${code}: ${text}`)));
    child[stream].on("data", (data) => {
      text += data;
      const found = pattern.exec(text);
      if (!found) return;
      clearTimeout(timer);
      resolve(found[1]);
    });
  });
}

export function stop(child) {
  return new Promise((resolve) => {
    if (child.exitCode !== null) return resolve(child.exitCode);
    const timer = setTimeout(() => child.kill("SIGKILL"), 15000);
    child.on("exit", (code) => {
      clearTimeout(timer);
      resolve(code);
    });
    child.kill("SIGTERM");
  });
}

// A name that would run if it were taken for HTML anywhere.
export const hostile = `<img src=x onerror="document.title='taken'"><script>document.title='taken'</script>`;

const config = (folder, one, two) => `listen: 127.0.0.1:0
workers: 2
state_dir: ${folder}/state
providers:
  alpha:
    type: openai
    base_url: "${one}"
    api_keys: [sk-alpha-000000000000000001, sk-alpha-000000000000000002]
    models: [gpt-4o, gpt-4o-mini]
    max_retries: 0
    daily_budget: 10.0
    quota: {requests_per_day: 1000}
    prices: {"gpt-4o": {input: 2.5, output: 10.0, cached_input: 1.25}, "gpt-4o-mini": {input: 0.15, output: 0.6}}
  beta:
    type: openai
    base_url: "${two}"
    api_key: sk-beta-0000000000000000001
    models: [gpt-4o]
    max_retries: 0
    prices: {"gpt-4o": {input: 3.0, output: 12.0}}
routes:
  - {model: fast, targets: [alpha/gpt-4o-mini, beta/gpt-4o]}
  - {model: questions, strategy: exclusive, targets: [alpha/gpt-4o, beta/gpt-4o]}
  - {model: "any *", targets: [alpha/gpt-4o-mini, beta/gpt-4o]}
owners:
  - {name: acme, kind: organization, budgets: [{usd: 100, window: month}]}
  - {name: search, kind: team, in: acme}
clients:
  - {name: app, in: search, role: user, key_hash: "${hash(keys.user)}", rate_limit_rpm: 6000, budgets: [{usd: 5, window: day}]}
  - {name: stranger, role: user, key_hash: "${hash(keys.other)}"}
  - {name: watcher, role: operator, key_hash: "${hash(keys.operator)}"}
cache: {enabled: true, mode: all}
health_check_interval: 0
`;

export async function start() {
  const folder = mkdtempSync(join(tmpdir(), "weir-browser-"));
  const mocks = [1, 2].map(() => spawn(binary, ["mock", "--listen", "127.0.0.1:0"], { cwd: folder }));
  const urls = await Promise.all(mocks.map((mock) => waitFor(mock, "stdout", /(http:\/\/\S+)/)));
  writeFileSync(join(folder, "weir.yaml"), config(folder, ...urls));
  const serve = spawn(binary, ["serve", "-c", "weir.yaml"], { cwd: folder });
  let errors = "";
  serve.stderr.on("data", (data) => (errors += data));
  const port = await waitFor(serve, "stderr", /"event":"ready".*"port":(\d+)/);
  const url = `http://127.0.0.1:${port}`;
  const browser = await chromium.launch({ executablePath: browser_path, args: quiet });
  const admin = readFileSync(join(folder, "state", "admin.key"), "utf8").trim();
  const ask = async (key, path, body, headers = {}, method = body ? "POST" : "GET") => {
    const reply = await fetch(url + path, { method, headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...headers }, body: body && JSON.stringify(body) });
    return { status: reply.status, headers: reply.headers, text: await reply.text() };
  };
  return {
    url, admin, folder, browser, mocks: urls, ask,
    chat: (key, model, text, headers) => ask(key, "/v1/chat/completions", { model, messages: [{ role: "user", content: text }] }, headers),
    fault: (mock, spec, count = -1) => fetch(`${urls[mock].replace(/\/v1$/, "")}/mock/fault`, { method: "POST", body: JSON.stringify({ spec, count }) }),
    async close() {
      await browser.close();
      const code = await stop(serve);
      await Promise.all(mocks.map(stop));
      rmSync(folder, { recursive: true, force: true });
      if (code !== 0) throw new Error(`weir serve ended with ${code}: ${errors.slice(-4000)}`);
    },
  };
}

// Starts `weir mock` and `weir serve` in front of it on free ports, and stops them. WEIR_BINARY names the program under test.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import OpenAI from "openai";

const binary = process.env.WEIR_BINARY ?? new URL("../../build/weir", import.meta.url).pathname;
export const KEY = "test-client-key";

// Waits for a line of the child's output that the pattern matches; its first group is the answer.
function waitFor(child, stream, pattern) {
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

function stop(child) {
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

// { client, mockUrl, url, close }: an official SDK client that talks to weir with the mock behind it.
export async function start({ mockArguments = [], provider = {}, serveExtra = "" } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "weir-sdk-"));
  const mock = spawn(binary, ["mock", "--listen", "127.0.0.1:0", ...mockArguments], { cwd: folder });
  const mockUrl = await waitFor(mock, "stdout", /(http:\/\/\S+)/);
  const hash = createHash("sha256").update(KEY).digest("hex");
  const options = { type: "openai", api_key: "provider-key", base_url: mockUrl, models: ["gpt-4o", "gpt-4o-mini", "text-embedding-3-small"], max_retries: 0, ...provider };
  writeFileSync(
    join(folder, "weir.yaml"),
    `listen: 127.0.0.1:0\nworkers: 2\nstate_dir: ${folder}/state\nproviders:\n  mock: ${JSON.stringify(options)}\n` +
      `clients:\n  - {name: app, key_hash: "${hash}", may_steer: true}\n${serveExtra}`,
  );
  const serve = spawn(binary, ["serve", "-c", "weir.yaml"], { cwd: folder });
  let errors = "";
  serve.stderr.on("data", (data) => (errors += data));
  const port = await waitFor(serve, "stderr", /"event":"ready".*"port":(\d+)/);
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    mockUrl,
    client: new OpenAI({ apiKey: KEY, baseURL: `${url}/v1`, maxRetries: 0, timeout: 20000 }),
    // What faults have taught weir of the provider is forgotten.
    async recover() {
      const key = readFileSync(join(folder, "state", "admin.key"), "utf8").trim();
      const reply = await fetch(`${url}/admin/v1/providers/mock/resume`, { method: "POST", headers: { authorization: `Bearer ${key}` } });
      if (!reply.ok) throw new Error(`resume: ${reply.status} ${await reply.text()}`);
    },
    async close() {
      const code = await stop(serve);
      await stop(mock);
      rmSync(folder, { recursive: true, force: true });
      if (code !== 0) throw new Error(`weir serve ended with ${code}: ${errors}`);
    },
  };
}

function serveOf(folder, name, text) {
  writeFileSync(join(folder, `${name}.yaml`), `listen: 127.0.0.1:0\nworkers: 1\nstate_dir: ${folder}/${name}\n${text}`);
  return spawn(binary, ["serve", "-c", `${name}.yaml`], { cwd: folder });
}

// The mock alone: { url, close }.
export async function startMock() {
  const folder = mkdtempSync(join(tmpdir(), "weir-mock-"));
  const mock = spawn(binary, ["mock", "--listen", "127.0.0.1:0"], { cwd: folder });
  const url = await waitFor(mock, "stdout", /(http:\/\/\S+)\/v1/);
  return {
    url,
    async close() {
      await stop(mock);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

// The mock in every dialect, and a gateway that asks it as each kind of provider.
// { url, outbounds, close }: the model `m-KIND` goes to the provider that speaks KIND.
export async function startChain() {
  const folder = mkdtempSync(join(tmpdir(), "weir-chain-"));
  const models = ["m", "reason-m", "embed-m", "mock-fault-status=429", "mock-fault-error-in-stream=3"];
  const far = spawn(binary, ["mock", "--listen", "127.0.0.1:0"], { cwd: folder });
  const base = (await waitFor(far, "stdout", /(http:\/\/\S+)\/v1/));
  const kinds = { openai: `${base}/v1`, anthropic: base, gemini: `${base}/v1beta`, "ollama-native": base, "cloudflare-native": base, "huggingface-native": base };
  const providers = Object.fromEntries(Object.entries(kinds).flatMap(([type, base_url]) => [type, `${type}-limited`].map((name) => [name, { type, base_url, api_key: "k", models, circuit_breaker: { failure_threshold: 1000 }, adaptive_throttling: false }])));
  const routes = Object.keys(kinds).flatMap((kind) => [
    { model: `m-${kind}`, targets: [`${kind}/m`] },
    { model: `reason-${kind}`, targets: [`${kind}/reason-m`] },
    { model: `embed-${kind}`, targets: [`${kind}/embed-m`] },
    { model: `limited-${kind}`, targets: [`${kind}-limited/mock-fault-status=429`], retry: { max_retries: 0 } },
    { model: `breaking-${kind}`, targets: [`${kind}/mock-fault-error-in-stream=3`] },
  ]);
  const hash = createHash("sha256").update(KEY).digest("hex");
  const near = serveOf(folder, "near", `providers: ${JSON.stringify(providers)}\nroutes: ${JSON.stringify(routes)}\nclients: [{name: app, key_hash: "${hash}", raw: true}]\n`);
  let errors = "";
  near.stderr.on("data", (data) => (errors += data));
  const port = await waitFor(near, "stderr", /"event":"ready".*"port":(\d+)/);
  return {
    url: `http://127.0.0.1:${port}`,
    outbounds: Object.keys(kinds),
    async close() {
      const code = await stop(near);
      await stop(far);
      rmSync(folder, { recursive: true, force: true });
      if (code !== 0) throw new Error(`weir serve ended with ${code}: ${errors}`);
    },
  };
}

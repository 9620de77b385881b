// The first minute: from the link that the terminal shows to an answer, and the file that says the same.
import { test } from "node:test";
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { binary, browser_path, quiet, stop, waitFor } from "./harness.mjs";
import { check, open, shown } from "./steps.mjs";

const bare = () => Object.fromEntries(Object.entries(process.env).filter(([name]) => !/_API_KEY$|_TOKEN$|PROXY|^WEIR_|XDG_CONFIG_HOME/i.test(name)));

test("a link of the terminal opens it once; keys are kept and checked, a route is made, and the file says the same", async () => {
  const folder = mkdtempSync(join(tmpdir(), "weir-first-"));
  const mock = spawn(binary, ["mock", "--listen", "127.0.0.1:0", "--key", "sk-the-right-key-0000001"], { cwd: folder });
  const provider = await waitFor(mock, "stdout", /(http:\/\/\S+)/);
  const serve = spawn("script", ["-qfec", `exec ${binary} serve`, "/dev/null"], { cwd: folder, env: { ...bare(), ...sanitizers(), WEIR_LISTEN: "127.0.0.1:0", WEIR_STATE_DIR: join(folder, "state") } });
  const browser = await chromium.launch({ executablePath: browser_path, args: quiet });
  try {
    const link = await waitFor(serve, "stdout", /(http:\S+#first=[0-9a-f]{32})/);
    const url = link.split("/#")[0], lab = { url, browser };
    const page = await open(lab, { looked_at: true, expects: [/400/] });
    await page.goto("about:blank");
    await page.goto(link);
    await shown(page, "first");
    assert.ok(!page.url().includes(link.split("=")[1]));
    assert.equal(await page.locator("#simulated").isVisible(), true);
    await check(page, "set up");

    const enter = async (type, name, key) => {
      await page.getByLabel("Type").fill(type);
      await page.getByLabel("Name", { exact: true }).fill(name);
      await page.getByLabel("Key", { exact: true }).fill(key);
      await page.getByLabel("Base URL").fill(provider);
      await page.getByRole("button", { name: "Keep and check" }).click();
    };
    await enter("opnai", "wrong", "sk-the-right-key-0000001");
    await page.getByRole("alert").filter({ hasText: "opnai" }).waitFor();
    await enter("openai", "bad", "sk-the-wrong-key-0000001");
    await page.getByRole("alert").filter({ hasText: /./ }).first().waitFor();
    await page.locator("main").filter({ hasText: "Kept: bad" }).waitFor();
    await enter("openai", "mine", "sk-the-right-key-0000001");
    await page.locator("#said").filter({ hasText: "mine answers" }).waitFor();
    assert.equal(await page.getByLabel("Key", { exact: true }).inputValue(), "");
    await page.getByLabel("Model of bad").fill("");
    await page.getByLabel("Model of mine").fill("gpt-4o-mini");
    await page.getByRole("button", { name: "Make the route" }).click();
    await page.locator("#said").filter({ hasText: "The route assistant is there" }).waitFor();
    assert.equal(await page.locator("#simulated").isVisible(), false);
    await check(page, "set up, done");

    const curl = await page.getByRole("region", { name: "By curl" }).innerText();
    const run = spawnSync("sh", ["-c", curl], { encoding: "utf8", env: { ...bare(), KEY: "any" } });
    assert.equal(JSON.parse(run.stdout).object, "chat.completion", run.stdout + run.stderr);
    const file = await page.getByRole("region", { name: "The same as a file" }).innerText();
    assert.ok(!file.includes("sk-the"), file);
    writeFileSync(join(folder, "weir.yaml"), file);
    const checked = spawnSync(binary, ["check", "-c", "weir.yaml"], { cwd: folder, encoding: "utf8", env: { ...bare(), MINE_API_KEY: "sk-a", BAD_API_KEY: "sk-b" } });
    assert.equal(checked.status, 0, checked.stdout + checked.stderr);
    await page.close();

    const again = await open(lab, { expects: [/403/] });
    await again.goto("about:blank");
    await again.goto(link);
    await again.getByRole("alert").filter({ hasText: "was used" }).waitFor();
    assert.equal(await again.evaluate(() => sessionStorage.length), 0);
    await again.close();
    assert.ok(!readFileSync(join(folder, "state", "runtime.yaml"), "utf8").includes("sk-the"));
  } finally {
    await browser.close();
    await stop(serve);
    await stop(mock);
    rmSync(folder, { recursive: true, force: true });
  }
});

function sanitizers() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => /SAN_OPTIONS$/.test(name)));
}

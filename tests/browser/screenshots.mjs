// Pictures of the page for the README: screenshots.mjs FOLDER. Traffic is real, of today, between weir and two `weir mock`.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { start, keys } from "./harness.mjs";
import { go, open, shown, sign_in } from "./steps.mjs";

const folder = process.argv[2] ?? "docs/screenshots";
mkdirSync(folder, { recursive: true });
const lab = await start();
for (let i = 0; i < 60; i++) {
  if (i % 12 === 5) await lab.fault(0, "status=503", 1);
  await lab.chat(i % 4 ? keys.user : keys.other, i % 3 ? "fast" : "questions", `Tell me of the river ${i}, at length. `.repeat(1 + (i % 7)), { "x-weir-session": `agent-${i % 5}` });
}
for (let i = 0; i < 16; i++) for (const name of ["alpha", "beta"]) await lab.ask(lab.admin, `/admin/v1/providers/${name}/probe`, {});

async function picture(name, colorScheme, view, before) {
  const page = await open(lab, { colorScheme, viewport: { width: 1000, height: 620 } });
  await sign_in(page, lab.admin);
  await shown(page);
  await go(page, view);
  if (before) await before(page);
  await page.screenshot({ path: join(folder, `${name}.png`) });
  await page.close();
}
await picture("providers", "light", "providers");
await picture("money", "dark", "money");
await picture("story", "light", "requests", async (page) => {
  await page.getByLabel("Outcome").selectOption("failed");
  await page.getByRole("button", { name: "Search" }).click();
  await page.locator("main tbody tr").first().filter({ hasText: "503" }).waitFor();
  await page.locator("main tbody a").first().click();
  await page.getByRole("heading", { name: "Candidates" }).waitFor();
});
await lab.close();

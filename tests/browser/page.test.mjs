// The page in Debian's Chromium, with real traffic behind it.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { start, keys } from "./harness.mjs";
import { open, sign_in, shown } from "./steps.mjs";

let lab;
before(async () => {
  lab = await start();
  for (let i = 0; i < 3; i++) await lab.chat(keys.user, "fast", `Hello ${i}`);
});
after(() => lab.close());

test("the providers are shown to who signs in with the admin key", async () => {
  const page = await open(lab);
  await sign_in(page, lab.admin);
  await shown(page, "providers");
  const card = page.getByRole("region", { name: "alpha", exact: true });
  assert.match(await card.innerText(), /active/);
  assert.match(await card.innerText(), /requests per day/);
  assert.match(await card.innerText(), /3 of 1,000/);
  await page.close();
});

/** All of it without a mouse. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { until, type World, world } from "./world";

let its: World;
let till = "";

beforeAll(async () => {
  its = await world();
  await its.rest("POST", "/api/v2/sites", { site_id: "harbour", name: "Harbour shop" });
  till = await its.agent("harbour");
}, 180_000);

afterAll(() => its?.end());

/** What has the focus, as a screen reader would name it. */
async function focused(page: Page): Promise<string> {
  return page.evaluate(() => {
    const at = document.activeElement;
    const label = at instanceof HTMLInputElement ? at.labels?.[0]?.textContent : undefined;
    return (at?.getAttribute("aria-label") ?? label ?? at?.textContent ?? "").trim();
  });
}

/** Presses Tab until `name` has the focus, and sees that the focus can be seen on the way. */
async function tabTo(page: Page, name: string | RegExp): Promise<void> {
  const seen: string[] = [];
  for (let presses = 0; presses < 120; presses += 1) {
    const now = await focused(page);
    if (typeof name === "string" ? now === name : name.test(now)) return;
    seen.push(now);
    await page.keyboard.press("Tab");
  }
  throw new Error(`Tab does not come to ${name.toString()}; it came to ${[...new Set(seen)].join(" · ")}`);
}

test("by the keyboard alone: sign in, go to a device by Ctrl-K, and queue a command", async () => {
  const context = await its.person();
  const page = await context.newPage();
  await page.goto(its.url);
  await page.getByLabel("Operator token").waitFor();
  await until("the field has the focus", async () => (await focused(page)) === "Operator token");
  await page.keyboard.type(its.token);
  await page.keyboard.press("Enter");
  await page.getByRole("navigation", { name: "Pages" }).waitFor();
  await page.keyboard.press("Control+k");
  await until("the search has the focus", async () => (await focused(page)) === "Where to");
  await page.keyboard.type(till);
  await page.getByRole("option", { name: new RegExp(`^${till}`) }).waitFor();
  await until("the device is chosen", async () => {
    const chosen = await page.getByRole("dialog").getByRole("option", { selected: true }).innerText();
    if (!chosen.includes("Device at harbour")) await page.keyboard.press("ArrowDown");
    return chosen.includes("Device at harbour");
  });
  await page.keyboard.press("Enter");
  await page.getByRole("navigation", { name: "Views of this device" }).waitFor();
  await until("the page's heading has the focus", async () => page.evaluate(() => document.activeElement?.matches("main h1") ?? false), 10);
  await tabTo(page, "New command");
  expect(await page.evaluate(() => getComputedStyle(document.activeElement ?? document.body).outlineStyle)).not.toBe("none");
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: "New command" });
  await dialog.waitFor();
  await tabTo(page, "PING");
  await page.keyboard.press("Space");
  await tabTo(page, "Queue PING for 1 device");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "PING" }).waitFor();
  await page.getByText("Succeeded").first().waitFor();
  await context.close();
}, 60_000);

test("Escape closes a dialog and gives the focus back to what opened it", async () => {
  const context = await its.person();
  const page = await context.newPage();
  await page.goto(`${its.url}/#/devices/${till}`);
  await page.getByLabel("Operator token").waitFor();
  await page.keyboard.type(its.token);
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "New command" }).waitFor();
  await tabTo(page, "New command");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await until("the button has the focus again", async () => (await focused(page)) === "New command", 10);
  await context.close();
});

test("the first press of Tab offers to skip the menu", async () => {
  const context = await its.person();
  const page = await context.newPage();
  await page.goto(`${its.url}/#/sites`);
  await page.getByLabel("Operator token").waitFor();
  await page.keyboard.type(its.token);
  await page.keyboard.press("Enter");
  await page.getByRole("navigation", { name: "Pages" }).waitFor();
  await page.reload();
  await page.getByRole("heading", { level: 1, name: "Sites" }).waitFor();
  await page.keyboard.press("Tab");
  await expect.poll(() => focused(page)).toBe("Skip to the page");
  await page.keyboard.press("Enter");
  // The page itself, or its heading: where what was read makes the page anew, its head takes the focus over.
  await until("the focus is in the page", async () => page.evaluate(() => document.activeElement?.matches("main, main h1") ?? false), 10);
  await context.close();
});

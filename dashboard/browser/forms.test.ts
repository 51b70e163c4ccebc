/** What is typed is never lost, and nothing is done that was not meant. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { settled, signedIn, type World, world } from "./world";

let its: World;

beforeAll(async () => {
  its = await world();
  for (const site of ["harbour", "quay"]) await its.rest("POST", "/api/v2/sites", { site_id: site, name: `Shop at the ${site}` });
  for (const id of ["harbour-1", "harbour-2", "quay-1"]) await its.reporter(id, id.replace(/-\d$/, ""));
}, 180_000);

afterAll(() => its?.end());

async function person(address: string): Promise<Page> {
  const page = await signedIn(its, await its.person(), address);
  await settled(page);
  return page;
}

/** Ends the sessions of the operator elsewhere, and signs in again over the page once it says so. */
async function endedAndBack(page: Page): Promise<void> {
  const { sessions } = await its.rest<{ sessions: { session_id: string }[] }>("GET", "/api/v2/sessions");
  for (const { session_id } of sessions) await its.rest("POST", `/api/v2/sessions/${session_id}/revoke`, {});
  const over = page.getByRole("dialog", { name: "Your session has ended" });
  await over.waitFor();
  await over.getByLabel("Operator token").fill(its.token);
  await over.getByRole("button", { name: "Sign in" }).click();
  await over.waitFor({ state: "detached" });
}

const runs = async () => (await its.rest<{ runs: { command_type: string }[] }>("GET", "/api/v2/runs")).runs.length;

test("a session that ends does not throw away the form of a new run", async () => {
  const before = await runs();
  const page = await person("/runs/new?source=real");
  await page.getByLabel("A site, or labels").check();
  await page.getByRole("combobox", { name: "Site", exact: true }).selectOption("harbour");
  await page.getByLabel("SET_INTERVAL").check();
  await page.getByLabel("Seconds between measurements").fill("17");
  await page.getByLabel("Failures allowed").fill("3");
  await page.getByLabel("Purpose").fill("before the weekend");
  await page.getByLabel("Type 2 to go on").fill("2");
  await endedAndBack(page);
  expect(await page.getByRole("combobox", { name: "Site", exact: true }).inputValue()).toBe("harbour");
  expect(await page.getByLabel("SET_INTERVAL").isChecked()).toBe(true);
  expect(await page.getByLabel("Seconds between measurements").inputValue()).toBe("17");
  expect(await page.getByLabel("Failures allowed").inputValue()).toBe("3");
  expect(await page.getByLabel("Purpose").inputValue()).toBe("before the weekend");
  expect(await page.getByLabel("Type 2 to go on").inputValue()).toBe("2");
  await page.getByRole("button", { name: "Start SET_INTERVAL for 2 devices" }).click();
  await page.getByRole("heading", { level: 1, name: "Run of SET_INTERVAL" }).waitFor();
  await expect.poll(() => runs()).toBe(before + 1);
  await page.context().close();
}, 60_000);

test("a session that ends does not throw away a command that is being written", async () => {
  const page = await person("/devices/harbour-1");
  await page.getByRole("button", { name: "New command" }).click();
  const dialog = page.getByRole("dialog", { name: "New command" });
  await dialog.getByLabel("Another type").check();
  await dialog.getByRole("textbox", { name: "Type", exact: true }).fill("UPDATE_POS");
  await dialog.getByLabel("Payload", { exact: true }).fill('{"version": "4.2"}');
  await dialog.getByLabel("Starts within").fill("9 min");
  await endedAndBack(page);
  expect(await dialog.getByRole("textbox", { name: "Type", exact: true }).inputValue()).toBe("UPDATE_POS");
  expect(await dialog.getByLabel("Payload", { exact: true }).inputValue()).toBe('{"version": "4.2"}');
  expect(await dialog.getByLabel("Starts within").inputValue()).toBe("9 min");
  await page.context().close();
}, 60_000);

for (const [address, opener, title] of [
  ["/sites", "Make a site", /site/i],
  ["/devices/harbour-1", "New command", "New command"],
  ["/devices/harbour-1/keys", "Remove the device", /Remove/],
  ["/enrolment", "Make a token", /token/i],
  ["/operators", "New operator", /operator/i],
] as const) {
  test(`a click beside the dialog “${opener}” does not lose it`, async () => {
    const page = await person(address);
    await page.getByRole("button", { name: opener, exact: true }).first().click();
    const dialog = page.getByRole("dialog", { name: title });
    const field = dialog.getByRole("textbox").last();
    await field.fill("half-typed");
    await page.mouse.click(3, 3);
    await page.mouse.click(3, (page.viewportSize()?.height ?? 600) - 3);
    expect(await dialog.isVisible()).toBe(true);
    expect(await field.inputValue()).toBe("half-typed");
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    await page.context().close();
  });
}

test("a device is not removed without a question, and its id is typed", async () => {
  const page = await person("/devices/quay-1/keys");
  await page.getByRole("button", { name: "Remove the device" }).click();
  const dialog = page.getByRole("dialog", { name: "Remove quay-1 for good?" });
  await dialog.getByLabel(/Purge its history too/).check();
  const remove = dialog.getByRole("button", { name: "Remove it and its history" });
  for (const typed of ["", "quay", "QUAY-1", "harbour-1"]) {
    await dialog.getByLabel("Type quay-1 to go on").fill(typed);
    expect(await remove.isDisabled(), `“${typed}” is typed`).toBe(true);
    await page.keyboard.press("Enter");
  }
  expect((await its.rest<{ device: { device_id: string } }>("GET", "/api/v2/devices/quay-1")).device.device_id).toBe("quay-1");
  await dialog.getByLabel("Type quay-1 to go on").fill("quay-1");
  await remove.click();
  await page.getByRole("heading", { level: 1, name: "Devices" }).waitFor();
  await expect(its.rest("GET", "/api/v2/devices/quay-1")).rejects.toThrow("404");
  await page.context().close();
});

test("a site is not removed without a question: what goes with it is said, its devices are counted, and its id is typed", async () => {
  await its.rest("POST", "/api/v2/sites", { site_id: "pier", name: "Pier" });
  for (const id of ["pier-1", "pier-2"]) await its.reporter(id, "pier");
  const page = await person("/sites/pier");
  await page.getByRole("button", { name: "Remove…" }).click();
  const dialog = page.getByRole("dialog", { name: "Remove pier for good" });
  const remove = dialog.getByRole("button", { name: "Remove for good" });
  await dialog.getByLabel("Type pier to confirm").fill("pier");
  expect(await remove.isDisabled()).toBe(true);
  await dialog.getByLabel(/Samples, state changes and commands/).selectOption("PURGE");
  expect(await remove.isDisabled()).toBe(true);
  await dialog.getByLabel(/Remove its 2 .*devices too/).check();
  expect(await remove.isDisabled()).toBe(true);
  await dialog.getByLabel("Type how many real devices go: 2").fill("2");
  await remove.click();
  await page.getByRole("heading", { level: 1, name: "Sites" }).waitFor();
  await expect(its.rest("GET", "/api/v2/sites/pier")).rejects.toThrow("404");
  await page.context().close();
});

test("what can't be undone wants the device's name before it is queued", async () => {
  const page = await person("/devices/harbour-1");
  await page.getByRole("button", { name: "New command" }).click();
  const dialog = page.getByRole("dialog", { name: "New command" });
  await dialog.getByLabel("REBOOT").check();
  const queue = dialog.getByRole("button", { name: "Queue REBOOT for 1 device" });
  await expect.poll(() => queue.isDisabled()).toBe(true);
  await dialog.getByLabel("Type harbour-1 to go on").fill("harbour-1");
  await expect.poll(() => queue.isDisabled()).toBe(false);
  await page.context().close();
});

test("a run whose target got other devices after the preview is not started: it has to be looked at again", async () => {
  const before = await runs();
  const page = await person("/runs/new?source=real&site=harbour&type=PING");
  await page.getByLabel("Type 2 to go on").fill("2");
  const start = page.getByRole("button", { name: "Start PING for 2 devices" });
  await start.waitFor();
  await its.reporter("harbour-9", "harbour");
  await start.click();
  await page.getByText("Nothing was started: the target had 2 devices when you looked").waitFor();
  expect(await runs()).toBe(before);
  await page.getByLabel("Type 3 to go on").waitFor();
  await expect.poll(() => page.getByLabel("Type 3 to go on").inputValue()).toBe("");
  await page.getByRole("region", { name: "Devices that are reached" }).getByText("harbour-9").waitFor();
  await page.getByLabel("Type 3 to go on").fill("3");
  await page.getByRole("button", { name: "Start PING for 3 devices" }).click();
  await page.getByRole("heading", { level: 1, name: "Run of PING" }).waitFor();
  await expect.poll(() => runs()).toBe(before + 1);
  await page.context().close();
}, 60_000);

test("a run over the whole fleet wants a fresh sign-in, and then goes on by itself", async () => {
  const before = await runs();
  const page = await person("/runs/new?source=real&fleet=true&type=PING");
  await page.getByText("This reaches every device of that kind").waitFor();
  await its.sql("UPDATE operator_sessions SET created_at = now() - interval '15 minutes 1 second'");
  await page.reload();
  await page.getByText("needs a sign-in that is not older than 15 minutes").waitFor();
  const field = page.getByLabel(/^Type \d+ to go on$/);
  const count = /\d+/.exec((await page.getByText(/^Type \d+ to go on$/).innerText()))?.[0] ?? "";
  await field.fill(count);
  const start = page.getByRole("button", { name: `Start PING for ${count} devices` });
  await start.click();
  const again = page.getByRole("dialog", { name: "Sign in again" });
  await again.getByText("This reaches the whole fleet").waitFor();
  await again.getByRole("button", { name: "Not now" }).click();
  await again.waitFor({ state: "detached" });
  expect(await runs()).toBe(before);
  await expect.poll(() => field.inputValue()).toBe(count);
  await start.click();
  await again.getByLabel("Operator token").fill(its.token);
  await again.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { level: 1, name: "Run of PING" }).waitFor();
  await expect.poll(() => runs()).toBe(before + 1);
  await page.context().close();
}, 60_000);

test("the update policy of a site is set on its page, and what is wrong is told at its field", async () => {
  const page = await person("/sites/quay");
  const panel = page.getByRole("region", { name: "Updates" });
  await panel.getByText("at any time").waitFor();
  await panel.getByRole("button", { name: "Set the policy" }).click();
  const dialog = page.getByRole("dialog", { name: "When quay may be updated" });
  const set = dialog.getByRole("button", { name: "Set the policy" });
  expect(await set.isDisabled()).toBe(true);
  await dialog.getByLabel("Maintenance windows").fill("Mon-Fri 22:00-06:00\nsunday 1-2");
  await set.click();
  await dialog.getByText(/sunday 1-2/).last().waitFor();
  await dialog.getByLabel("Maintenance windows").fill("Mon-Fri 22:00-06:00");
  await set.click();
  await dialog.getByText(/required with windows/).waitFor();
  await dialog.getByLabel("Time zone").fill("Mars/Olympus");
  await set.click();
  await dialog.getByText(/no time zone of the IANA database/).waitFor();
  await dialog.getByLabel("Time zone").fill("Europe/Berlin");
  await dialog.getByLabel("Rollouts need the approval of a second person").check();
  await set.click();
  await dialog.waitFor({ state: "detached" });
  await panel.getByText("mon,tue,wed,thu,fri 22:00-06:00").waitFor();
  await panel.getByText("needed", { exact: true }).waitFor();
  const { policy } = await its.rest<{ policy: unknown }>("GET", "/api/v2/sites/quay/update-policy");
  expect(policy).toMatchObject({ time_zone: "Europe/Berlin", needs_approval: true });
  await page.context().close();
});

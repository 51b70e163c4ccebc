/** Signed releases reach devices by rollouts that people start, see and steer on the page. */
import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Publisher, publisher } from "./publisher";
import { open, settled, signedIn, until, type World, world } from "./world";

let its: World;
let made: Promise<Publisher> | undefined;

/** Whoever makes releases; the first call gives the server its trust root. */
function maker(): Promise<Publisher> {
  made ??= publisher(its);
  return made;
}

/** A device whose health check wants that its file does not say `broken`. */
async function till(): Promise<{ id: string; file: string }> {
  const { root } = await maker();
  const name = Math.random().toString(36).slice(2, 8);
  const [file, check] = [join(its.home, `${name}-prices.toml`), join(its.home, `${name}-check`)];
  await writeFile(check, `#!/bin/sh\n! grep -q broken "${file}"\n`);
  await chmod(check, 0o755);
  const id = await its.agent("harbour", `update_root_file = "${root}"\nupdate_probation = "3s"\nupdate_healthy_for = "1s"\n[targets.prices]\npath = "${file}"\nhealth = ["${check}"]\n`);
  await until(`${id} says which targets it has`, async () => (await its.rest<{ targets?: unknown[] }>("GET", `/api/v2/devices/${id}/update`)).targets?.length === 1);
  return { id, file };
}

/** Starts a rollout whose phases follow one another at once. */
async function start(releaseId: string, target: object, more: object = {}): Promise<string> {
  const { rollout } = await its.rest<{ rollout: { rollout_id: string } }>("POST", "/api/v2/rollouts", { release_id: releaseId, target, soak: "0s", ...more });
  return rollout.rollout_id;
}

async function person(address: string, token?: string): Promise<Page> {
  const page = await signedIn(its, await its.person(), address, token);
  await settled(page);
  return page;
}

beforeAll(async () => {
  its = await world({ HOMEPOT_HEARTBEAT_INTERVAL: "2s" });
  await its.rest("POST", "/api/v2/sites", { site_id: "harbour", name: "Harbour shop" });
}, 180_000);

afterAll(() => its?.end());

test("without a release the page says how to make one, and a trust root that is there is a step that is done", async () => {
  const page = await person("/releases");
  await page.getByRole("heading", { name: "Make the first release" }).waitFor();
  expect(await page.getByText("homepot ctl releases trust root.signed").count()).toBe(1);
  await open(page, "/rollouts");
  await page.getByText("No rollout was started yet").waitFor();
  await maker();
  await open(page, "/releases");
  await page.reload();
  await page.getByRole("heading", { name: "Make keys and a trust root – done" }).waitFor();
  await page.getByRole("region", { name: "Trust roots, newest first" }).getByRole("row").nth(1).waitFor();
  await page.context().close();
}, 60_000);

test("a release is planned, started and followed to its end, and each device shows what it has", async () => {
  const devices = [await till(), await till()];
  await its.reporter("till-old", "harbour");
  const { title } = await (await maker()).publish("prices", "prices", "coffee = 3\n");
  const page = await person("/releases");
  await page.getByRole("region", { name: "Releases, newest first" }).getByRole("link", { name: title }).click();
  await page.getByRole("heading", { level: 1, name: title }).waitFor();
  const digest = await page.getByRole("region", { name: "Files of the release" }).locator("tbody .mono").innerText();
  await page.getByRole("link", { name: "Start a rollout…" }).click();
  await page.getByLabel("A site, or labels").check();
  await page.getByRole("combobox", { name: "Site", exact: true }).selectOption("harbour");
  await page.getByLabel("A phase lasts on for").fill("0 s");
  await page.getByText("3 devices at 1 site: 2 change, 1 would be skipped.").waitFor();
  const plan = page.getByRole("region", { name: "What would change on each device" });
  await expect.poll(() => plan.getByRole("row").filter({ hasText: "till-old" }).innerText()).toContain("Skipped: the device takes no releases");
  for (const { id } of devices) {
    await expect.poll(() => plan.getByRole("row").filter({ hasText: id }).innerText()).toContain(`prices: nothing → ${digest.slice(0, 8)}`);
  }
  const started = async () => (await its.rest<{ rollouts?: unknown[] }>("GET", "/api/v2/rollouts")).rollouts?.length ?? 0;
  expect(await started()).toBe(0);
  await page.getByLabel("Type 3 to go on").fill("3");
  await page.getByRole("button", { name: "Start the rollout to 3 devices" }).click();
  await page.getByRole("heading", { level: 1, name: `Rollout of ${title}` }).waitFor();
  const asked: string[] = [];
  page.on("request", (request) => /RolloutService\/(GetRollout|ListRollouts)$/.test(request.url()) && asked.push(request.url()));
  await page.getByText("Every device has an outcome.").waitFor({ timeout: 60_000 });
  const list = page.getByRole("region", { name: "Devices of the rollout" });
  for (const { id, file } of devices) {
    await list.getByRole("row").filter({ hasText: id }).getByText("Confirmed").waitFor();
    expect(await readFile(file, "utf8")).toBe("coffee = 3\n");
  }
  await list.getByRole("row").filter({ hasText: "till-old" }).getByText("Skipped").waitFor();
  expect(await started()).toBe(1);
  await page.getByRole("link", { name: "skipped" }).click();
  await expect.poll(() => list.locator("tbody tr").count()).toBe(1);
  await open(page, `/devices/${devices[0]?.id}/update`);
  const target = page.getByRole("region", { name: "Targets of this device" }).locator("tbody tr");
  await target.getByText("As it should be").waitFor();
  expect(await target.innerText()).toContain(digest.slice(0, 8));
  await page.getByRole("link", { name: "Its rollout" }).click();
  await page.getByRole("heading", { level: 1, name: `Rollout of ${title}` }).waitFor();
  await page.context().close();
}, 180_000);

test("a rollout that fails halts by itself and says why; resumed, it goes on to the next device", async () => {
  const devices = [await till(), await till()];
  const broken = await (await maker()).publish("prices", "prices", "broken\n");
  const page = await person("/rollouts");
  const rolloutId = await start(broken.id, { device_ids: devices.map(({ id }) => id) }, { phases: ["1", "100%"] });
  const row = page.getByRole("region", { name: "Rollouts" }).getByRole("row").filter({ hasText: broken.title });
  await row.getByText("Halted").waitFor({ timeout: 60_000 });
  await row.getByRole("link").first().click();
  await page.getByRole("alert").getByText("It halted by itself").waitFor();
  await page.getByRole("link", { name: "See the devices that failed" }).click();
  const list = page.getByRole("region", { name: "Devices of the rollout" });
  await list.getByText("Rolled back").waitFor();
  await expect.poll(() => list.locator("tbody tr").innerText()).toContain("health check");
  await page.getByRole("button", { name: "Resume" }).click();
  await page.getByRole("dialog", { name: "Resume the rollout?" }).getByText("1 device failed so far, which no longer counts against it.").waitFor();
  await page.getByRole("button", { name: "Resume the rollout" }).click();
  // The other device fails too, and the list that is open shows it when the news of the rollout come.
  await expect.poll(() => list.locator("tbody tr").count(), { timeout: 60_000 }).toBe(2);
  const { rollout } = await its.rest<{ rollout: { state: string } }>("GET", `/api/v2/rollouts/${rolloutId}`);
  expect(["ROLLOUT_STATE_HALTED", "ROLLOUT_STATE_COMPLETED"]).toContain(rollout.state);
  await page.context().close();
}, 180_000);

test("a rollout is paused, resumed and aborted, and what is shown follows the news", async () => {
  const [first, second] = [await till(), await till()];
  for (const { id } of [first, second]) await its.killAgent(id);
  const good = await (await maker()).publish("prices", "prices", "coffee = 4\n");
  const page = await person("/rollouts");
  await page.getByText("Live", { exact: true }).waitFor();
  const rolloutId = await start(good.id, { device_ids: [first.id, second.id] }, { phases: ["100%"] });
  await page.getByRole("region", { name: "Rollouts" }).getByText(good.title).waitFor();
  await open(page, `/rollouts/${rolloutId}`);
  await page.getByRole("button", { name: "Pause" }).click();
  const pause = page.getByRole("dialog", { name: "Pause the rollout?" });
  await pause.getByLabel("Why").fill("lunch");
  await pause.getByRole("button", { name: "Pause the rollout" }).click();
  await page.getByText("(paused by admin: lunch)").waitFor();
  await its.rest("POST", `/api/v2/rollouts/${rolloutId}/resume`, {});
  await page.getByRole("button", { name: "Pause" }).waitFor();
  // At each site one device at a time is under way, so that the other one waits.
  const list = page.getByRole("region", { name: "Devices of the rollout" });
  await list.getByText("Offered").waitFor();
  await list.getByText("Waiting").waitFor();
  await page.getByRole("button", { name: "Abort the rollout" }).click();
  const abort = page.getByRole("dialog", { name: "Abort the rollout?" });
  const act = abort.getByRole("button", { name: "Abort the rollout for 2 devices" });
  expect(await act.isDisabled()).toBe(true);
  await abort.getByLabel("Type 2 to go on").fill("2");
  await act.click();
  await page.locator("main").getByText("It was aborted").waitFor();
  await list.getByText("Cancelled").waitFor();
  await expect.poll(() => page.locator("main header").getByRole("button").count()).toBe(0);
  await page.context().close();
}, 120_000);

test("where other devices match by the time of the start, nothing is started and the plan is shown anew", async () => {
  const { id: releaseId } = await (await maker()).publish("prices", "prices", "coffee = 5\n");
  const page = await person(`/rollouts/new?release=${releaseId}&site=harbour&source=real`);
  const shown = page.getByText(/^\d+ devices at 1 site/);
  await shown.waitFor();
  const total = Number((await shown.innerText()).split(" ")[0]);
  await page.getByLabel(`Type ${total} to go on`).fill(String(total));
  await its.reporter("till-late", "harbour");
  await page.getByRole("button", { name: `Start the rollout to ${total} devices` }).click();
  await page.getByText("Nothing was started").waitFor();
  await page.getByText(`${total + 1} devices at 1 site`).waitFor();
  expect((await its.rest<{ rollouts: { release_id: string }[] }>("GET", "/api/v2/rollouts")).rollouts.filter((one) => one.release_id === releaseId)).toEqual([]);
  await page.context().close();
}, 60_000);

test("a viewer sees releases and rollouts, and no button that the server would refuse", async () => {
  const { token } = await its.rest<{ token: string }>("POST", "/api/v2/operators", { name: "watcher", role: "ROLE_VIEWER" });
  const { id } = await till();
  await its.killAgent(id);
  const { id: releaseId } = await (await maker()).publish("prices", "prices", "coffee = 6\n");
  const rolloutId = await start(releaseId, { device_ids: [id] });
  const page = await person("/releases", token);
  for (const address of ["/releases", `/releases/${releaseId}`, "/rollouts", `/rollouts/${rolloutId}`, `/devices/${id}/update`]) {
    await open(page, address);
    expect([address, await page.locator("main .button:visible").allInnerTexts()]).toEqual([address, []]);
  }
  await open(page, "/rollouts/new");
  await page.getByText("Your role has no access to this page").waitFor();
  await its.rest("POST", `/api/v2/rollouts/${rolloutId}/abort`, {});
  await page.context().close();
}, 60_000);

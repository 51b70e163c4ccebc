/** A thousand devices: the page stays as quick as with ten. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { open, settled, signedIn, until, type World, world } from "./world";

const DEVICES = 1_000;
/** What a person takes for a page that hangs. */
const HANGS_MS = 2_000;

let its: World;

beforeAll(async () => {
  its = await world();
  await its.fleet(DEVICES, ["--sites", "20", "--ramp", "100", "--devices-per-connection", "50", "--drain", "1s"]);
}, 300_000);

afterAll(() => its?.end(), 60_000);

async function person(address: string, options: Parameters<World["person"]>[0] = {}): Promise<Page> {
  const context = await its.person(options);
  // Tasks that keep the page from answering, as the browser itself counts them.
  await context.addInitScript(() => {
    const tasks: number[] = [];
    Object.assign(window, { longTasks: tasks });
    new PerformanceObserver((list) => tasks.push(...list.getEntries().map((entry) => entry.duration))).observe({ type: "longtask", buffered: true });
  });
  const page = await signedIn(its, context, address);
  await settled(page);
  return page;
}

/** The tasks over 50 ms since it was asked last, told beside the test; none may be so long that the page hangs. */
async function judged(page: Page, while_: string): Promise<void> {
  const tasks = await page.evaluate(() => (window as unknown as { longTasks: number[] }).longTasks.splice(0));
  console.info(`${while_}: ${tasks.length} tasks over 50 ms, the longest ${Math.round(Math.max(0, ...tasks))} ms`);
  expect(Math.max(0, ...tasks)).toBeLessThan(HANGS_MS);
}

/** Milliseconds until something pressed is answered. */
async function took(what: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await what();
  return performance.now() - begin;
}

test("a list of a thousand is scrolled to its end with few rows in the page, and none is missing", async () => {
  const page = await person("/devices?source=simulated");
  await page.getByText("1,000 simulated devices", { exact: true }).waitFor();
  const table = page.getByRole("region", { name: "Devices", exact: true });
  const seen = new Set<string>();
  let most = 0;
  await until("the whole list was seen", async () => {
    for (const id of await table.locator("tbody tr td:nth-child(2)").allInnerTexts()) seen.add(id);
    most = Math.max(most, await table.locator("tbody tr").count());
    await table.evaluate((frame) => frame.scrollBy(0, frame.clientHeight * 0.8));
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    return seen.size >= DEVICES;
  }, 120);
  expect(seen.size).toBe(DEVICES);
  expect(most).toBeLessThan(120);
  await judged(page, "scrolling through 1,000 devices");
  await page.context().close();
}, 180_000);

test("back and a reload: a long list and the page around it are scrolled to where they were left", async () => {
  const page = await person("/devices?source=simulated", { viewport: { width: 1_000, height: 500 } });
  const table = page.getByRole("region", { name: "Devices", exact: true });
  const places = async () => [await page.evaluate(() => scrollY), await table.evaluate((frame) => frame.scrollTop)];
  const isBack = (left: number[]) => async () => (await places()).every((place, index) => Math.abs(place - (left[index] ?? 0)) <= 1);
  await table.evaluate((frame) => frame.scrollTo(0, 2_000));
  await page.evaluate(() => scrollTo(0, 150));
  await until("the page is scrolled", isBack([150, 2_000]));
  const row = table.locator("tbody tr:not([aria-hidden]) a").nth(12);
  await row.evaluate((link) => (link as HTMLElement).click());
  await page.getByRole("navigation", { name: "Views of this device" }).waitFor();
  await until("another page begins at its top", async () => (await page.evaluate(() => scrollY)) === 0);
  await page.goBack();
  await until("the list is where it was left", isBack([150, 2_000]));
  await page.reload();
  await until("the list is there again after a reload", isBack([150, 2_000]));
  // What is done meanwhile counts: the page does not leap back.
  await table.hover();
  await page.mouse.wheel(0, 1_500);
  let left = await places();
  await until("the wheel has scrolled the list, and it stands still", async () => {
    const before = left;
    left = await places();
    return (left[1] ?? 0) >= 3_000 && left.every((place, index) => place === before[index]);
  });
  await page.goForward();
  await page.getByRole("navigation", { name: "Views of this device" }).waitFor();
  await page.goBack();
  await until("the list is where it was left the second time", isBack(left));
  await page.context().close();
}, 60_000);

test("news of a thousand devices do not take the browser's processor, and a click is answered meanwhile", async () => {
  const page = await person("/devices?source=simulated");
  await page.getByText("1,000 simulated devices", { exact: true }).waitFor();
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("Performance.enable");
  const busy = async () => (await cdp.send("Performance.getMetrics")).metrics.find(({ name }) => name === "TaskDuration")?.value ?? 0;
  await judged(page, "opening the list");
  const run = await its.rest<{ run: { run_id: string } }>("POST", "/api/v2/runs", { target: { fleet: true, source: "DEVICE_SOURCE_SIMULATED" }, command_type: "PING", max_in_flight: 200, max_failures: 1_000 });
  const [before, begin] = [await busy(), performance.now()];
  const table = page.getByRole("region", { name: "Devices", exact: true });
  for (const sort of ["descending", "ascending", "descending"]) {
    const time = await took(async () => {
      await page.getByRole("button", { name: "Device", exact: true }).click();
      await table.locator(`th[aria-sort=${sort}]`).waitFor();
    });
    expect(time).toBeLessThan(HANGS_MS);
  }
  await until("the run is over", async () => (await its.rest<{ run: { state: string } }>("GET", `/api/v2/runs/${run.run.run_id}`)).run.state === "RUN_STATE_COMPLETED", 90);
  const share = ((await busy()) - before) / ((performance.now() - begin) / 1_000);
  console.info(`news of 1,000 devices take ${Math.round(share * 100)} % of a core`);
  expect(share).toBeLessThan(0.6);
  await judged(page, "news of a run over 1,000 devices");
  await page.context().close();
}, 180_000);

test("an action takes no longer because there are many devices", async () => {
  const { devices } = await its.rest<{ devices: { device_id: string }[] }>("GET", "/api/v2/devices?source=DEVICE_SOURCE_SIMULATED&page_size=1");
  const page = await person(`/devices/${devices[0]?.device_id}`);
  await page.getByRole("button", { name: "Mark as under maintenance" }).waitFor();
  const time = await took(async () => {
    await page.getByRole("button", { name: "Mark as under maintenance" }).click();
    await page.getByRole("button", { name: "End maintenance" }).waitFor();
  });
  console.info(`marking one of 1,000 devices took ${Math.round(time)} ms`);
  expect(time).toBeLessThan(5_000);
  await judged(page, "one action");
  await page.context().close();
}, 60_000);

test("the seventh tab loads, and the eighth: all of them are live and read", async () => {
  const first = await person("/devices?source=simulated");
  await first.getByText("Live", { exact: true }).waitFor();
  const tabs = [first];
  for (let tab = 2; tab <= 8; tab += 1) {
    const page = await first.context().newPage();
    await page.goto(`${its.url}/#/devices?source=simulated`);
    await page.getByText("1,000 simulated devices", { exact: true }).waitFor({ timeout: 20_000 });
    await page.getByText("Live", { exact: true }).waitFor({ timeout: 20_000 });
    tabs.push(page);
  }
  for (const page of tabs) await open(page, "/runs?source=both");
  for (const page of tabs) await page.getByRole("heading", { level: 1, name: "Runs" }).waitFor();
  await first.context().close();
}, 180_000);

/** Charts hide nothing: gaps are gaps, peaks survive, and days are those of the viewer's clocks. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { open, settled, signedIn, type World, world } from "./world";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** So that samples lie where points of the chart begin. */
const NOW = Math.floor(Date.now() / (10 * MINUTE)) * 10 * MINUTE;
const STEP = 5 * MINUTE;
const BEGIN = NOW - 3 * DAY;
const GAP = { from: NOW - 20 * HOUR, to: NOW - 14 * HOUR };
const PEAK = NOW - 30 * HOUR;

let its: World;
/** When the one error was reported. */
let failed: number;

beforeAll(async () => {
  its = await world();
  await its.rest("POST", "/api/v2/sites", { site_id: "harbour", name: "Harbour shop" });
  const report = await its.reporter("meter", "harbour");
  const times: number[] = [];
  for (let at = BEGIN; at < NOW; at += STEP) if (at < GAP.from || at >= GAP.to) times.push(at);
  const send = async (at: number) => report("/analytics/device-metrics", { collected_at: new Date(at).toISOString(), cpu_percent: at === PEAK ? 97 : 10 });
  for (let first = 0; first < times.length; first += 16) await Promise.all(times.slice(first, first + 16).map(send));
  failed = Date.now();
  await its.rest("POST", "/api/v2/errors", { error: { category: "payment", severity: "SEVERITY_ERROR", error_message: "no answer" }, device_id: "meter" });
}, 240_000);

afterAll(() => its?.end());

async function person(address: string, timezoneId: string): Promise<Page> {
  const page = await signedIn(its, await its.person({ timezoneId, viewport: { width: 1280, height: 1600 } }), address);
  await settled(page);
  return page;
}

/** The points of the picture, oldest first, as its table has them. */
async function points(page: Page): Promise<{ time: string; value: string; low: string; high: string }[]> {
  const button = page.getByRole("button", { name: "Table" }).first();
  await button.waitFor();
  if ((await button.getAttribute("aria-expanded")) === "false") await button.click();
  const table = page.getByRole("region", { name: /^Processor.*as a table$/ });
  await table.waitFor();
  const found = new Map<string, string[]>();
  // Of a long table only what is in sight is in the page.
  for (let top = 0; ; top += 600) {
    await table.evaluate((frame, to) => frame.scrollTo(0, to), top);
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    for (const cells of await table.locator("tbody tr:not([aria-hidden])").evaluateAll((rows) => rows.map((row) => [...row.querySelectorAll("td")].map((cell) => cell.textContent ?? "")))) found.set(cells[0] ?? "", cells);
    if (await table.evaluate((frame) => frame.scrollTop + frame.clientHeight >= frame.scrollHeight - 1)) break;
  }
  return [...found.values()].reverse().map(([time = "", value = "", low = "", high = ""]) => ({ time, value, low, high }));
}

/** As the page writes times, made by the test's own clock. */
function written(time: number, timeZone: string): string {
  return new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", timeZone }).format(time);
}

test("peaks survive when one zooms out: a sample of five minutes is seen in a week", async () => {
  const page = await person("/devices/meter/charts?span=7d", "UTC");
  const told = await points(page);
  expect(told.length).toBeLessThan(700);
  const peak = told.filter(({ high }) => high === "97 %");
  expect(peak).toHaveLength(1);
  // Its average tells less, which is why there is a band.
  expect(peak[0]?.low).toBe("10 %");
  await page.getByRole("img", { name: /Chart of Processor.*from 10 % to 97 %/ }).waitFor();
  await page.context().close();
}, 60_000);

test("gaps are not joined: nothing stands in them, and the line is broken there", async () => {
  const page = await person(`/devices/meter/charts?from=${NOW - DAY}&to=${NOW}`, "UTC");
  const told = await points(page);
  const times = told.map(({ time }) => Date.parse(`${time.replace(",", "")} UTC`));
  const steps = times.slice(1).map((time, index) => time - (times[index] ?? 0));
  expect(Math.max(...steps)).toBeGreaterThanOrEqual(GAP.to - GAP.from);
  expect(times.filter((time) => time >= GAP.from && time < GAP.to)).toEqual([]);
  // In the picture, no point of the line's colour lies in the middle of the gap; beside it there are some.
  const drawn = await page.locator(".chart-box canvas").first().evaluate((canvas: HTMLCanvasElement, { from, to, gap }) => {
    const over = canvas.parentElement?.querySelector<HTMLElement>(".u-over");
    const context = canvas.getContext("2d");
    if (!over || !context) throw new Error("there is no picture");
    const ratio = devicePixelRatio;
    const colour = getComputedStyle(document.documentElement).getPropertyValue("--series-1");
    const probe = document.createElement("span");
    probe.style.color = colour;
    document.body.append(probe);
    const [red = 0, green = 0, blue = 0] = (getComputedStyle(probe).color.match(/\d+/g) ?? []).map(Number);
    const count = (begin: number, end: number) => {
      const place = (time: number) => Math.round((over.offsetLeft + ((time - from) / (to - from)) * over.clientWidth) * ratio);
      const { data } = context.getImageData(place(begin), over.offsetTop * ratio, Math.max(1, place(end) - place(begin)), over.clientHeight * ratio);
      let found = 0;
      for (let at = 0; at < data.length; at += 4) if (data[at + 3] === 255 && Math.abs((data[at] ?? 0) - red) + Math.abs((data[at + 1] ?? 0) - green) + Math.abs((data[at + 2] ?? 0) - blue) < 24) found += 1;
      return found;
    };
    const hour = 3_600_000;
    return { inside: count(gap.from + hour, gap.to - hour), before: count(gap.from - 3 * hour, gap.from - hour), after: count(gap.to + hour, gap.to + 3 * hour) };
  }, { from: NOW - DAY, to: NOW, gap: GAP });
  expect(drawn.before).toBeGreaterThan(10);
  expect(drawn.after).toBeGreaterThan(10);
  expect(drawn.inside).toBe(0);
  await page.context().close();
}, 60_000);

for (const zone of ["Australia/Sydney", "America/St_Johns"]) {
  test(`times are those of the viewer's clocks and are not called anything else: ${zone}`, async () => {
    const page = await person(`/devices/meter/charts?from=${NOW - 6 * HOUR}&to=${NOW}`, zone);
    const told = await points(page);
    const real = new Set(Array.from({ length: 73 }, (_, index) => written(NOW - index * STEP, zone)));
    expect(told.length).toBeGreaterThan(60);
    expect(told.filter(({ time }) => !real.has(time))).toEqual([]);
    // The fields have the same clocks.
    const field = new Date(`${await page.getByLabel("To", { exact: true }).inputValue()}:00Z`).getTime();
    const ahead = field - NOW;
    expect(written(NOW, zone)).toBe(written(NOW + ahead, "UTC"));
    expect(await page.locator("main").innerText()).not.toContain("UTC");
    // Who chooses UTC gets it, and is told so.
    await open(page, "/me");
    await page.getByLabel("Times are shown in").selectOption("UTC");
    await page.getByText("Time there now").filter({ hasText: "UTC" }).waitFor();
    await open(page, `/devices/meter/charts?from=${NOW - 6 * HOUR}&to=${NOW}`);
    const inUtc = new Set(Array.from({ length: 73 }, (_, index) => written(NOW - index * STEP, "UTC")));
    expect((await points(page)).filter(({ time }) => !inUtc.has(time))).toEqual([]);
    await page.context().close();
  }, 60_000);
}

/** The last day on which the zone's clocks were changed, as the time of its beginning. */
function lastChange(zone: string): number {
  const ahead = (time: number) => Date.parse(`${written(time, zone).replace(",", "")} UTC`) - time;
  for (let at = Math.floor(NOW / HOUR) * HOUR; ; at -= HOUR) {
    if (ahead(at) !== ahead(at - HOUR)) return at - HOUR;
  }
}

for (const zone of ["Australia/Sydney", "America/St_Johns"]) {
  test(`days begin at the viewer's midnight, also the one on which clocks are changed: ${zone}`, async () => {
    const from = lastChange(zone) - 3 * DAY;
    const page = await person(`/errors?source=real&from=${from}&to=${NOW + HOUR}`, zone);
    const bars = page.locator(".bars-stack");
    await bars.first().waitFor();
    const titles = await bars.evaluateAll((stacks) => stacks.map((stack) => stack.getAttribute("title")?.split("\n")[0] ?? ""));
    const begins = titles.slice(1).map((title) => title.split(" to ")[0] ?? "");
    const ends = titles.map((title) => title.split(" to ")[1] ?? "");
    expect(begins.filter((begin) => !begin.endsWith("00:00"))).toEqual([]);
    expect(begins).toEqual(ends.slice(0, -1));
    const days = begins.map((begin) => Date.parse(`${begin.replace(",", "")} UTC`));
    expect(new Set(days.slice(1).map((day, index) => day - (days[index] ?? 0)))).toEqual(new Set([DAY]));
    // The error was today, by the viewer's clocks; errors are counted by whole hours of UTC, which the page says where it matters.
    const hour = Math.floor(failed / HOUR) * HOUR;
    await expect.poll(() => page.getByText("counted by whole hours of UTC").count()).toBe(zone === "America/St_Johns" ? 1 : 0);
    await page.getByRole("button", { name: "Table" }).first().click();
    const row = page.getByRole("region", { name: "Errors by severity, as a table" }).locator("tbody tr");
    await expect.poll(() => row.count()).toBe(1);
    await expect.poll(() => row.locator("td").first().innerText()).toMatch(new RegExp(`^${written(hour, zone).split(",")[0]}, 00:00`));
    await page.context().close();
  }, 60_000);

  test(`a day on which clocks are changed is as long as it is: ${zone}`, async () => {
    const page = await person("/devices/meter/charts", zone);
    const [day, next, hours] = zone === "Australia/Sydney" ? ["2025-10-05", "2025-10-06", 23] : ["2025-11-02", "2025-11-03", 25];
    await page.getByLabel("From", { exact: true }).fill(`${day}T00:00`);
    await page.getByLabel("To", { exact: true }).fill(`${next}T00:00`);
    await page.getByRole("button", { name: "Show", exact: true }).click();
    await page.waitForURL(/from=\d+/);
    const named = new URLSearchParams(page.url().split("?")[1]);
    expect((Number(named.get("to")) - Number(named.get("from"))) / HOUR).toBe(hours);
    await page.context().close();
  });
}

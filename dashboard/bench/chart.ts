/** How soon a day is drawn after the click on it. */
import type { Page } from "playwright-core";
import type { World } from "../browser/world";
import { summed, taken } from "./observed";
import { percentile, type Row, step } from "./report";
import { signIn, visitor } from "./visitor";

const TIMES = 10;
const DRAWN_MS = 100;
const TASK_MS = 50;

/** One real session of a simulated device with a day of samples behind it. */
export async function measureChart(its: World): Promise<{ rows: Row[]; details: object }> {
  step("a device with a day of samples: choosing a day of its charts");
  await its.fleet(1, ["--name", "meter", "--sites", "1", "--history", "24h"]);
  const { devices } = await its.rest<{ devices: { device_id: string }[] }>("GET", "/api/v2/devices?search=meter&page_size=1");
  const id = devices[0]?.device_id ?? "";
  const context = await visitor(its);
  const { page } = await signIn(its, context, `/devices/${id}/charts?span=1h`);
  const shown: Awaited<ReturnType<typeof dayShown>>[] = [];
  for (let time = 0; time < TIMES; time += 1) shown.push(await dayShown(page, id));
  await context.close();
  const at = (key: "drawn" | "answered", share: number) => percentile(shown.map((one) => one[key]), share);
  const ceiling = (share: number) => ({ figure: at("answered", share), of: "the call alone" });
  return {
    rows: [
      { name: "24 h of charts, drawn after the click, p50", figure: at("drawn", 0.5), unit: "ms", ceiling: ceiling(0.5), atMost: DRAWN_MS },
      { name: "24 h of charts, longest", figure: at("drawn", 1), unit: "ms", ceiling: ceiling(1), atMost: DRAWN_MS },
      { name: "24 h of charts, longest task", figure: Math.max(...shown.map(({ seen }) => seen.taskLongest)), unit: "ms", atMost: TASK_MS },
    ],
    details: { shown },
  };
}

/** From an hour to a day, which was not read before. */
async function dayShown(page: Page, id: string) {
  await page.goto("about:blank");
  await page.goBack();
  await page.locator(".chart-box canvas").first().waitFor();
  await page.waitForFunction((of) => location.hash.includes(of) && document.querySelector(".skeleton") === null, id);
  await page.evaluate(async () => {
    await new Promise((done) => setTimeout(done, 500));
    performance.clearResourceTimings();
    performance.clearMarks();
    addEventListener("click", ({ timeStamp }) => Object.assign(window, { clickedAt: timeStamp }), { capture: true, once: true });
  });
  await taken(page);
  await page.getByRole("link", { name: "24 h", exact: true }).click();
  await page.waitForFunction(() => performance.getEntriesByName("homepot chart").length > 0);
  const times = await page.evaluate(async () => {
    // Charts of one click are drawn together; the last mark is that of the last one.
    await new Promise((done) => setTimeout(done, 500));
    const { clickedAt } = window as unknown as { clickedAt: number };
    const query = performance.getEntriesByType("resource").find(({ name }) => name.endsWith("/Query")) as PerformanceResourceTiming | undefined;
    return { drawn: (performance.getEntriesByName("homepot chart").at(-1)?.startTime ?? Number.NaN) - clickedAt, answered: query ? query.responseEnd - query.startTime : 0 };
  });
  return { ...times, seen: summed({ ...(await taken(page)), busy: 0, seconds: 0 }) };
}

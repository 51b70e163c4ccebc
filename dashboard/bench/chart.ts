/** How soon a day is drawn after the click on it. */
import type { Page } from "playwright-core";
import { until, type World } from "../browser/world";
import { longest, taken } from "./observed";
import { percentile, type Row, step } from "./report";
import { signIn, visitor } from "./visitor";

const TIMES = 8;
const DRAWN_MS = 100;
const TASK_MS = 50;
/** One in half a minute makes 2,880; a device that restarts leaves some out. */
const SAMPLES = 2_500;

/** One real session of a simulated device with a day of samples behind it. */
export async function measureChart(its: World): Promise<{ rows: Row[]; details: object }> {
  step("a device with a day of samples: choosing a day of one chart, and of all its charts");
  await its.fleet(1, ["--name", "meter", "--sites", "1", "--history", "24h", "--history-interval", "30s"]);
  await until("the day of samples is stored", async () => Number(await its.sql("SELECT count(*) FROM samples")) >= SAMPLES, 60);
  const id = (await its.sql("SELECT device_id FROM devices JOIN samples USING (device) LIMIT 1")).trim();
  const one = await days(its, `/explore?device=${id}&metric=cpu_percent&source=simulated&span=1h`);
  const all = await days(its, `/devices/${id}/charts?span=1h`);
  return {
    rows: [
      { name: "24 h of one chart, drawn after the click, p50", ...at(one, "last", 0.5), atMost: DRAWN_MS },
      { name: "24 h of one chart, drawn after the click, longest", ...at(one, "last", 1), atMost: DRAWN_MS },
      { name: "24 h of one chart, longest task", figure: Math.max(...one.map(({ task }) => task)), unit: "ms", atMost: TASK_MS },
      { name: `24 h of all ${all[0]?.charts} charts, the first drawn after the click, p50`, ...at(all, "first", 0.5) },
      { name: `24 h of all ${all[0]?.charts} charts, the last drawn after the click, p50`, ...at(all, "last", 0.5) },
      { name: "24 h of all charts, longest task", figure: Math.max(...all.map(({ task }) => task)), unit: "ms", atMost: TASK_MS },
    ],
    details: { one, all },
  };
}

interface Shown {
  /** When the first of the charts was drawn, and the last one, in milliseconds after the click. */
  first: number;
  last: number;
  /** How long the call for the points took. */
  answered: number;
  charts: number;
  task: number;
}

function at(shown: readonly Shown[], key: "first" | "last", share: number): Pick<Row, "figure" | "unit" | "ceiling"> {
  const figures = (of: "first" | "last" | "answered") => percentile(shown.map((one) => one[of]), share);
  return { figure: figures(key), unit: "ms", ceiling: { figure: figures("answered"), of: "the call alone" } };
}

/** A day, chosen several times by somebody who has seen an hour. */
async function days(its: World, address: string): Promise<Shown[]> {
  const context = await visitor(its);
  await context.addInitScript(() => {
    const drawn: number[] = [];
    Object.assign(window, { drawn });
    new PerformanceObserver((list) => drawn.push(...list.getEntriesByName("homepot chart").map(({ startTime }) => startTime))).observe({ type: "mark" });
  });
  const { page } = await signIn(its, context, address);
  const shown: Shown[] = [];
  for (let time = 0; time < TIMES; time += 1) shown.push(await dayShown(page, `${its.url}/#${address}`));
  await context.close();
  return shown;
}

/** From an hour to a day, which was not read before. */
async function dayShown(page: Page, address: string): Promise<Shown> {
  await page.goto("about:blank");
  await page.goto(address);
  await page.locator(".chart-box canvas").first().waitFor();
  await page.waitForFunction(() => document.querySelector(".skeleton, [aria-busy=true]") === null);
  const charts = await page.locator(".chart-box canvas").count();
  await page.evaluate(async () => {
    await new Promise((done) => setTimeout(done, 500));
    performance.clearResourceTimings();
    (window as unknown as { drawn: number[] }).drawn.splice(0);
    addEventListener("click", ({ timeStamp }) => Object.assign(window, { clickedAt: timeStamp }), { capture: true, once: true });
  });
  await taken(page);
  await page.getByRole("link", { name: "24 h", exact: true }).click();
  await page.waitForFunction((charts) => (window as unknown as { drawn: number[] }).drawn.length >= charts, charts);
  const times = await page.evaluate(async () => {
    // Whatever is drawn once more counts too; tasks are told some time after they end.
    await new Promise((done) => setTimeout(done, 500));
    const { clickedAt, drawn } = window as unknown as { clickedAt: number; drawn: number[] };
    const query = performance.getEntriesByType("resource").find(({ name }) => name.endsWith("/Query")) as PerformanceResourceTiming | undefined;
    return { first: (drawn[0] ?? Number.NaN) - clickedAt, last: (drawn.at(-1) ?? Number.NaN) - clickedAt, answered: query ? query.responseEnd - query.startTime : 0 };
  });
  return { ...times, charts, task: longest((await taken(page)).tasks) };
}

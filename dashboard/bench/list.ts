/** The list of devices: how soon it is there, and how smooth it stays while devices change. */
import type { Page } from "playwright-core";
import { changes } from "./fleet";
import { during, type Observed, summed, taken } from "./observed";
import { percentile, type Row, step } from "./report";
import { answeredAt, type Bench, look, signIn, visitor } from "./visitor";

const FRAME_MS = 16.7;
const TASK_MS = 50;
const FIRST_ROWS_MS = 500;
const LIST = "/devices?source=simulated";
const ROW_PX = 40;
/** Rows that go by in a frame while one scrolls. */
const ROWS_A_FRAME = 5;

export interface ListOptions {
  devices: number;
  aSecond: number;
  seconds: number;
  openings: number;
}

export async function measureList(bench: Bench, options: ListOptions): Promise<{ rows: Row[]; details: object }> {
  const { devices, aSecond, seconds, openings } = options;
  step(`${devices} devices: opening the list ${openings} times`);
  const opened: Awaited<ReturnType<typeof opening>>[] = [];
  for (let time = 0; time < openings; time += 1) opened.push(await opening(bench));

  step(`${devices} devices, ${aSecond} of them changing a second: looking at the list, scrolling to its end, looking at its middle`);
  const fleet = changes(bench.its, devices, aSecond);
  const before = await emptyPage(bench, seconds, devices);
  const context = await visitor(bench);
  const { page } = await signIn(bench, context, LIST);
  await page.getByText("Live", { exact: true }).waitFor();
  const looking = await during(page, () => look(seconds));
  const scrolling = await during(page, () => scrollThrough(page, devices));
  await page.locator(".table-wrap").evaluate((frame, to) => frame.scrollTo(0, to), (devices * ROW_PX) / 2);
  const whole = await during(page, () => look(seconds));
  await context.close();
  const after = await emptyPage(bench, seconds, devices);
  await fleet.stop();

  // Before and after, since other programs of the machine come and go.
  const ceiling = summed(together([before.empty, after.empty]));
  const plain = together([before.plain, after.plain]);
  const name = `${devices.toLocaleString("en-GB")} devices`;
  const of = "empty page";
  const smooth = (what: string, seen: Observed, frames: { figure: number; of: string }): Row[] => {
    const sum = summed(seen);
    return [
      { name: `${name}, ${what}, frame p95`, figure: sum.frameP95, unit: "ms", ceiling: frames, atMost: FRAME_MS },
      { name: `${name}, ${what}, frames missed`, figure: sum.framesLatePercent, unit: "%", ceiling: { figure: ceiling.framesLatePercent, of } },
      { name: `${name}, ${what}, longest task`, figure: sum.taskLongest, unit: "ms", ceiling: { figure: ceiling.taskLongest, of }, atMost: TASK_MS },
      { name: `${name}, ${what}, main thread`, figure: sum.busyPercent, unit: "%", ceiling: { figure: ceiling.busyPercent, of } },
    ];
  };
  const at = (key: "clicked" | "answered") => percentile(opened.map((one) => one[key]), 0.5);
  const frames = { figure: ceiling.frameP95, of };
  return {
    rows: [
      { name: `${name}, first rows after the click`, figure: at("clicked"), unit: "ms", ceiling: { figure: at("clicked") - at("answered"), of: "sign-in alone" }, atMost: FIRST_ROWS_MS },
      { name: `${name}, opening, longest task`, figure: Math.max(...opened.map((one) => one.seen.taskLongest)), unit: "ms", atMost: TASK_MS },
      ...smooth("first rows in sight", looking, frames),
      ...smooth("scrolling", scrolling, { figure: summed(plain).frameP95, of: "plain lines" }),
      ...smooth("all rows read", whole, frames),
    ],
    details: { opened, empty: ceiling, plain: summed(plain), looking: summed(looking), scrolling: summed(scrolling), whole: summed(whole) },
  };
}

/** One who comes for the first time, signs in and waits for rows. */
async function opening(bench: Bench) {
  const context = await visitor(bench);
  await context.addInitScript(() => {
    // The frame after the one in which the first row is in the page: then it is drawn.
    const wait = (): void => {
      if (document.querySelector("#main tbody td")) requestAnimationFrame((at) => Object.assign(window, { firstRowsAt: at }));
      else requestAnimationFrame(wait);
    };
    requestAnimationFrame(wait);
  });
  const { page, clickedAt } = await signIn(bench, context, LIST);
  await page.waitForFunction(() => "firstRowsAt" in window);
  const rowsAt = await page.evaluate(() => (window as unknown as { firstRowsAt: number }).firstRowsAt);
  const answered = rowsAt - (await answeredAt(page, "/session"));
  // What comes after the first rows is part of opening: the news begin.
  await look(3);
  const seen = summed({ ...(await taken(page)), busy: 0, seconds: 0 });
  await context.close();
  return { clicked: rowsAt - clickedAt, answered, seen };
}

/** What this browser reaches on this machine meanwhile: with a page of nothing, and scrolling lines of plain text. */
async function emptyPage(bench: Bench, seconds: number, devices: number): Promise<{ empty: Observed; plain: Observed }> {
  const context = await visitor(bench);
  const page = await context.newPage();
  await page.goto("about:blank");
  const empty = await during(page, () => look(seconds));
  await page.evaluate(() => {
    const frame = document.createElement("div");
    frame.className = "table-wrap";
    frame.style.cssText = "height: 70vh; overflow: auto";
    for (let line = 0; line < 2_000; line += 1) frame.append(Object.assign(document.createElement("div"), { textContent: `Line ${line} of a page that does nothing`, style: "height: 40px" }));
    document.body.append(frame);
  });
  const plain = await during(page, () => scrollThrough(page, devices));
  await context.close();
  return { empty, plain };
}

/** To the end of the list, however much of it has to be read meanwhile; as far through plain lines, from their top again and again. */
async function scrollThrough(page: Page, devices: number): Promise<void> {
  await page.evaluate(
    async ({ end, step }) => {
      const frame = document.querySelector<HTMLElement>(".table-wrap");
      if (!frame) throw new Error("there is nothing to scroll");
      const table = frame.querySelector("table");
      const isAtEnd = () => frame.scrollTop + frame.clientHeight >= frame.scrollHeight - 1;
      // A table whose end was not read yet does not know how many rows it has.
      const isThrough = (gone: number) => (table ? isAtEnd() && table.getAttribute("aria-rowcount") !== "-1" : gone >= end);
      for (let gone = 0; !isThrough(gone); gone += step) {
        frame.scrollTop = !table && isAtEnd() ? 0 : frame.scrollTop + step;
        await new Promise(requestAnimationFrame);
      }
    },
    { end: devices * ROW_PX, step: ROWS_A_FRAME * ROW_PX },
  );
}

function together(all: readonly Observed[]): Observed {
  const mean = (key: "busy" | "seconds") => all.reduce((sum, one) => sum + one[key], 0) / all.length;
  return {
    frames: all.flatMap(({ frames }) => frames),
    tasks: all.flatMap(({ tasks }) => tasks),
    events: all.flatMap(({ events }) => events),
    longFrames: all.flatMap(({ longFrames }) => longFrames),
    busy: mean("busy"),
    seconds: mean("seconds"),
  };
}

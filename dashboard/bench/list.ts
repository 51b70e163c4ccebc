/** The list of devices: how soon it is there, and how smooth it stays while devices change. */
import type { Page } from "playwright-core";
import type { World } from "../browser/world";
import { changes } from "./fleet";
import { during, longest, type Observed, summed, taken } from "./observed";
import { percentile, type Row, step } from "./report";
import { look, signedInAt, signIn, visitor } from "./visitor";

/** 60 frames a second; the browser tells times in steps of 0.1 ms, so that such a frame may read 16.8. */
const FRAME_MS = 16.8;
const TASK_MS = 50;
const FIRST_ROWS_MS = 500;
const LIST = "/devices?source=simulated";
/** A notch of a wheel in each frame: 150 rows a second, faster than a hand turns it. */
const NOTCH_PX = 100;

export interface ListOptions {
  devices: number;
  aSecond: number;
  seconds: number;
  openings: number;
}

export async function measureList(its: World, options: ListOptions): Promise<{ rows: Row[]; details: object }> {
  const { devices, aSecond, seconds, openings } = options;
  step(`${devices} devices: opening the list ${openings} times`);
  const opened: Awaited<ReturnType<typeof opening>>[] = [];
  for (let time = 0; time < openings; time += 1) opened.push(await opening(its));

  step(`${devices} devices, ${aSecond} of them changing a second: looking at the list, scrolling, reading it to its end, looking and scrolling again`);
  const fleet = changes(its, devices, aSecond);
  const before = await emptyPage(its, seconds);
  const context = await visitor(its);
  const { page } = await signIn(its, context, LIST);
  await page.getByText("Live", { exact: true }).waitFor();
  const looking = await during(page, () => look(seconds));
  const scrolling = await during(page, () => scroll(page, seconds));
  const reading = await during(page, () => readAll(page, devices));
  const whole = await during(page, () => look(seconds));
  const wholeScrolling = await during(page, () => scroll(page, seconds));
  await context.close();
  const after = await emptyPage(its, seconds);
  await fleet.stop();

  // Before and after, since other programs of the machine come and go.
  const empty = { ...summed(together([before.empty, after.empty])), of: "empty page" };
  const plain = { ...summed(together([before.plain, after.plain])), of: "plain table" };
  const name = `${devices.toLocaleString("en-GB")} devices`;
  const smooth = (what: string, seen: Observed, { of, ...ceiling }: typeof empty): Row[] => {
    const sum = summed(seen);
    return [
      { name: `${name}, ${what}, frame p95`, figure: sum.frameP95, unit: "ms", ceiling: { figure: ceiling.frameP95, of }, atMost: FRAME_MS },
      { name: `${name}, ${what}, frames missed`, figure: sum.framesLatePercent, unit: "%", ceiling: { figure: ceiling.framesLatePercent, of } },
      { name: `${name}, ${what}, longest task`, figure: sum.taskLongest, unit: "ms", ceiling: { figure: ceiling.taskLongest, of }, atMost: TASK_MS },
      { name: `${name}, ${what}, main thread`, figure: sum.busyPercent, unit: "%", ceiling: { figure: ceiling.busyPercent, of } },
      { name: `${name}, ${what}, whole browser`, figure: sum.processorMsAFrame, unit: "ms a frame", ceiling: { figure: ceiling.processorMsAFrame, of } },
    ];
  };
  const at = (key: "clicked" | "answered") => percentile(opened.map((one) => one[key]), 0.5);
  const task = (key: "loading" | "signedIn") => Math.max(...opened.map((one) => one[key]));
  return {
    rows: [
      { name: `${name}, first rows after the click`, figure: at("clicked"), unit: "ms", ceiling: { figure: at("clicked") - at("answered"), of: "sign-in alone" }, atMost: FIRST_ROWS_MS },
      { name: `${name}, loading the page, longest task`, figure: task("loading"), unit: "ms", atMost: TASK_MS },
      { name: `${name}, rows and first news, longest task`, figure: task("signedIn"), unit: "ms", atMost: TASK_MS },
      ...smooth("live", looking, empty),
      ...smooth("scrolling", scrolling, plain),
      { name: `${name}, reading to the end, longest task`, figure: summed(reading).taskLongest, unit: "ms", atMost: TASK_MS },
      ...smooth("all read, live", whole, empty),
      ...smooth("all read, scrolling", wholeScrolling, plain),
    ],
    details: { opened, empty, plain, looking: summed(looking), scrolling: summed(scrolling), reading: summed(reading), whole: summed(whole), wholeScrolling: summed(wholeScrolling) },
  };
}

/** One who comes for the first time, signs in and waits for rows. */
async function opening(its: World) {
  const context = await visitor(its);
  await context.addInitScript(() => {
    // The frame after the one in which the first row is in the page: then it is drawn.
    const wait = (): void => {
      if (document.querySelector("#main tbody td")) requestAnimationFrame((at) => Object.assign(window, { firstRowsAt: at }));
      else requestAnimationFrame(wait);
    };
    requestAnimationFrame(wait);
  });
  const { page, clickedAt } = await signIn(its, context, LIST);
  await page.waitForFunction(() => "firstRowsAt" in window);
  const rowsAt = await page.evaluate(() => (window as unknown as { firstRowsAt: number }).firstRowsAt);
  const answered = rowsAt - (await signedInAt(page));
  // What comes after the first rows is part of opening: the news begin.
  await look(3);
  const { tasks } = await taken(page);
  await context.close();
  return { clicked: rowsAt - clickedAt, answered, loading: longest(tasks.filter((task) => task.at < clickedAt)), signedIn: longest(tasks.filter((task) => task.at >= clickedAt)) };
}

/** What this browser reaches on this machine meanwhile: with a page of nothing, and scrolling a table that was there before and never changes. */
async function emptyPage(its: World, seconds: number): Promise<{ empty: Observed; plain: Observed }> {
  const context = await visitor(its);
  const page = await context.newPage();
  await page.goto("about:blank");
  const empty = await during(page, () => look(seconds));
  await page.evaluate(() => {
    const frame = document.createElement("div");
    frame.className = "table-wrap";
    frame.style.cssText = "height: 70vh; overflow: auto";
    const table = document.createElement("table");
    table.style.cssText = "width: 100%; border-spacing: 0";
    for (let row = 0; row < 2_000; row += 1) {
      const line = table.insertRow();
      line.style.height = "38px";
      for (const text of ["", `bench-${row}`, "Online", `Till ${row} of the shop`, "shop-1", "kiosk", "Simulated", "3 min ago"]) line.insertCell().textContent = text;
    }
    frame.append(table);
    document.body.append(frame);
  });
  const plain = await during(page, () => scroll(page, seconds));
  await context.close();
  return { empty, plain };
}

/** Turns the wheel for a while, back at each end. */
async function scroll(page: Page, seconds: number): Promise<void> {
  await page.locator(".table-wrap").evaluate(
    async (frame, { seconds, notch }) => {
      const end = performance.now() + seconds * 1_000;
      for (let by = notch; performance.now() < end; ) {
        const before = frame.scrollTop;
        frame.scrollTop += by;
        if (frame.scrollTop === before) by = -by;
        await new Promise(requestAnimationFrame);
      }
    },
    { seconds, notch: NOTCH_PX },
  );
}

/** Drags the bar of the list to its end, until all of it is read, and then to its middle. */
export async function readAll(page: Page, devices: number): Promise<void> {
  await page.locator(".table-wrap").evaluate(async (frame, devices) => {
    // All rows and the head.
    while (Number(frame.querySelector("table")?.getAttribute("aria-rowcount")) <= devices) {
      frame.scrollTop = frame.scrollHeight;
      await new Promise(requestAnimationFrame);
    }
    frame.scrollTop = frame.scrollHeight / 2;
  }, devices);
}

function together(all: readonly Observed[]): Observed {
  const mean = (key: "busy" | "seconds") => all.reduce((sum, one) => sum + one[key], 0) / all.length;
  return {
    frames: all.flatMap(({ frames }) => frames),
    tasks: all.flatMap(({ tasks }) => tasks),
    events: all.flatMap(({ events }) => events),
    longFrames: all.flatMap(({ longFrames }) => longFrames),
    busy: mean("busy"),
    processor: all.reduce((sum, one) => sum + one.processor, 0),
    seconds: mean("seconds"),
  };
}

/** What the browser itself says of a page: frames, long tasks, answers to events, and what its main thread worked. */
import type { BrowserContext, CDPSession, Page } from "playwright-core";
import { percentile } from "./report";

interface LongFrame {
  duration: number;
  blocking: number;
  /** What ran in it longest, as the browser names it. */
  scripts: string[];
}

interface Task {
  /** When it began, by the page's clock. */
  at: number;
  duration: number;
}

interface Seen {
  frames: number[];
  /** Those over 50 ms, which is as short as the browser tells of. */
  tasks: Task[];
  events: number[];
  longFrames: LongFrame[];
}

/** What was seen of a page while something was done. */
export interface Observed extends Seen {
  /** Share of the time in which its main thread worked, from 0 to 1. */
  busy: number;
  /** Processor time of the whole browser, in seconds: also of the threads that draw, and of the process that puts pictures on the screen. */
  processor: number;
  seconds: number;
}

/** A frame is due each 16.7 ms; one that comes later than this was missed. */
const LATE_MS = 17.5;

export function summed({ frames, tasks, events, longFrames, busy, processor, seconds }: Observed) {
  return {
    frameP95: percentile(frames, 0.95),
    frameLongest: Math.max(0, ...frames),
    framesLatePercent: frames.length === 0 ? 0 : (frames.filter((frame) => frame > LATE_MS).length / frames.length) * 100,
    frames: frames.length,
    tasksOver50: tasks.length,
    taskLongest: longest(tasks),
    eventLongest: Math.max(0, ...events),
    busyPercent: busy * 100,
    processorMsAFrame: frames.length === 0 ? 0 : (processor * 1_000) / frames.length,
    seconds,
    longFrames: longFrames.toSorted((a, b) => b.duration - a.duration).slice(0, 5),
  };
}

export function longest(tasks: readonly Task[]): number {
  return Math.max(0, ...tasks.map(({ duration }) => duration));
}

/** Has each page of the context observe itself from its beginning. */
export async function observe(context: BrowserContext): Promise<void> {
  await context.addInitScript(() => {
    const seen: Seen = { frames: [], tasks: [], events: [], longFrames: [] };
    Object.assign(window, { seen });
    const on = (type: string, take: (entry: PerformanceEntry) => void, more: object = {}) => {
      if (!PerformanceObserver.supportedEntryTypes.includes(type)) return;
      new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({ type, buffered: true, ...more });
    };
    on("longtask", ({ startTime, duration }) => seen.tasks.push({ at: startTime, duration }));
    on("event", ({ duration }) => seen.events.push(duration), { durationThreshold: 16 });
    on("long-animation-frame", (entry) => {
      const { duration, blockingDuration: blocking, scripts } = entry as unknown as { duration: number; blockingDuration: number; scripts: { invoker: string; duration: number; sourceFunctionName: string }[] };
      seen.longFrames.push({ duration, blocking, scripts: scripts.map((script) => `${Math.round(script.duration)} ms ${script.invoker} ${script.sourceFunctionName}`) });
    });
    let before = 0;
    const frame = (at: number) => {
      if (before > 0) seen.frames.push(at - before);
      before = at;
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });
}

/** Observes a page while something is done with it. */
export async function during(page: Page, act: () => Promise<unknown>): Promise<Observed> {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("Performance.enable", { timeDomain: "threadTicks" });
  const browser = await page.context().browser()?.newBrowserCDPSession();
  if (!browser) throw new Error("the page has no browser of its own");
  await taken(page);
  const [worked, spent, begin] = [await workedSeconds(cdp), await spentSeconds(browser), performance.now()];
  await act();
  const seconds = (performance.now() - begin) / 1_000;
  const busy = ((await workedSeconds(cdp)) - worked) / seconds;
  const processor = (await spentSeconds(browser)) - spent;
  const seen = await taken(page);
  await Promise.all([cdp.detach(), browser.detach()]);
  return { ...seen, busy, processor, seconds };
}

export async function taken(page: Page): Promise<Seen> {
  return page.evaluate(() => {
    const { seen } = window as unknown as { seen: Seen };
    const copy = { frames: seen.frames.splice(0), tasks: seen.tasks.splice(0), events: seen.events.splice(0), longFrames: seen.longFrames.splice(0) };
    return copy;
  });
}

async function workedSeconds(cdp: CDPSession): Promise<number> {
  const { metrics } = await cdp.send("Performance.getMetrics");
  return metrics.find(({ name }) => name === "TaskDuration")?.value ?? 0;
}

/** Of all processes of the browser. */
async function spentSeconds(cdp: CDPSession): Promise<number> {
  const { processInfo } = await cdp.send("SystemInfo.getProcessInfo");
  return processInfo.reduce((sum, { cpuTime }) => sum + cpuTime, 0);
}

/** What is alive in a page once its garbage is collected. */
export async function alive(cdp: CDPSession): Promise<{ heapKib: number; nodes: number; listeners: number }> {
  await cdp.send("HeapProfiler.collectGarbage");
  const { usedSize } = await cdp.send("Runtime.getHeapUsage");
  const { nodes, jsEventListeners } = await cdp.send("Memory.getDOMCounters");
  return { heapKib: usedSize / 1_024, nodes, listeners: jsEventListeners };
}

/** What the browser itself says of a page: frames, long tasks, answers to events, and what its main thread worked. */
import type { BrowserContext, CDPSession, Page } from "playwright-core";
import { percentile } from "./report";

interface LongFrame {
  duration: number;
  blocking: number;
  /** What ran in it longest, as the browser names it. */
  scripts: string[];
}

interface Seen {
  frames: number[];
  tasks: number[];
  events: number[];
  longFrames: LongFrame[];
}

/** What was seen of a page while something was done. */
export interface Observed extends Seen {
  /** Share of the time in which its main thread worked, from 0 to 1. */
  busy: number;
  seconds: number;
}

/** A frame is due each 16.7 ms; one that comes later than this was missed. */
const LATE_MS = 17.5;

export function summed({ frames, tasks, events, longFrames, busy, seconds }: Observed) {
  return {
    frameP95: percentile(frames, 0.95),
    frameLongest: Math.max(0, ...frames),
    framesLatePercent: frames.length === 0 ? 0 : (frames.filter((frame) => frame > LATE_MS).length / frames.length) * 100,
    frames: frames.length,
    tasksOver50: tasks.length,
    taskLongest: Math.max(0, ...tasks),
    eventLongest: Math.max(0, ...events),
    busyPercent: busy * 100,
    seconds,
    longFrames: longFrames.toSorted((a, b) => b.duration - a.duration).slice(0, 5),
  };
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
    on("longtask", ({ duration }) => seen.tasks.push(duration));
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
  await taken(page);
  const [worked, begin] = [await workedSeconds(cdp), performance.now()];
  await act();
  const seconds = (performance.now() - begin) / 1_000;
  const busy = ((await workedSeconds(cdp)) - worked) / seconds;
  const seen = await taken(page);
  await cdp.detach();
  return { ...seen, busy, seconds };
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

/** What is alive in a page once its garbage is collected. */
export async function alive(cdp: CDPSession): Promise<{ heapKib: number; nodes: number; listeners: number }> {
  await cdp.send("HeapProfiler.collectGarbage");
  const { usedSize } = await cdp.send("Runtime.getHeapUsage");
  const { nodes, jsEventListeners } = await cdp.send("Memory.getDOMCounters");
  return { heapKib: usedSize / 1_024, nodes, listeners: jsEventListeners };
}

import { writeFileSync } from "node:fs";
import { world, type World } from "../browser/world";
import { changes, insert } from "./fleet";
import { during, summed } from "./observed";
import { look, signIn, visitor } from "./visitor";
import { readAll } from "./list";

async function scroll(page: any, seconds: number) {
  await page.locator(".table-wrap").evaluate(async (frame: any, { seconds, notch }: any) => {
    const end = performance.now() + seconds * 1_000;
    for (let by = notch; performance.now() < end; ) {
      const before = frame.scrollTop;
      frame.scrollTop += by;
      if (frame.scrollTop === before) by = -by;
      await new Promise(requestAnimationFrame);
    }
  }, { seconds, notch: 100 });
}
export function analyse(buf: Buffer, label: string) {
  const { traceEvents } = JSON.parse(buf.toString());
  const names = new Map<string, string>();
  const pids = new Map<number, string>();
  for (const e of traceEvents) if (e.ph === "M" && e.name === "thread_name") names.set(`${e.pid}/${e.tid}`, e.args.name);
  for (const e of traceEvents) if (e.ph === "M" && e.name === "process_name") pids.set(e.pid, e.args.name);
  const by = new Map<string, any[]>();
  for (const e of traceEvents) if (e.ph === "X") { const k = `${e.pid}/${e.tid}`; (by.get(k) ?? by.set(k, []).get(k)!).push(e); }
  let lo = Infinity, hi = 0;
  for (const e of traceEvents) if (e.ph === "X") { lo = Math.min(lo, e.ts); hi = Math.max(hi, e.ts + (e.dur ?? 0)); }
  console.log(`== ${label}: ${((hi - lo) / 1e6).toFixed(1)} s`);
  for (const [k, evs] of by) {
    evs.sort((a, b) => a.ts - b.ts || (b.dur ?? 0) - (a.dur ?? 0));
    const self = new Map<string, { self: number; total: number; n: number; max: number }>();
    const stack: any[] = [];
    let top = 0, topc = 0;
    const pop = (e: any) => { const s = self.get(e.name) ?? { self: 0, total: 0, n: 0, max: 0 }; s.self += (e.dur ?? 0) - (e.child ?? 0); s.total += e.dur ?? 0; s.n++; s.max = Math.max(s.max, e.dur ?? 0); self.set(e.name, s); };
    for (const e of evs) {
      while (stack.length && stack.at(-1).ts + (stack.at(-1).dur ?? 0) <= e.ts) pop(stack.pop());
      if (stack.length) stack.at(-1).child = (stack.at(-1).child ?? 0) + (e.dur ?? 0);
      else { top += e.dur ?? 0; topc += e.tdur ?? 0; }
      stack.push(e);
    }
    while (stack.length) pop(stack.pop());
    if (top / (hi - lo) < 0.03) continue;
    console.log(`-- ${pids.get(Number(k.split("/")[0]))} ${names.get(k)} wall ${(top / 1e3).toFixed(0)} ms (${((top / (hi - lo)) * 100).toFixed(0)} %) cpu ${(topc/1e3).toFixed(0)}`);
    for (const [n, s] of [...self].sort((a, b) => b[1].self - a[1].self).slice(0, 14)) console.log(`   ${(s.self / 1e3).toFixed(0).padStart(7)} self ${(s.total / 1e3).toFixed(0).padStart(7)} total ${String(s.n).padStart(7)} n ${(s.max/1e3).toFixed(1).padStart(7)} max  ${n}`);
  }
}
export async function main(args: string[]) {
  const what = args[0] ?? "scroll";
  const devices = 10000;
  const its = await world();
  try {
    await insert(its, 0, devices);
    const fleet = changes(its, devices, 200);
    const context = await visitor(its);
    const { page } = await signIn(its, context, "/devices?source=simulated");
    await page.getByText("Live", { exact: true }).waitFor();
    await look(4);
    if (what === "scroll") {
      await readAll(page, devices);
      console.log("read all");
      await look(2);
      const obs = summed(await during(page, () => scroll(page, 10)));
      console.log("untraced", JSON.stringify({ ...obs, longFrames: obs.longFrames.length }));
      await its.browser.startTracing(page, { categories: ["-*", "devtools.timeline", "toplevel", "cc", "viz", "blink", "v8"] });
      await scroll(page, 6);
      const buf = await its.browser.stopTracing();
      writeFileSync("/tmp/hpage/scroll.json", buf);
      analyse(buf, "scroll");
    }
    await fleet.stop();
  } finally { await its.end(); }
}

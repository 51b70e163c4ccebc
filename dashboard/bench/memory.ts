/** What a page keeps while it is open for long. */
import type { World } from "../browser/world";
import { changes } from "./fleet";
import { readAll } from "./list";
import { alive } from "./observed";
import { type Row, slope, step } from "./report";
import { look, signIn, visitor } from "./visitor";

const EVERY_SECONDS = 10;
/** Growth that would still be nothing in a page that is open for a day. */
const FLAT_KIB_A_MINUTE = 20;

export async function measureMemory(its: World, { devices, aSecond, minutes }: { devices: number; aSecond: number; minutes: number }): Promise<{ rows: Row[]; details: object }> {
  step(`${devices} devices, all of them read: the page's memory for ${minutes} minutes`);
  const context = await visitor(its);
  const { page } = await signIn(its, context, "/devices?source=simulated");
  await readAll(page, devices);
  const cdp = await context.newCDPSession(page);
  const fleet = changes(its, devices, aSecond);
  const seen = [];
  const end = performance.now() + minutes * 60_000;
  while (performance.now() < end) {
    await look(EVERY_SECONDS);
    // The observers of this benchmark must not be what grows.
    await page.evaluate(() => Object.values((window as unknown as { seen: unknown[][] }).seen).forEach((all) => all.splice(0)));
    seen.push(await alive(cdp));
  }
  await fleet.stop();
  await context.close();
  // The first fifth is that in which everything is seen for the first time.
  const settled = seen.slice(Math.floor(seen.length / 5));
  const grows = slope(settled.map(({ heapKib }) => heapKib)) * (60 / EVERY_SECONDS);
  const most = Math.max(...settled.map(({ heapKib }) => heapKib)) / 1_024;
  const first = (settled[0]?.heapKib ?? 0) / 1_024;
  return {
    rows: [
      { name: "memory of the page", figure: most, unit: "MiB", ceiling: { figure: first, of: "once settled" } },
      { name: "memory of the page, slope", figure: grows, unit: "KiB a minute", atMost: FLAT_KIB_A_MINUTE },
      { name: "elements of the page, most", figure: Math.max(...settled.map(({ nodes }) => nodes)), unit: "nodes", ceiling: { figure: settled[0]?.nodes ?? 0, of: "once settled" } },
    ],
    details: { seen },
  };
}

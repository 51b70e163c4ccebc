/** `make bench BENCH=dashboard`: the page in a real browser, on a server of its own. */
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { world } from "../browser/world";
import { measureChart } from "./chart";
import { insert } from "./fleet";
import { measureList } from "./list";
import { measureMemory } from "./memory";
import { measureOpenPages } from "./openPages";
import { finish, machine, type Row } from "./report";

const HELP = `Measures the page in Chromium, on a server of its own whose devices are rows that change.

  --devices 1000,10000   sizes of the fleet, one after the other
  --changes 200          devices that change a second
  --seconds 20           how long each thing is looked at
  --openings 5           how often the list is opened
  --memory-minutes 10    how long the memory is watched
  --pages 50             open pages whose cost to the server is measured
  --only list,chart,memory,pages    leaves the others out
  --output DIR           where dashboard.json is written

HOMEPOT_PROGRAMS is the folder of the programs. HOMEPOT_PAGE shows the page that was built in that folder
instead of the one in the server. docs/performance.md explains each figure.`;

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      devices: { type: "string", default: "1000,10000" },
      changes: { type: "string", default: "200" },
      seconds: { type: "string", default: "20" },
      openings: { type: "string", default: "5" },
      "memory-minutes": { type: "string", default: "10" },
      pages: { type: "string", default: "50" },
      only: { type: "string", default: "list,chart,memory,pages" },
      output: { type: "string", default: join(import.meta.dirname, "../../target/bench") },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(HELP);
  const sizes = values.devices.split(",").map(Number).sort((a, b) => a - b);
  const most = sizes.at(-1) ?? 0;
  const [aSecond, seconds] = [Number(values.changes), Number(values.seconds)];
  const only = new Set(values.only.split(","));
  const rows: Row[] = [];
  const details: Record<string, unknown> = {};
  const take = (name: string, measured: { rows: Row[]; details: unknown }) => {
    rows.push(...measured.rows);
    details[name] = measured.details;
  };
  const its = await world();
  try {
    const about = machine(its.browser.version());
    let devices = 0;
    for (const size of sizes) {
      await insert(its, devices, size);
      devices = size;
      if (only.has("list")) take(`list of ${size}`, await measureList(its, { devices, aSecond, seconds, openings: Number(values.openings) }));
    }
    if (only.has("chart")) take("chart", await measureChart(its));
    if (only.has("memory")) take("memory", await measureMemory(its, { devices: most, aSecond, minutes: Number(values["memory-minutes"]) }));
    if (only.has("pages")) take("pages", await measureOpenPages(its, { devices: most, aSecond, seconds, pages: Number(values.pages) }));
    finish(resolve(values.output), about, rows, details);
  } finally {
    await its.end();
  }
}

/** What open pages cost the server: the streams of people who only look, while the fleet changes. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createClient, type Interceptor } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { CommandService } from "~/gen/homepot/command/v1/command_pb";
import { RegistryService } from "~/gen/homepot/registry/v1/registry_pb";
import { until, type World } from "../browser/world";
import { changes } from "./fleet";
import { type Row, step } from "./report";
import { look } from "./visitor";

const CORE_PERCENT = 5;

interface Options {
  devices: number;
  aSecond: number;
  seconds: number;
  pages: number;
}

interface Cost {
  /** Of a core. */
  percent: number;
  /** Transactions of the database, those of the changes among them. */
  transactions: number;
  /** Changes that the pages were told in all. */
  told: number;
}

export async function measureOpenPages(its: World, { devices, aSecond, seconds, pages }: Options): Promise<{ rows: Row[]; details: object }> {
  step(`${pages} open pages: what their streams cost the server`);
  const people: Page[] = [];
  const measure = async () => {
    const quiet = await cost(its, people, seconds);
    const fleet = changes(its, devices, aSecond);
    await look(2);
    const live = await cost(its, people, seconds);
    await fleet.stop();
    return { quiet, live };
  };
  const none = await measure();
  people.push(await openPage(its, 0));
  const one = await measure();
  for (let number = 1; number < pages; number += 1) people.push(await openPage(its, number));
  const all = await measure();
  for (const page of people) page.close();
  // The changes of a second are a second's transactions of the benchmark itself: what is there without pages is not theirs.
  const more = (key: "percent" | "transactions", when: "quiet" | "live") => all[when][key] - one[when][key];
  const name = `${pages} open pages`;
  return {
    rows: [
      { name: `${name}, quiet fleet, server`, figure: all.quiet.percent, unit: "% of a core", ceiling: { figure: none.quiet.percent, of: "no page" }, atMost: none.quiet.percent + CORE_PERCENT },
      { name: `${name}, ${aSecond} changes a second, server`, figure: all.live.percent, unit: "% of a core", ceiling: { figure: one.live.percent, of: "one page" }, atMost: one.live.percent + CORE_PERCENT },
      { name: `${name}, a page more`, figure: more("percent", "live") / (pages - 1), unit: "% of a core" },
      { name: `${name}, quiet fleet, database`, figure: all.quiet.transactions, unit: "transactions/s", ceiling: { figure: one.quiet.transactions, of: "one page" } },
      { name: `${name}, ${aSecond} changes a second, database`, figure: all.live.transactions, unit: "transactions/s", ceiling: { figure: one.live.transactions, of: "one page" } },
      { name: `${name}, a page more asks the database`, figure: Math.max(0, more("transactions", "live") / (pages - 1)), unit: "times a second", atMost: 0.1 },
    ],
    details: { none, one, all },
  };
}

interface Page {
  told: () => number;
  close: () => void;
}

/** The streams that a page of somebody holds, with a session of that person. */
async function openPage(its: World, number: number): Promise<Page> {
  const { token } = await its.rest<{ token: string }>("POST", "/api/v2/operators", { name: `viewer-${number}`, role: "ROLE_VIEWER" });
  const answer = await fetch(`${its.url}/session`, { method: "POST", headers: { "content-type": "application/json", origin: its.url }, body: JSON.stringify({ token }) });
  if (!answer.ok) throw new Error(`the sign-in answered ${answer.status}: ${await answer.text()}`);
  const cookie = answer.headers.getSetCookie().map((one) => one.split(";")[0]).join("; ");
  const asPage: Interceptor = (next) => (request) => {
    request.header.set("cookie", cookie);
    request.header.set("origin", its.url);
    return next(request);
  };
  const transport = createGrpcWebTransport({ baseUrl: its.url, interceptors: [asPage] });
  const ends = new AbortController();
  let told = 0;
  let open = 0;
  const follow = async (stream: AsyncIterable<{ devices?: unknown[]; commands?: unknown[]; cursor: string }>) => {
    let isNew = true;
    for await (const { devices = [], commands = [], cursor } of stream) {
      told += devices.length + commands.length;
      // The first cursor comes once all that was there is told.
      if (isNew && cursor) open += 1;
      isNew &&= !cursor;
    }
  };
  const options = { signal: ends.signal, timeoutMs: 0 };
  const streams = [follow(createClient(RegistryService, transport).watch({}, options)), follow(createClient(CommandService, transport).watch({}, options))];
  const fault = Promise.all(streams).catch((error: unknown) => {
    if (!ends.signal.aborted) throw error;
  });
  await Promise.race([until("the streams of a page have begun", () => open === streams.length, 120), fault]);
  return { told: () => told, close: () => ends.abort() };
}

async function cost(its: World, people: readonly Page[], seconds: number): Promise<Cost> {
  const read = async () => ({ cpu: cpuSeconds(its.pid()), transactions: await transactions(its), told: people.reduce((sum, page) => sum + page.told(), 0), at: performance.now() / 1_000 });
  const before = await read();
  await look(seconds);
  const after = await read();
  const passed = after.at - before.at;
  return { percent: ((after.cpu - before.cpu) / passed) * 100, transactions: (after.transactions - before.transactions) / passed, told: after.told - before.told };
}

const TICKS = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));

/** User and system time of a process, as the kernel counts it. */
function cpuSeconds(pid: number): number {
  // The name may hold anything, so fields are counted from its closing bracket.
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** Transactions of the database so far; each query outside of one is one. */
async function transactions(its: World): Promise<number> {
  return Number(await its.sql("SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()"));
}

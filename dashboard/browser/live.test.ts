/** What is shown is how things are, or the page says that it is not. */
import { createServer, connect, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { open, settled, signedIn, until, type World, world } from "./world";

let its: World;
let till = "";

/** Seconds between signs of life; after two and a half that are missing, a device is offline. */
const BEAT = 2;

beforeAll(async () => {
  its = await world({ HOMEPOT_HEARTBEAT_INTERVAL: `${BEAT}s` });
  await its.rest("POST", "/api/v2/sites", { site_id: "harbour", name: "Harbour shop" });
  till = await its.agent("harbour");
}, 180_000);

afterAll(() => its?.end());

/** A line to the server that can be cut. */
async function line(): Promise<{ url: string; cut: () => void; heal: () => void; end: () => void }> {
  const sockets = new Set<Socket>();
  let isCut = false;
  const server = createServer((near) => {
    if (isCut) {
      near.destroy();
      return;
    }
    const far = connect(Number(new URL(its.url).port), "127.0.0.1");
    for (const [one, other] of [[near, far], [far, near]] as const) {
      sockets.add(one);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const cut = () => {
    isCut = true;
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    heal: () => {
      isCut = false;
    },
    end: () => {
      cut();
      server.close();
    },
  };
}

test("a broken connection is said at once, and what happened meanwhile comes by the cursor, without reading the page again", async () => {
  const { url, cut, heal, end } = await line();
  const context = await its.person();
  const page = await signedIn({ ...its, url }, context, `/devices/${till}`);
  await settled(page);
  await page.getByText("Live", { exact: true }).waitFor();
  await page.evaluate(() => Object.assign(window, { isSamePage: true }));
  const name = await page.getByRole("heading", { level: 1 }).innerText();
  cut();
  await page.getByText("Not live").waitFor({ timeout: 5_000 });
  await until("the age of what is shown stands beside it", async () => /\d+ s old/.test(await page.locator(".connection").innerText()));
  // What was read stays in sight.
  await expect.poll(() => page.getByRole("heading", { level: 1 }).innerText()).toBe(name);
  await its.rest("PATCH", `/api/v2/devices/${till}`, { maintenance: true, name: "Till by the door" });
  const watches: string[] = [];
  page.on("request", (request) => {
    const at = new URL(request.url()).pathname;
    if (at.endsWith("/Watch")) watches.push(`${at} ${request.postDataBuffer()?.length ?? 0}`);
  });
  heal();
  await page.getByText("Live", { exact: true }).waitFor({ timeout: 30_000 });
  await page.getByRole("heading", { level: 1, name: "Till by the door" }).waitFor();
  await page.getByRole("button", { name: "End maintenance" }).waitFor();
  expect(await page.evaluate(() => "isSamePage" in window)).toBe(true);
  // A gRPC-Web message has five bytes before it, and one without a cursor at most two behind: that it wants runs too.
  const goesOn = (service: string) => watches.some((watch) => watch.split("/")[1] === service && Number(watch.split(" ")[1]) > 7);
  for (const service of ["homepot.registry.v1.RegistryService", "homepot.command.v1.CommandService", "homepot.rollout.v1.RolloutService"]) {
    await until(`${service} is watched from the cursor on`, () => goesOn(service));
  }
  await its.rest("PATCH", `/api/v2/devices/${till}`, { maintenance: false, name });
  await context.close();
  end();
}, 90_000);

test("an answer that is an error is no success: nothing is said to be queued, what was typed stays, and trying again queues one", async () => {
  const context = await its.person();
  const page = await signedIn(its, context, `/devices/${till}`);
  await settled(page);
  const at = "**/homepot.command.v1.CommandService/Queue";
  await page.route(at, (route) => route.fulfill({ status: 503, body: "out of order" }));
  await page.getByRole("button", { name: "New command" }).click();
  const dialog = page.getByRole("dialog", { name: "New command" });
  await dialog.getByLabel("RUN_DIAGNOSTICS").check();
  await dialog.getByLabel("Starts within").fill("7 min");
  const queue = dialog.getByRole("button", { name: "Queue RUN_DIAGNOSTICS for 1 device" });
  await queue.click();
  await dialog.getByRole("alert").waitFor();
  expect(await page.getByText("is queued for").count()).toBe(0);
  expect(await dialog.getByLabel("Starts within").inputValue()).toBe("7 min");
  const count = async () => (await its.rest<{ commands: unknown[] }>("GET", `/api/v2/devices/${till}/commands`)).commands.length;
  expect(await count()).toBe(0);
  await page.unroute(at);
  await queue.click();
  await page.getByRole("heading", { level: 1, name: "RUN_DIAGNOSTICS" }).waitFor();
  await page.getByText("Succeeded").first().waitFor();
  await expect.poll(() => count()).toBe(1);
  await context.close();
}, 60_000);

test("the state that is shown is that of the ledger, not what was asked for: a reboot that the device rejects is rejected", async () => {
  const context = await its.person();
  const page = await signedIn(its, context, `/devices/${till}`);
  await settled(page);
  await page.getByRole("button", { name: "New command" }).click();
  const dialog = page.getByRole("dialog", { name: "New command" });
  await its.rest("POST", `/api/v2/devices/${till}/commands`, { command_type: "REBOOT" });
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await open(page, `/devices/${till}/commands`);
  const row = page.getByRole("region", { name: "Commands of this device, newest first" }).locator("tbody tr").first();
  await row.getByText("Rejected").waitFor();
  const ledger = await its.rest<{ commands: { state: string; reason: string }[] }>("GET", `/api/v2/devices/${till}/commands`);
  expect(ledger.commands[0]?.state).toBe("COMMAND_STATE_REJECTED");
  await expect.poll(() => row.innerText()).toContain(ledger.commands[0]?.reason);
  await context.close();
}, 60_000);

test("a change that the server refuses leaves what is shown as it was, and says why", async () => {
  const context = await its.person();
  const page = await signedIn(its, context, `/devices/${till}`);
  await settled(page);
  await page.route("**/homepot.registry.v1.RegistryService/UpdateDevice", (route) => route.fulfill({ status: 500, body: "" }));
  await page.getByRole("button", { name: "Mark as under maintenance" }).click();
  await page.locator(".toasts").getByRole("alert").waitFor();
  await expect.poll(() => page.getByRole("button", { name: "Mark as under maintenance" }).count()).toBe(1);
  await expect.poll(() => page.getByText("It is marked as under maintenance").count()).toBe(0);
  await context.close();
});

test("runs come by the news: a run that starts, is paused and goes on shows so, and nothing is asked from time to time", async () => {
  interface Started {
    run: { run_id: string };
  }
  const order = (key: string) => ({ target: { site_id: "harbour" }, command_type: "PING", max_in_flight: 1, idempotency_key: key, description: `Run ${key}` });
  const first = await its.rest<Started>("POST", "/api/v2/runs", order("before"));
  const context = await its.person();
  const page = await signedIn(its, context, "/runs");
  await settled(page);
  await page.getByText("Live", { exact: true }).waitFor();
  const list = page.getByRole("region", { name: "Runs" });
  await list.getByText("Run before").waitFor();
  await its.rest("POST", "/api/v2/runs", order("after"));
  await list.getByText("Run after").waitFor();
  const row = list.getByRole("row").filter({ hasText: "Run after" });
  await row.getByText("Completed").waitFor();
  await open(page, `/runs/${first.run.run_id}`);
  await page.getByText("Every device has an outcome.").waitFor();
  // A device that fetches nothing, so that only the operators' calls change the run.
  await its.rest("POST", "/api/v2/sites", { site_id: "pier", name: "Pier shop" });
  await its.reporter("pier-1", "pier");
  const third = await its.rest<Started>("POST", "/api/v2/runs", { ...order("paused"), target: { site_id: "pier" } });
  await open(page, `/runs/${third.run.run_id}`);
  await page.getByRole("button", { name: "Pause" }).waitFor();
  const asked: string[] = [];
  page.on("request", (request) => /CommandService\/(GetRun|ListRuns)$/.test(request.url()) && asked.push(request.url()));
  await its.rest("POST", `/api/v2/runs/${third.run.run_id}/pause`, { reason: "lunch" });
  await page.getByText("(paused by admin: lunch)").waitFor();
  await its.rest("POST", `/api/v2/runs/${third.run.run_id}/resume`, {});
  await page.getByRole("button", { name: "Pause" }).waitFor();
  await its.rest("POST", `/api/v2/runs/${third.run.run_id}/cancel`, {});
  await page.getByText(/It was cancelled/).waitFor();
  expect(asked).toEqual([]);
  await context.close();
}, 90_000);

test("the last value of a device that went away does not look current: it says as of when, within the bound for presence", async () => {
  const context = await its.person();
  const page = await signedIn(its, context, `/devices/${till}`);
  await settled(page);
  const now = page.getByRole("region", { name: "Newest measurements" });
  await now.locator(".reading").first().waitFor();
  const list = await context.newPage();
  await list.goto(`${its.url}/#/devices?source=real`);
  await list.getByRole("row", { name: till }).getByText("Online", { exact: true }).waitFor();
  await expect.poll(() => now.getByText("as of").count()).toBe(0);
  await its.killAgent(till);
  const killed = Date.now();
  await now.getByText("These are the last figures, as of").waitFor({ timeout: 30_000 });
  // Two and a half signs of life are missing; besides, this machine may be slow.
  expect((Date.now() - killed) / 1_000).toBeLessThan(2.5 * BEAT + 5);
  await page.locator("main header").getByText("Offline", { exact: true }).waitFor();
  const readings = await now.locator(".reading").allInnerTexts();
  expect(readings.filter((text) => !text.includes("as of"))).toEqual([]);
  await expect.poll(() => now.locator(".readings:not([data-past])").count()).toBe(0);
  await list.getByRole("row", { name: till }).getByText("Offline").waitFor();
  await context.close();
}, 120_000);

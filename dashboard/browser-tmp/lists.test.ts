/** What a list shows, what a number says and what a button reaches are the same devices. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { open, settled, signedIn, until, type World, world } from "./world";

let its: World;

beforeAll(async () => {
  its = await world();
  for (const site of ["harbour", "quay"]) await its.rest("POST", "/api/v2/sites", { site_id: site, name: site });
  const reporters = await Promise.all(
    ["harbour-1", "harbour-2", "harbour-3", "harbour-4", "harbour-5", "quay-1", "quay-2", "quay-3"].map((id) => its.reporter(id, id.replace(/-\d$/, ""))),
  );
  for (const report of reporters.slice(0, 3)) await report("/analytics/device-metrics", { cpu_percent: 20 });
  await its.rest("PATCH", "/api/v2/devices/quay-3", { maintenance: true, device_type: "kiosk" });
  await its.fleet(7, ["--sites", "2"]);
}, 180_000);

afterAll(() => its?.end());

async function person(address: string): Promise<Page> {
  const page = await signedIn(its, await its.person(), address);
  await settled(page);
  return page;
}

/** What the list says it has; where it has rows, they are counted too. */
async function listed(page: Page): Promise<string> {
  await page.getByRole("status").filter({ hasText: /device/ }).first().waitFor();
  await page.locator(".device-list[data-previous]").waitFor({ state: "detached" });
  const told = await page.locator("main").getByRole("status").filter({ hasText: /device/ }).first().innerText();
  const total = [...told.matchAll(/\d+/g)].reduce((sum, [number]) => sum + Number(number), 0);
  const table = page.getByRole("region", { name: "Devices", exact: true }).getByRole("table");
  await until(`there are as many rows as the list says: ${told}`, async () => {
    const rows = total === 0 ? 0 : Number(await table.getAttribute("aria-rowcount")) - 1;
    return rows === total;
  });
  return told;
}

async function ids(page: Page): Promise<string[]> {
  return page.locator(".device-list tbody tr td:nth-child(2)").allInnerTexts();
}

/** Links of the page that hold a number, with that number; to lists of devices alone. */
async function numbers(page: Page, within: string): Promise<{ href: string; told: number; source: string }[]> {
  return page.locator(`${within} a[href^="#/devices?"], ${within} a[href="#/devices"]`).evaluateAll((links) =>
    links.flatMap((link) => {
      const text = (link.querySelector("strong, .count") ?? link).textContent ?? "";
      const found = /^\s*([\d,]+)/.exec(text);
      const href = link.getAttribute("href")?.slice(1) ?? "";
      return found ? [{ href, told: Number(found[1]?.replace(/,/g, "")), source: /source=(\w+)/.exec(href)?.[1] ?? "" }] : [];
    }),
  );
}

test("select all: the button names exactly how many it reaches, and a filter that says nothing is called the whole fleet", async () => {
  const page = await person("/devices?source=real");
  const bar = page.getByRole("group", { name: "Devices to command" });
  await listed(page);
  const whole = bar.getByRole("link", { name: "Run a command on the whole fleet: all 8 real devices" });
  await expect.poll(() => whole.getAttribute("href")).toContain("fleet=true");
  await open(page, "/devices?source=real&site=harbour");
  await bar.getByRole("link", { name: "Run a command on all 5 real devices that match" }).click();
  await settled(page);
  await page.getByLabel("PING").check();
  const preview = page.getByRole("region", { name: "Devices that are reached" });
  await preview.waitFor();
  await until("the five of the harbour are listed", async () => (await preview.locator("tbody tr td:first-child").allInnerTexts()).join() === "harbour-1,harbour-2,harbour-3,harbour-4,harbour-5");
  await page.getByRole("button", { name: "Start PING for 5 devices" }).waitFor();
  await page.context().close();
});

test("select all: what a run can't be aimed at is selected device by device, never left out of the aim", async () => {
  const page = await person("/devices?source=real&search=quay");
  await listed(page);
  await page.getByRole("button", { name: /Run a command on all 3 real devices that match/ }).click();
  await page.getByRole("dialog").getByText("not at a search").waitFor();
  await page.getByRole("button", { name: "Select the 3 devices" }).click();
  const link = page.getByRole("link", { name: "Run a command on the 3 selected devices" });
  expect([...new URLSearchParams((await link.getAttribute("href"))?.split("?")[1]).getAll("device")].sort()).toEqual(["quay-1", "quay-2", "quay-3"]);
  await page.context().close();
});

test("an empty target is nobody, not everybody", async () => {
  const page = await person("/runs/new?source=real");
  await page.getByLabel("PING").check();
  await page.getByText("Choose the target above").waitFor();
  await page.getByLabel("A site, or labels").check();
  await page.getByText("Choose the target above").waitFor();
  expect(await page.getByRole("button", { name: "Start", exact: true }).isDisabled()).toBe(true);
  await page.getByLabel("Named devices").check();
  expect(await page.getByRole("button", { name: "Start", exact: true }).isDisabled()).toBe(true);
  expect((await its.rest<{ runs: unknown[] }>("GET", "/api/v2/runs")).runs).toEqual([]);
  await page.context().close();
});

test("selected rows that a filter hides are not commanded: they leave the selection, and the page says so", async () => {
  const page = await person("/devices?source=real");
  await listed(page);
  for (const id of ["harbour-1", "quay-1", "quay-2"]) await page.getByLabel(`Select ${id}`).check();
  await page.getByRole("link", { name: "Run a command on the 3 selected devices" }).waitFor();
  await page.getByRole("group", { name: "Site" }).getByRole("link", { name: /quay/ }).click();
  await page.getByText("1 device was taken out of the selection").waitFor();
  const link = page.getByRole("link", { name: "Run a command on the 2 selected devices" });
  await expect.poll(() => link.getAttribute("href")).not.toContain("harbour-1");
  await page.getByRole("button", { name: "Remove the filter Site: quay" }).click();
  await listed(page);
  await expect.poll(() => page.getByLabel("Select harbour-1").isChecked()).toBe(false);
  await page.context().close();
});

test("a selected row that stops matching while one looks is not commanded either", async () => {
  const page = await person("/devices?source=real&status=MAINTENANCE");
  await listed(page);
  await page.getByLabel("Select quay-3").check();
  await page.getByText("1 selected").waitFor();
  await its.rest("PATCH", "/api/v2/devices/quay-3", { maintenance: false });
  await page.getByText("1 device was taken out of the selection").waitFor();
  await expect.poll(() => page.getByText("1 selected").count()).toBe(0);
  await its.rest("PATCH", "/api/v2/devices/quay-3", { maintenance: true });
  await page.context().close();
});

test("back: filter, search and order are as they were left", async () => {
  const page = await person("/devices?source=real");
  await listed(page);
  await page.getByRole("group", { name: "Site" }).getByRole("link", { name: /harbour/ }).click();
  await page.getByRole("button", { name: "Remove the filter Site: harbour" }).waitFor();
  await page.getByRole("button", { name: "Device", exact: true }).click();
  await page.getByLabel("Search", { exact: true }).fill("harbour-");
  await until("the search stands in the address", () => page.url().includes("search=harbour-"));
  await listed(page);
  const [address, rows] = [page.url(), await ids(page)];
  expect(rows).toEqual(["harbour-5", "harbour-4", "harbour-3", "harbour-2", "harbour-1"]);
  await page.getByRole("link", { name: "harbour-4" }).click();
  await page.getByRole("navigation", { name: "Views of this device" }).waitFor();
  await page.goBack();
  await listed(page);
  expect([page.url(), await ids(page), await page.getByLabel("Search", { exact: true }).inputValue()]).toEqual([address, rows, "harbour-"]);
  await page.goBack();
  await page.getByRole("button", { name: "Remove the filter Site: harbour" }).waitFor({ state: "detached" });
  await until("all real devices are listed", async () => (await listed(page)) === "8 real devices");
  await page.context().close();
});

test("a shared link shows others the same, whatever they have chosen to see", async () => {
  const page = await person("/devices");
  await page.getByLabel("Devices shown").selectOption("simulated");
  await until("the list has simulated devices", async () => (await listed(page)) === "7 simulated devices");
  const shared = page.url().split("#")[1] ?? "";
  const rows = await ids(page);
  const other = await person(shared);
  expect([await listed(other), await ids(other)]).toEqual(["7 simulated devices", rows]);
  await open(page, "/devices?site=harbour");
  await other.getByLabel("Devices shown").selectOption("real");
  await until("the address says which devices were chosen", () => other.url().includes("source=real"));
  await other.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Devices" }).click();
  await until("the menu leads to a list without the filters of before", () => other.url().endsWith("#/devices?source=real"));
  const plain = other.url().split("#")[1] ?? "";
  await page.goto(`${its.url}/#${plain}`);
  await page.reload();
  await until("all real devices are listed", async () => (await listed(page)) === "8 real devices");
  await page.context().close();
  await other.context().close();
}, 60_000);

test("two counts: each number of a run leads to a list of exactly that many of its devices", async () => {
  await its.rest("POST", "/api/v2/devices/harbour-5/deactivate", {});
  const { run } = await its.rest<{ run: { run_id: string } }>("POST", "/api/v2/runs", { target: { site_id: "harbour" }, command_type: "PING", max_in_flight: 3 });
  const page = await person(`/runs/${run.run_id}`);
  const numbers = page.locator(".shares li");
  await until("three are in flight", async () => (await numbers.allInnerTexts()).some((text) => /^3\s+in flight/.test(text)));
  const told = Object.fromEntries((await numbers.allInnerTexts()).map((text) => [text.replace(/^[\d,]+\s*/, ""), Number.parseInt(text, 10)]));
  expect(told).toEqual({ succeeded: 0, failed: 0, "in flight": 3, waiting: 1, cancelled: 0, skipped: 1, "devices in all": 5 });
  const devices = page.getByRole("region", { name: "Devices of the run" }).getByRole("table");
  for (const [word, count] of Object.entries(told)) {
    if (count === 0) continue;
    await page.locator(".shares").getByRole("link", { name: word, exact: true }).click();
    await until(`${word}: the list has ${count}`, async () => Number(await devices.getAttribute("aria-rowcount")) - 1 === count);
  }
  await its.rest("POST", `/api/v2/runs/${run.run_id}/cancel`, {});
  await its.rest("POST", "/api/v2/devices/harbour-5/activate", {});
  await page.context().close();
});

for (const [name, address, within] of [
  ["the overview", "/", "main"],
  ["the choices of the list", "/devices", ".facets"],
  ["the choices of a narrowed list", "/devices?site=harbour", ".facets"],
  ["the list of sites", "/sites", "main"],
  ["the page of a site", "/sites/harbour", ".fleet-tiles"],
] as const) {
  test(`two counts: each number of ${name} leads to a list of exactly that many`, async () => {
    const page = await person(`${address}${address.includes("?") ? "&" : "?"}source=real`);
    for (const source of ["real", "simulated"]) {
      if (source === "simulated" && address.includes("harbour")) continue;
      const at = `${address}${address.includes("?") ? "&" : "?"}source=${source}`;
      await open(page, at);
      await until("there are numbers", async () => (await numbers(page, within)).length > 0);
      // While the list is counted, the choices of the one before stay, and are marked so.
      await page.locator("[data-previous]").first().waitFor({ state: "detached" });
      const told = await numbers(page, within);
      const faults: string[] = [];
      for (const number of told) {
        await open(page, number.href);
        const list = await listed(page);
        if (!list.startsWith(`${number.told} ${source} device`)) faults.push(`${number.told} at ${at} leads to ${number.href}: ${list}`);
      }
      expect(faults).toEqual([]);
      expect(told.some((number) => number.told > 0)).toBe(true);
    }
    await page.context().close();
  }, 120_000);
}

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { afterAll, beforeAll, expect, test } from "vitest";
import { publisher } from "./publisher";
import { open, signedIn, type World, world } from "./world";

let its: World;
let addresses: string[] = [];
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

beforeAll(async () => {
  its = await world();
  await its.rest("POST", "/api/v2/sites", { site_id: "harbour", name: "Harbour shop" });
  await its.fleet(12);
  const device = await its.agent("harbour");
  await its.rest("POST", `/api/v2/devices/${device}/commands`, { command_type: "PING" });
  const { id: releaseId } = await (await publisher(its)).publish("prices", "prices", "coffee = 3\n");
  const order = { release_id: releaseId, target: { site_id: "harbour" } };
  const { rollout } = await its.rest<{ rollout: { rollout_id: string } }>("POST", "/api/v2/rollouts", order);
  const context = await its.person();
  const page = await signedIn(its, context);
  const menu = await page.getByRole("navigation", { name: "Pages" }).getByRole("link").all();
  const own = await Promise.all(menu.map((link) => link.getAttribute("href")));
  addresses = [...own.map((address) => address?.slice(1) ?? ""), `/devices/${device}`, "/sites/harbour", "/runs/new", `/releases/${releaseId}`, `/rollouts/new?release=${releaseId}&site=harbour`, `/rollouts/${rollout.rollout_id}`, "/me"];
  for (const tab of ["charts", "presence", "commands", "update", "errors", "settings", "keys"]) addresses.push(`/devices/${device}/${tab}`);
  await context.close();
}, 180_000);

afterAll(() => its?.end());

for (const colorScheme of ["light", "dark"] as const) {
  test(`every page opens without a fault of the browser or of accessibility, ${colorScheme}`, async () => {
    const context = await its.person({ colorScheme, bypassCSP: true });
    const page = await signedIn(its, context);
    const faults: string[] = [];
    page.on("console", (message) => message.type() === "error" && faults.push(`${page.url()}: ${message.text()}`));
    page.on("pageerror", (error) => faults.push(`${page.url()}: ${error.message}`));
    await page.evaluate(axe);
    for (const address of addresses) {
      await open(page, address);
      const found = await page.evaluate(async () => {
        const { axe } = window as unknown as { axe: { run: (where: Document, options: object) => Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> } };
        const { violations } = await axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] });
        return violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(" | ")}`);
      });
      faults.push(...found.map((one) => `${address}: ${one}`));
    }
    expect(faults).toEqual([]);
    await context.close();
  }, 240_000);
}

test("on a phone no page is wider than the screen", async () => {
  const context = await its.person({ viewport: { width: 360, height: 740 } });
  const page = await signedIn(its, context);
  const wide: string[] = [];
  for (const address of addresses) {
    await open(page, address);
    const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    if (over > 0) wide.push(`${address} is ${over} px too wide`);
  }
  expect(wide).toEqual([]);
  await context.close();
}, 120_000);

test("the policy of the page allows nothing inline and nothing from elsewhere", async () => {
  const answer = await fetch(its.url);
  const policy = answer.headers.get("content-security-policy");
  expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(answer.headers.get("cache-control")).toBe("no-cache");
  const asset = /assets\/index-[^"]+\.js/.exec(await answer.text())?.[0];
  const script = await fetch(`${its.url}/${asset}`);
  expect(script.headers.get("cache-control")).toContain("immutable");
  expect((await fetch(`${its.url}/assets/missing.js`)).status).toBe(404);
});

/** Somebody who looks at the page, with the browser's own observers in it. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { BrowserContext, Page } from "playwright-core";
import type { World } from "../browser/world";
import { observe } from "./observed";

export interface Bench {
  its: World;
  /** The folder of a built page that is shown instead of the server's own. */
  built: string | undefined;
}

/** Comes with an empty cache and without a session. */
export async function visitor({ its, built }: Bench): Promise<BrowserContext> {
  const context = await its.person({ viewport: { width: 1280, height: 900 } });
  if (built) await show(context, its.url, built);
  await observe(context);
  return context;
}

/** The server's answers with the files of another build in them, so that its headers and its policy are those of the server. */
async function show(context: BrowserContext, url: string, built: string): Promise<void> {
  await context.route(`${url}/`, async (route) => route.fulfill({ response: await route.fetch(), path: join(built, "index.html") }));
  await context.route(`${url}/assets/**`, async (route) => {
    const path = join(built, new URL(route.request().url()).pathname);
    await (existsSync(path) ? route.fulfill({ path }) : route.abort());
  });
}

/** Opens an address and signs in; answers the page with the time of the click on "Sign in", by the page's clock. */
export async function signIn({ its }: Bench, context: BrowserContext, address: string): Promise<{ page: Page; clickedAt: number }> {
  const page = await context.newPage();
  await page.goto(`${its.url}/#${address}`);
  await page.getByLabel("Operator token").fill(its.token);
  await page.evaluate(() => {
    addEventListener("click", ({ timeStamp }) => Object.assign(window, { clickedAt: timeStamp }), { capture: true, once: true });
  });
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.locator("#main h1").first().waitFor();
  return { page, clickedAt: await page.evaluate(() => (window as unknown as { clickedAt: number }).clickedAt) };
}

/** When an answer of the server was there, by the page's clock; the first to a call whose address ends so. */
export async function answeredAt(page: Page, path: string): Promise<number> {
  return page.evaluate((end) => {
    const calls = performance.getEntriesByType("resource") as PerformanceResourceTiming[];
    return calls.find(({ name }) => name.endsWith(end))?.responseEnd ?? Number.NaN;
  }, path);
}

/** Waits a while, as one who only looks. */
export async function look(seconds: number): Promise<void> {
  await new Promise((done) => setTimeout(done, seconds * 1_000));
}

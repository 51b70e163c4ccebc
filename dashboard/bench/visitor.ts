/** Somebody who looks at the page, with the browser's own observers in it. */
import type { BrowserContext, Page } from "playwright-core";
import type { World } from "../browser/world";
import { observe } from "./observed";

/** Comes with an empty cache and without a session. */
export async function visitor(its: World): Promise<BrowserContext> {
  const context = await its.person({ viewport: { width: 1280, height: 900 } });
  await observe(context);
  return context;
}

/** Opens an address and signs in; answers the page with the time of the click on "Sign in", by the page's clock. */
export async function signIn(its: World, context: BrowserContext, address: string): Promise<{ page: Page; clickedAt: number }> {
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

/** When the server had opened the session, by the page's clock: then the page asks who it is, for the second time. */
export async function signedInAt(page: Page): Promise<number> {
  return page.evaluate(() => {
    const asked = performance.getEntriesByType("resource").filter(({ name }) => name.endsWith("/WhoAmI"));
    return asked[1]?.startTime ?? Number.NaN;
  });
}

/** Waits a while, as one who only looks. */
export async function look(seconds: number): Promise<void> {
  await new Promise((done) => setTimeout(done, seconds * 1_000));
}

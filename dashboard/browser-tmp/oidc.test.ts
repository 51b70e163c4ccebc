import type { BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { company, type Company, signInThere } from "./provider";
import { type World, until, world } from "./world";

let its: World;
let acme: Company;

const GROUPS = { ann: ["homepot-admins"], bob: ["harbour-staff"], eve: ["homepot-admins"], joe: ["homepot-admins"], ned: ["canteen"] };

beforeAll(async () => {
  acme = await company(GROUPS, "homepot-admins=fleet-admin, harbour-staff=operator@harbour");
  its = await world(acme.settings);
  for (const site of ["harbour", "quay"]) await its.rest("POST", "/api/v2/sites", { site_id: site, name: `Shop ${site}` });
}, 120_000);

afterAll(async () => {
  await its?.end();
  await acme?.end();
});

const button = (page: Page) => page.getByRole("button", { name: "Sign in with Acme" });

/** A page of somebody who signed in at the provider, at this address. What the browser complains of ours is kept. */
async function signedInAs(who: string, context: BrowserContext, address = "/"): Promise<{ page: Page; complaints: string[] }> {
  const page = await context.newPage();
  const complaints: string[] = [];
  // That nobody is signed in at first is an error to the browser.
  const isOurs = (at: string, told: string) => at.startsWith(its.url) && !told.includes("401");
  page.on("console", (message) => message.type() === "error" && isOurs(message.location().url, message.text()) && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  await page.goto(`${its.url}/#${address}`);
  await button(page).click();
  await signInThere(page, who);
  await page.getByRole("navigation", { name: "Pages" }).waitFor();
  return { page, complaints };
}

/** Presses the button that opens a window of its own, and signs in there. */
async function inWindow(page: Page, who: string | undefined): Promise<void> {
  const opened = page.waitForEvent("popup");
  await button(page).click();
  const popup = await opened;
  const closed = popup.waitForEvent("close");
  try {
    if (who) await signInThere(popup, who);
  } catch (error) {
    // It may close before the press of its last button has settled.
    if (!popup.isClosed()) throw error;
  }
  await closed;
}

async function endSessions(operator: string): Promise<void> {
  const { sessions } = await its.rest<{ sessions: { session_id: string }[] }>("GET", `/api/v2/sessions?operator=${operator}`);
  for (const { session_id } of sessions) await its.rest("POST", `/api/v2/sessions/${session_id}/revoke`, {});
}

test("an admin signs in, gets back to the view that was wanted, and signs out", async () => {
  const context = await its.person();
  const { page, complaints } = await signedInAs("ann", context, "/sites?search=qu");
  // The page adds the source that is chosen, now or in a moment.
  expect(page.url()).toMatch(/:\d+\/#\/sites\?search=qu(&source=real)?$/);
  await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Operators" }).waitFor();
  const cookies = (await context.cookies(its.url)).filter((cookie) => cookie.name.startsWith("homepot"));
  expect(cookies.map((cookie) => [cookie.name, cookie.httpOnly, cookie.sameSite])).toEqual([["homepot-session", true, "Lax"]]);
  const stored = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }) + document.cookie + location.href);
  expect(stored).not.toMatch(/hp[a-z]_|state=|code=/);
  expect(complaints).toEqual([]);
  await page.goto(`${its.url}/#/me`);
  await page.getByText(acme.issuer).waitFor();
  await page.getByRole("main").getByRole("button", { name: "Sign out" }).click();
  await button(page).waitFor();
  await page.reload();
  await button(page).waitFor();
  await context.close();
}, 60_000);

test("an operator of one site sees that site, and somebody without a role is told so", async () => {
  const context = await its.person();
  const { page } = await signedInAs("bob", context, "/sites");
  await page.getByRole("main").getByRole("link", { name: "harbour", exact: true }).waitFor();
  expect(await page.getByText("Shop quay").count()).toBe(0);
  expect(await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Operators" }).count()).toBe(0);
  await context.close();

  const other = await its.person();
  const nobody = await other.newPage();
  await nobody.goto(its.url);
  await button(nobody).click();
  await signInThere(nobody, "ned");
  await nobody.getByRole("alert").getByText("none of your groups has a role here").waitFor();
  expect(nobody.url()).toBe(`${its.url}/#/`);
  await other.close();
}, 60_000);

test("who changes its mind at the provider is told in words, and no address puts words into the page's mouth", async () => {
  const context = await its.person();
  const page = await context.newPage();
  await page.goto(its.url);
  await button(page).click();
  await page.getByRole("link", { name: /cancel/i }).click();
  await page.getByRole("alert").getByText("The identity provider did not sign you in.").waitFor();
  await page.goto("about:blank");
  await page.goto(`${its.url}/#/signed-in?failed=Call+555`);
  await page.getByRole("alert").getByText("The sign-in failed. Try again.").waitFor();
  expect(await page.getByText("555").count()).toBe(0);
  await context.close();
}, 60_000);

test("a session that ends is begun again in a window of its own, and what was typed stays", async () => {
  const context = await its.person();
  const { page } = await signedInAs("eve", context, "/sites");
  await page.getByRole("button", { name: "Make a site" }).click();
  await page.getByRole("dialog").getByRole("textbox").first().fill("half-typed");
  await endSessions("eve");
  await page.getByRole("dialog", { name: "Your session has ended" }).waitFor();
  // The provider knows the person still, so the window closes by itself.
  await inWindow(page, undefined);
  await page.getByRole("dialog", { name: "Your session has ended" }).waitFor({ state: "detached" });
  expect(await page.getByRole("dialog").getByRole("textbox").first().inputValue()).toBe("half-typed");
  await context.close();
}, 60_000);

/** The window that the button opens, once it shows the provider's form. */
async function windowOf(page: Page): Promise<Page> {
  const opened = page.waitForEvent("popup");
  await button(page).click();
  const popup = await opened;
  await popup.locator("input[name=login]").waitFor();
  return popup;
}

/** Signs in there; the window then closes itself, or says that it is over where the browser does not let it. */
async function finishIn(popup: Page, who: string): Promise<"closed" | "told"> {
  const closed = popup.waitForEvent("close", { timeout: 20_000 }).then(() => "closed" as const);
  const told = popup.getByText(/You can close this window/).waitFor({ timeout: 20_000 }).then(() => "told" as const);
  // It may close before the press of its last button has settled.
  await signInThere(popup, who).catch((error: unknown) => {
    if (!popup.isClosed()) throw error;
  });
  return Promise.any([closed, told]);
}

/** A page of this person with a half-typed form, whose session has ended, in a browser that the provider does not know any more. */
async function endedWhileTyping(who: string, context: BrowserContext): Promise<Page> {
  const { page } = await signedInAs(who, context, "/sites");
  await page.getByRole("button", { name: "Make a site" }).click();
  await page.getByRole("dialog").getByRole("textbox").first().fill("half-typed");
  await context.clearCookies({ domain: "localhost" });
  await endSessions(who);
  await page.getByRole("dialog", { name: "Your session has ended" }).waitFor();
  return page;
}

test("a provider that cuts its window off from the page that opened it: the sign-in comes to that page all the same, and so does a failure", async () => {
  acme.headers["cross-origin-opener-policy"] = "same-origin";
  const context = await its.person();
  try {
    const page = await endedWhileTyping("ann", context);
    const refused = await windowOf(page);
    expect(await refused.evaluate(() => window.opener === null)).toBe(true);
    await finishIn(refused, "ned");
    await page.getByRole("alert").getByText("none of your groups has a role here").waitFor();
    await context.clearCookies({ domain: "localhost" });
    await finishIn(await windowOf(page), "ann");
    await page.getByRole("dialog", { name: "Your session has ended" }).waitFor({ state: "detached" });
    await until("what was typed is still there", async () => (await page.getByRole("dialog").getByRole("textbox").first().inputValue()) === "half-typed");
  } finally {
    delete acme.headers["cross-origin-opener-policy"];
    await context.close();
  }
}, 90_000);

test("a window whose page is gone says that the sign-in is over, and the session is there for the next page", async () => {
  const context = await its.person();
  const page = await endedWhileTyping("eve", context);
  const popup = await windowOf(page);
  await page.close();
  await finishIn(popup, "eve");
  const next = await context.newPage();
  await next.goto(`${its.url}/#/sites`);
  await next.getByRole("navigation", { name: "Pages" }).waitFor();
  await context.close();
}, 60_000);

test("the address of a window that is over, opened without one, neither signs in nor leads anywhere else", async () => {
  const context = await its.person();
  const page = await context.newPage();
  await page.goto(`${its.url}/#/signed-in?window=1`);
  await page.getByText("The sign-in is over. You can close this window.").waitFor();
  await page.getByRole("link", { name: "Go on here" }).click();
  await button(page).waitFor();
  await context.close();
});

test("what makes tokens asks for a fresh sign-in, at which the provider asks again who it is", async () => {
  const context = await its.person();
  const { page } = await signedInAs("ann", context, "/operators");
  await its.sql("UPDATE operator_sessions SET authenticated_at = now() - interval '20 minutes' WHERE operator = 'ann'");
  await page.getByRole("button", { name: "New operator" }).first().click();
  const form = page.getByRole("dialog", { name: "New operator" });
  await form.getByLabel("Name").fill("night-shift");
  await form.getByRole("button", { name: "Make the operator" }).click();
  await form.getByRole("button", { name: "Sign in again" }).click();
  await page.getByRole("dialog", { name: "Sign in again" }).waitFor();
  await inWindow(page, "ann");
  await page.getByRole("dialog", { name: "night-shift is made" }).waitFor();
  await context.close();
}, 60_000);

test("who is revoked is out, and is told why it does not get in again", async () => {
  const context = await its.person();
  const { page } = await signedInAs("joe", context);
  await its.rest("POST", "/api/v2/operators/joe/revoke", {});
  await page.getByRole("dialog", { name: "Your session has ended" }).waitFor();
  await inWindow(page, undefined);
  await page.getByRole("alert").getByText("You were revoked as an operator here").waitFor();
  const admin = await its.person();
  const listed = (await signedInAs("ann", admin, "/operators")).page;
  await listed.getByRole("row", { name: /joe/ }).getByText("Revoked").waitFor();
  await listed.getByTitle(`${acme.issuer}, eve`).getByText("by the identity provider").waitFor();
  expect(await listed.getByRole("button", { name: "Rotate the token of eve" }).count()).toBe(0);
  await context.close();
  await admin.close();
}, 60_000);

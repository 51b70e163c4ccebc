import { afterAll, beforeAll, expect, test } from "vitest";
import { signedIn, until, type World, world } from "./world";

let its: World;

beforeAll(async () => {
  its = await world();
  await its.rest("POST", "/api/v2/sites", { site_id: "harbour", name: "Harbour shop" });
}, 120_000);

afterAll(() => its?.end());

test("a wrong token is refused in words, and a right one signs in", async () => {
  const context = await its.person();
  const page = await context.newPage();
  await page.goto(its.url);
  await page.getByLabel("Operator token").fill("hpo_wrong");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").waitFor();
  await page.getByLabel("Operator token").fill(its.token);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("navigation", { name: "Pages" }).waitFor();
  const cookies = await context.cookies();
  expect(cookies.map((cookie) => [cookie.httpOnly, cookie.sameSite])).toEqual([[true, "Lax"]]);
  const stored = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }) + document.cookie + location.href);
  expect(stored).not.toMatch(/hp[a-z]_/);
  await page.reload();
  await page.getByRole("navigation", { name: "Pages" }).waitFor();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByLabel("Operator token").waitFor();
  await page.reload();
  await page.getByLabel("Operator token").waitFor();
  await context.close();
});

test("a one-time link signs in once, and leaves no code in the address", async () => {
  const { code } = await its.rest<{ code: string }>("POST", "/api/v2/sign-in-codes", {});
  const context = await its.person();
  const page = await context.newPage();
  await page.goto(`${its.url}/#/sign-in?code=${code}`);
  await page.getByRole("navigation", { name: "Pages" }).waitFor();
  expect(page.url()).not.toContain("code");
  const other = await (await its.person()).newPage();
  await other.goto(`${its.url}/#/sign-in?code=${code}`);
  await other.getByRole("alert").waitFor();
  expect(other.url()).not.toContain("code");
  await context.close();
});

test("a session that is revoked shows the sign-in over the page within two seconds, and what was typed stays", async () => {
  const context = await its.person();
  const page = await signedIn(its, context, "/sites");
  await page.getByRole("button", { name: "Make a site" }).click();
  await page.getByRole("dialog").getByRole("textbox").first().fill("half-typed");
  const { sessions } = await its.rest<{ sessions: { session_id: string }[] }>("GET", "/api/v2/sessions");
  for (const { session_id } of sessions) await its.rest("POST", `/api/v2/sessions/${session_id}/revoke`, {});
  const revoked = Date.now();
  await page.getByRole("dialog", { name: "Your session has ended" }).waitFor();
  expect(Date.now() - revoked).toBeLessThan(4_000);
  await page.getByLabel("Operator token").fill(its.token);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("dialog", { name: "Your session has ended" }).waitFor({ state: "detached" });
  expect(await page.getByRole("dialog").getByRole("textbox").first().inputValue()).toBe("half-typed");
  await context.close();
}, 30_000);

test("a viewer sees no button that the server would refuse", async () => {
  const made = await its.rest<{ token: string }>("POST", "/api/v2/operators", { name: "looker", role: "ROLE_VIEWER" });
  const context = await its.person();
  const page = await signedIn(its, context, "/", made.token);
  for (const name of ["Enrolment", "Operators"]) expect(await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name }).count()).toBe(0);
  await page.evaluate(() => (location.hash = "#/operators"));
  await page.getByText("Your role has no access to this page").waitFor();
  await page.evaluate(() => (location.hash = "#/sites"));
  await page.getByRole("region", { name: "Sites" }).getByRole("link", { name: "harbour" }).waitFor();
  expect(await page.getByRole("main").getByRole("button", { name: "Make a site" }).count()).toBe(0);
  await context.close();
});

test("a server that dies is told at once, and news go on when it is back", async () => {
  const context = await its.person();
  const page = await signedIn(its, context);
  await page.getByText("Live", { exact: true }).waitFor();
  await its.kill();
  await page.getByText(/Not live/).waitFor();
  await its.start();
  await page.getByText("Live", { exact: true }).waitFor({ timeout: 40_000 });
  await page.evaluate(() => (location.hash = "#/sites"));
  await its.rest("POST", "/api/v2/sites", { site_id: "quay", name: "Quay shop" });
  await page.reload();
  await until("the new site is shown", async () => (await page.getByText("Quay shop").count()) > 0);
  await context.close();
}, 120_000);

test("two tabs share the streams of news: one for each service that has some", async () => {
  const context = await its.person();
  const streams: string[] = [];
  context.on("request", (request) => {
    const service = /(\w+)Service\/Watch$/.exec(request.url());
    if (service) streams.push(service[1]!);
  });
  const first = await signedIn(its, context);
  await first.getByText("Live", { exact: true }).waitFor();
  const before = streams.toSorted();
  const second = await context.newPage();
  await second.goto(its.url);
  await second.getByText("Live", { exact: true }).waitFor();
  expect(before).toEqual(["Command", "Registry", "Rollout"]);
  expect(streams.toSorted()).toEqual(before);
  await context.close();
});

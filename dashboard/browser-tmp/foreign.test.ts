/** Pages of other origins, open in the browser of somebody who is signed in here: they see nothing of ours and change nothing. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { settled, signedIn, until, type World, world } from "./world";

/** Another port is another origin of the same site, to which the browser sends the cookie; another name is another site. */
const HOSTS = ["127.0.0.1", "localhost"];

let its: World;
let other: Server;
let port: number;
/** What the other server answers, by path. */
const pages = new Map<string, string>();
let otherToken: string;

beforeAll(async () => {
  its = await world();
  other = createServer((request, answer) => {
    answer.setHeader("content-type", "text/html");
    answer.end(`<!doctype html><title>another</title>${pages.get(request.url ?? "") ?? ""}`);
  });
  await new Promise<void>((done) => other.listen(0, "127.0.0.1", done));
  port = (other.address() as AddressInfo).port;
  otherToken = (await its.rest<{ token: string }>("POST", "/api/v2/operators", { name: "mallory", role: "ROLE_VIEWER" })).token;
}, 120_000);

afterAll(async () => {
  await its?.end();
  other?.close();
});

/** What the server takes the person of this browser for, and what there is to change. */
async function standing(page: Page): Promise<{ name: string; sites: string }> {
  return page.evaluate(async () => {
    const [me, sites] = await Promise.all(["/api/v2/whoami", "/api/v2/sites"].map(async (path) => fetch(path).then((answer) => answer.json() as Promise<Record<string, unknown>>)));
    return { name: (me?.operator as { name: string } | undefined)?.name ?? "nobody", sites: JSON.stringify(sites) };
  });
}

async function cookie(context: BrowserContext): Promise<unknown> {
  return (await context.cookies(its.url)).map(({ name, value }) => [name, value]);
}

for (const host of HOSTS) {
  test(`a page of ${host} on another port can't show ours in a frame`, async () => {
    const context = await its.person();
    await signedIn(its, context);
    pages.set("/inside", "<p>shown in a frame</p>");
    pages.set("/frames", `<iframe name="own" src="/inside"></iframe><iframe name="page" src="${its.url}/"></iframe><iframe name="docs" src="${its.url}/docs/"></iframe>`);
    const page = await context.newPage();
    const refused: string[] = [];
    page.on("console", (message) => /frame-ancestors/.test(message.text()) && refused.push(message.text()));
    await page.goto(`http://${host}:${port}/frames`);
    // Frames work as such, so it is not for another reason that ours are empty.
    await page.frameLocator("[name=own]").getByText("shown in a frame").waitFor();
    await until("the browser refuses both", () => refused.length >= 2);
    const others = page.frames().filter((frame) => frame !== page.mainFrame() && !frame.url().endsWith("/inside"));
    for (const frame of others) {
      expect(frame.url()).not.toContain(its.url);
      expect(await frame.content()).not.toMatch(/HOMEPOT/i);
    }
    expect(refused).toHaveLength(2);
    await context.close();
  }, 30_000);

  test(`a form and a script of ${host} on another port change nothing, and sign nobody in as somebody else`, async () => {
    const context = await its.person();
    const ours = await signedIn(its, context);
    const before = [await standing(ours), await cookie(context)];
    expect(before[0]).toMatchObject({ name: "admin" });
    const bodies = {
      "/session": { token: otherToken },
      "/api/v2/sites": { site_id: "planted", name: "Planted" },
      "/api/v2/operators/mallory/revoke": {},
    };
    for (const [path, body] of Object.entries(bodies)) {
      // A form can send JSON as a text, where its only field's name holds all but the end of it.
      const [head, tail] = [JSON.stringify({ ...body, filler: "" }).replace(/"\}$/, ""), '"}'];
      for (const text of [[head, tail], [JSON.stringify(body), ""]]) {
        pages.set("/form", `<form method="post" enctype="text/plain" action="${its.url}${path}"></form>`);
        const page = await context.newPage();
        await page.goto(`http://${host}:${port}/form`);
        const answer = page.waitForResponse((response) => response.url() === `${its.url}${path}`);
        await page.evaluate(([name = "", value = ""]) => {
          const form = document.forms[0];
          const field = document.createElement("input");
          Object.assign(field, { name, value });
          form?.append(field);
          form?.submit();
        }, text);
        expect([path, [401, 403].includes((await answer).status())]).toEqual([path, true]);
        await page.close();
      }
      const page = await context.newPage();
      await page.goto(`http://${host}:${port}/`);
      const answer = page.waitForResponse((response) => response.url() === `${its.url}${path}`);
      await page.evaluate(
        async ([to = "", text = ""]) => {
          await fetch(to, { method: "POST", mode: "no-cors", credentials: "include", body: text }).catch(() => undefined);
        },
        [`${its.url}${path}`, JSON.stringify(body)],
      );
      expect([path, [401, 403].includes((await answer).status())]).toEqual([path, true]);
      await page.close();
    }
    expect([await standing(ours), await cookie(context)]).toEqual(before);
    // What was refused from there is taken from here: the requests as such were good ones.
    const own = await ours.evaluate(async (body) => (await fetch("/api/v2/sites", { method: "POST", headers: { "content-type": "application/json" }, body })).status, JSON.stringify({ site_id: `own-${host.replaceAll(".", "-")}`, name: "Own" }));
    expect(own).toBeLessThan(300);
    await settled(ours);
    await context.close();
  }, 60_000);
}

/** Nobody sees a button that the server would refuse, and everybody sees those that it would not. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { open, signedIn, type World, world } from "./world";

let its: World;
let device = "";
let commandId = "";
let runId = "";

beforeAll(async () => {
  its = await world();
  for (const site of ["harbour", "quay"]) await its.rest("POST", "/api/v2/sites", { site_id: site, name: `Shop at the ${site}` });
  device = "harbour-1";
  for (const id of [device, "quay-1"]) await its.reporter(id, id.replace(/-\d$/, ""));
  await its.reporter("play-1", "harbour", { source: "simulated" });
  commandId = (await its.rest<{ command: { command_id: string } }>("POST", `/api/v2/devices/${device}/commands`, { command_type: "PING" })).command.command_id;
  runId = (await its.rest<{ run: { run_id: string } }>("POST", "/api/v2/runs", { target: { site_id: "harbour" }, command_type: "PING" })).run.run_id;
  await its.rest("POST", "/api/v2/enrollment-tokens", { site_id: "harbour", max_uses: 1 });
}, 180_000);

afterAll(() => its?.end());

/** What changes something, by the least role that the server lets do it. */
const ACTS = {
  viewer: [/^Sign out$/, /^End /],
  operator: [/^New run$/, /^New rollout$/, /^Set a value$/, /^New command$/, /under maintenance$/, /^Edit/, /^Cancel the (command|run)$/, /^Pause$/, /^Shut it out$/, /^Run a command on /, /^Start/],
  admin: [/^Add a device$/, /^Set the policy$/, /^Make a (new key|token)$/, /^Revoke/, /^Remove the device$/, /^New operator$/, /^Rotate/, /^Remove devices$/],
  "fleet admin": [/^Make a site$/, /^Remove…$/],
} as const;

/** What only looks, or shows what is looked at. */
const LOOKS =
  /^(Save (all|the whole|the changes) .* as a CSV file|Save this view|Show|Table|Earlier|Later|Zoom (in|out)|Copy (line|commands .*|lines .*)|See the releases|Compare with other devices|Sessions of .*|Leave|(Critical|Errors|Warnings|Info) \d+|Device|Devices|Name|Status|Site|Type|Last heard|Location|Online|Presence)$/;

const ROLES = {
  viewer: { role: "ROLE_VIEWER", ranks: ["viewer"] },
  operator: { role: "ROLE_OPERATOR", ranks: ["viewer", "operator"] },
  "admin of a site": { role: "ROLE_ADMIN", site_ids: ["harbour"], ranks: ["viewer", "operator", "admin"] },
  "fleet admin": { role: "ROLE_ADMIN", ranks: ["viewer", "operator", "admin", "fleet admin"] },
} as const;

for (const [name, { ranks, ...given }] of Object.entries(ROLES)) {
  test(`the buttons of every page are those of the role, and no page asks for what it may not: ${name}`, async () => {
    const made = await its.rest<{ token: string }>("POST", "/api/v2/operators", { name: name.replaceAll(" ", "-"), ...given });
    const context = await its.person();
    // Another session of theirs, which they may end.
    await signedIn(its, await its.person(), "/", made.token);
    const page = await signedIn(its, context, "/", made.token);
    const refused: string[] = [];
    // PERMISSION_DENIED, and the reads of the page must not come to it.
    page.on("response", (answer) => answer.headers()["grpc-status"] === "7" && refused.push(`${page.url()} asked ${new URL(answer.url()).pathname}`));
    const menu = await page.getByRole("navigation", { name: "Pages" }).getByRole("link").all();
    const own = await Promise.all(menu.map((link) => link.getAttribute("href")));
    const tabs = ["", "/charts", "/presence", "/commands", "/update", "/errors", "/settings", ...(ranks.length > 1 ? ["/keys"] : [])];
    const addresses = [
      ...own.map((address) => (address?.slice(1) ?? "").split("?")[0] ?? ""),
      ...tabs.map((tab) => `/devices/${device}${tab}`),
      "/sites/harbour",
      `/commands/${commandId}`,
      `/runs/${runId}`,
      "/me",
      ...(ranks.length > 1 ? ["/runs/new", "/rollouts/new"] : []),
    ];
    const unknown: string[] = [];
    const seen = new Set<RegExp>();
    for (const address of addresses) {
      await open(page, `${address}?source=${address === "/simulation" ? "simulated" : "real"}`);
      const buttons = await page.locator("main button:visible, main a.button:visible").evaluateAll((all) =>
        all.map((one) => (one.getAttribute("aria-label") ?? one.textContent ?? "").replace(/\s+/g, " ").replace(/ [↑↓]$/, "").trim()),
      );
      for (const button of buttons) {
        const act = ranks.flatMap((rank) => [...ACTS[rank]]).find((one) => one.test(button));
        if (act) seen.add(act);
        else if (!LOOKS.test(button)) unknown.push(`${address}: ${button}`);
      }
    }
    expect(ranks.flatMap((rank) => ACTS[rank].filter((act) => !seen.has(act)))).toEqual([]);
    expect([...new Set(unknown)]).toEqual([]);
    expect([...new Set(refused)]).toEqual([]);
    for (const other of ["/operators", "/enrolment", "/runs/new", "/rollouts/new"].filter((at) => !addresses.includes(at))) {
      await open(page, other);
      await page.getByText("Your role has no access to this page").waitFor();
    }
    await context.close();
  }, 120_000);
}

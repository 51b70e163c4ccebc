/** A server of its own for the tests of a file, with what they need around it, and a real browser. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";

const PROGRAMS = process.env.HOMEPOT_PROGRAMS ?? join(import.meta.dirname ?? __dirname, "../../target/debug");
/** The folder of a built page that is shown instead of the one in the server, so that a change needs no new server. */
const PAGE = process.env.HOMEPOT_PAGE;
const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);

export interface World {
  url: string;
  grpc: string;
  /** The first admin's. */
  token: string;
  browser: Browser;
  /** A browser as one person has it: cookies and storage of its own. */
  person: (options?: Parameters<Browser["newContext"]>[0]) => Promise<BrowserContext>;
  /** One call over REST, by the admin unless another token is given. */
  rest: <T>(method: string, path: string, body?: unknown, token?: string) => Promise<T>;
  kill: () => Promise<void>;
  start: () => Promise<void>;
  fleet: (devices: number, more?: string[]) => Promise<void>;
  /** `config` is what its configuration file says. */
  agent: (site: string, config?: string) => Promise<string>;
  /** One of the commands that need no page, as the first admin where they call the server. */
  homepot: (...args: string[]) => Promise<string>;
  /** A directory that is removed at the end. */
  home: string;
  /** Ends a device's agent without a word to the server. */
  killAgent: (device: string) => Promise<void>;
  /** A device that speaks REST now and then; answers what reports as it. */
  reporter: (device: string, site: string, more?: object) => Promise<(path: string, body: object) => Promise<void>>;
  /** Changes what no call can, such as how long ago somebody signed in; answers what psql prints. */
  sql: (statement: string) => Promise<string>;
  /** Arguments with which psql reaches the database. */
  psql: readonly string[];
  /** The process of the server. */
  pid: () => number;
  end: () => Promise<void>;
}

async function freePort(): Promise<number> {
  return new Promise((found, failed) => {
    const server = createServer().once("error", failed);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => (typeof address === "object" && address ? found(address.port) : failed(new Error("no port"))));
    });
  });
}

/** Waits for `holds` to be true; what it waits for is named where it never comes. */
export async function until(what: string, holds: () => Promise<boolean> | boolean, seconds = 30): Promise<void> {
  const end = Date.now() + seconds * 1_000;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`waited ${seconds} s for this in vain: ${what}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

/** `settings` are the server's, such as `{ HOMEPOT_HEARTBEAT_INTERVAL: "2s" }`, or follow from the address of its page. */
export async function world(settings: NodeJS.ProcessEnv | ((url: string) => NodeJS.ProcessEnv) = {}): Promise<World> {
  if (!CHROMIUM) throw new Error("there is no Chromium on this machine; scripts/bootstrap test installs it");
  const home = await mkdtemp(join(tmpdir(), "homepot-browser-"));
  // Where root runs the tests, Postgres runs as another user and has to come through.
  await chmod(home, 0o711);
  const [grpc, rest, ops] = await Promise.all([freePort(), freePort(), freePort()]);
  const url = `http://127.0.0.1:${rest}`;
  const psql = ["--host", join(home, "data/postgres/run"), "--username", "homepot", "--dbname", "homepot", "--no-psqlrc", "--set=ON_ERROR_STOP=1", "--tuples-only", "--no-align", "--quiet"];
  const env = typeof settings === "function" ? settings(url) : settings;
  const running = new Set<ChildProcess>();
  const agents = new Map<string, ChildProcess>();
  let server: ChildProcess | undefined;

  const run = (program: string, args: string[], env: NodeJS.ProcessEnv = {}): ChildProcess => {
    const child = spawn(join(PROGRAMS, program), args, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
    child.stdout?.on("data", () => undefined);
    let said = "";
    child.stderr?.on("data", (bytes: Buffer) => (said = (said + bytes.toString()).slice(-4_000)));
    running.add(child);
    child.once("exit", (code) => {
      running.delete(child);
      if (code) console.error(`${program} ended with ${code}: ${said}`);
    });
    return child;
  };

  const start = async () => {
    server = run("homepot", ["serve", "--data-dir", join(home, "data"), "--grpc-addr", `127.0.0.1:${grpc}`, "--rest-addr", `127.0.0.1:${rest}`, "--ops-addr", `127.0.0.1:${ops}`], env);
    await until("the server is ready", async () => fetch(`http://127.0.0.1:${ops}/readyz`).then((answer) => answer.ok, () => false), 60);
  };
  const stop = async (child: ChildProcess, signal: NodeJS.Signals) => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((done) => child.once("exit", done));
    child.kill(signal);
    await gone;
  };

  await start();
  const token = (await readFile(join(home, "data", "admin-token"), "utf8")).trim();
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: process.getuid?.() === 0 ? ["--no-sandbox"] : [] });

  const call: World["rest"] = async <T,>(method: string, path: string, body?: unknown, by = token) => {
    const answer = await fetch(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${by}`, "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${text}`);
    return JSON.parse(text) as T;
  };

  return {
    url,
    grpc: `http://127.0.0.1:${grpc}`,
    token,
    browser,
    rest: call,
    start,
    person: async (options) => {
      const context = await browser.newContext(options);
      if (PAGE) await showPage(context, url, PAGE);
      return context;
    },
    kill: async () => {
      if (server) await stop(server, "SIGKILL");
    },
    fleet: async (devices, more = []) => {
      run("homepot-sim", ["fleet", "--devices", String(devices), "--server", `http://127.0.0.1:${grpc}`, ...more], { HOMEPOT_TOKEN: token, HOMEPOT_SIM_STATE_DIR: join(home, "fleet") });
      await until(`${devices} simulated devices are online`, async () => {
        const summary = await call<{ by_status?: { status: string; devices: string }[] }>("GET", "/api/v2/fleet/summary?source=DEVICE_SOURCE_SIMULATED");
        return summary.by_status?.some((one) => one.status === "DEVICE_STATUS_ONLINE" && Number(one.devices) >= devices) ?? false;
      }, 180);
    },
    agent: async (site, config) => {
      const made = await call<{ secret: string }>("POST", "/api/v2/enrollment-tokens", { site_id: site, max_uses: 1 });
      const id = `till-${Math.random().toString(36).slice(2, 8)}`;
      const args = ["run", "--server", `http://127.0.0.1:${grpc}`, "--site", site, "--device-id", id, "--state-dir", join(home, id)];
      if (config !== undefined) {
        const file = join(home, `${id}.toml`);
        await writeFile(file, config);
        args.push("--config", file);
      }
      const agent = run("homepot-agent", args, { HOMEPOT_ENROLLMENT_TOKEN: made.secret });
      agents.set(id, agent);
      await until(`${id} is online`, async () => {
        const found = await call<{ device?: { presence?: { status?: string } } }>("GET", `/api/v2/devices/${id}`).catch(() => undefined);
        return found?.device?.presence?.status === "DEVICE_STATUS_ONLINE";
      });
      return id;
    },
    homepot: async (...args) => {
      const said = await promisify(execFile)(join(PROGRAMS, "homepot"), args, { env: { ...process.env, HOMEPOT_TOKEN: token, HOMEPOT_GRPC_URL: `http://127.0.0.1:${grpc}` } });
      return said.stdout;
    },
    home,
    killAgent: async (device) => {
      const agent = agents.get(device);
      if (!agent) throw new Error(`${device} has no agent here`);
      await stop(agent, "SIGKILL");
    },
    reporter: async (device, site, more = {}) => {
      const simulated = "source" in more && more.source === "simulated";
      const made = await call<{ secret: string }>("POST", "/api/v2/enrollment-tokens", { site_id: site, max_uses: 1, source: simulated ? "DEVICE_SOURCE_SIMULATED" : "DEVICE_SOURCE_REAL" });
      const send = async (path: string, body: object, headers: Record<string, string>) => {
        const answer = await fetch(`${url}/api/v1${path}`, { method: "POST", headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) });
        if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`);
        return (await answer.json()) as { api_key: string };
      };
      const { api_key } = await send(`/devices/sites/${site}/devices`, { device_id: device, name: device, ...more }, { "x-enrollment-token": made.secret });
      return async (path, body) => {
        await send(path, body, { "x-device-id": device, "x-api-key": api_key });
      };
    },
    sql: async (statement) => (await promisify(execFile)("psql", [...psql, "--command", statement])).stdout,
    psql,
    pid: () => {
      if (server?.pid === undefined) throw new Error("the server does not run");
      return server.pid;
    },
    end: async () => {
      await browser.close();
      await Promise.all([...running].map((child) => stop(child, "SIGTERM")));
      await rm(home, { recursive: true, force: true });
    },
  };
}

/** Puts the files of another build into the server's answers; headers, the policy of the page among them, stay those of the server. */
async function showPage(context: BrowserContext, url: string, folder: string): Promise<void> {
  await context.route(`${url}/`, async (route) => {
    // A server that is gone answers nothing, as without this.
    const response = await route.fetch().catch(() => undefined);
    await (response ? route.fulfill({ response, path: join(folder, "index.html") }) : route.abort());
  });
  await context.route(`${url}/assets/**`, async (route) => {
    const path = join(folder, new URL(route.request().url()).pathname);
    if (existsSync(path)) await route.fulfill({ path });
    // The answer to a redirect can't be replaced, so that the server's own page is there then. Loaded again it is this one.
    else if (/\/index-[^/]+\.js$/.test(path)) await route.fulfill({ contentType: "text/javascript", body: "location.reload()" });
    else await route.continue();
  });
}

/** A page that is signed in as the holder of `token`, as a person does it. What the browser complains of fails the test. */
export async function signedIn(world: World, context: BrowserContext, address = "/", token = world.token): Promise<Page> {
  const page = await context.newPage();
  await page.goto(`${world.url}/#${address}`);
  await page.getByLabel("Operator token").fill(token);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.locator("#main h1").first().waitFor();
  return page;
}

/** Goes to an address and waits until what it shows was read. */
export async function open(page: Page, address: string): Promise<void> {
  await page.evaluate(async (to) => {
    if (location.hash === to) return;
    const heard = new Promise((done) => addEventListener("hashchange", done, { once: true }));
    location.hash = to;
    await heard;
    await new Promise(requestAnimationFrame);
  }, `#${address}`);
  await settled(page);
}

/**
 * Waits until the page of the address is there with all that it reads. A part of it may show nothing until its read is answered, and
 * reads begin after a frame; so nothing may be under way for some frames in which one could have begun.
 */
export async function settled(page: Page, seconds = 30): Promise<void> {
  await page.locator("main h1").first().waitFor();
  await page.evaluate(async (seconds) => {
    const end = performance.now() + seconds * 1_000;
    for (let frames = 0; frames < 3; ) {
      const waits = document.querySelector("main h1") ? document.querySelector("main[aria-busy=true], main [aria-busy=true], main .skeleton") : document.body;
      frames = waits ? 0 : frames + 1;
      if (performance.now() > end) throw new Error(`${location.hash} is not all there after ${seconds} s: ${waits?.outerHTML.slice(0, 200)}`);
      await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    }
  }, seconds);
}

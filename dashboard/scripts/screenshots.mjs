// Takes the pictures of the documents, of a demo of its own: `make screenshots`.
//
//   node scripts/screenshots.mjs                 those that the documents show, into docs/pictures
//   node scripts/screenshots.mjs DIR [WORD …]    all views whose name holds each WORD, light and dark, desktop and phone
//
// The demo is that of HOMEPOT_PROGRAMS, target/debug unless set. With HOMEPOT_URL and HOMEPOT_TOKEN, a server is shown that runs already.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { chromium } from "playwright-core";
import { packed } from "./png.mjs";
import { furnish, VIEWS } from "./views.mjs";

const LOOKS = {
  light: { viewport: { width: 1280, height: 800 }, colorScheme: "light" },
  dark: { viewport: { width: 1280, height: 800 }, colorScheme: "dark" },
  "phone-light": { viewport: { width: 360, height: 740 }, colorScheme: "light" },
  "phone-dark": { viewport: { width: 360, height: 740 }, colorScheme: "dark" },
};
const CHROMIUM = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) => path && existsSync(path));

async function freeAddress() {
  return new Promise((found, failed) => {
    const server = createServer().once("error", failed);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => found(`127.0.0.1:${port}`));
    });
  });
}

/** A demo with data of its own, once it says that all of it works. */
async function demo() {
  const program = join(process.env.HOMEPOT_PROGRAMS ?? resolve("../target/debug"), "homepot");
  if (!existsSync(program)) throw new Error(`there is no ${program}; cargo build makes it`);
  const home = await mkdtemp(join(tmpdir(), "homepot-pictures-"));
  // Where root takes the pictures, Postgres runs as another user and has to come through.
  await chmod(home, 0o711);
  const [HOMEPOT_GRPC_ADDR, HOMEPOT_REST_ADDR, HOMEPOT_OPS_ADDR] = await Promise.all([freeAddress(), freeAddress(), freeAddress()]);
  const data = join(home, "data");
  // It ends by itself where this script comes to an end that it can't tell of.
  const child = spawn(program, ["demo", "--data-dir", data, "--seconds", "900"], {
    env: { ...process.env, HOMEPOT_GRPC_ADDR, HOMEPOT_REST_ADDR, HOMEPOT_OPS_ADDR },
    stdio: ["ignore", "pipe", "pipe"],
    // Of a group of its own: Ctrl-C reaches this script, which then ends the demo.
    detached: true,
  });
  const gone = new Promise((done) => child.once("close", done).once("error", done));
  const end = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
    await gone;
    await rm(home, { recursive: true, force: true });
  };
  let said = "";
  const isUp = new Promise((done) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (bytes) => {
        said += bytes.toString();
        if (said.includes("Staying up")) done(true);
      });
    }
    void gone.then(() => done(false));
  });
  if (!(await isUp)) {
    await end();
    throw new Error(`the demo did not come up\n${said}`);
  }
  const token = (await readFile(join(data, "admin-token"), "utf8")).trim();
  return { url: `http://${HOMEPOT_REST_ADDR}`, token, end };
}

/** Calls over REST, as the holder of the token. */
function restOf({ url, token }) {
  return async (method, path, body) => {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const answer = await fetch(`${url}${path}`, { method, headers, body: body && JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${await answer.text()}`);
    return answer.json();
  };
}

/** A browser's page in one look; signed in by the token, as a person does it. */
async function person(browser, server, look, isSignedOut) {
  const context = await browser.newContext(LOOKS[look]);
  await context.addInitScript(() => localStorage.setItem("shown", "both"));
  const page = await context.newPage();
  page.on("console", (message) => message.type() === "error" && console.error(`${page.url()}: ${message.text()}`));
  page.on("pageerror", (error) => console.error(`${page.url()}: ${error.message}`));
  await page.goto(server.url);
  if (isSignedOut) return page;
  await page.getByLabel("Operator token").fill(server.token);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.locator("#main h1").first().waitFor();
  // Nothing is under the mouse.
  await page.mouse.move(0, 0);
  return page;
}

/** Waits until nothing is being read any more; what is read only after something else was read shows up a little later. */
async function settled(page) {
  const end = Date.now() + 20_000;
  for (let still = 0; still < 8 && Date.now() < end; ) {
    const isStill = await page.evaluate(() => !document.querySelector(".skeleton, #main [aria-busy=true]"));
    still = isStill ? still + 1 : 0;
    await new Promise((done) => setTimeout(done, 50));
  }
}

async function take(page, at, file, isWhole) {
  await page.evaluate((to) => (location.hash = `#${to}`), at);
  await page.locator("h1").first().waitFor();
  await settled(page);
  const picture = packed(await page.screenshot({ fullPage: isWhole, animations: "disabled" }));
  await writeFile(file, picture);
  console.log(`${file}  ${Math.round(picture.length / 1024)} KB`);
}

async function main() {
  const [folder, ...words] = process.argv.slice(2);
  if (!CHROMIUM) throw new Error("there is no Chromium on this machine; scripts/bootstrap test installs it");
  const to = resolve(folder ?? process.env.HOMEPOT_PICTURES ?? "../docs/pictures");
  await mkdir(to, { recursive: true });
  const running = process.env.HOMEPOT_URL && { url: process.env.HOMEPOT_URL, token: process.env.HOMEPOT_TOKEN, end: () => undefined };
  const server = running || (await demo());
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: process.getuid?.() === 0 ? ["--no-sandbox"] : [] }).catch(async (error) => {
    await server.end();
    throw error;
  });
  const end = async () => {
    await browser.close();
    await server.end();
  };
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => void end().then(() => process.exit(130)));
  try {
    const rest = restOf(server);
    await furnish(rest);
    const views = VIEWS.filter(({ name, shown }) => (folder ? words.every((word) => name.includes(word)) : shown));
    for (const look of Object.keys(LOOKS)) {
      let page;
      for (const view of views.filter(({ shown }) => folder || shown.includes(look))) {
        const at = typeof view.at === "string" ? view.at : await view.at(rest);
        const own = view.isSignedOut ? await person(browser, server, look, true) : (page ??= await person(browser, server, look));
        await take(own, at, join(to, `${view.name}-${look}.png`), Boolean(folder));
      }
      await page?.context().close();
    }
  } finally {
    await end();
  }
}

await main();

// Takes a picture of one page: node scripts/look.mjs '/devices?status=OFFLINE' devices.png [--dark] [--phone] [--url http://…]
// For looking at a page while it is built; `make screenshots` makes those of the documents.
import { chromium } from "playwright-core";

const [address = "/", file = "look.png", ...options] = process.argv.slice(2);
const url = options.includes("--url") ? options[options.indexOf("--url") + 1] : "http://127.0.0.1:5173";
const viewport = options.includes("--phone") ? { width: 360, height: 740 } : { width: 1280, height: 800 };
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
const page = await browser.newPage({ viewport, colorScheme: options.includes("--dark") ? "dark" : "light" });
page.on("console", (message) => message.type() === "error" && console.error("console:", message.text()));
page.on("pageerror", (error) => console.error("page:", error.message));
if (options.includes("--both")) await page.addInitScript(() => localStorage.setItem("shown", "both"));
await page.goto(`${url}/#${address}`);
await page.waitForFunction(() => !document.querySelector(".skeleton"), undefined, { timeout: 8_000 }).catch(() => console.error("still loading"));
await page.waitForTimeout(Number(process.env.WAIT_MS ?? 400));
await page.screenshot({ path: file, fullPage: true });
await browser.close();

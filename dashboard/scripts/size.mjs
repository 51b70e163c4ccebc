// Fails when the page has become heavy: what the first view loads, and what each further page adds, in KB gzip.
import { readdir, readFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";

const FIRST_KB = 150;
const PAGE_KB = 60;

const root = new URL("../dist/", import.meta.url);
const index = await readFile(new URL("index.html", root), "utf8");
const first = new Set([...index.matchAll(/\/(assets\/[^"]+)/g)].map(([, file]) => file));
const sizeOf = async (file) => gzipSync(await readFile(new URL(file, root)), { level: 9 }).length / 1024;

// What a chunk imports at once comes with it; what the first view has already is not loaded again.
const imports = async (file, seen = new Set()) => {
  if (seen.has(file) || first.has(file)) return seen;
  seen.add(file);
  if (!file.endsWith(".js")) return seen;
  const code = await readFile(new URL(file, root), "utf8");
  for (const [, name] of code.matchAll(/(?:from|import)"\.\/([^"]+\.js)"/g)) await imports(`assets/${name}`, seen);
  return seen;
};

let firstKb = 0;
for (const file of first) firstKb += await sizeOf(file);
// The overview is what a person sees first.
const files = (await readdir(new URL("assets/", root))).filter((name) => name.endsWith(".js")).map((name) => `assets/${name}`);
const pages = [];
for (const file of files.filter((file) => !first.has(file))) {
  let kb = 0;
  for (const part of await imports(file)) kb += await sizeOf(part);
  pages.push([kb, file]);
}
const overview = pages.find(([, file]) => file.includes("/overview-"))?.[0] ?? 0;
pages.sort(([a], [b]) => b - a);
console.log(`first view: ${(firstKb + overview).toFixed(1)} KB of ${FIRST_KB}; heaviest page: ${pages[0]?.[0].toFixed(1)} KB of ${PAGE_KB} (${pages[0]?.[1]})`);
if (firstKb + overview > FIRST_KB || (pages[0]?.[0] ?? 0) > PAGE_KB) {
  console.error("The page is too heavy. Load what is large with the page that needs it, or do without.");
  process.exit(1);
}

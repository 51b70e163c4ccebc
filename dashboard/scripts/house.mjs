// The house of the page: no part over 250 lines, arrows point one way, colours stand in one file, nothing is copied from proto/ by hand.
import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";

const LINES = 250;
// What each floor may import of the others. Pages know no other page, parts and the kit know no page.
const MAY = {
  kit: ["kit", "gen", "api", "app"],
  api: ["api", "gen", "kit"],
  app: ["app", "api", "gen", "kit", "pages", "parts"],
  parts: ["parts", "app", "api", "gen", "kit"],
  pages: ["parts", "app", "api", "gen", "kit"],
  style: [],
};
const root = new URL("../src", import.meta.url).pathname;
const faults = [];

for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
  const file = join(entry.parentPath ?? entry.path, entry.name);
  const name = relative(root, file);
  if (!entry.isFile() || name.startsWith("gen/")) continue;
  const text = await readFile(file, "utf8");
  const lines = text.split("\n").length - 1;
  if (/\.tsx?$/.test(name) && lines > LINES) faults.push(`${name} has ${lines} lines; no part has over ${LINES}`);
  const [floor, page] = name.split("/");
  for (const [, to, sub] of text.matchAll(/from "~\/([^/"]+)(?:\/([^/"]+))?/g)) {
    const isOwnPage = floor === "pages" && to === "pages" && sub === page;
    if (MAY[floor] && !MAY[floor].includes(to) && !isOwnPage) faults.push(`${name} imports ~/${to}/${sub}, which is above or beside it`);
  }
  if (name.endsWith(".css") && name !== "style/tokens.css" && /#[0-9a-f]{3,8}\b|rgb\((?!0 0 0)/i.test(text)) faults.push(`${name} names a colour; colours stand in style/tokens.css`);
}

for (const fault of faults) console.error(fault);
process.exit(faults.length > 0 ? 1 : 0);

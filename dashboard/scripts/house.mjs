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
/** What a page's own rules select, by page; and the classes of what is drawn, by file. */
const rulesOf = new Map();
const drawn = [];

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
  if (floor === "pages" && name.endsWith(".css")) rulesOf.set(page, [...(rulesOf.get(page) ?? []), ...[...text.matchAll(/^\.[^{,]+/gm)].map(([selector]) => selector.trim())]);
  if (name.endsWith(".tsx")) drawn.push({ name, isOf: (of) => floor === "pages" && page === of, classes: new Set([...text.matchAll(/\bclass="([^"]+)"/g)].flatMap(([, names]) => names.split(" "))) });
  if (name.endsWith(".css") && name !== "style/tokens.css" && /#[0-9a-f]{3,8}\b|rgb\((?!0 0 0)/i.test(text)) faults.push(`${name} names a colour; colours stand in style/tokens.css`);
}

// Rules stay loaded when their page is left, so they must fit nothing of another.
for (const [page, rules] of rulesOf) {
  for (const rule of new Set(rules)) {
    for (const { name, isOf, classes } of drawn) {
      const named = [...rule.matchAll(/\.([\w-]+)/g)].map(([, one]) => one);
      if (!isOf(page) && named.every((one) => classes.has(one))) faults.push(`${rule} of pages/${page} also fits ${name}; the rules of a page have names of their own`);
    }
  }
}

for (const fault of faults) console.error(fault);
process.exit(faults.length > 0 ? 1 : 0);

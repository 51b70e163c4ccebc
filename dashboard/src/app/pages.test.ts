import { existsSync, readdirSync, readFileSync } from "node:fs";
import { expect, test, vi } from "vitest";

vi.stubGlobal("window", new EventTarget());
vi.stubGlobal("location", { hash: "" });
vi.stubGlobal("localStorage", { getItem: () => null, setItem: () => undefined });
vi.stubGlobal("document", { hidden: true });
const { isUnder, PAGES, pageAt, pageKey } = await import("./pages");

const folder = new URL("../pages/", import.meta.url);
const loaded = [...readFileSync(new URL("pages.ts", import.meta.url), "utf8").matchAll(/import\("~\/pages\/([^"]+)"\)/g)].map(([, name]) => name ?? "");

/** An address of this page, with each of its parts given. */
function example(at: string): string {
  return at.replace(/:(\w+)\??/g, "some-$1");
}

test("each page has a folder, and each folder is a page", () => {
  expect(loaded).toHaveLength(PAGES.length);
  for (const name of loaded) expect(existsSync(new URL(`${name}/index.tsx`, folder)), name).toBe(true);
  const folders = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(folders.map((entry) => entry.name).sort()).toEqual([...new Set(loaded)].sort());
});

test("each page has an address of its own that no earlier page takes", () => {
  for (const page of PAGES) expect(pageAt(example(page.at))?.page.at).toBe(page.at);
  expect(new Set(PAGES.map((page) => page.at)).size).toBe(PAGES.length);
});

test("each entry of the menu can be reached as it stands, by a name that no other has", () => {
  const entries = PAGES.filter((page) => page.menu);
  for (const page of entries) {
    expect(page.at).not.toContain(":");
    expect(pageAt(page.at)?.page).toBe(page);
  }
  expect(new Set(entries.map((page) => page.menu?.name)).size).toBe(entries.length);
});

test("a fixed word goes before a name of the same place", () => {
  expect(pageAt("/runs/new")?.page.at).toBe("/runs/new");
  expect(pageAt("/runs/0199")?.page.at).toBe("/runs/:id");
  expect(pageAt("/rollouts/new")?.page.at).toBe("/rollouts/new");
});

test("an address that is none leads nowhere", () => {
  for (const address of ["/nothing", "/devices/a/b/c", "/sites/a/b", "/me/b"]) expect(pageAt(address)).toBeUndefined();
});

test("an entry stays marked on the pages below it, and only there", () => {
  expect(isUnder("/devices", "/devices/till-7/charts")).toBe(true);
  expect(isUnder("/", "/devices")).toBe(false);
  expect(isUnder("/sites", "/sites-of-others")).toBe(false);
});

test("the tabs of one thing are one page, another thing is another", () => {
  const keys = ["/devices/a", "/devices/a/charts", "/devices/b"].map((address) => {
    const found = pageAt(address);
    return found && pageKey(found.page, found.parts);
  });
  expect(keys[0]).toBe(keys[1]);
  expect(keys[0]).not.toBe(keys[2]);
});

import { beforeEach, expect, test, vi } from "vitest";

/** The browser's address as far as this file needs it. */
class Window extends EventTarget {
  address = "";
  get hash() {
    return this.address;
  }
  set hash(next: string) {
    this.address = next.startsWith("#") ? next : `#${next}`;
    this.dispatchEvent(new Event("hashchange"));
  }
}
const shown = new Window();
const replaced: string[] = [];
vi.stubGlobal("window", shown);
vi.stubGlobal("location", shown);
vi.stubGlobal("history", { state: null, replaceState: (_: unknown, __: string, to: string) => replaced.push((shown.address = to)) });
const { go, href, match, param, paramAll, params, path, show } = await import("./route");

beforeEach(() => {
  shown.hash = "#/";
  replaced.length = 0;
});

test("an empty address is the first page", () => {
  shown.hash = "";
  expect(path.value).toBe("/");
});

test("what stands in the address is what is shown", () => {
  shown.hash = "#/devices?status=OFFLINE&type=a&type=b";
  expect(path.value).toBe("/devices");
  expect([param("status"), param("type"), param("site")]).toEqual(["OFFLINE", "a", ""]);
  expect(paramAll("type")).toEqual(["a", "b"]);
});

test("links leave out what is empty, and repeat what has several values", () => {
  expect(href("/devices")).toBe("#/devices");
  expect(href("/devices", { search: "", status: undefined, type: [] })).toBe("#/devices");
  expect(href("/devices", { search: "a b&c?d", type: ["x", "y"] })).toBe("#/devices?search=a+b%26c%3Fd&type=x&type=y");
});

test("what a link says comes back, whatever it holds", () => {
  for (const value of ["a b", "a?b", "a&b=c", "a#b", "100 %", "Ü–ü", "a+b"]) {
    go("/devices", { search: value });
    expect(param("search")).toBe(value);
  }
});

test("a question mark in a value does not cut the rest off", () => {
  shown.hash = "#/devices?search=a?b&site=c";
  expect([param("search"), param("site")]).toEqual(["a?b", "c"]);
});

test("show keeps what it does not name, takes out what is empty, and is no step of back", () => {
  shown.hash = "#/devices?status=OFFLINE&sort=name&type=a&type=b";
  show({ status: "", sort: "-name" });
  expect(replaced).toEqual(["#/devices?sort=-name&type=a&type=b"]);
  expect(params.value.toString()).toBe("sort=-name&type=a&type=b");
});

test("show with a step is one that back takes back", () => {
  show({ status: "ONLINE" }, "push");
  expect(replaced).toEqual([]);
  expect(shown.hash).toBe("#/?status=ONLINE");
});

test("an address matches the form of a page, part by part", () => {
  expect(match("/", "/")).toEqual({});
  expect(match("/devices", "/devices")).toEqual({});
  expect(match("/devices", "/devices/")).toEqual({});
  expect(match("/devices/:id/:tab?", "/devices/till-7")).toEqual({ id: "till-7" });
  expect(match("/devices/:id/:tab?", "/devices/till-7/charts")).toEqual({ id: "till-7", tab: "charts" });
});

test("an address of another form does not match", () => {
  for (const [form, address] of [["/devices", "/"], ["/", "/devices"], ["/devices/:id", "/devices"], ["/devices/:id", "/devices/a/b"], ["/devices/:id", "/sites/a"]] as const) {
    expect(match(form, address)).toBeUndefined();
  }
});

test("a part is decoded, and what can't be is no match", () => {
  expect(match("/devices/:id", "/devices/a%2Fb%20c")).toEqual({ id: "a/b c" });
  expect(match("/devices/:id", "/devices/100%")).toBeUndefined();
});

import { expect, test, vi } from "vitest";

vi.stubGlobal("localStorage", { getItem: () => null, setItem: () => undefined });
vi.stubGlobal("document", { hidden: true });
const { absolute, ago, span, zone } = await import("./time");

test("a span has two units at most", () => {
  const told = [0, 250, 1_000, 61_000, 3_600_000, 3_725_000, 90_000_000, 1_000_000_000].map(span);
  expect(told).toEqual(["0 s", "250 ms", "1 s", "1 min 1 s", "1 h", "1 h 2 min", "1 d 1 h", "11 d"]);
});

test("what lies ahead is told as such", () => {
  expect(ago(1_000_000, 1_060_000)).toBe("1 min ago");
  expect(ago(1_060_000, 1_000_000)).toBe("in 1 min");
  expect(ago(1_000_000, 1_001_000)).toBe("now");
  expect(ago(86_400_000, 2_000)).toBe("in 1 d");
  expect(ago(43_200_000, 30_000)).toBe("in 12 h");
  expect(ago(5 * 3_600_000, 60_000)).toBe("in 4 h 59 min");
});

test("a day begins at midnight of the zone that is set", () => {
  const time = Date.UTC(2026, 9, 3, 15, 30);
  zone.value = "Australia/Sydney";
  expect(absolute(time, "minutes")).toBe("4 Oct 2026, 01:30");
  zone.value = "America/St_Johns";
  expect(absolute(time, "minutes")).toBe("3 Oct 2026, 13:00");
  zone.value = "UTC";
  expect(absolute(time, "day")).toBe("3 Oct 2026");
});

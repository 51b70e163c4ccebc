import { expect, test, vi } from "vitest";

vi.stubGlobal("localStorage", { getItem: () => null, setItem: () => undefined });
vi.stubGlobal("document", { hidden: true });
const { bytes, count, ends, figures, lengthOfTime, milliseconds, percent, plain } = await import("./format");

test("numbers have three figures at most, and whole ones are whole", () => {
  expect([0, 0.1234, 5, 9.876, 12.34, 123.4, 12_345, -3.5].map(figures)).toEqual(["0", "0.12", "5", "9.88", "12.3", "123", "12\u202f345", "−3.5"]);
});

test("each kind has its unit", () => {
  expect(percent.text(12.34)).toBe("12.3 %");
  expect([0, 1023, 1024, 1.5 * 1024 ** 3].map(bytes.text)).toEqual(["0 B", "1\u202f023 B", "1 KiB", "1.5 GiB"]);
  expect([12, 15_000].map(milliseconds.text)).toEqual(["12 ms", "15 s"]);
  expect(lengthOfTime.text(90_000)).toBe("1 d 1 h");
});

test("the axis begins at zero, has room above, and ends at a hundred percent", () => {
  expect(ends(percent, 2, 50)).toEqual([0, 54]);
  expect(ends(percent, 2, 99)).toEqual([0, 100]);
  expect(ends(percent, 0, 0)).toEqual([0, 5.4]);
  expect(ends(count, 0, 1)).toEqual([0, 4.32]);
  expect(ends(plain, -10, 10)).toEqual([-11.6, 11.6]);
});

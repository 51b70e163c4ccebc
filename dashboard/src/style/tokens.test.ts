import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const text = readFileSync(new URL("tokens.css", import.meta.url), "utf8");
const tokens = new Map([...text.matchAll(/--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)/g)].map(([, name, light, dark]) => [name, [light, dark] as const]));

function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one: string, other: string): number {
  const [low = 0, high = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

test.each([0, 1])("lines of charts can be seen on their ground, theme %i", (theme) => {
  const ground = tokens.get("surface")?.[theme] ?? "";
  const lines = Array.from({ length: 8 }, (_, index) => tokens.get(`series-${index + 1}`)?.[theme] ?? ground);
  for (const line of lines) expect(contrast(line, ground)).toBeGreaterThanOrEqual(3);
});

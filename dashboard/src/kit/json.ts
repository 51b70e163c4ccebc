/** JSON that people type. */
import type { JsonObject } from "@bufbuild/protobuf";

export type Typed = { value: JsonObject } | { fault: string };

/** An object, or what is wrong with the text and where. Numbers that JavaScript would round are a fault. */
export function typedObject(text: string): Typed {
  if (text.trim() === "") return { value: {} };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { fault: `This is not JSON: ${place(error, text)}` };
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return { fault: "This must be a JSON object, such as {\"path\": \"/etc\"}." };
  const rounded = text.match(/-?\d{16,}(?![\d.eE"])/g)?.find((digits) => BigInt(digits) !== BigInt(Number(digits)));
  if (rounded) return { fault: `The number ${rounded} would be rounded; write it as a text.` };
  return { value: value as JsonObject };
}

function place(error: unknown, text: string): string {
  const told = error instanceof Error ? error.message : String(error);
  const at = /position (\d+)/.exec(told)?.[1];
  if (at === undefined) return told;
  const before = text.slice(0, Number(at)).split("\n");
  return `line ${before.length}, character ${(before.at(-1)?.length ?? 0) + 1}.`;
}

export function pretty(value: unknown): string {
  return JSON.stringify(value, (_, one: unknown) => (typeof one === "bigint" ? one.toString() : one), 2);
}

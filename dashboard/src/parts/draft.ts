/** A command while it is typed: what is wrong with it, and what is sent. */
import type { JsonObject } from "@bufbuild/protobuf";
import type { Duration } from "@bufbuild/protobuf/wkt";
import { pretty, typedObject } from "~/kit/json";
import { known, type WholeNumber } from "./catalogue";

export interface Draft {
  /** As it was chosen or typed: legacy devices are handed it so. */
  type: string;
  /** Whether the type is typed, because it is none of those that are offered. */
  isOther: boolean;
  /** What stands in the fields of the catalogue's form. */
  values: Readonly<Record<string, string>>;
  /** Whether the payload is typed as JSON. */
  isJson: boolean;
  json: string;
  timeToLive: string;
  runTimeout: string;
}

export type DraftFaults = Partial<Record<"type" | "json" | "timeToLive" | "runTimeout" | `value ${string}`, string>>;

const DAY_MS = 86_400_000;
const MAX_PAYLOAD_BYTES = 65_536;

export function newDraft(timeToLive = "24 h"): Draft {
  return { type: "", isOther: false, values: {}, isJson: false, json: "", timeToLive, runTimeout: "5 min" };
}

export function writesJson(draft: Draft): boolean {
  const type = known(draft.type);
  return draft.isJson || type === undefined || type.json !== undefined;
}

/** With the payload as JSON, begun with what the form holds; or back to the form. */
export function asJson(draft: Draft, isJson: boolean): Draft {
  const payload = isJson && draft.json.trim() === "" ? formPayload(draft) : {};
  return { ...draft, isJson, json: Object.keys(payload).length > 0 ? pretty(payload) : draft.json };
}

/** What is wrong with what was typed so far. What is merely missing is not told here, see `command`. */
export function faults(draft: Draft): DraftFaults {
  const found: DraftFaults = {};
  const type = draft.type.trim();
  if (type !== "" && !/^[A-Za-z][\w.-]{0,63}$/.test(type)) found.type = "A type is 1 to 64 of letters, digits, “_”, “-” and “.”, a letter first.";
  if (writesJson(draft)) {
    const typed = typedObject(draft.json);
    if ("fault" in typed) found.json = typed.fault;
    else if (new TextEncoder().encode(JSON.stringify(typed.value)).length > MAX_PAYLOAD_BYTES) found.json = "A payload has at most 64 KiB.";
  } else {
    for (const field of known(draft.type)?.fields ?? []) {
      const fault = wholeFault(field, draft.values[field.name] ?? "");
      if (fault) found[`value ${field.name}`] = fault;
    }
  }
  const timeToLive = spanFault(draft.timeToLive, 30 * DAY_MS, "30 d");
  if (timeToLive) found.timeToLive = timeToLive;
  const runTimeout = spanFault(draft.runTimeout, DAY_MS, "1 d");
  if (runTimeout) found.runTimeout = runTimeout;
  return found;
}

export interface TypedCommand {
  commandType: string;
  payload?: JsonObject;
  timeToLive: Duration;
  runTimeout: Duration;
}

/** What is sent; `undefined` while something is missing or wrong. */
export function command(draft: Draft): TypedCommand | undefined {
  if (draft.type.trim() === "" || Object.keys(faults(draft)).length > 0) return undefined;
  const payload = payloadOf(draft);
  return {
    commandType: draft.type.trim(),
    ...(Object.keys(payload).length > 0 && { payload }),
    timeToLive: duration(spanMs(draft.timeToLive) ?? 0),
    runTimeout: duration(spanMs(draft.runTimeout) ?? 0),
  };
}

function payloadOf(draft: Draft): JsonObject {
  if (!writesJson(draft)) return formPayload(draft);
  const typed = typedObject(draft.json);
  return "value" in typed ? typed.value : {};
}

function formPayload(draft: Draft): JsonObject {
  const fields = known(draft.type)?.fields ?? [];
  return Object.fromEntries(
    fields.map(({ name }) => {
      const text = draft.values[name]?.trim() ?? "";
      return [name, /^\d+$/.test(text) ? Number(text) : null];
    }),
  );
}

function wholeFault({ minimum, maximum }: WholeNumber, text: string): string | undefined {
  const typed = text.trim();
  if (typed === "") return undefined;
  const isGood = /^\d+$/.test(typed) && Number(typed) >= minimum && Number(typed) <= maximum;
  return isGood ? undefined : `This must be a whole number from ${minimum} to ${maximum}.`;
}

const UNITS_MS: Readonly<Record<string, number>> = { s: 1_000, min: 60_000, h: 3_600_000, d: DAY_MS };

/** A span as people type it, such as `90 s` or `1 h 30 min`, in milliseconds. */
export function spanMs(text: string): number | undefined {
  const parts = [...text.matchAll(/(\d+)\s*(s|min|h|d)(?![a-z])\s*/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join("") !== text.trimStart()) return undefined;
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * (UNITS_MS[unit ?? ""] ?? 0), 0);
}

function spanFault(text: string, maximumMs: number, maximum: string): string | undefined {
  const length = spanMs(text);
  if (length === undefined) return "Write a number and s, min, h or d, such as 10 min.";
  return length >= 1_000 && length <= maximumMs ? undefined : `This must be 1 s to ${maximum}.`;
}

export function duration(length: number): Duration {
  return { $typeName: "google.protobuf.Duration", seconds: BigInt(Math.round(length / 1_000)), nanos: 0 };
}

const FIELD_OF: readonly (readonly [string, keyof DraftFaults])[] = [
  ["command_type", "type"],
  ["payload", "json"],
  ["time_to_live", "timeToLive"],
  ["run_timeout", "runTimeout"],
];

/** What the server said of each field, at the field of the form. */
export function serverFaults(fields: Readonly<Record<string, string>>): DraftFaults {
  const found: DraftFaults = {};
  for (const [name, description] of Object.entries(fields)) {
    const at = FIELD_OF.find(([field]) => name === field || name.startsWith(`${field}.`))?.[1];
    if (at) found[at] = `${name} ${description}`;
  }
  return found;
}

/** A key that makes a repeat harmless. `randomUUID` is missing where the page came without TLS from another machine. */
export function newKey(): string {
  if ("randomUUID" in crypto) return crypto.randomUUID();
  return Array.from((crypto as Crypto).getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

import { expect, test } from "vitest";
import { offers, warning } from "./catalogue";
import { asJson, command, type Draft, faults, newDraft, newKey, serverFaults, spanMs } from "./draft";

const draft = (part: Partial<Draft>): Draft => ({ ...newDraft(), ...part });

test("a span is numbers with units and nothing else", () => {
  expect([..."90 s|10min|1 h 30 min|7 d".split("|")].map(spanMs)).toEqual([90_000, 600_000, 5_400_000, 604_800_000]);
  expect([..."10|ten min|5 m|1 h and more|1.5 h|".split("|")].map(spanMs)).toEqual(Array(6).fill(undefined));
});

test("a device is offered what it declared, and all else with the reason why not", () => {
  const offered = offers(["PING", "UPDATE_POS"]);
  expect(offered.filter((offer) => !offer.whyNot).map((offer) => offer.name)).toEqual(["PING", "UPDATE_CONFIG", "UPDATE_POS"]);
  expect(offered.filter((offer) => offer.whyNot).map((offer) => offer.name)).toContain("REBOOT");
  expect(offers([]).every((offer) => !offer.whyNot)).toBe(true);
});

test("what a rollout brings is offered to every device, and in no run", () => {
  const of = (offered: ReturnType<typeof offers>) => offered.find(({ name }) => name === "UPDATE_CONFIG");
  expect(of(offers(["PING"]))).not.toHaveProperty("whyNot");
  expect(of(offers([], true))?.whyNot).toContain("start a rollout");
  expect(command(draft({ type: "UPDATE_CONFIG", json: '{"port": 8084}' }))?.payload).toEqual({ port: 8084 });
});

test("what cuts something off, and what HOMEPOT does not know, has to be meant", () => {
  expect(["", "PING", "SET_INTERVAL"].map(warning)).toEqual([undefined, undefined, undefined]);
  expect(warning("reboot")).toContain("can't be undone");
  expect(warning("UPDATE_POS")).toContain("does not know");
});

test("the form of a type becomes its payload; an empty number is null", () => {
  expect(command(draft({ type: "SET_INTERVAL", values: { interval_seconds: "15" } }))?.payload).toEqual({ interval_seconds: 15 });
  expect(command(draft({ type: "SET_INTERVAL" }))?.payload).toEqual({ interval_seconds: null });
  expect(command(draft({ type: "PING" }))).toMatchObject({ commandType: "PING", timeToLive: { seconds: 86_400n }, runTimeout: { seconds: 300n } });
  expect(command(draft({ type: "PING" }))).not.toHaveProperty("payload");
  const bad = draft({ type: "SET_INTERVAL", values: { interval_seconds: "3601" } });
  expect(faults(bad)).toEqual({ "value interval_seconds": "This must be a whole number from 1 to 3600." });
  expect(command(bad)).toBeUndefined();
});

test("a type that HOMEPOT does not know takes JSON, and is sent as it was typed", () => {
  const typed = draft({ type: " update_pos ", isOther: true, json: '{"version": "2.4"}' });
  expect(command(typed)).toMatchObject({ commandType: "update_pos", payload: { version: "2.4" } });
  expect(faults({ ...typed, json: '{\n  "version": 2.4.1\n}' }).json).toMatch(/line 2, character/);
  expect(faults({ ...typed, json: JSON.stringify({ text: "ä".repeat(40_000) }) }).json).toContain("64 KiB");
  expect(faults({ ...typed, type: "7UP" }).type).toBeDefined();
});

test("changing from the form to JSON takes along what the form holds", () => {
  const written = asJson(draft({ type: "SET_INTERVAL", values: { interval_seconds: "15" } }), true);
  expect(JSON.parse(written.json)).toEqual({ interval_seconds: 15 });
});

test("times have bounds, and what the server says stands at its field", () => {
  expect(faults(draft({ timeToLive: "31 d", runTimeout: "soon" }))).toEqual({
    timeToLive: "This must be 1 s to 30 d.",
    runTimeout: "Write a number and s, min, h or d, such as 10 min.",
  });
  expect(serverFaults({ command_type: "is not known", "payload.a": "is too deep", device_id: "is odd" })).toEqual({
    type: "command_type is not known",
    json: "payload.a is too deep",
  });
});

test("each key is another one", () => {
  expect(newKey()).not.toBe(newKey());
});

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { expect, test } from "vitest";
import { CommandSchema, CommandState } from "~/gen/homepot/command/v1/command_pb";
import { type CommandFilter, heardMore, matches, merged } from "./merge";

const at = (seconds: number) => timestampFromMs(1_000_000_000 + seconds * 1_000);
const command = (id: string, created: number, part: MessageInitShape<typeof CommandSchema> = {}) =>
  create(CommandSchema, { commandId: id, createdAt: at(created), state: CommandState.QUEUED, commandType: "PING", siteId: "s", createdBy: "anna", source: 1, ...part });
const ANY: CommandFilter = { siteId: "", states: [], commandType: "", createdBy: "", source: 0 };
const heard = (...all: ReturnType<typeof command>[]) => heardMore(new Map(), all);
const ids = (rows: { commandId: string }[]) => rows.map(({ commandId }) => commandId);

test("new commands stand at the top, and a changed one in its place", () => {
  const rows = merged([command("b", 2), command("a", 1)], heard(command("a", 1, { state: CommandState.SENT, sentAt: at(3) }), command("c", 3)), ANY, false);
  expect(ids(rows)).toEqual(["c", "b", "a"]);
  expect(rows[2]?.state).toBe(CommandState.SENT);
});

test("what was read later than it was heard stays", () => {
  const read = command("a", 1, { state: CommandState.SUCCEEDED, finishedAt: at(9) });
  expect(merged([read], heard(command("a", 1, { state: CommandState.SENT, sentAt: at(3) })), ANY, false)[0]?.state).toBe(CommandState.SUCCEEDED);
});

test("what the filter leaves out does not come in by news, and goes when it changes", () => {
  const filter = { ...ANY, states: [CommandState.QUEUED] };
  const rows = merged([command("a", 1)], heard(command("a", 1, { state: CommandState.SENT, sentAt: at(2) }), command("b", 2)), filter, false);
  expect(ids(rows)).toEqual(["b"]);
});

test("older ones are left to the pages that have not been read", () => {
  expect(ids(merged([command("b", 5)], heard(command("a", 1)), ANY, true))).toEqual(["b"]);
  expect(ids(merged([command("b", 5)], heard(command("a", 1)), ANY, false))).toEqual(["b", "a"]);
});

test("each filter is held", () => {
  const one = command("a", 1);
  expect(matches({ ...ANY, siteId: "s", commandType: "ping", createdBy: "anna", source: 1 }, one)).toBe(true);
  for (const odd of [{ siteId: "t" }, { commandType: "REBOOT" }, { createdBy: "an" }, { source: 2 }]) expect(matches({ ...ANY, ...odd }, one)).toBe(false);
});

test("what was heard does not grow without end", () => {
  const many = Array.from({ length: 2_500 }, (_, index) => command(String(index), index));
  const kept = heard(...many);
  expect(kept.size).toBe(2_000);
  expect(kept.has("2499") && !kept.has("0")).toBe(true);
});

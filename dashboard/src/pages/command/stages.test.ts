import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { expect, test, vi } from "vitest";
import { CommandSchema, CommandState } from "~/gen/homepot/command/v1/command_pb";

vi.stubGlobal("localStorage", { getItem: () => null, setItem: () => undefined });
vi.stubGlobal("document", { hidden: true });
const { canCancel, deadline, stages, steps } = await import("./stages");
const { askedBack, cancelAnswer, cancelRefusal, meaning } = await import("./words");

type Part = Omit<Extract<MessageInitShape<typeof CommandSchema>, { $typeName?: never }>, "$typeName">;
const at = (seconds: number) => timestampFromMs(1_000_000_000 + seconds * 1_000);
const command = (part: Part) => create(CommandSchema, { createdAt: at(0), expiresAt: at(600), runTimeout: { seconds: 300n }, ...part });
const told = (part: Part) => stages(command(part)).map(({ name, standing, afterMs }) => [name, standing, afterMs]);

test("a command stands at one stage; those before it were passed, those after it may come", () => {
  expect(told({ state: CommandState.ACKNOWLEDGED, sentAt: at(2), acknowledgedAt: at(3) })).toEqual([
    ["Queued", "passed", undefined],
    ["Sent", "passed", 2_000],
    ["Acknowledged", "here", 1_000],
    ["Running", "ahead", undefined],
    ["Outcome", "ahead", undefined],
  ]);
});

test("what an end came before is never reached", () => {
  expect(told({ state: CommandState.EXPIRED, finishedAt: at(600) })).toEqual([
    ["Queued", "passed", undefined],
    ["Sent", "missed", undefined],
    ["Acknowledged", "missed", undefined],
    ["Running", "missed", undefined],
    ["Expired", "here", 600_000],
  ]);
});

test("one that is queued again after it was sent stands at queued", () => {
  expect(told({ state: CommandState.QUEUED, sentAt: at(2) }).slice(0, 2)).toEqual([
    ["Queued", "here", undefined],
    ["Sent", "passed", 2_000],
  ]);
});

test("it has to start before its time to live is over, and then to end before its run timeout", () => {
  expect(deadline(command({ state: CommandState.SENT }))).toEqual({ what: "start", at: 1_000_600_000 });
  expect(deadline(command({ state: CommandState.RUNNING, startedAt: at(10) }))).toEqual({ what: "end", at: 1_000_310_000 });
  expect(deadline(command({ state: CommandState.SUCCEEDED }))).toBeUndefined();
});

test("the history tells what passed between changes", () => {
  const history = command({ history: [{ state: 1, time: at(0) }, { state: 2, time: at(5) }] }).history;
  expect(steps(history).map(({ afterMs }) => afterMs)).toEqual([undefined, 5_000]);
});

test("only what has not started can be taken back", () => {
  const open = [1, 2, 3, 4, 5, 10].filter((state) => canCancel(command({ state })));
  expect(open).toEqual([CommandState.QUEUED, CommandState.SENT, CommandState.ACKNOWLEDGED]);
});

test("the answer to a cancellation tells what became of it", () => {
  expect(cancelAnswer(command({ state: CommandState.CANCELLED }))?.text).toMatch(/^Cancelled/);
  expect(cancelAnswer(command({ state: CommandState.SENT, cancelRequestedAt: at(1) }))).toBeUndefined();
  expect(askedBack(command({ state: CommandState.SENT, cancelRequestedAt: at(1) }))).toContain("has not answered yet");
  expect(askedBack(command({ state: CommandState.RUNNING, cancelRequestedAt: at(1) }))).toContain("too late");
  expect(askedBack(command({ state: CommandState.CANCELLED, cancelRequestedAt: at(1) }))).toBeUndefined();
  expect(cancelRefusal(new ConnectError("it is running", Code.FailedPrecondition)).text).toBe("Too late to cancel. It is running.");
  expect(cancelRefusal(new ConnectError("no such command", Code.NotFound)).text).toBe("No such command.");
});

test("unknown is explained", () => {
  expect(meaning(command({ state: CommandState.UNKNOWN }))).toContain("nobody can say how it ended");
});

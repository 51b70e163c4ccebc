/** The way of a command through the ledger, as stages to draw. */
import { type Command, CommandState, type Transition } from "~/gen/homepot/command/v1/command_pb";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { COMMAND_STATE, ENDED_STATES } from "~/kit/Status";
import { durationMs, ms } from "~/kit/time";

/** `passed` is behind it, `here` is where it stands, `ahead` may still come, `missed` never will. */
export type Standing = "passed" | "here" | "ahead" | "missed";

export interface Stage {
  name: string;
  state: CommandState;
  standing: Standing;
  at: number | undefined;
  /** How long after the stage before it that was reached. */
  afterMs: number | undefined;
}

export function hasEnded(command: Command): boolean {
  return ENDED_STATES.includes(command.state);
}

/** Whether it may still be taken back: it has not started. */
export function canCancel(command: Command): boolean {
  return [CommandState.QUEUED, CommandState.SENT, CommandState.ACKNOWLEDGED].includes(command.state);
}

export function stages(command: Command): Stage[] {
  const isOver = hasEnded(command);
  const way: readonly (readonly [string, CommandState, Timestamp | undefined])[] = [
    ["Queued", CommandState.QUEUED, command.createdAt],
    ["Sent", CommandState.SENT, command.sentAt],
    ["Acknowledged", CommandState.ACKNOWLEDGED, command.acknowledgedAt],
    ["Running", CommandState.RUNNING, command.startedAt],
    [isOver ? COMMAND_STATE[command.state].word : "Outcome", isOver ? command.state : CommandState.UNSPECIFIED, command.finishedAt],
  ];
  let before: number | undefined;
  return way.map(([name, state, time]) => {
    const at = ms(time);
    const afterMs = at !== undefined && before !== undefined ? Math.max(0, at - before) : undefined;
    before = at ?? before;
    const standing = command.state === state ? "here" : at !== undefined ? "passed" : isOver ? "missed" : "ahead";
    return { name, state, standing, at, afterMs };
  });
}

export interface Step {
  change: Transition;
  afterMs: number | undefined;
}

/** Each change of its state, oldest first, with what passed since the one before. */
export function steps(history: readonly Transition[]): Step[] {
  return history.map((change, index) => {
    const [at, before] = [ms(change.time), ms(history[index - 1]?.time)];
    return { change, afterMs: at !== undefined && before !== undefined ? Math.max(0, at - before) : undefined };
  });
}

/** By when something has to have happened: its start, or its end. `undefined` once nothing is awaited. */
export function deadline(command: Command): { what: "start" | "end"; at: number } | undefined {
  if (canCancel(command)) {
    const at = ms(command.expiresAt);
    return at === undefined ? undefined : { what: "start", at };
  }
  if (command.state !== CommandState.RUNNING) return undefined;
  const started = ms(command.startedAt);
  const longest = durationMs(command.runTimeout);
  return started === undefined || longest === undefined ? undefined : { what: "end", at: started + longest };
}

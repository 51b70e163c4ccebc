/** What a state means, and what came of a cancellation, for people who don't know the ledger. */
import { Code, ConnectError } from "@connectrpc/connect";
import { problem } from "~/api/errors";
import { type Command, CommandState } from "~/gen/homepot/command/v1/command_pb";
import type { Tone } from "~/kit";
import { canCancel } from "./stages";

const MEANING: Readonly<Record<CommandState, string>> = {
  [CommandState.UNSPECIFIED]: "",
  [CommandState.QUEUED]: "It is in the ledger and waits for the device to fetch it.",
  [CommandState.SENT]: "It was sent to the device, which has not confirmed it yet.",
  [CommandState.ACKNOWLEDGED]: "The device has it on its disk and has not started it yet.",
  [CommandState.RUNNING]: "The device has started it. It can't be cancelled any more.",
  [CommandState.SUCCEEDED]: "The device carried it out.",
  [CommandState.FAILED]: "The device tried, and it failed.",
  [CommandState.REJECTED]: "The device declined to try. Nothing was done.",
  [CommandState.EXPIRED]: "Its time to live ran out before the device started it. Nothing was done.",
  [CommandState.CANCELLED]: "It was cancelled before it started. Nothing was done.",
  [CommandState.UNKNOWN]:
    "It was handed to the device, or had started there, and nobody can say how it ended: it may have been done, in part or in full, or not at all. " +
    "It is not sent again. If the device still reports an outcome, it replaces this one. Check the device before you queue the command again.",
};

export function meaning(command: Command): string {
  return MEANING[command.state];
}

export interface Answer {
  tone: Tone;
  text: string;
}

/** What the server answered when it was asked to take a command back; `undefined`: the device was asked, which the command itself tells. */
export function cancelAnswer(command: Command | undefined): Answer | undefined {
  if (command?.state === CommandState.CANCELLED) return { tone: "good", text: "Cancelled. It never started." };
  if (command?.cancelRequestedAt) return undefined;
  return { tone: "warn", text: "It was not cancelled. This page shows its current state." };
}

/** What became of asking the device; `undefined`: it was not asked, or did as asked. */
export function askedBack(command: Command): string | undefined {
  if (!command.cancelRequestedAt || command.state === CommandState.CANCELLED) return undefined;
  if (canCancel(command)) return "The device was asked to cancel it and has not answered yet. It cancels the command unless it has started it; the outcome appears here.";
  return "The device was asked to cancel it, but too late: it had started the command, or could not be reached any more.";
}

/** What the server said when it did not take a command back. */
export function cancelRefusal(error: unknown): Answer {
  const { message } = problem(error);
  const isLate = ConnectError.from(error).code === Code.FailedPrecondition;
  return { tone: "bad", text: isLate ? `Too late to cancel. ${message}` : message };
}

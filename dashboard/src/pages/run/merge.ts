/** The devices of a run with what the news say of their commands. */
import { type Command, CommandState, type RunDevice } from "~/gen/homepot/command/v1/command_pb";
import { isListed, type Outcomes } from "./outcomes";

/** How far a state is along the way; where two tell of one command, the one that is further is newer. */
function rank(state: CommandState): number {
  // A late outcome replaces "unknown".
  return state === CommandState.UNKNOWN ? CommandState.RUNNING + 0.5 : state;
}

export function withNews(rows: readonly RunDevice[], heard: ReadonlyMap<string, Command>, outcomes: Outcomes): RunDevice[] {
  const now = rows.map((row) => {
    const command = heard.get(row.deviceId);
    if (!command || rank(command.state) < rank(row.state)) return row;
    return { ...row, commandId: command.commandId, state: command.state, reason: command.reason, result: command.result ?? row.result };
  });
  return now.filter((row) => isListed(row, outcomes));
}

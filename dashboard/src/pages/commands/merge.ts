/** The list of commands with what the news say: newest first, nothing twice, and nothing that the filter leaves out. */
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import type { Command, CommandState } from "~/gen/homepot/command/v1/command_pb";

export interface CommandFilter {
  siteId: string;
  /** Empty: any. */
  states: readonly CommandState[];
  commandType: string;
  createdBy: string;
  /** UNSPECIFIED: real and simulated. */
  source: DeviceSource;
}

export function matches(filter: CommandFilter, command: Command): boolean {
  return (
    (filter.siteId === "" || filter.siteId === command.siteId) &&
    (filter.states.length === 0 || filter.states.includes(command.state)) &&
    (filter.commandType === "" || filter.commandType.toUpperCase() === command.commandType.toUpperCase()) &&
    (filter.createdBy === "" || filter.createdBy === command.createdBy) &&
    (filter.source === DeviceSource.UNSPECIFIED || filter.source === command.source)
  );
}

/** When a command last changed, as far as its row tells. */
function changedAt(command: Command): number {
  const times = [command.createdAt, command.sentAt, command.acknowledgedAt, command.startedAt, command.finishedAt, command.cancelRequestedAt];
  return Math.max(...times.map((time) => (time ? timestampMs(time) : 0)));
}

function createdAt(command: Command): number {
  return command.createdAt ? timestampMs(command.createdAt) : 0;
}

/** `hasMore`: older ones than the last row are left to the pages that come. */
export function merged(rows: readonly Command[], heard: ReadonlyMap<string, Command>, filter: CommandFilter, hasMore: boolean): Command[] {
  const last = rows.at(-1);
  const oldest = hasMore && last ? createdAt(last) : 0;
  const all = new Map(rows.map((row) => [row.commandId, row]));
  for (const [id, command] of heard) {
    const read = all.get(id);
    const isNews = read ? changedAt(command) >= changedAt(read) : createdAt(command) >= oldest;
    if (isNews) all.set(id, command);
  }
  const shown = [...all.values()].filter((command) => matches(filter, command));
  return shown.sort((one, other) => createdAt(other) - createdAt(one) || (one.commandId < other.commandId ? 1 : -1));
}

/** So many are kept of what was heard: a page that is open for days holds no more. */
const MOST_HEARD = 2_000;

export function heardMore(heard: ReadonlyMap<string, Command>, commands: readonly Command[]): ReadonlyMap<string, Command> {
  const all = new Map(heard);
  for (const command of commands) {
    all.delete(command.commandId);
    all.set(command.commandId, command);
  }
  return new Map([...all].slice(-MOST_HEARD));
}

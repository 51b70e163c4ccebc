/** When a device was there, from the entries of its history. */
import { DeviceStatus, type StateChange, StateChangeCause } from "~/gen/homepot/registry/v1/registry_pb";
import { ms } from "~/kit/time";

/** `unknown`: nothing is kept of that time. */
export type Kind = "online" | "offline" | "flapping" | "unknown";

export interface Stretch {
  kind: Kind;
  from: number;
  to: number;
}

/** `changes` as the server lists them, the newest first. What lies before the oldest of them is unknown. */
export function stretches(changes: readonly StateChange[], from: number, to: number): Stretch[] {
  const found: Stretch[] = [];
  let kind: Kind = "unknown";
  let begin = from;
  const end = (at: number) => {
    const last = found.at(-1);
    if (at <= begin) return;
    if (last?.kind === kind) last.to = at;
    else found.push({ kind, from: begin, to: at });
    begin = at;
  };
  for (const change of changes.toReversed()) {
    const at = ms(change.time);
    if (at === undefined || at >= to) continue;
    end(Math.max(from, at));
    kind = kindOf(change);
  }
  end(to);
  return found;
}

function kindOf(change: StateChange): Kind {
  if (change.flapping) return "flapping";
  if (change.status === DeviceStatus.ONLINE) return "online";
  return change.status === DeviceStatus.OFFLINE ? "offline" : "unknown";
}

export interface Tally {
  /** Of the time that is known, from 0 to 100; left out where nothing is. */
  onlinePercent: number | undefined;
  /** How often it was away, how long in all, and how long at most. */
  absences: number;
  awayMs: number;
  longestMs: number;
  flappingMs: number;
  unknownMs: number;
}

export function tally(all: readonly Stretch[]): Tally {
  const lengths = (kind: Kind) => all.filter((stretch) => stretch.kind === kind).map(({ from, to }) => to - from);
  const sum = (numbers: number[]) => numbers.reduce((total, one) => total + one, 0);
  const away = lengths("offline");
  const [online, flapping] = [sum(lengths("online")), sum(lengths("flapping"))];
  const known = online + flapping + sum(away);
  return {
    onlinePercent: known === 0 ? undefined : (online / known) * 100,
    absences: away.length,
    awayMs: sum(away),
    longestMs: Math.max(0, ...away),
    flappingMs: flapping,
    unknownMs: sum(lengths("unknown")),
  };
}

/** Rounded so that what is not all is never told as all. */
export function share(percent: number): string {
  if (percent === 0 || percent === 100) return `${percent} %`;
  return `${Math.min(99.99, Math.max(0.01, percent)).toFixed(2)} %`;
}

const CAUSES: Record<StateChangeCause, string> = {
  [StateChangeCause.UNSPECIFIED]: "A cause that this page does not know",
  [StateChangeCause.ATTACHED]: "It connected",
  [StateChangeCause.HEARD]: "It made a call",
  [StateChangeCause.DETACHED]: "Its connection ended",
  [StateChangeCause.SILENT]: "Nothing was heard from it for 2.5 heartbeats",
  [StateChangeCause.FLAPPING]: "It went online and offline too often to show each change",
  [StateChangeCause.SETTLED]: "It is stable again",
  [StateChangeCause.CONTESTED]: "Two machines use its key and keep taking over each other's session",
  [StateChangeCause.TOOK_OVER]: "A real device took over the id of a simulated one",
};

/** Why, in the server's words where it gave some. */
export function because({ cause, detail, changesNotShown }: StateChange): string {
  const words = detail ? detail.charAt(0).toUpperCase() + detail.slice(1) : (CAUSES[cause] ?? CAUSES[StateChangeCause.UNSPECIFIED]);
  return changesNotShown === 0 ? words : `${words} (${changesNotShown} more changes before it are only counted)`;
}

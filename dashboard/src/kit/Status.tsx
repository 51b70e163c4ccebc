import { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import { CommandState, RunState } from "~/gen/homepot/command/v1/command_pb";
import { DeviceStatus } from "~/gen/homepot/registry/v1/registry_pb";
import { RolloutState, UpdateState } from "~/gen/homepot/rollout/v1/rollout_pb";
import type { Tone } from "./Badge";

type Shape = "disc" | "ring" | "triangle" | "square" | "cross" | "dash";

/** Drawn shapes, so that a state can be told without its colour. */
function Mark({ shape }: { shape: Shape }) {
  return (
    <svg viewBox="0 0 10 10" aria-hidden="true" fill="currentColor" stroke="currentColor" stroke-width="1.6">
      {shape === "disc" && <circle cx="5" cy="5" r="4" stroke="none" />}
      {shape === "ring" && <circle cx="5" cy="5" r="3.6" fill="none" />}
      {shape === "triangle" && <path d="M5 1 9.4 9H.6z" stroke="none" />}
      {shape === "square" && <rect x="1.2" y="1.2" width="7.6" height="7.6" stroke="none" />}
      {shape === "cross" && <path d="M1.5 1.5l7 7m0-7l-7 7" fill="none" />}
      {shape === "dash" && <path d="M1 5h8" fill="none" />}
    </svg>
  );
}

interface Look {
  word: string;
  tone: Tone;
  shape: Shape;
}

function Marked({ look, title }: { look: Look; title?: string | undefined }) {
  return (
    <span class="badge" data-tone={look.tone} title={title}>
      <Mark shape={look.shape} />
      {look.word}
    </span>
  );
}

export const DEVICE_STATUS: Record<DeviceStatus, Look> = {
  [DeviceStatus.UNSPECIFIED]: { word: "Unknown", tone: "plain", shape: "dash" },
  [DeviceStatus.UNKNOWN]: { word: "Never seen", tone: "plain", shape: "dash" },
  [DeviceStatus.ONLINE]: { word: "Online", tone: "good", shape: "disc" },
  [DeviceStatus.OFFLINE]: { word: "Offline", tone: "bad", shape: "ring" },
  [DeviceStatus.MAINTENANCE]: { word: "Maintenance", tone: "info", shape: "square" },
  [DeviceStatus.ERROR]: { word: "Error", tone: "bad", shape: "triangle" },
};

export function DeviceStatusBadge({ status, flapping = false }: { status: DeviceStatus; flapping?: boolean }) {
  const look = DEVICE_STATUS[status];
  return flapping ? <Marked look={{ word: `Flapping, ${look.word.toLowerCase()}`, tone: "warn", shape: "triangle" }} title="It goes online and offline so often that single changes are not shown" /> : <Marked look={look} />;
}

export const COMMAND_STATE: Record<CommandState, Look> = {
  [CommandState.UNSPECIFIED]: { word: "–", tone: "plain", shape: "dash" },
  [CommandState.QUEUED]: { word: "Queued", tone: "plain", shape: "ring" },
  [CommandState.SENT]: { word: "Sent", tone: "info", shape: "ring" },
  [CommandState.ACKNOWLEDGED]: { word: "Acknowledged", tone: "info", shape: "disc" },
  [CommandState.RUNNING]: { word: "Running", tone: "info", shape: "triangle" },
  [CommandState.SUCCEEDED]: { word: "Succeeded", tone: "good", shape: "disc" },
  [CommandState.FAILED]: { word: "Failed", tone: "bad", shape: "cross" },
  [CommandState.REJECTED]: { word: "Rejected", tone: "bad", shape: "square" },
  [CommandState.EXPIRED]: { word: "Expired", tone: "warn", shape: "dash" },
  [CommandState.CANCELLED]: { word: "Cancelled", tone: "plain", shape: "cross" },
  [CommandState.UNKNOWN]: { word: "Outcome unknown", tone: "warn", shape: "triangle" },
};

/** The states after which nothing more comes; of `UNKNOWN`, a late outcome still may. */
export const ENDED_STATES = [CommandState.SUCCEEDED, CommandState.FAILED, CommandState.REJECTED, CommandState.EXPIRED, CommandState.CANCELLED, CommandState.UNKNOWN];

export function CommandStateBadge({ state, reason }: { state: CommandState; reason?: string }) {
  return <Marked look={COMMAND_STATE[state]} title={reason || undefined} />;
}

export const RUN_STATE: Record<RunState, Look> = {
  [RunState.UNSPECIFIED]: { word: "–", tone: "plain", shape: "dash" },
  [RunState.RUNNING]: { word: "Running", tone: "info", shape: "triangle" },
  [RunState.PAUSED]: { word: "Paused", tone: "warn", shape: "square" },
  [RunState.HALTED]: { word: "Halted", tone: "bad", shape: "square" },
  [RunState.COMPLETED]: { word: "Completed", tone: "good", shape: "disc" },
  [RunState.CANCELLED]: { word: "Cancelled", tone: "plain", shape: "cross" },
};

export function RunStateBadge({ state, reason }: { state: RunState; reason?: string }) {
  return <Marked look={RUN_STATE[state]} title={reason || undefined} />;
}

export const ROLLOUT_STATE: Record<RolloutState, Look> = {
  [RolloutState.UNSPECIFIED]: { word: "–", tone: "plain", shape: "dash" },
  [RolloutState.RUNNING]: { word: "Running", tone: "info", shape: "triangle" },
  [RolloutState.PAUSED]: { word: "Paused", tone: "warn", shape: "square" },
  [RolloutState.HALTED]: { word: "Halted", tone: "bad", shape: "square" },
  [RolloutState.COMPLETED]: { word: "Completed", tone: "good", shape: "disc" },
  [RolloutState.ABORTED]: { word: "Aborted", tone: "plain", shape: "cross" },
  [RolloutState.AWAITING_APPROVAL]: { word: "Awaiting approval", tone: "warn", shape: "square" },
};

export function RolloutStateBadge({ state, reason }: { state: RolloutState; reason?: string }) {
  return <Marked look={ROLLOUT_STATE[state]} title={reason || undefined} />;
}

export const UPDATE_STATE: Record<UpdateState, Look> = {
  [UpdateState.UNSPECIFIED]: { word: "–", tone: "plain", shape: "dash" },
  [UpdateState.WAITING]: { word: "Waiting", tone: "plain", shape: "ring" },
  [UpdateState.OFFERED]: { word: "Offered", tone: "info", shape: "ring" },
  [UpdateState.DOWNLOADING]: { word: "Downloading", tone: "info", shape: "ring" },
  [UpdateState.VERIFIED]: { word: "Verified", tone: "info", shape: "disc" },
  [UpdateState.HELD]: { word: "Held", tone: "warn", shape: "square" },
  [UpdateState.APPLYING]: { word: "Applying", tone: "info", shape: "triangle" },
  [UpdateState.PROBATION]: { word: "On probation", tone: "info", shape: "triangle" },
  [UpdateState.CONFIRMED]: { word: "Confirmed", tone: "good", shape: "disc" },
  [UpdateState.REJECTED]: { word: "Rejected", tone: "bad", shape: "square" },
  [UpdateState.FAILED]: { word: "Failed", tone: "bad", shape: "cross" },
  [UpdateState.ROLLED_BACK]: { word: "Rolled back", tone: "bad", shape: "ring" },
  [UpdateState.ROLLBACK_FAILED]: { word: "Rollback failed", tone: "bad", shape: "triangle" },
  [UpdateState.SUPERSEDED]: { word: "Superseded", tone: "plain", shape: "dash" },
  [UpdateState.CANCELLED]: { word: "Cancelled", tone: "plain", shape: "cross" },
  [UpdateState.UNREACHABLE]: { word: "Unreachable", tone: "warn", shape: "triangle" },
  [UpdateState.SKIPPED]: { word: "Skipped", tone: "plain", shape: "dash" },
};

export function UpdateStateBadge({ state, reason }: { state: UpdateState; reason?: string }) {
  return <Marked look={UPDATE_STATE[state]} title={reason || undefined} />;
}

/** Real devices have a solid frame, simulated ones a dashed one. */
export function SourceBadge({ source }: { source: DeviceSource }) {
  const isSimulated = source === DeviceSource.SIMULATED;
  return (
    <span class="badge" data-outline={isSimulated ? "dashed" : "solid"} title={isSimulated ? "A simulator plays this device" : "A real machine"}>
      {isSimulated ? "Simulated" : "Real"}
    </span>
  );
}

import type { Command } from "~/gen/homepot/command/v1/command_pb";
import { At, COMMAND_STATE, CommandStateBadge } from "~/kit";
import { absolute, now, span } from "~/kit/time";
import { deadline, type Stage, stages, steps } from "./stages";

/** The stages from queued to the outcome: what is behind, where it stands, what may come. */
export function Timeline({ command }: { command: Command }) {
  return (
    <section class="card stack">
      <h2>Progress</h2>
      <ol class="stages">
        {stages(command).map((stage) => (
          <StageShown key={stage.name} stage={stage} />
        ))}
      </ol>
      <Deadline command={command} />
    </section>
  );
}

const STANDING = { passed: "reached", here: "it stands here", ahead: "not yet", missed: "never reached" } as const;

function StageShown({ stage }: { stage: Stage }) {
  const { name, standing, at, afterMs, state } = stage;
  return (
    <li data-standing={standing} data-tone={standing === "here" ? COMMAND_STATE[state].tone : undefined} aria-current={standing === "here" ? "step" : undefined}>
      <strong>{name}</strong>
      <span class="hidden-visually">{STANDING[standing]}</span>
      {at === undefined ? (
        <span class="quiet small">{STANDING[standing]}</span>
      ) : (
        <span class="small">
          <time dateTime={new Date(at).toISOString()}>{absolute(at)}</time>
          <After ms={afterMs} />
        </span>
      )}
    </li>
  );
}

/** What passed since the one before. */
function After({ ms }: { ms: number | undefined }) {
  if (ms === undefined) return null;
  return <span class="quiet after"> {ms < 1 ? "at once" : `after ${span(ms)}`}</span>;
}

function Deadline({ command }: { command: Command }) {
  const awaited = deadline(command);
  if (!awaited) return null;
  const left = awaited.at - now.value;
  const when = absolute(awaited.at);
  if (awaited.what === "start") {
    return <p>{left > 0 ? `It expires in ${span(left)} unless it has started by then (${when}).` : "Its time to live is over; the server is about to end it."}</p>;
  }
  return <p>{left > 0 ? `It may run for ${span(left)} more (until ${when}).` : "It has run longer than it may; the server waits for the device to report the outcome."}</p>;
}

/** Each change with its cause, oldest first. A command that was handed over again has some states twice. */
export function History({ command }: { command: Command }) {
  return (
    <section class="card stack">
      <h2>History</h2>
      <ol class="history">
        {steps(command.history).map(({ change, afterMs }, index) => (
          <li key={index}>
            <CommandStateBadge state={change.state} />
            <span class="small">
              <At time={change.time} />
              <After ms={afterMs} />
            </span>
            <span class="cause">{change.cause}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}

import { useId } from "preact/hooks";
import type { StateChange } from "~/gen/homepot/registry/v1/registry_pb";
import { absolute, span } from "~/kit/time";
import { type Kind, share, stretches, type Stretch, tally } from "./spans";

const WIDTH = 1_000;
const WORDS: Record<Kind, string> = { online: "Online", offline: "Offline", flapping: "Coming and going", unknown: "Nothing is stored" };
/** Top and height of each kind in a bar that is 32 high, so that they differ by more than their colour. */
const SHAPES: Record<Kind, readonly [number, number]> = { online: [0, 32], offline: [24, 8], flapping: [8, 24], unknown: [15, 2] };

/** A bar of the whole stretch: where it is high the device was there. */
export function Timeline({ changes, from, to }: { changes: readonly StateChange[]; from: number; to: number }) {
  const id = useId();
  const all = stretches(changes, from, to);
  const x = (time: number) => ((time - from) / (to - from)) * WIDTH;
  return (
    <figure class="timeline stack">
      <figcaption>{summary(all)}</figcaption>
      <svg viewBox={`0 0 ${WIDTH} 32`} preserveAspectRatio="none" role="img" aria-label={summary(all)}>
        <defs>
          <pattern id={id} width="8" height="32" patternUnits="userSpaceOnUse">
            <rect width="4" height="32" fill="currentColor" />
          </pattern>
        </defs>
        {all.map((stretch) => {
          const [y, height] = SHAPES[stretch.kind];
          return (
            <rect key={stretch.from} data-kind={stretch.kind} x={x(stretch.from)} y={y} width={Math.max(1, x(stretch.to) - x(stretch.from))} height={height} fill={stretch.kind === "flapping" ? `url(#${id})` : undefined}>
              <title>{`${WORDS[stretch.kind]} from ${absolute(stretch.from)} for ${span(stretch.to - stretch.from)}`}</title>
            </rect>
          );
        })}
      </svg>
      <div class="row spread quiet small axis" aria-hidden="true">
        <span>{absolute(from, "minutes")}</span>
        <span>{absolute((from + to) / 2, "minutes")}</span>
        <span>{absolute(to, "minutes")}</span>
      </div>
      <Legend kinds={[...new Set(all.map(({ kind }) => kind))]} />
    </figure>
  );
}

function Legend({ kinds }: { kinds: readonly Kind[] }) {
  return (
    <ul class="row legend small">
      {kinds.map((kind) => {
        const [y, height] = SHAPES[kind];
        return (
          <li key={kind}>
            <svg viewBox="0 0 24 32" aria-hidden="true">
              <rect data-kind={kind} x="0" y={y} width={kind === "flapping" ? 8 : 24} height={height} fill={kind === "flapping" ? "currentColor" : undefined} />
              {kind === "flapping" && <rect data-kind={kind} x="14" y={y} width="8" height={height} fill="currentColor" />}
            </svg>
            {WORDS[kind]}
          </li>
        );
      })}
    </ul>
  );
}

function summary(all: readonly Stretch[]): string {
  const told = tally(all);
  if (told.onlinePercent === undefined) return "Nothing is stored for this time.";
  const away = told.absences === 0 ? "never away" : told.absences === 1 ? `away once, for ${span(told.awayMs)}` : `away ${told.absences} times, ${span(told.awayMs)} in all, ${span(told.longestMs)} at most`;
  const flapping = told.flappingMs > 0 ? `, coming and going for ${span(told.flappingMs)}` : "";
  const known = told.unknownMs > 0 ? " of the time that is known" : " of this time";
  return `Online ${share(told.onlinePercent)}${known}: ${away}${flapping}.`;
}

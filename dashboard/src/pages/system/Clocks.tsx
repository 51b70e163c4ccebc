import { measureClock } from "~/api/clock";
import { useRead } from "~/api/query";
import { browserZone, offsetWords } from "~/app/zones";
import { Facts, Notice, Read } from "~/kit";
import { absolute, clockOffsetMs, now, span, zone } from "~/kit/time";
import { Panel } from "~/parts/Panel";

/** Beyond that, people wonder about the times that they see elsewhere. */
const NOTABLE_MS = 5_000;

/** Ages are told by the server's clock; this says how far the browser's is from it. */
export function Clocks() {
  const measured = useRead(["clock"], measureClock, { everyMs: 60_000 });
  return (
    <Panel title="Clocks">
      <Read of={measured}>
        {({ offsetMs, withinMs }) => (
          <>
            <Facts
              facts={[
                ["The server's", <Clock at={now.value - clockOffsetMs.value + offsetMs} />],
                ["This browser's", <Clock at={now.value - clockOffsetMs.value} />],
                ["Difference", difference(offsetMs, withinMs)],
                ["Zone shown", zoneWords(zone.value || browserZone(), now.value)],
              ]}
            />
            {Math.abs(offsetMs) > NOTABLE_MS + withinMs && <Notice tone="warn">The clock of this machine is wrong. Ages on this page are right all the same, because they follow the server's clock.</Notice>}
          </>
        )}
      </Read>
    </Panel>
  );
}

function Clock({ at }: { at: number }) {
  return <span class="system-clock">{absolute(at)}</span>;
}

function zoneWords(name: string, at: number): string {
  const offset = offsetWords(name, at);
  return name === offset ? name : `${name} (${offset})`;
}

function difference(offsetMs: number, withinMs: number): string {
  if (Math.abs(offsetMs) <= withinMs) return `none that can be told (within ${span(withinMs)})`;
  return `this browser's is ${span(Math.abs(offsetMs))} ${offsetMs > 0 ? "behind" : "ahead"} (within ${span(withinMs)})`;
}

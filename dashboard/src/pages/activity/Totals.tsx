import { show } from "~/app/route";
import { sourceParam } from "~/app/source";
import { ActivityGrouping, type ActivitySum } from "~/gen/homepot/analytics/v1/analytics_pb";
import { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import { Read, Tile } from "~/kit";
import { durationMs, ms, now, span as lengthOf, zone } from "~/kit/time";
import { Bars } from "~/parts/Bars";
import { barsOf, barStep, sumStep } from "~/parts/buckets";
import { whole } from "~/parts/fleet/counts";
import { Panel } from "~/parts/Panel";
import { rangeOf, type Span } from "~/parts/span";
import { type Filter, TYPES, typePlace } from "./filter";
import { ranked, type Sums, useSums } from "./sums";

interface TotalsProps {
  filter: Filter;
  span: Span;
  source: DeviceSource;
  isNamed: boolean;
}

/** How much there was of one source: in all, over time, by people, pages and searches. */
export function Totals({ filter, span, source, isNamed }: TotalsProps) {
  const all = useSums(filter, span, source, ActivityGrouping.UNSPECIFIED);
  const overTime = useSums(filter, span, source, ActivityGrouping.TYPE, sumStep(zone.value, rangeOf(span, now.peek())) / 1_000);
  const isNone = all.data?.sums.length === 0;
  const of = { filter, span, source };
  return (
    <Panel title={isNamed ? (source === DeviceSource.SIMULATED ? "Simulated activity" : "Real activity") : "Totals"}>
      <Read of={all}>{({ sums }) => <InAll sum={sums[0]} />}</Read>
      {!isNone && (
        <>
          <Read of={overTime}>{({ sums }) => <OverTime sums={sums} span={span} />}</Read>
          <div class="activity-ranks">
            <Ranking {...of} title="People" name="operator" groupBy={ActivityGrouping.OPERATOR} />
            <Ranking {...of} title="Pages" name="page" groupBy={ActivityGrouping.PAGE} />
            <Ranking {...of} title="Searches" groupBy={ActivityGrouping.SEARCH_QUERY} />
          </div>
        </>
      )}
    </Panel>
  );
}

function InAll({ sum }: { sum: ActivitySum | undefined }) {
  if (!sum) return <p class="quiet">Nothing in this time. Choose a longer span or fewer filters; tools log activity by “LogActivity”.</p>;
  const average = durationMs(sum.averageDuration);
  return (
    <div class="activity-tiles">
      <Tile label="In all" value={whole(sum.count)} />
      <Tile label="Visits" value={whole(sum.sessions)} />
      <Tile label="Average duration" value={average === undefined ? "–" : lengthOf(average)} />
    </div>
  );
}

function OverTime({ sums, span }: { sums: readonly ActivitySum[]; span: Span }) {
  if (sums.length === 0) return null;
  const { from, to } = rangeOf(span, now.peek());
  const step = barStep(to - from);
  const counts = sums.map(({ key, startTime, count }) => ({ time: ms(startTime) ?? 0, kind: typePlace(key), count: Number(count) }));
  const bars = barsOf(counts, TYPES.length, { from, to, step, zone: zone.value });
  return <Bars title="Activity by what was done" kinds={TYPES.map(({ word, colour }) => ({ name: word, colour }))} bars={bars} step={step} zone={zone.value} />;
}

const SHOWN = 10;

interface RankingProps extends Omit<TotalsProps, "isNamed"> {
  title: string;
  /** The parameter that narrows the page down to one of them; left out: there is none. */
  name?: string;
  groupBy: ActivityGrouping;
}

function Ranking({ title, name, groupBy, filter, span, source }: RankingProps) {
  const sums = useSums(filter, span, source, groupBy);
  return (
    <section>
      <h3>{title}</h3>
      <Read of={sums}>{(read) => <Ranks read={read} only={name && ((key) => show({ [name]: key, source: sourceParam(source) }, "push"))} />}</Read>
    </section>
  );
}

function Ranks({ read, only }: { read: Sums; only: ((key: string) => void) | "" | undefined }) {
  const told = ranked(read.sums.filter(({ key }) => key !== ""));
  if (told.length === 0) return <p class="quiet">None.</p>;
  const most = Number(told[0]?.count ?? 1);
  const rest = told.length - SHOWN;
  return (
    <>
      <ol class="activity-rank">
        {told.slice(0, SHOWN).map(({ key, count }) => (
          <li key={key}>
            {only ? (
              <button type="button" title={`Only ${key}`} onClick={() => only(key)}>
                {key}
              </button>
            ) : (
              <span title={key}>{key}</span>
            )}
            <span class="number">{whole(count)}</span>
            <span class="activity-share" aria-hidden="true" style={{ inlineSize: `${(Number(count) / most) * 100}%` }} />
          </li>
        ))}
      </ol>
      {rest > 0 && (
        <p class="quiet small">
          And {whole(rest)} {read.isCut ? "or more others" : rest === 1 ? "other" : "others"}.
        </p>
      )}
    </>
  );
}

import { isOfFleet } from "~/api/session";
import { param, show } from "~/app/route";
import { sourceFilter, sourcesShown } from "~/app/source";
import { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import { Notice, Page, SelectField } from "~/kit";
import { now, zone } from "~/kit/time";
import { CsvButton } from "~/parts/CsvButton";
import { SpanPicker, useSpan } from "~/parts/SpanPicker";
import { TypedFilter } from "~/parts/TypedFilter";
import { filterOf, queryOf, TYPES } from "./filter";
import { Recent } from "./Recent";
import { Totals } from "./Totals";
import "./page.css";

const CHOICES = [{ value: "", label: "Anything" }, ...TYPES.map(({ key, word }) => ({ value: key, label: word }))];

export default function ActivityPage() {
  const filter = filterOf(param);
  const span = useSpan("24h");
  const query = queryOf(filter, span, DeviceSource[sourceFilter()], now.peek());
  return (
    <Page
      title="Activity"
      lead="What people do in the tools around HOMEPOT, as those tools log it."
      actions={<CsvButton path="/api/v2/activities" query={query} name="activity" what="all activity that matches" />}
    >
      {!isOfFleet.value && <Notice>You are bound to sites, so you see only what you logged yourself.</Notice>}
      <div class="activity-filters">
        <SelectField label="What" value={param("type")} choices={CHOICES} onChange={(type) => show({ type }, "push")} />
        <TypedFilter label="Page" name="page" placeholder="/sites" />
        <TypedFilter label="Operator" name="operator" placeholder="the whole name" />
        <TypedFilter label="Visit" name="visit" placeholder="the whole id" />
      </div>
      <SpanPicker span={span} zone={zone.value} offered={["1h", "24h", "7d", "30d", "90d"]} />
      {sourcesShown().map((source) => (
        <Totals key={source} filter={filter} span={span} source={source} isNamed={sourcesShown().length > 1} />
      ))}
      <Recent filter={filter} span={span} />
    </Page>
  );
}

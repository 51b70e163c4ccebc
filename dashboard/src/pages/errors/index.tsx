import { param, show } from "~/app/route";
import { sourceFilter, sourcesShown } from "~/app/source";
import { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import { Page, SelectField } from "~/kit";
import { now, zone } from "~/kit/time";
import { CsvButton } from "~/parts/CsvButton";
import { SEVERITIES } from "~/parts/severity";
import { SpanPicker, useSpan } from "~/parts/SpanPicker";
import { TypedFilter } from "~/parts/TypedFilter";
import { Counts } from "./Counts";
import { filterOf, queryOf } from "./filter";
import { Groups } from "./Groups";
import "./page.css";

const CHOICES = [{ value: "", label: "Any" }, ...SEVERITIES.map(({ key, word }) => ({ value: key, label: word }))];

export default function ErrorsPage() {
  const filter = filterOf(param);
  const span = useSpan("7d");
  const query = queryOf(filter, span, DeviceSource[sourceFilter()], now.peek());
  return (
    <Page
      title="Errors"
      lead="What went wrong in applications, as devices and operators reported it. Repeats within an hour are one row with their count."
      actions={<CsvButton path="/api/v2/errors" query={query} name="errors" what="all errors that match" />}
    >
      <div class="errors-filters">
        <SelectField label="Severity" value={param("severity")} choices={CHOICES} onChange={(severity) => show({ severity }, "push")} />
        <TypedFilter label="Category" name="category" placeholder="payment" />
        <TypedFilter label="Code" name="code" placeholder="E_TIMEOUT" />
        <TypedFilter label="Endpoint" name="endpoint" placeholder="/api/orders" />
        <TypedFilter label="Device" name="device" placeholder="the whole id" />
        <TypedFilter label="Site" name="site" placeholder="the whole id" />
      </div>
      <SpanPicker span={span} zone={zone.value} offered={["1h", "24h", "7d", "30d", "90d"]} />
      {sourcesShown().map((source) => (
        <Counts key={source} filter={filter} span={span} source={source} isNamed={sourcesShown().length > 1} />
      ))}
      <Groups filter={filter} span={span} />
    </Page>
  );
}

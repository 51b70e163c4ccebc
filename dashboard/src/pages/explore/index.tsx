import { useEffect, useMemo } from "preact/hooks";
import { saveFile } from "~/api/csv";
import { param, paramAll, show } from "~/app/route";
import { shown, sourceFilter } from "~/app/source";
import { Button, Empty, Page, toast } from "~/kit";
import { absolute, now, zone as viewersZone } from "~/kit/time";
import { zoneName } from "~/kit/zone";
import { seriesRead } from "~/parts/readSeries";
import { SpanPicker, useSpan } from "~/parts/SpanPicker";
import { Charts } from "./Charts";
import { Chooser } from "./Chooser";
import { tableOf } from "./table";
import { sourceOf, viewOf } from "./view";
import "./page.css";

export default function ExplorePage() {
  const address = { by: param("by"), devices: paramAll("device"), site: param("site"), metrics: paramAll("metric") };
  const view = useMemo(() => viewOf(address), [JSON.stringify(address)]);
  const span = useSpan();
  const zone = param("zone") === "UTC" ? "UTC" : viewersZone.value;
  const source = sourceOf(view.by, sourceFilter());
  // What is taken together follows the switch, and the address says so for whoever is sent it.
  const isUnsaid = view.by === "site" && param("source") === "";
  useEffect(() => {
    if (isUnsaid) show({ source: shown.value });
  }, [isUnsaid, shown.value]);
  const save = () => {
    const all = view.metrics.flatMap((metric) => seriesRead({ target: view.target, metrics: [metric], span, source }) ?? []);
    if (all.length < view.metrics.length) return toast("Not all charts are read yet. Save again once they are.", "warn");
    saveFile(new Blob([tableOf(all, zone)], { type: "text/csv" }), `explore ${absolute(now.value, "day")}.csv`);
  };
  return (
    <Page
      title="Explore"
      lead="Measurements of devices side by side. Drag over a chart to zoom in, double-click to zoom out. The address of this page keeps what is shown."
      actions={view.isAsked && <Button label="Save what is shown as a CSV file" onPress={save}>CSV</Button>}
    >
      <Chooser view={view} />
      <SpanPicker span={span} zone={zone}>
        <ZoneSwitch isUtc={param("zone") === "UTC"} />
      </SpanPicker>
      {view.isAsked ? (
        <Charts view={view} span={span} zone={zone} source={source} />
      ) : (
        <Empty title={view.by === "site" ? "Choose a site" : "Choose a device"}>
          <p>{view.by === "site" ? "The devices of a site are drawn together, real and simulated ones apart." : "Type a part of an id, a name or a site above. Up to ten devices are drawn in one chart."}</p>
        </Empty>
      )}
    </Page>
  );
}

/** The viewer's zone is set on the page "Me"; here it can be UTC for one view. */
function ZoneSwitch({ isUtc }: { isUtc: boolean }) {
  const own = zoneName(viewersZone.value);
  if (own === "UTC") return <span class="quiet small">Times in UTC</span>;
  return (
    <label class="row">
      <span class="quiet small">Times in</span>
      <select class="input explore-zone" value={isUtc ? "UTC" : ""} onChange={(event) => show({ zone: event.currentTarget.value || undefined }, "push")}>
        <option value="">{own}</option>
        <option value="UTC">UTC</option>
      </select>
    </label>
  );
}

import { registry } from "~/api/clients/registry";
import { useRead } from "~/api/query";
import { param, show } from "~/app/route";
import { Failed, SelectField } from "~/kit";
import { METRICS, metricInfo } from "~/parts/metrics";
import { DevicePicker } from "./DevicePicker";
import { type By, DEVICES_AT_MOST, type View } from "./view";

const BY = [
  { value: "devices", label: "Devices side by side" },
  { value: "site", label: "A site's devices together" },
] as const;

/** Whose measurements are drawn, and of what the first chart is. */
export function Chooser({ view }: { view: View }) {
  const deviceIds = view.target.deviceIds ?? [];
  const [first = "", ...others] = view.metrics.map((metric) => metricInfo(metric).key);
  return (
    <div class="explore-chooser">
      <SelectField
        label="Show"
        value={first}
        choices={METRICS.map(({ key, name }) => ({ value: key, label: name }))}
        onChange={(key) => show({ metric: [key, ...others.filter((other) => other !== key)] }, "push")}
      />
      <SelectField<By> label="Of" value={view.by} choices={BY} onChange={(by) => show({ by }, "push")} />
      {view.by === "site" ? (
        <SitePicker />
      ) : (
        <DevicePicker chosen={deviceIds} most={DEVICES_AT_MOST} onChange={(device) => show({ device }, "push")} />
      )}
    </div>
  );
}

function SitePicker() {
  const sites = useRead(["sites", "choices"], (signal) => registry.listSites({ pageSize: 1_000 }, { signal }));
  if (sites.error) return <Failed error={sites.error} again={() => void sites.refetch()} />;
  const choices = (sites.data?.sites ?? []).map(({ siteId, name }) => ({ value: siteId, label: name && name !== siteId ? `${name}, ${siteId}` : siteId }));
  return <SelectField label="Site" value={param("site")} choices={[{ value: "", label: "Choose a site…" }, ...choices]} onChange={(site) => show({ site }, "push")} />;
}

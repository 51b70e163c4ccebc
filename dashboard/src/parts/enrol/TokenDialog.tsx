import { useState } from "preact/hooks";
import { registry } from "~/api/clients/registry";
import { besides, problem } from "~/api/errors";
import { useChange, useRead } from "~/api/query";
import { may } from "~/api/session";
import { shown } from "~/app/source";
import { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import type { CreateEnrollmentTokenResponse } from "~/gen/homepot/registry/v1/registry_pb";
import { Button, Dialog, Empty, FormDialog, Loading, Notice, SelectField, TextField } from "~/kit";
import { SiteDialog } from "~/parts/site/SiteDialog";
import { typedLabels } from "./labels";

const HOUR = 3_600;
const SPANS = [
  { value: "1", label: "1 hour" },
  { value: "24", label: "24 hours" },
  { value: "168", label: "7 days" },
  { value: "720", label: "30 days" },
  { value: "8760", label: "1 year" },
] as const;
const SOURCES = [
  { value: "real", label: "Real: machines that run homepot-agent" },
  { value: "simulated", label: "Simulated: played by homepot-sim" },
] as const;

const FIELDS = ["site_id", "max_uses", "time_to_live", "labels"];

interface TokenDialogProps {
  /** Chosen at first; empty: the only site there is, or none. */
  siteId: string;
  onClose: () => void;
  onMade: (made: CreateEnrollmentTokenResponse) => void;
}

/** Makes an enrolment token. Where there is no site yet, it offers to make one first. */
export function TokenDialog({ siteId, onClose, onMade }: TokenDialogProps) {
  const sites = useRead(["sites", "all"], (signal) => registry.listSites({ pageSize: 1_000 }, { signal }));
  if (!sites.data) {
    return (
      <Dialog title="Make an enrolment token" onClose={onClose}>
        {sites.error ? <Notice tone="bad">{problem(sites.error).message}</Notice> : <Loading />}
        <footer>
          <Button onPress={onClose}>Cancel</Button>
        </footer>
      </Dialog>
    );
  }
  const ids = sites.data.sites.map((site) => site.siteId);
  if (ids.length === 0) return <NoSite onClose={onClose} />;
  const only = ids.length === 1 ? (ids[0] ?? "") : "";
  return <TokenForm siteId={siteId || only} sites={ids} isWhole={sites.data.nextPageToken === ""} onClose={onClose} onMade={onMade} />;
}

function NoSite({ onClose }: { onClose: () => void }) {
  const [isMaking, setMaking] = useState(false);
  if (isMaking) return <SiteDialog onClose={() => setMaking(false)} onDone={() => undefined} />;
  return (
    <Dialog title="Make an enrolment token" onClose={onClose}>
      <Empty title="There is no site yet">
        <p>A token is good for one site. {may("fleet admin") ? "Make the site first." : "Someone with the role fleet admin makes it."}</p>
      </Empty>
      <footer>
        <Button onPress={onClose}>Cancel</Button>
        {may("fleet admin") && (
          <Button kind="primary" onPress={() => setMaking(true)}>
            Make a site
          </Button>
        )}
      </footer>
    </Dialog>
  );
}

interface TokenFormProps extends TokenDialogProps {
  sites: string[];
  /** Whether `sites` are all there are; otherwise the id is typed. */
  isWhole: boolean;
}

function TokenForm({ siteId, sites, isWhole, onClose, onMade }: TokenFormProps) {
  const [site, setSite] = useState(siteId);
  const [uses, setUses] = useState("1");
  const [hours, setHours] = useState<(typeof SPANS)[number]["value"]>("24");
  const [source, setSource] = useState<"real" | "simulated">(shown.value === "simulated" ? "simulated" : "real");
  const [labels, setLabels] = useState("");
  const typed = typedLabels(labels);
  const usesFault = /^[1-9]\d{0,5}$/.test(uses) && Number(uses) <= 100_000 ? undefined : "A whole number from 1 to 100,000.";
  const make = useChange(
    () =>
      registry.createEnrollmentToken({
        siteId: site.trim(),
        maxUses: Number(uses),
        timeToLive: { seconds: BigInt(Number(hours) * HOUR) },
        source: source === "simulated" ? DeviceSource.SIMULATED : DeviceSource.REAL,
        labels: "labels" in typed ? typed.labels : {},
      }),
    ["tokens"],
    onMade,
  );
  const failed = make.error ? problem(make.error) : undefined;
  const siteField = { label: "Site", hint: "Devices that use the token belong to this site.", value: site, fault: failed?.fields.site_id };
  return (
    <FormDialog
      title="Make an enrolment token"
      action="Make the token"
      busy={make.isPending}
      problem={besides(failed, FIELDS)}
      ready={site.trim() !== "" && !usesFault && "labels" in typed}
      onSubmit={() => make.mutate(undefined)}
      onClose={onClose}
    >
      {isWhole ? (
        <SelectField {...siteField} choices={[...(site ? [] : [{ value: "", label: "Choose a site" }]), ...sites.map((id) => ({ value: id, label: id }))]} onChange={setSite} />
      ) : (
        <TextField {...siteField} onInput={setSite} required />
      )}
      <TextField label="Devices that may use it" type="number" value={uses} onInput={setUses} fault={usesFault ?? failed?.fields.max_uses} />
      <SelectField label="Good for" hint="It ends no later than your own token does." value={hours} choices={SPANS} onChange={setHours} fault={failed?.fields.time_to_live} />
      <SelectField label="Its devices are" hint="This is fixed when a device enrols, and never changes." value={source} choices={SOURCES} onChange={setSource} />
      <TextField
        label="Labels"
        hint="Given to each device that uses it, such as tier=pos, floor=2. May be left empty."
        value={labels}
        onInput={setLabels}
        fault={"fault" in typed ? typed.fault : failed?.fields.labels}
      />
    </FormDialog>
  );
}

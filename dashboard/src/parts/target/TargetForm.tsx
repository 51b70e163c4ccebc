import { registry } from "~/api/clients/registry";
import { useRead } from "~/api/query";
import type { Shown } from "~/app/source";
import { Notice, RadioField, SelectField, TextField } from "~/kit";
import { devicesWord } from "~/parts/run/progress";
import { idsOf, type TargetDraft, type TargetFaults, targetFaults, type Way } from "./target";

interface TargetFormProps {
  draft: TargetDraft;
  onChange: (draft: TargetDraft) => void;
  refused: TargetFaults;
  /** What is aimed. */
  of: "run" | "rollout";
}

const WAYS: readonly { value: Way; label: string; hint: string }[] = [
  { value: "devices", label: "Named devices", hint: "These and no others." },
  { value: "filter", label: "A site, or labels", hint: "The devices that match at the moment of the start." },
  { value: "fleet", label: "The whole fleet", hint: "All devices of one kind that you may reach." },
];

const SOURCES: readonly { value: Shown; label: string }[] = [
  { value: "real", label: "Real devices" },
  { value: "simulated", label: "Simulated devices" },
];

/** Target. */
export function TargetForm({ draft, onChange, refused, of }: TargetFormProps) {
  const fault = { ...refused, ...targetFaults(draft) };
  const change = (part: Partial<TargetDraft>) => onChange({ ...draft, ...part });
  const sources = draft.way === "devices" ? [...SOURCES, { value: "both" as const, label: "Both, as they are named" }] : SOURCES;
  return (
    <section class="card stack">
      <h2>Target</h2>
      <RadioField label="Devices" value={draft.way} choices={WAYS} onChange={(way) => change({ way, source: way !== "devices" && draft.source === "both" ? "real" : draft.source })} />
      {draft.way === "devices" && (
        <TextField
          label="Ids of the devices"
          hint={`One a line, or with commas between. ${devicesWord(idsOf(draft.devices).length)} named.`}
          lines={5}
          value={draft.devices}
          fault={fault.devices}
          onInput={(devices) => change({ devices })}
        />
      )}
      {draft.way === "filter" && <FilterFields draft={draft} onChange={change} fault={fault} />}
      {draft.way !== "" && (
        <SelectField
          label="Source"
          hint={draft.way === "devices" ? `Where both are named, failures of simulated devices can halt the ${of} for real ones, and the other way round.` : `A ${of} reaches either real or simulated devices, so that failures of one kind never halt it for the other.`}
          value={draft.way !== "devices" && draft.source === "both" ? "real" : draft.source}
          fault={fault.source}
          choices={sources}
          onChange={(source) => change({ source })}
        />
      )}
      {draft.way === "fleet" && <Notice tone="warn">This reaches every device of that kind that you may reach.</Notice>}
    </section>
  );
}

function FilterFields({ draft, onChange, fault }: { draft: TargetDraft; onChange: (part: Partial<TargetDraft>) => void; fault: TargetFaults }) {
  const sites = useRead(["sites", "choices"], (signal) => registry.listSites({ pageSize: 1_000 }, { signal }));
  const known = sites.data?.sites ?? [];
  const choices = [
    { value: "", label: "Any site" },
    ...known.map(({ siteId, name }) => ({ value: siteId, label: name && name !== siteId ? `${name} (${siteId})` : siteId })),
    ...(draft.siteId && !known.some(({ siteId }) => siteId === draft.siteId) ? [{ value: draft.siteId, label: draft.siteId }] : []),
  ];
  return (
    <>
      <SelectField label="Site" value={draft.siteId} fault={fault.siteId} choices={choices} onChange={(siteId) => onChange({ siteId })} />
      <TextField
        label="Labels"
        hint="Such as role=till, floor in (1, 2), !spare. All of them must hold; with a site, too."
        value={draft.labels}
        fault={fault.labels}
        onInput={(labels) => onChange({ labels })}
      />
    </>
  );
}

import { useState } from "preact/hooks";
import { registry } from "~/api/clients/registry";
import { besides, problem } from "~/api/errors";
import { useChange } from "~/api/query";
import { go } from "~/app/route";
import { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import { History } from "~/gen/homepot/registry/v1/registry_pb";
import { CheckField, FormDialog, Notice, Read, SelectField, TextField, toast } from "~/kit";
import { counted } from "~/parts/fleet/counts";
import { useFleet } from "~/parts/fleet/useFleet";
import { type Counts, devicesInWords, isReady, NOTHING_SAID, type Said, toType } from "./removal";

/** A removal takes many steps, each of which stands. */
const PATIENCE_MS = 120_000;
const HISTORIES = [
  { value: "", label: "Choose" },
  { value: "KEEP", label: "Keep it until its retention ends; the ids stay taken" },
  { value: "PURGE", label: "Remove it too; the ids are free afterwards" },
] as const;

interface RemoveDialogProps {
  siteId: string;
  /** Whether the site was removed before, with its history kept: then only the history is left to go. */
  isRemoved: boolean;
  onClose: () => void;
}

/** Asks what goes with the site, and has its id typed. */
export function RemoveDialog({ siteId, isRemoved, onClose }: RemoveDialogProps) {
  const real = useFleet(DeviceSource.REAL, siteId, undefined, !isRemoved);
  const counts = isRemoved ? { real: 0, simulated: 0 } : real.data && { real: Number(real.data.total), simulated: Number(real.data.notCounted) };
  const [said, setSaid] = useState<Said>({ ...NOTHING_SAID, history: isRemoved ? History.PURGE : History.UNSPECIFIED });
  const remove = useChange(
    () => registry.removeSite({ siteId, history: said.history, confirm: said.id, withDevices: said.withDevices }, { timeoutMs: PATIENCE_MS }),
    ["sites", "devices", "tokens", "site"],
    ({ devicesRemoved }) => {
      toast(`Site ${siteId} removed${devicesRemoved > 0 ? ` with ${counted(devicesRemoved, "device")}` : ""}.`);
      go("/sites");
    },
  );
  const failed = remove.error ? problem(remove.error) : undefined;
  return (
    <FormDialog
      title={isRemoved ? `Remove what is kept of ${siteId}` : `Remove ${siteId} for good`}
      action={isRemoved ? "Remove what is kept" : "Remove for good"}
      kind="danger"
      busy={remove.isPending}
      problem={besides(failed, ["history", "confirm"])}
      ready={counts !== undefined && isReady(siteId, counts, said)}
      onSubmit={() => remove.mutate(undefined)}
      onClose={onClose}
    >
      <p>{isRemoved ? "The history of the site and of its devices goes, and their ids are free." : "The site goes out of every list, and its enrolment tokens end. This can’t be undone."}</p>
      <Read of={{ data: counts, error: real.error, refetch: real.refetch }}>
        {(known) => <Devices counts={known} said={said} onSay={(more) => setSaid({ ...said, ...more })} />}
      </Read>
      {!isRemoved && (
        <SelectField
          label="Samples, state changes and commands of its devices"
          hint="What is kept can be read by a device’s id."
          value={HISTORIES.find(({ value }) => value !== "" && History[value] === said.history)?.value ?? ""}
          choices={HISTORIES}
          onChange={(value) => setSaid({ ...said, history: value === "" ? History.UNSPECIFIED : History[value] })}
          fault={failed?.fields.history}
        />
      )}
      <TextField label={`Type ${siteId} to confirm`} value={said.id} onInput={(id) => setSaid({ ...said, id })} fault={failed?.fields.confirm} autoComplete="off" />
      {failed?.isTransient && <Notice tone="warn">What was removed until then stays removed. Press the button again for the rest.</Notice>}
    </FormDialog>
  );
}

function Devices({ counts, said, onSay }: { counts: Counts; said: Said; onSay: (more: Partial<Said>) => void }) {
  const words = devicesInWords(counts);
  if (words === "") return null;
  return (
    <>
      <CheckField
        label={`Remove its ${words} too`}
        hint="A site with devices can’t be removed without them. Their keys and streams end within two seconds, and they can’t come back."
        value={said.withDevices}
        onChange={(withDevices) => onSay({ withDevices })}
      />
      {said.withDevices &&
        toType(counts).map((source) => (
          <TextField
            key={source}
            label={`Type how many ${source} devices go: ${counts[source]}`}
            value={said.counts[source]}
            onInput={(count) => onSay({ counts: { ...said.counts, [source]: count } })}
            autoComplete="off"
          />
        ))}
    </>
  );
}

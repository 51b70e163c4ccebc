import { useState } from "preact/hooks";
import { registry } from "~/api/clients/registry";
import { problem } from "~/api/errors";
import { useChange } from "~/api/query";
import { go } from "~/app/route";
import { type Device, History } from "~/gen/homepot/registry/v1/registry_pb";
import { FormDialog, Notice, TextField, toast } from "~/kit";

/** A purge goes on in many small steps; what is cut short is repeated for the rest. */
const PATIENCE_MS = 120_000;

const CHOICES = [
  { history: History.KEEP, label: "Keep its history", hint: "Samples, changes and commands can be read by its id until their retention ends. The id stays taken." },
  { history: History.PURGE, label: "Purge its history too", hint: "Nothing of it is left, and its id is free." },
] as const;

/** Removes the device for good, after its id was typed and it was said what becomes of its history. */
export function RemoveDevice({ device: { deviceId, removedAt }, onClose }: { device: Device; onClose: () => void }) {
  const [history, setHistory] = useState<History>(removedAt ? History.PURGE : History.UNSPECIFIED);
  const [typed, setTyped] = useState("");
  const change = useChange(
    () => registry.removeDevice({ deviceId, history, confirm: typed.trim() }, { timeoutMs: PATIENCE_MS }),
    ["devices"],
    ({ device }) => {
      toast(device ? `${deviceId} is removed; its history is kept.` : `${deviceId} is removed, and nothing of it is left.`);
      onClose();
      if (!device) go("/devices");
    },
  );
  const refusal = change.error ? problem(change.error) : undefined;
  return (
    <FormDialog
      title={removedAt ? `Purge the history of ${deviceId}?` : `Remove ${deviceId} for good?`}
      action={history === History.PURGE ? "Remove it and its history" : "Remove it"}
      kind="danger"
      busy={change.isPending}
      problem={refusal?.fields.confirm ? undefined : refusal}
      ready={typed.trim() === deviceId && history !== History.UNSPECIFIED}
      onSubmit={() => change.mutate(undefined)}
      onClose={onClose}
    >
      <p>This can't be undone: the device can't come back, and would have to enrol anew.</p>
      {!removedAt && <HistoryChoice value={history} onChange={setHistory} />}
      <TextField label={`Type ${deviceId} to go on`} value={typed} onInput={setTyped} fault={refusal?.fields.confirm} autoComplete="off" />
      {refusal?.isTransient && <Notice tone="warn">What is removed so far stays removed. Try again to remove the rest.</Notice>}
    </FormDialog>
  );
}

function HistoryChoice({ value, onChange }: { value: History; onChange: (value: History) => void }) {
  return (
    <fieldset class="stack choice">
      <legend>What becomes of its history</legend>
      {CHOICES.map(({ history, label, hint }) => (
        <label key={history} class="check">
          <input type="radio" name="history" checked={value === history} onChange={() => onChange(history)} />
          <span>
            {label}
            <span class="quiet small hint">{hint}</span>
          </span>
        </label>
      ))}
    </fieldset>
  );
}

import { useState } from "preact/hooks";
import { registry } from "~/api/clients/registry";
import { problem } from "~/api/errors";
import { useChange } from "~/api/query";
import type { Device } from "~/gen/homepot/registry/v1/registry_pb";
import { CheckField, FormDialog, TextField, toast } from "~/kit";
import { labelsText, typedLabels } from "./labels";

/** Only what was changed is sent, so that what somebody else changes meanwhile stays. */
export function EditDevice({ device, onClose }: { device: Device; onClose: () => void }) {
  const [before] = useState({ name: device.name, deviceType: device.deviceType, labels: labelsText(device.labels), maintenance: device.maintenance });
  const [typed, setTyped] = useState(before);
  const labels = typedLabels(typed.labels);
  const change = useChange(
    () =>
      registry.updateDevice({
        deviceId: device.deviceId,
        name: changed(before.name, typed.name.trim()),
        deviceType: changed(before.deviceType, typed.deviceType.trim()),
        maintenance: changed(before.maintenance, typed.maintenance),
        labels: typed.labels !== before.labels && "labels" in labels ? labels : undefined,
      }),
    ["devices"],
    () => {
      toast("Saved.");
      onClose();
    },
  );
  const refusal = change.error ? problem(change.error) : undefined;
  const faults = refusal?.fields ?? {};
  const labelsFault = Object.entries(faults).find(([field]) => field.startsWith("labels"))?.[1];
  const isAtField = Boolean(faults.name ?? faults.device_type ?? labelsFault);
  const isChanged = JSON.stringify(before) !== JSON.stringify(typed);
  const set = (part: Partial<typeof typed>) => setTyped({ ...typed, ...part });
  return (
    <FormDialog
      title={`Edit ${device.deviceId}`}
      action="Save"
      busy={change.isPending}
      problem={isAtField ? undefined : refusal}
      ready={isChanged && "labels" in labels}
      onSubmit={() => change.mutate(undefined)}
      onClose={onClose}
    >
      <TextField label="Name" hint="For people: up to 200 characters." value={typed.name} onInput={(name) => set({ name })} fault={faults.name} autoFocus />
      <TextField label="Type" hint="A short word such as pos_terminal." value={typed.deviceType} onInput={(deviceType) => set({ deviceType })} fault={faults.device_type} />
      <TextField label="Labels" hint="One key=value a line. Lists and runs select devices by them." lines={4} value={typed.labels} onInput={(text) => set({ labels: text })} fault={labelsFault ?? ("fault" in labels ? labels.fault : undefined)} />
      <CheckField label="Under maintenance" hint="Its status is then “Maintenance”, whether it is online or not." value={typed.maintenance} onChange={(maintenance) => set({ maintenance })} />
    </FormDialog>
  );
}

function changed<T>(before: T, now: T): T | undefined {
  return before === now ? undefined : now;
}

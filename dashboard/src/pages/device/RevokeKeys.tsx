import { useState } from "preact/hooks";
import { registry } from "~/api/clients/registry";
import { problem } from "~/api/errors";
import { useChange } from "~/api/query";
import type { Device } from "~/gen/homepot/registry/v1/registry_pb";
import { FormDialog, TextField, toast } from "~/kit";

/** Ends all keys of the device. That can't be taken back, so its id is typed. */
export function RevokeKeys({ device: { deviceId, proves }, onClose }: { device: Device; onClose: () => void }) {
  const [typed, setTyped] = useState("");
  const change = useChange(
    () => registry.revokeDeviceKeys({ deviceId }),
    ["devices"],
    ({ revoked }) => {
      toast(revoked === 1 ? "1 key was revoked." : `${revoked} keys were revoked.`);
      onClose();
    },
  );
  return (
    <FormDialog
      title={`Revoke all keys of ${deviceId}?`}
      action="Revoke all its keys"
      kind="danger"
      busy={change.isPending}
      problem={change.error ? problem(change.error) : undefined}
      ready={typed.trim() === deviceId}
      onSubmit={() => change.mutate(undefined)}
      onClose={onClose}
    >
      <p>
        They end at once{proves ? ", its proof key too" : ""}, and its stream within 2 s. Revoked keys stay revoked: the device can't connect until somebody puts a new key on it.
      </p>
      <TextField label={`Type ${deviceId} to go on`} value={typed} onInput={setTyped} autoComplete="off" autoFocus />
    </FormDialog>
  );
}

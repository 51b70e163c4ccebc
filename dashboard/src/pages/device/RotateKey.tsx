import { useState } from "preact/hooks";
import { registry } from "~/api/clients/registry";
import { problem } from "~/api/errors";
import { useChange } from "~/api/query";
import type { Device, RotateDeviceKeyResponse } from "~/gen/homepot/registry/v1/registry_pb";
import { At, Button, Dialog, FormDialog, Notice, Secret, SelectField } from "~/kit";

const OVERLAPS = [
  { value: "86400", label: "24 hours" },
  { value: "3600", label: "1 hour" },
  { value: "604800", label: "7 days" },
  { value: "2592000", label: "30 days" },
  { value: "0", label: "Not at all: they end now" },
] as const;

/** Makes a new key and shows it, once. */
export function RotateKey({ device, onClose }: { device: Device; onClose: () => void }) {
  const [overlap, setOverlap] = useState<(typeof OVERLAPS)[number]["value"]>("86400");
  const [made, setMade] = useState<RotateDeviceKeyResponse>();
  const change = useChange(() => registry.rotateDeviceKey({ deviceId: device.deviceId, overlap: { seconds: BigInt(overlap), nanos: 0 } }), ["devices"], setMade);
  if (made) return <NewKey made={made} onClose={onClose} />;
  return (
    <FormDialog
      title={`Make a new key for ${device.deviceId}`}
      action="Make a new key"
      kind={overlap === "0" ? "danger" : "primary"}
      busy={change.isPending}
      problem={change.error ? problem(change.error) : undefined}
      onSubmit={() => change.mutate(undefined)}
      onClose={onClose}
    >
      <p>The new key is shown once. Put it on the device before its older keys end.</p>
      <SelectField label="The older keys stay valid for" value={overlap} choices={OVERLAPS} onChange={setOverlap} />
      {overlap === "0" && <Notice tone="warn">The device can't connect from now on until it has the new key.</Notice>}
    </FormDialog>
  );
}

function NewKey({ made, onClose }: { made: RotateDeviceKeyResponse; onClose: () => void }) {
  return (
    <Dialog title={`The new key of ${made.deviceId}`} stays onClose={onClose}>
      <Notice tone="warn">This is the only time that it is shown. The server keeps no copy that it could show again.</Notice>
      <Secret text={made.apiKey} label="Key" />
      <p>
        The older keys end on <At time={made.olderKeysExpireAt} />.
      </p>
      <footer>
        <Button kind="primary" onPress={onClose}>
          I have put it in a safe place
        </Button>
      </footer>
    </Dialog>
  );
}

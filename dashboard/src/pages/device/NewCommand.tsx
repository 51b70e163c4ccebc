import type { Device } from "~/gen/homepot/registry/v1/registry_pb";
import { go } from "~/app/route";
import { Dialog } from "~/kit";
import { Composer } from "~/parts/Composer";

/** A command for this device; what was queued is shown then, as it goes on. */
export function NewCommand({ device, onClose }: { device: Device; onClose: () => void }) {
  return (
    <Dialog title="New command" wide onClose={onClose}>
      <Composer
        deviceId={device.deviceId}
        capabilities={device.presence?.capabilities ?? []}
        onCancel={onClose}
        onQueued={({ commandId }) => {
          onClose();
          go(`/commands/${commandId}`);
        }}
      />
    </Dialog>
  );
}

import { useState } from "preact/hooks";
import { may } from "~/api/session";
import type { Device } from "~/gen/homepot/registry/v1/registry_pb";
import { Button, Empty } from "~/kit";
import { Panel } from "~/parts/Panel";
import { RemoveDevice } from "./RemoveDevice";
import { RevokeKeys } from "./RevokeKeys";
import { RotateKey } from "./RotateKey";
import { ShutOut } from "./ShutOut";

type Asked = "rotate" | "revoke" | "shut out" | "remove" | undefined;

/** Who may call as this device, and how that ends. */
export function Keys({ device }: { device: Device }) {
  const [asked, ask] = useState<Asked>();
  const close = () => ask(undefined);
  const isAdmin = may("admin");
  if (device.removedAt && !isAdmin) return <Empty title="The keys of a removed device are gone" />;
  return (
    <div class="stack">
      {isAdmin && !device.removedAt && (
        <Panel title="Keys" more={<Button onPress={() => ask("rotate")}>Make a new key</Button>}>
          <p>
            {device.proves
              ? "The device also has a proof key, which never leaves it. A copy of its key alone is of no use."
              : "The device has no proof key: whoever has its key can call as this device."}
          </p>
          <div class="row">
            <Button kind="danger" onPress={() => ask("revoke")}>
              Revoke all its keys
            </Button>
            <span class="quiet">For a key that got into the wrong hands. The device can't connect until it is given a new one.</span>
          </div>
        </Panel>
      )}
      {!device.removedAt && <ShutOut device={device} isAsking={asked === "shut out"} onAsk={() => ask("shut out")} onClose={close} />}
      {isAdmin && (
        <Panel title="Remove it for good">
          <p>
            {device.removedAt
              ? "The device was removed; its history is kept, and its id stays taken. Purging the history frees the id."
              : "It leaves every list, and its keys end. Its history can be purged with it, or kept until its retention ends."}
          </p>
          <div class="row">
            <Button kind="danger" onPress={() => ask("remove")}>
              {device.removedAt ? "Purge its history" : "Remove the device"}
            </Button>
          </div>
        </Panel>
      )}
      {asked === "rotate" && <RotateKey device={device} onClose={close} />}
      {asked === "revoke" && <RevokeKeys device={device} onClose={close} />}
      {asked === "remove" && <RemoveDevice device={device} onClose={close} />}
    </div>
  );
}

import { registry } from "~/api/clients/registry";
import { problem } from "~/api/errors";
import { useChange } from "~/api/query";
import type { Device } from "~/gen/homepot/registry/v1/registry_pb";
import { Button, FormDialog, toast } from "~/kit";
import { Panel } from "~/parts/Panel";

interface ShutOutProps {
  device: Device;
  isAsking: boolean;
  onAsk: () => void;
  onClose: () => void;
}

/** Refuses every call of the device, or lets it in again; it keeps its keys meanwhile. */
export function ShutOut({ device: { deviceId, active }, isAsking, onAsk, onClose }: ShutOutProps) {
  const letIn = useChange(() => registry.activateDevice({ deviceId }), ["devices"], () => toast(`${deviceId} is let in again.`));
  const shutOut = useChange(
    () => registry.deactivateDevice({ deviceId }),
    ["devices"],
    () => {
      toast(`${deviceId} is shut out.`);
      onClose();
    },
  );
  const press = () => letIn.mutate(undefined, { onError: (error) => toast(problem(error).message, "bad") });
  return (
    <Panel title="Shut it out for a while">
      <p>{active ? "Its stream ends within 2 s, and the server refuses all its calls until it is let in again. It keeps its keys." : "The device is shut out: the server refuses all its calls. It still has its keys."}</p>
      <div class="row">
        {active ? (
          <Button kind="danger" onPress={onAsk}>
            Shut it out
          </Button>
        ) : (
          <Button kind="primary" busy={letIn.isPending} onPress={press}>
            Let it in again
          </Button>
        )}
      </div>
      {isAsking && (
        <FormDialog title={`Shut out ${deviceId}?`} action="Shut it out" kind="danger" busy={shutOut.isPending} problem={shutOut.error ? problem(shutOut.error) : undefined} onSubmit={() => shutOut.mutate(undefined)} onClose={onClose}>
          <p>It can't report and gets no commands until somebody lets it in again. Commands that wait for it may expire.</p>
        </FormDialog>
      )}
    </Panel>
  );
}

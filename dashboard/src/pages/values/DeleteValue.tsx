import { values } from "~/api/clients/values";
import { problem } from "~/api/errors";
import { useChange } from "~/api/query";
import type { Value } from "~/gen/homepot/rollout/v1/value_pb";
import { FormDialog, toast } from "~/kit";
import { scopeOf } from "./scope";

export function DeleteValue({ value, onClose }: { value: Value; onClose: () => void }) {
  const { variable, fleet, siteId, label, deviceId } = value;
  const remove = useChange(
    () => values.deleteValue({ variable, fleet, siteId, label, deviceId }),
    ["values"],
    () => {
      toast(`The value of ${variable} is deleted.`);
      onClose();
    },
  );
  return (
    <FormDialog title={`Delete the value of ${variable}?`} action="Delete it" kind="danger" busy={remove.isPending} problem={remove.error ? problem(remove.error) : undefined} onSubmit={() => remove.mutate(undefined)} onClose={onClose}>
      <p>It is for: {scopeOf(value)}. With their next rollout these devices get the next nearest value, or the default of the release.</p>
    </FormDialog>
  );
}

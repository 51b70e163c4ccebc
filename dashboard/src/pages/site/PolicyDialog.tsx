import { useState } from "preact/hooks";
import { rollouts } from "~/api/clients/rollouts";
import { besides, problem } from "~/api/errors";
import { useChange } from "~/api/query";
import type { UpdatePolicy } from "~/gen/homepot/rollout/v1/policy_pb";
import { CheckField, FormDialog, TextField, toast } from "~/kit";
import { policyFaults, policyOf, typedPolicy } from "./policy";

interface PolicyDialogProps {
  siteId: string;
  policy: UpdatePolicy | undefined;
  onClose: () => void;
}

/** Replaces the update policy of a site. What the server finds at fault is told at its field. */
export function PolicyDialog({ siteId, policy, onClose }: PolicyDialogProps) {
  const [before] = useState(() => typedPolicy(policy));
  const [typed, setTyped] = useState(before);
  const save = useChange(
    () => rollouts.setUpdatePolicy({ siteId, policy: policyOf(typed) }),
    ["rollouts"],
    () => {
      toast("The update policy is set.");
      onClose();
    },
  );
  const failed = save.error ? problem(save.error) : undefined;
  const faults = policyFaults(failed?.fields ?? {});
  const set = (part: Partial<typeof typed>) => setTyped({ ...typed, ...part });
  return (
    <FormDialog
      title={`When ${siteId} may be updated`}
      action="Set the policy"
      busy={save.isPending}
      problem={besides(failed, faults.told)}
      ready={JSON.stringify(typed) !== JSON.stringify(before)}
      onSubmit={() => save.mutate(undefined)}
      onClose={onClose}
    >
      <TextField
        label="Maintenance windows"
        hint="One a line: days and times on the clock of the site, such as mon-fri 22:00-06:00, sat,sun 00:00-24:00 or daily 02:00-04:00. Empty: at any time."
        lines={4}
        value={typed.windows}
        onInput={(windows) => set({ windows })}
        fault={faults.windows}
        autoFocus
      />
      <TextField
        label="Time zone"
        hint="Of the windows, by its name in the IANA database."
        placeholder={Intl.DateTimeFormat().resolvedOptions().timeZone}
        value={typed.timeZone}
        onInput={(timeZone) => set({ timeZone })}
        fault={faults.timeZone}
      />
      <CheckField
        label="Rollouts need the approval of a second person"
        hint="A rollout that reaches a device of this site waits until another operator than the one who started it approves it."
        value={typed.needsApproval}
        onChange={(needsApproval) => set({ needsApproval })}
      />
    </FormDialog>
  );
}

import { useState } from "preact/hooks";
import { rollouts } from "~/api/clients/rollouts";
import { problem } from "~/api/errors";
import { useChange } from "~/api/query";
import type { Rollout } from "~/gen/homepot/rollout/v1/rollout_pb";
import { FormDialog, TextField, toast } from "~/kit";
import { leftOf } from "~/parts/rollout/progress";
import { devicesWord } from "~/parts/run/progress";
import { abortWords, resumeWords } from "./words";

interface RolloutDialogProps {
  rollout: Rollout;
  onClose: () => void;
}

export function PauseDialog({ rollout: { rolloutId }, onClose }: RolloutDialogProps) {
  const [reason, setReason] = useState("");
  const pause = useChange(() => rollouts.pauseRollout({ rolloutId, reason: reason.trim() }), ["rollouts"], () => {
    toast("The rollout is paused.");
    onClose();
  });
  return (
    <FormDialog title="Pause the rollout?" action="Pause the rollout" leave="Leave it running" busy={pause.isPending} problem={pause.error ? problem(pause.error) : undefined} onSubmit={() => pause.mutate()} onClose={onClose}>
      <p>No further device begins until it is resumed. Devices that have begun go on.</p>
      <TextField label="Why" hint="For people who look at the rollout. May be left empty." value={reason} onInput={setReason} autoFocus />
    </FormDialog>
  );
}

export function ResumeDialog({ rollout, onClose }: RolloutDialogProps) {
  const resume = useChange(() => rollouts.resumeRollout({ rolloutId: rollout.rolloutId }), ["rollouts"], () => {
    toast("The rollout goes on.");
    onClose();
  });
  return (
    <FormDialog title="Resume the rollout?" action="Resume the rollout" leave="Leave it as it is" busy={resume.isPending} problem={resume.error ? problem(resume.error) : undefined} onSubmit={() => resume.mutate()} onClose={onClose}>
      <p>{resumeWords(rollout)}</p>
    </FormDialog>
  );
}

export function ApproveDialog({ rollout, onClose }: RolloutDialogProps) {
  const approve = useChange(() => rollouts.approveRollout({ rolloutId: rollout.rolloutId }), ["rollouts"], () => {
    toast("The rollout is approved, and begins.");
    onClose();
  });
  return (
    <FormDialog title="Approve the rollout?" action="Approve the rollout" leave="Leave it waiting" busy={approve.isPending} problem={approve.error ? problem(approve.error) : undefined} onSubmit={() => approve.mutate()} onClose={onClose}>
      <p>{`${rollout.createdBy} started it for ${devicesWord(rollout.progress?.waiting ?? 0)}. Once it is approved, it begins with its first phase.`}</p>
    </FormDialog>
  );
}

export function AbortDialog({ rollout, onClose }: RolloutDialogProps) {
  const [reason, setReason] = useState("");
  const [typed, setTyped] = useState("");
  const left = leftOf(rollout);
  const abort = useChange(() => rollouts.abortRollout({ rolloutId: rollout.rolloutId, reason: reason.trim() }), ["rollouts"], (answer) => {
    const out = answer.rollout?.progress?.inFlight ?? 0;
    toast(out === 0 ? "The rollout is aborted." : `The rollout is aborted. ${devicesWord(out)} had begun or could not be asked; their outcomes appear below.`, out === 0 ? "good" : "warn");
    onClose();
  });
  return (
    <FormDialog
      title="Abort the rollout?"
      action={left === 0 ? "Abort the rollout" : `Abort the rollout for ${devicesWord(left)}`}
      kind="danger"
      leave="Keep it"
      ready={left < 2 || typed.trim() === String(left)}
      busy={abort.isPending}
      problem={abort.error ? problem(abort.error) : undefined}
      onSubmit={() => abort.mutate()}
      onClose={onClose}
    >
      <p>{abortWords(rollout)}</p>
      {left > 1 && <TextField label={`Type ${left} to go on`} hint="How many devices are still waiting or in flight. While the rollout goes on, this number gets smaller." value={typed} onInput={setTyped} autoComplete="off" autoFocus />}
      <TextField label="Why" hint="For people who look at the rollout. May be left empty." value={reason} onInput={setReason} />
    </FormDialog>
  );
}

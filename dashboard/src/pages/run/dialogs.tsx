import { useState } from "preact/hooks";
import { commands } from "~/api/clients/commands";
import { problem } from "~/api/errors";
import { useChange } from "~/api/query";
import { type Run, RunState } from "~/gen/homepot/command/v1/command_pb";
import { FormDialog, TextField, toast } from "~/kit";
import { limits } from "~/parts/run/limits";
import { devicesWord, leftOf } from "~/parts/run/progress";
import { cancelWords } from "./words";

interface RunDialogProps {
  run: Run;
  onClose: () => void;
}

export function PauseDialog({ run: { runId }, onClose }: RunDialogProps) {
  const [reason, setReason] = useState("");
  const pause = useChange(() => commands.pauseRun({ runId, reason: reason.trim() }), ["runs"], () => {
    toast("The run is paused.");
    onClose();
  });
  return (
    <FormDialog title="Pause the run?" action="Pause the run" leave="Leave it running" busy={pause.isPending} problem={pause.error ? problem(pause.error) : undefined} onSubmit={() => pause.mutate()} onClose={onClose}>
      <p>Nothing more is queued until it is resumed. Commands that are queued already continue.</p>
      <TextField label="Why" hint="For people who look at the run. May be left empty." value={reason} onInput={setReason} autoFocus />
    </FormDialog>
  );
}

export function ResumeDialog({ run, onClose }: RunDialogProps) {
  const [failures, setFailures] = useState("");
  const [inFlight, setInFlight] = useState("");
  const typed = limits(failures, inFlight);
  const fault = "value" in typed ? {} : typed;
  const resume = useChange(() => commands.resumeRun({ runId: run.runId, ...("value" in typed && typed.value) }), ["runs"], () => {
    toast("The run goes on.");
    onClose();
  });
  const refusal = resume.error ? problem(resume.error) : undefined;
  const failed = run.progress?.failed ?? 0;
  return (
    <FormDialog title="Resume the run?" action="Resume the run" leave="Leave it as it is" ready={"value" in typed} busy={resume.isPending} problem={refusal} onSubmit={() => resume.mutate()} onClose={onClose}>
      <p>
        {devicesWord(run.progress?.waiting ?? 0)} still waiting. {devicesWord(failed)} failed so far, and the run allows {run.maxFailures}.
      </p>
      <TextField
        label="Failures allowed from now on"
        hint={run.state === RunState.HALTED ? `Includes those so far. Empty: ${failed}, so that the next failure halts it again.` : `Includes those so far. Empty: ${run.maxFailures}, as before.`}
        fault={fault.failures ?? refusal?.fields.max_failures}
        value={failures}
        onInput={setFailures}
        autoFocus
      />
      <TextField label="Commands at a time from now on" hint={`Empty: ${run.maxInFlight}, as before.`} fault={fault.inFlight ?? refusal?.fields.max_in_flight} value={inFlight} onInput={setInFlight} />
    </FormDialog>
  );
}

export function CancelRunDialog({ run, onClose }: RunDialogProps) {
  const [reason, setReason] = useState("");
  const [typed, setTyped] = useState("");
  const left = leftOf(run);
  const cancel = useChange(() => commands.cancelRun({ runId: run.runId, reason: reason.trim() }), ["runs", "commands"], (answer) => {
    const out = answer.run?.progress?.inFlight ?? 0;
    toast(out === 0 ? "The run is cancelled." : `The run is cancelled. ${devicesWord(out)} had started or could not be asked; their outcomes appear below.`, out === 0 ? "good" : "warn");
    onClose();
  });
  return (
    <FormDialog
      title="Cancel the run?"
      action={`Cancel the run for ${devicesWord(left)}`}
      kind="danger"
      leave="Keep it"
      ready={left < 2 || typed.trim() === String(left)}
      busy={cancel.isPending}
      problem={cancel.error ? problem(cancel.error) : undefined}
      onSubmit={() => cancel.mutate()}
      onClose={onClose}
    >
      <p>{cancelWords(run)}</p>
      {left > 1 && <TextField label={`Type ${left} to go on`} hint="How many devices are still waiting or in flight. While the run goes on, this number gets smaller." value={typed} onInput={setTyped} autoComplete="off" autoFocus />}
      <TextField label="Why" hint="For people who look at the run. May be left empty." value={reason} onInput={setReason} />
    </FormDialog>
  );
}

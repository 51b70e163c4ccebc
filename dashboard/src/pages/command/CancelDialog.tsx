import { useState } from "preact/hooks";
import { commands } from "~/api/clients/commands";
import { useChange } from "~/api/query";
import type { Command } from "~/gen/homepot/command/v1/command_pb";
import { FormDialog, TextField } from "~/kit";
import { duration } from "~/parts/draft";
import { type Answer, cancelAnswer, cancelRefusal } from "./words";

const WAIT_MS = 5_000;

interface CancelDialogProps {
  command: Command;
  onClose: () => void;
  onAnswer: (answer: Answer | undefined) => void;
}

/** Asks whether to take it back, and hands on what the server answered; that may take as long as the device is waited for. */
export function CancelDialog({ command: { commandId, commandType, deviceId }, onClose, onAnswer }: CancelDialogProps) {
  const [reason, setReason] = useState("");
  const cancel = useChange(
    () => commands.cancel({ commandId, reason: reason.trim(), wait: duration(WAIT_MS) }, { timeoutMs: WAIT_MS + 10_000 }),
    ["commands", "runs"],
    (answer) => {
      onAnswer(cancelAnswer(answer.command));
      onClose();
    },
  );
  const submit = () =>
    cancel.mutate(undefined, {
      onError: (error) => {
        onAnswer(cancelRefusal(error));
        onClose();
      },
    });
  return (
    <FormDialog title={`Cancel ${commandType}?`} action="Cancel the command" kind="danger" leave="Keep it" busy={cancel.isPending} onSubmit={submit} onClose={onClose}>
      <p>
        If the device <strong>{deviceId}</strong> already has it, the device is asked and may have started it by then. The answer takes up to 5 seconds.
      </p>
      <TextField label="Why" hint="It is kept in the command's history. May be left empty." value={reason} onInput={setReason} autoFocus />
    </FormDialog>
  );
}

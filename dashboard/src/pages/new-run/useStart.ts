import type { MessageInitShape } from "@bufbuild/protobuf";
import { useRef, useState } from "preact/hooks";
import { askFreshSignIn } from "~/app/fresh";
import { go } from "~/app/route";
import { commands } from "~/api/clients/commands";
import { problem } from "~/api/errors";
import { useChange } from "~/api/query";
import type { StartRunRequestSchema } from "~/gen/homepot/command/v1/command_pb";
import { toast } from "~/kit";
import { newKey } from "~/parts/draft";

export type StartInit = MessageInitShape<typeof StartRunRequestSchema>;

/** Starts a run and goes to it. `onChanged`: the target has other devices by now, so that they have to be looked at again. */
export function useStart(onChanged: () => void) {
  // One for the whole form: pressing twice, or again after a sign-in, starts one run.
  const key = useRef(newKey()).current;
  const [isAsking, setIsAsking] = useState(false);
  const start = useChange((what: StartInit) => commands.startRun({ ...what, idempotencyKey: key }), ["runs", "commands"], (answer) => {
    toast(answer.existed ? "This run was started before; nothing new was started." : "The run is started.");
    if (answer.run) go(`/runs/${answer.run.runId}`);
  });
  const refusal = start.error ? problem(start.error) : undefined;
  const send = (what: StartInit) =>
    start.mutate(what, {
      onError: (error) => {
        const { reason } = problem(error);
        if (reason === "DEVICES_CHANGED") onChanged();
        if (reason !== "SIGN_IN_AGAIN") return;
        setIsAsking(true);
        void askFreshSignIn(what.target?.fleet ? undefined : "This reaches more than one site: sign in again to go on.").then((isSignedIn) => {
          setIsAsking(false);
          if (isSignedIn) send(what);
        });
      },
    });
  return { send, isBusy: start.isPending || isAsking, refusal, forget: () => start.isError && start.reset() };
}

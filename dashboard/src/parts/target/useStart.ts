import { useRef, useState } from "preact/hooks";
import { askFreshSignIn } from "~/app/fresh";
import { problem } from "~/api/errors";
import { useChange } from "~/api/query";
import { newKey } from "~/parts/draft";
import type { TargetInit } from "./target";

interface Starting<W, A> {
  /** The call that starts it. The key makes a repeat harmless. */
  call: (what: W, idempotencyKey: string) => Promise<A>;
  /** What of that which was read is stale then. */
  changes: string[];
  onStarted: (answer: A) => void;
  /** The target has other devices by now, so that they have to be looked at again. */
  onChanged: () => void;
}

/** Starts what reaches many devices, with a fresh sign-in where the server wants one. */
export function useStart<W extends { target?: TargetInit | undefined }, A>({ call, changes, onStarted, onChanged }: Starting<W, A>) {
  // One for the whole form: pressing twice, or again after a sign-in, starts it once.
  const key = useRef(newKey()).current;
  const [isAsking, setIsAsking] = useState(false);
  const start = useChange((what: W) => call(what, key), changes, onStarted);
  const refusal = start.error ? problem(start.error) : undefined;
  const send = (what: W) =>
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

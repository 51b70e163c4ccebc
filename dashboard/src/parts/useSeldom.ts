import { useEffect, useRef } from "preact/hooks";
import { now } from "~/kit/time";

/**
 * Answers what has `act` done soon, however often it is called: what happens within `gatherMs` is done with at once, and there are
 * `pauseMs` from one time to the next at least. Nothing is done after the page is left.
 */
export function useSeldom(act: () => void, { gatherMs, pauseMs }: { gatherMs: number; pauseMs: number }): () => void {
  const newest = useRef(act);
  newest.current = act;
  const last = useRef(-Infinity);
  const timer = useRef<ReturnType<typeof setTimeout>>();
  useEffect(() => () => clearTimeout(timer.current), []);
  return () => {
    timer.current ??= setTimeout(
      () => {
        timer.current = undefined;
        last.current = now.peek();
        newest.current();
      },
      Math.max(gatherMs, last.current + pauseMs - now.peek()),
    );
  };
}

/** Charts of one answer are drawn one after the other, those in sight first, with the browser's own work between them. */
import type { RefObject } from "preact";
import { useLayoutEffect, useState } from "preact/hooks";
import { nextTask } from "~/api/slices";

export interface Waiting {
  box: RefObject<HTMLElement>;
  go: () => void;
}

const waiting = new Set<Waiting>();
let isRunning = false;

/** How far from sight a box is, in pixels; those in sight are all at 0. */
export function distance({ top, bottom }: { top: number; bottom: number }, height: number): number {
  return Math.max(0, top - height, -bottom);
}

async function run(): Promise<void> {
  isRunning = true;
  // All that one answer changes is waiting by then.
  await nextTask();
  while (waiting.size > 0) {
    // Where they are is read once for those that wait now, before any of them changes.
    const order = [...waiting].map((one) => ({ one, far: one.box.current ? distance(one.box.current.getBoundingClientRect(), innerHeight) : 0 }));
    order.sort((a, b) => a.far - b.far);
    for (const { one } of order) {
      if (!waiting.delete(one)) continue;
      one.go();
      await nextTask();
    }
  }
  isRunning = false;
}

/** `value` once it is the turn of what stands in `box`; until then what it was before, at first `undefined`. */
export function useInTurn<T>(value: T, box: RefObject<HTMLElement>): T | undefined {
  const [shown, setShown] = useState<{ value: T }>();
  useLayoutEffect(() => {
    const one: Waiting = { box, go: () => setShown({ value }) };
    waiting.add(one);
    if (!isRunning) void run();
    return () => void waiting.delete(one);
  }, [value]);
  return shown?.value;
}

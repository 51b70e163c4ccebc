/** The newest sample of one device, kept current while the page is in sight. */
import { useEffect, useState } from "preact/hooks";
import { telemetry } from "~/api/clients/telemetry";
import { useRead } from "~/api/query";
import type { DeviceSample } from "~/gen/homepot/telemetry/v1/telemetry_pb";
import { type Held, merged } from "./readings";

const PAUSE_MS = 3_000;

export function useSamples(deviceId: string) {
  const first = useRead(["samples", "latest", deviceId], async (signal) => (await telemetry.latest({ deviceIds: [deviceId] }, { signal })).samples[0] ?? null);
  const [told, setTold] = useState<{ held: Held; newest: DeviceSample | undefined }>({ held: new Map(), newest: undefined });
  const hear = (sample: DeviceSample) => setTold(({ held }) => ({ held: merged(held, sample), newest: sample }));
  useEffect(() => {
    if (first.data) hear(first.data);
  }, [first.data]);
  useEffect(() => whileInSight((signal) => follow(deviceId, signal, hear)), [deviceId]);
  return { ...told, isPending: first.isPending, error: first.error, again: () => void first.refetch() };
}

/** Goes on from where it was when the stream breaks, until it is not wanted any more. */
async function follow(deviceId: string, signal: AbortSignal, hear: (sample: DeviceSample) => void): Promise<void> {
  let cursor = "";
  while (!signal.aborted) {
    try {
      for await (const answer of telemetry.watch({ deviceIds: [deviceId], cursor }, { signal, timeoutMs: 0 })) {
        cursor = answer.cursor || cursor;
        for (const sample of answer.samples) hear(sample);
      }
    } catch {
      // Where the cursor is too old, the next try begins with the newest sample.
      cursor = "";
    }
    if (!signal.aborted) await new Promise((done) => setTimeout(done, PAUSE_MS));
  }
}

/** A browser has six connections to a server for all its tabs, so those that nobody looks at hold none. */
function whileInSight(run: (signal: AbortSignal) => Promise<void>): () => void {
  let running: AbortController | undefined;
  const settle = () => {
    if (document.hidden) {
      running?.abort();
      running = undefined;
    } else if (!running) {
      running = new AbortController();
      void run(running.signal);
    }
  };
  document.addEventListener("visibilitychange", settle);
  settle();
  return () => {
    document.removeEventListener("visibilitychange", settle);
    running?.abort();
  };
}

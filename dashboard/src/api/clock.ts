/** How far this browser's clock is from the server's: ages are told by the server's. */
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { clockOffsetMs } from "~/kit/time";
import { telemetry } from "./clients/telemetry";

export interface Measured {
  /** The server's clock less this browser's. */
  offsetMs: number;
  /** The offset is right within this, to both sides. */
  withinMs: number;
  /** When it was measured, by the server's clock. */
  at: number;
}

/** From when a call left, when its answer came, and what the server's clock showed in between. */
export function measured(left: number, came: number, server: number): Measured {
  return { offsetMs: Math.round(server - (left + came) / 2), withinMs: Math.ceil((came - left) / 2), at: server };
}

/** Asks the server what time it is. Differences that the way there may explain are none. */
export async function measureClock(signal?: AbortSignal): Promise<Measured> {
  const left = Date.now();
  const { serverTime } = await telemetry.latest({ pageSize: 1 }, { signal });
  const came = Date.now();
  const result = measured(left, came, serverTime ? timestampMs(serverTime) : came);
  clockOffsetMs.value = Math.abs(result.offsetMs) <= result.withinMs ? 0 : result.offsetMs;
  return result;
}

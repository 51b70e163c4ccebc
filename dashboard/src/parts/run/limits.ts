/** How many commands of a run are under way at a time, and how many devices may fail. */
export interface Limits {
  maxFailures?: number;
  maxInFlight?: number;
}

/** Limits as they are typed; empty: as before. */
export function limits(failures: string, inFlight: string): { value: Limits } | { failures?: string; inFlight?: string } {
  const [maxFailures, maxInFlight] = [whole(failures), whole(inFlight)];
  const fault = {
    ...((Number.isNaN(maxFailures) || (maxFailures ?? 0) > 1_000_000) && { failures: "This must be a whole number from 0 to 1,000,000." }),
    ...((Number.isNaN(maxInFlight) || maxInFlight === 0 || (maxInFlight ?? 1) > 1_000) && { inFlight: "This must be a whole number from 1 to 1,000." }),
  };
  if (Object.keys(fault).length > 0) return fault;
  return { value: { ...(maxFailures !== undefined && { maxFailures }), ...(maxInFlight !== undefined && { maxInFlight }) } };
}

/** `undefined`: empty; NaN: no whole number. */
function whole(text: string): number | undefined {
  const typed = text.trim();
  if (typed === "") return undefined;
  return /^\d{1,9}$/.test(typed) ? Number(typed) : Number.NaN;
}

/** Limits of calls that others reckon with. */

/** How long a call may take that does not say otherwise. */
export const CALL_MS = 15_000;

import type { QueryClient } from "@tanstack/react-query";

/** Longer than the first reads of a page take, and shorter than one waits for "Live". */
const LONGEST_MS = 1_000;

/** Waits until a page has begun to read and all that it asked for is answered; on a page that reads nothing, for a moment. */
export function firstReads(cache: QueryClient, longestMs = LONGEST_MS): Promise<void> {
  return new Promise((done) => {
    const end = () => {
      clearTimeout(timer);
      stop();
      done();
    };
    const timer = setTimeout(end, longestMs);
    let hasBegun = false;
    const stop = cache.getQueryCache().subscribe(() => {
      const reads = cache.isFetching();
      if (hasBegun && reads === 0) end();
      hasBegun ||= reads > 0;
    });
  });
}

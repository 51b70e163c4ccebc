import { sessions } from "~/api/clients/sessions";
import { usePages } from "~/api/query";

/** The sessions of an operator that have not ended; empty: one's own. */
export function useSessions(operator: string, pageSize = 100) {
  return usePages(
    ["sessions", operator, pageSize],
    async (pageToken, signal) => {
      const answer = await sessions.listSessions({ operator, pageSize, pageToken }, { signal });
      return { rows: answer.sessions, nextPageToken: answer.nextPageToken };
    },
    { everyMs: 60_000 },
  );
}

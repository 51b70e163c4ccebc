import type { Session } from "~/gen/homepot/session/v1/session_pb";
import { Ago, At, Badge, Button, type Column, Table } from "~/kit";
import { absolute, ago, ms, now } from "~/kit/time";
import { end } from "./ends";

interface Props {
  label: string;
  sessions: readonly Session[];
  hasMore?: boolean;
  more?: () => void;
  /** Left out: sessions are only shown. */
  onEnd?: (session: Session) => void;
}

/** Sign-ins that have not ended: since when, how long still, and which one is looked at. */
export function SessionTable({ label, sessions, hasMore = false, more, onEnd }: Props) {
  const columns: Column<Session>[] = [
    {
      name: "Session",
      cell: (row) => (
        <span class="row">
          <span class="mono">{row.sessionId}</span> {row.current && <Badge tone="info">This one</Badge>}
        </span>
      ),
    },
    { name: "Signed in", cell: (row) => <Ago time={row.createdAt} /> },
    { name: "Last used", cell: (row) => <Ago time={row.usedAt} /> },
    { name: "Ends", cell: (row) => <Ends session={row} />, grows: true },
    { name: "At the latest", cell: (row) => <At time={row.expiresAt} /> },
    { name: "Sign-in", cell: (row) => <Fresh session={row} /> },
  ];
  const ending: Column<Session> = { name: "Actions", cell: (row) => !row.current && <EndButton session={row} onEnd={onEnd} /> };
  return <Table label={label} columns={onEnd ? [...columns, ending] : columns} rows={sessions} rowKey={(row) => row.sessionId} hasMore={hasMore} more={more} />;
}

function Ends({ session }: { session: Session }) {
  const ends = end(session);
  if (!ends) return <span class="quiet">–</span>;
  return (
    <time dateTime={new Date(ends.at).toISOString()} title={absolute(ends.at)}>
      {ago(ends.at, now.value)}
      {ends.why === "idle" && <span class="quiet">, unless it is used</span>}
    </time>
  );
}

function Fresh({ session }: { session: Session }) {
  const until = ms(session.freshUntil);
  return until !== undefined && until > now.value ? <Badge tone="good">Fresh</Badge> : <span class="quiet">–</span>;
}

function EndButton({ session, onEnd }: { session: Session; onEnd: Props["onEnd"] }) {
  return (
    <Button kind="quiet" label={`End the session ${session.sessionId}`} onPress={() => onEnd?.(session)}>
      End
    </Button>
  );
}

import { href } from "~/app/route";
import type { EnrollmentToken } from "~/gen/homepot/registry/v1/registry_pb";
import { Ago, Badge, Button, type Column, SourceBadge } from "~/kit";
import { now } from "~/kit/time";
import { labelsText } from "~/parts/enrol/labels";
import { whole } from "~/parts/fleet/counts";
import { standing, STANDINGS } from "./tokens";

export function columnsFor(onRevoke: (token: EnrollmentToken) => void): Column<EnrollmentToken>[] {
  return [
    { name: "Token", cell: (row) => <code>{row.tokenId}…</code> },
    { name: "State", cell: (row) => <State token={row} /> },
    { name: "Site", cell: (row) => <a href={href(`/sites/${encodeURIComponent(row.siteId)}`)}>{row.siteId}</a> },
    { name: "For", cell: (row) => <SourceBadge source={row.source} /> },
    { name: "Uses left", cell: (row) => `${whole(row.usesLeft)} of ${whole(row.maxUses)}`, number: true },
    { name: "End", cell: (row) => <Ago time={row.revokedAt ?? row.expiresAt} /> },
    { name: "Labels", cell: (row) => <Labels text={labelsText(row.labels)} />, grows: true },
    { name: "Made", cell: (row) => <Made token={row} /> },
    { name: "Action", cell: (row) => <Revoke token={row} onRevoke={onRevoke} /> },
  ];
}

function State({ token }: { token: EnrollmentToken }) {
  const { word, tone } = STANDINGS[standing(token, now.value)];
  return <Badge tone={tone}>{word}</Badge>;
}

function Labels({ text }: { text: string }) {
  return text === "" ? <span class="quiet">–</span> : <span title={text}>{text}</span>;
}

function Made({ token }: { token: EnrollmentToken }) {
  return (
    <>
      <Ago time={token.createdAt} /> <span class="quiet">by {token.createdBy}</span>
    </>
  );
}

function Revoke({ token, onRevoke }: { token: EnrollmentToken; onRevoke: (token: EnrollmentToken) => void }) {
  if (standing(token, now.value) !== "good") return null;
  return (
    <Button kind="quiet" label={`Revoke ${token.tokenId}`} onPress={() => onRevoke(token)}>
      Revoke…
    </Button>
  );
}

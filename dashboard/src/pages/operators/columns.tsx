import { me } from "~/api/session";
import { ROLE_NAMES, siteWords } from "~/app/roles";
import { href } from "~/app/route";
import type { Operator } from "~/gen/homepot/registry/v1/registry_pb";
import { Ago, Badge, Button, type Column, LinkButton } from "~/kit";
import { absolute, ms } from "~/kit/time";
import { canRevoke, canRotate, standing } from "./rules";

interface Context {
  all: readonly Operator[];
  at: number;
  onRotate: (operator: Operator) => void;
  onRevoke: (operator: Operator) => void;
}

export function columns({ all, at, onRotate, onRevoke }: Context): Column<Operator>[] {
  const caller = me.value?.operator;
  return [
    {
      name: "Name",
      cell: (row) => (
        <span class="operators-name">
          <strong>{row.name}</strong> {row.name === caller?.name && <Badge tone="info">You</Badge>}
          <Made name={row.name} count={all.filter((other) => other.madeBy === row.name).length} />
        </span>
      ),
    },
    { name: "Role", cell: (row) => ROLE_NAMES[row.role] },
    { name: "Sites", cell: (row) => <span title={row.siteIds.join(", ")}>{siteWords(row.siteIds, 2)}</span>, grows: true },
    { name: "Token", cell: (row) => <Standing operator={row} at={at} /> },
    {
      name: "Made",
      cell: (row) => (
        <span>
          {row.madeBy && (
            <>
              by <a href={href("/operators", { maker: row.madeBy })}>{row.madeBy}</a>{" "}
            </>
          )}
          <span class="quiet small">
            <Ago time={row.createdAt} />
          </span>
        </span>
      ),
    },
    {
      name: "Actions",
      cell: (row) => (
        <span class="operators-actions">
          {!row.revokedAt && (
            <LinkButton kind="quiet" href={href("/sessions", { operator: row.name })}>
              Sessions
              <span class="hidden-visually"> of {row.name}</span>
            </LinkButton>
          )}
          {canRotate(row, caller, at) && (
            <Button kind="quiet" label={`Rotate the token of ${row.name}`} onPress={() => onRotate(row)}>
              Rotate
            </Button>
          )}
          {canRevoke(row, all, at) && (
            <Button kind="quiet" label={`Revoke ${row.name}`} onPress={() => onRevoke(row)}>
              Revoke
            </Button>
          )}
        </span>
      ),
    },
  ];
}

function Standing({ operator, at }: { operator: Operator; at: number }) {
  const state = standing(operator, at);
  return (
    <span class="operators-standing">
      <Badge tone={state === "good" ? "good" : state === "expired" ? "warn" : "plain"}>{{ good: "Good", expired: "Expired", revoked: "Revoked" }[state]}</Badge>
      <span class="quiet small">
        <Since operator={operator} isGood={state === "good"} />
      </span>
    </span>
  );
}

function Since({ operator, isGood }: { operator: Operator; isGood: boolean }) {
  if (operator.revokedAt) return <Ago time={operator.revokedAt} />;
  if (operator.issuer) return <span title={`${operator.issuer}, ${operator.subject}`}>by the identity provider</span>;
  const end = ms(operator.expiresAt);
  if (end === undefined) return <>without end</>;
  if (!isGood) return <Ago time={operator.expiresAt} />;
  return (
    <>
      until <time dateTime={new Date(end).toISOString()} title={absolute(end)}>{absolute(end, "day")}</time>
    </>
  );
}

/** Leads to those that it made, ended ones among them. */
function Made({ name, count }: { name: string; count: number }) {
  if (count === 0) return null;
  return (
    <a class="small" href={href("/operators", { maker: name })} aria-label={`${name} made ${count}: show them`}>
      made {count}
    </a>
  );
}

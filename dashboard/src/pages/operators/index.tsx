import { useState } from "preact/hooks";
import { registry } from "~/api/clients/registry";
import { useRead } from "~/api/query";
import { me } from "~/api/session";
import { href, param, show } from "~/app/route";
import type { Operator } from "~/gen/homepot/registry/v1/registry_pb";
import { Button, Empty, LinkButton, Page, Read, SelectField, Table, TextField } from "~/kit";
import { now } from "~/kit/time";
import { columns } from "./columns";
import { NewOperator } from "./NewOperator";
import { RevokeOperator } from "./RevokeOperator";
import { RotateToken } from "./RotateToken";
import { matching } from "./rules";
import { TokenShown, type Given } from "./TokenShown";
import "./page.css";

const STANDINGS = [
  { value: "", label: "Any" },
  { value: "good", label: "Good" },
  { value: "expired", label: "Expired" },
  { value: "revoked", label: "Revoked" },
];

/** What is open over the list. */
type Open = { what: "new" } | { what: "rotate" | "revoke"; operator: Operator } | { what: "token"; given: Given };

export default function OperatorsPage() {
  const all = useRead(["operators"], readAll);
  const [open, setOpen] = useState<Open>();
  const close = () => setOpen(undefined);
  const showToken = (given: Given) => setOpen({ what: "token", given });
  const lead = me.value?.operator?.siteIds.length
    ? "You, the operators that you made, and those that they made."
    : "People and programs that may call the server, what they may do and where.";
  return (
    <Page
      title="Operators"
      lead={lead}
      actions={
        <Button kind="primary" onPress={() => setOpen({ what: "new" })}>
          New operator
        </Button>
      }
    >
      <Filters />
      <Read of={all} rows={6}>
        {(operators) => <List operators={operators} onRotate={(operator) => setOpen({ what: "rotate", operator })} onRevoke={(operator) => setOpen({ what: "revoke", operator })} />}
      </Read>
      {open?.what === "new" && <NewOperator onClose={close} onMade={showToken} />}
      {open?.what === "rotate" && <RotateToken operator={open.operator} onClose={close} onRotated={showToken} />}
      {open?.what === "revoke" && <RevokeOperator operator={open.operator} all={all.data ?? []} onClose={close} />}
      {open?.what === "token" && <TokenShown given={open.given} onClose={close} />}
    </Page>
  );
}

function Filters() {
  const maker = param("maker");
  return (
    <div class="row operators-filters">
      <TextField label="Search" type="search" placeholder="A name, a token's id or a site" value={param("search")} onInput={(search) => show({ search })} />
      <SelectField label="Token" value={param("token")} choices={STANDINGS} onChange={(token) => show({ token }, "push")} />
      {maker && (
        <Button onPress={() => show({ maker: undefined }, "push")} label={`Made by ${maker}: show all again`}>
          Made by {maker} <span aria-hidden="true">✕</span>
        </Button>
      )}
    </div>
  );
}

function List({ operators, ...act }: { operators: Operator[]; onRotate: (operator: Operator) => void; onRevoke: (operator: Operator) => void }) {
  const at = now.peek();
  const rows = matching(operators, { search: param("search"), standing: param("token"), maker: param("maker") }, at);
  if (rows.length === 0) {
    return (
      <Empty title="No operator matches">
        <LinkButton href={href("/operators")}>Show all {operators.length}</LinkButton>
      </Empty>
    );
  }
  return (
    <>
      <p class="quiet small" role="status">
        {rows.length === operators.length ? `${rows.length} operators` : `${rows.length} of ${operators.length} operators`}
      </p>
      <Table label="Operators" columns={columns({ all: operators, at, ...act })} rows={rows} rowKey={(row) => row.name} />
    </>
  );
}

/** All of them: they are few, and what one made can only be told from the whole. */
async function readAll(signal: AbortSignal): Promise<Operator[]> {
  const all: Operator[] = [];
  for (let pageToken = ""; ; ) {
    const answer = await registry.listOperators({ pageSize: 1000, pageToken }, { signal });
    all.push(...answer.operators);
    pageToken = answer.nextPageToken;
    if (pageToken === "") return all;
  }
}

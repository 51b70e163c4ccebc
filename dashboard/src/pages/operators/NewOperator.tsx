import { useState } from "preact/hooks";
import { registry } from "~/api/clients/registry";
import { besides, problem } from "~/api/errors";
import { useChange, useRead } from "~/api/query";
import { isOfFleet, me, ownSites, role as ownRole } from "~/api/session";
import { ROLE_GAINS, ROLE_NAMES, rolesUpTo } from "~/app/roles";
import { CheckListField, FormDialog, RadioField, SelectField, TextField } from "~/kit";
import { Role } from "~/gen/homepot/registry/v1/registry_pb";
import { fullName, nameFault } from "./rules";
import type { Given } from "./TokenShown";

const DAY_S = 86_400n;
const LIVES = [
  { value: "0", label: "Without end, until it is revoked" },
  { value: "1", label: "1 day" },
  { value: "7", label: "7 days" },
  { value: "30", label: "30 days" },
  { value: "90", label: "90 days" },
  { value: "365", label: "1 year" },
];

export function NewOperator({ onClose, onMade }: { onClose: () => void; onMade: (given: Given) => void }) {
  const [typed, setTyped] = useState("");
  const [role, setRole] = useState(String(Role.VIEWER));
  const [reach, setReach] = useState<"fleet" | "sites">(isOfFleet.value ? "fleet" : "sites");
  const [sites, setSites] = useState<ReadonlySet<string>>(new Set());
  const [days, setDays] = useState("90");
  const caller = me.value?.operator;
  const name = fullName(typed, caller);
  const make = useChange(
    () =>
      registry.createOperator({
        name,
        role: Number(role),
        siteIds: reach === "sites" ? [...sites] : [],
        timeToLive: days === "0" ? undefined : { seconds: BigInt(days) * DAY_S, nanos: 0 },
      }),
    ["operators"],
    (answer) => answer.operator && onMade({ title: `${answer.operator.name} is made`, operator: answer.operator, token: answer.token }),
  );
  const refused = make.error ? problem(make.error) : undefined;
  const fault = nameFault(name) ?? refused?.fields.name;
  const isReady = name !== "" && nameFault(name) === undefined && (reach === "fleet" || sites.size > 0);
  return (
    <FormDialog title="New operator" action="Make the operator" busy={make.isPending} problem={besides(refused, ["name", "site_ids", "time_to_live"])} ready={isReady} onSubmit={() => make.mutate(undefined)} onClose={onClose}>
      <TextField
        label="Name"
        value={typed}
        onInput={setTyped}
        fault={fault}
        hint={name === typed.trim() ? "The name in the audit log. Letters, digits, and . _ @ -" : `Its full name will be ${name}, which shows that you made it.`}
        autoFocus
        autoComplete="off"
      />
      <RadioField label="Role" value={role} onChange={setRole} choices={rolesUpTo(ownRole.value).map((one) => ({ value: String(one), label: ROLE_NAMES[one], hint: ROLE_GAINS[one] }))} />
      {isOfFleet.value && (
        <RadioField
          label="Reaches"
          value={reach}
          onChange={setReach}
          choices={[
            { value: "fleet", label: "Every site, also those that are made later" },
            { value: "sites", label: "Some sites" },
          ]}
        />
      )}
      {reach === "sites" && <Sites values={sites} onChange={setSites} fault={refused?.fields.site_ids} />}
      <SelectField label="Its token is good for" value={days} choices={LIVES} onChange={setDays} fault={refused?.fields.time_to_live} hint={caller?.expiresAt ? "It ends no later than your own token." : undefined} />
    </FormDialog>
  );
}

function Sites({ values, onChange, fault }: { values: ReadonlySet<string>; onChange: (values: ReadonlySet<string>) => void; fault: string | undefined }) {
  const known = useRead(["sites", "pick"], (signal) => registry.listSites({ pageSize: 1000 }, { signal }));
  const listed = (known.data?.sites ?? []).map(({ siteId, name }) => ({ value: siteId, label: siteId, hint: name !== siteId ? name : undefined }));
  // An operator may be bound to sites; those it knows by its own record, should the list fail.
  const choices = known.error ? ownSites.value.map((siteId) => ({ value: siteId, label: siteId })) : listed;
  const told = known.error ? problem(known.error).message : fault;
  return <CheckListField label="Sites" choices={choices} values={values} onChange={onChange} fault={told} hint={known.isPending ? "Reading the sites…" : "At least one."} />;
}

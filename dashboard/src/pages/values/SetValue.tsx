import { useState } from "preact/hooks";
import { values } from "~/api/clients/values";
import { besides, problem } from "~/api/errors";
import { useChange } from "~/api/query";
import { may } from "~/api/session";
import { CheckField, FormDialog, RadioField, TextField, toast } from "~/kit";
import { fieldsOf, kindsFor, type Kind } from "./scope";

const NAMES: Record<Exclude<Kind, "fleet">, { label: string; field: string; hint?: string }> = {
  site: { label: "Site", field: "site_id" },
  label: { label: "Label", field: "label", hint: "Such as ring=canary." },
  device: { label: "Device", field: "device_id" },
};

export function SetValue({ onClose }: { onClose: () => void }) {
  const kinds = kindsFor(may("fleet admin"));
  const [variable, setVariable] = useState("");
  const [kind, setKind] = useState<Kind>(kinds[0]?.value ?? "site");
  const [name, setName] = useState("");
  const [value, setText] = useState("");
  const [secret, setSecret] = useState(false);
  const set = useChange(
    () => values.setValue({ variable, ...fieldsOf(kind, name), value, secret }),
    ["values"],
    () => {
      toast(`${variable} is set. The next rollout brings it.`);
      onClose();
    },
  );
  const refused = set.error ? problem(set.error) : undefined;
  const scope = kind === "fleet" ? undefined : NAMES[kind];
  return (
    <FormDialog
      title="Set a value"
      action="Set it"
      busy={set.isPending}
      problem={besides(refused, ["variable", "value", ...(scope ? [scope.field] : [])])}
      ready={variable !== "" && (kind === "fleet" || name !== "")}
      onSubmit={() => set.mutate(undefined)}
      onClose={onClose}
    >
      <TextField label="Variable" value={variable} onInput={setVariable} fault={refused?.fields.variable} hint="As the release names it." autoFocus autoComplete="off" />
      <RadioField label="For" value={kind} onChange={setKind} choices={kinds} />
      {scope && <TextField label={scope.label} value={name} onInput={setName} fault={refused?.fields[scope.field]} hint={scope.hint ?? ""} autoComplete="off" />}
      <CheckField label="It is a secret" value={secret} onChange={setSecret} hint="Kept sealed, and never shown again. For variables that the release keeps secret." />
      <TextField label="Value" type={secret ? "password" : "text"} value={value} onInput={setText} fault={refused?.fields.value} autoComplete="off" />
    </FormDialog>
  );
}

import { useState } from "preact/hooks";
import { registry } from "~/api/clients/registry";
import { problem } from "~/api/errors";
import { useChange } from "~/api/query";
import { me } from "~/api/session";
import type { Operator } from "~/gen/homepot/registry/v1/registry_pb";
import { FormDialog, Notice, RadioField, TextField, toast } from "~/kit";
import { now } from "~/kit/time";
import { madeBy } from "./rules";
import { outcome } from "./outcome";

interface Props {
  operator: Operator;
  all: readonly Operator[];
  onClose: () => void;
}

export function RevokeOperator({ operator, all, onClose }: Props) {
  const [typed, setTyped] = useState("");
  const [made, setMade] = useState<"leave" | "revoke">("leave");
  const revoke = useChange(
    () => registry.revokeOperator({ name: operator.name, withMade: made === "revoke" }),
    ["operators", "enrolment", "sessions"],
    (answer) => {
      toast(outcome(answer));
      onClose();
    },
  );
  return (
    <FormDialog
      title={`Revoke ${operator.name}?`}
      action={made === "revoke" ? "Revoke it and what it made" : "Revoke it"}
      kind="danger"
      busy={revoke.isPending}
      problem={revoke.error ? problem(revoke.error) : undefined}
      ready={typed === operator.name}
      onSubmit={() => revoke.mutate(undefined)}
      onClose={onClose}
    >
      <p>{operator.issuer ? "Its sessions end at once, it can't sign in with the identity provider any more," : "Its token and its sessions end at once,"} and calls that are under way within 2 seconds. This can't be undone: its name stays taken.</p>
      {operator.name === me.value?.operator?.name && <Notice tone="warn">This is you. You are signed out, and can't sign in again.</Notice>}
      <RadioField
        label="What it made"
        value={made}
        onChange={setMade}
        choices={[
          { value: "leave", label: "Stays good" },
          { value: "revoke", label: "Is revoked too", hint: whatGoes(madeBy(operator.name, all, now.peek())) },
        ]}
      />
      <TextField label={`Type ${operator.name} to confirm`} value={typed} onInput={setTyped} autoComplete="off" />
    </FormDialog>
  );
}

function whatGoes(made: readonly Operator[]): string {
  const tokens = "the enrolment tokens that it or they made; devices that enrolled with them stay";
  if (made.length === 0) return "The enrolment tokens that it made; devices that enrolled with them stay. It has made no operator whose token is good.";
  return `${made.map(({ name }) => name).join(", ")}, and ${tokens}.`;
}

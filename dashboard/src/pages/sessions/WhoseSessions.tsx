import { registry } from "~/api/clients/registry";
import { problem } from "~/api/errors";
import { useRead } from "~/api/query";
import { show } from "~/app/route";
import { SelectField } from "~/kit";

/** For admins: whose sessions. Those who were revoked have none. */
export function WhoseSessions({ operator, own }: { operator: string; own: string }) {
  const all = useRead(["operators", "names"], (signal) => registry.listOperators({ pageSize: 1000 }, { signal }));
  const names = (all.data?.operators ?? []).filter((one) => !one.revokedAt).map((one) => one.name);
  const known = [...new Set([own, operator, ...names])].filter(Boolean);
  return (
    <div class="row">
      <SelectField
        label="Sessions of"
        value={operator}
        choices={known.map((name) => ({ value: name, label: name === own ? `${name} (you)` : name }))}
        onChange={(name) => show({ operator: name === own ? undefined : name }, "push")}
        fault={all.error ? problem(all.error).message : undefined}
      />
    </div>
  );
}

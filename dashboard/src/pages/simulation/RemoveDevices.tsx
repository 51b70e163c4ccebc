import { useEffect, useState } from "preact/hooks";
import { registry } from "~/api/clients/registry";
import { besides, type Problem, problem } from "~/api/errors";
import { useChange, useRead } from "~/api/query";
import { isOfFleet } from "~/api/session";
import type { SiteCount } from "~/gen/homepot/registry/v1/registry_pb";
import { CheckListField, FormDialog, Notice, RadioField, TextField, toast } from "~/kit";
import { useSettled } from "~/kit/settled";
import { counts, devicesWords, removal, type Removal, type Scope } from "./scope";

/** A removal takes a while where there are many; what was removed when it is cut short stays removed. */
const REMOVAL_MS = 300_000;

/** Between the count and the press of the button, devices came or went. */
const CHANGED: Problem = { message: "Nothing was removed: other devices match now. Check their number below, and type it again.", fields: {}, reason: "", isTransient: false, retryAfterSeconds: undefined };

export function RemoveDevices({ sites, sitesLeftOut, onClose }: { sites: readonly SiteCount[]; sitesLeftOut: number; onClose: () => void }) {
  const [scope, setScope] = useState<Scope>({ what: "some", sites: new Set(), labels: "" });
  const [typed, setTyped] = useState("");
  const labels = useSettled(scope.labels);
  const wanted = removal(scope);
  const count = useCount(labels === scope.labels ? wanted : undefined);
  const remove = useChange(
    (what: Removal & { expectedDevices: number }) => registry.removeSimulatedDevices(what, { timeoutMs: REMOVAL_MS }),
    ["devices", "sites"],
    ({ removed }) => {
      toast(`${devicesWords(removed)} ${removed === 1 ? "is" : "are"} removed, with everything that was stored about ${removed === 1 ? "it" : "them"}.`);
      onClose();
    },
  );
  const refused = remove.error ?? count.error;
  const faults = refused ? problem(refused) : undefined;
  const hasChanged = faults?.reason === "DEVICES_CHANGED";
  useEffect(() => {
    if (!hasChanged) return;
    setTyped("");
    void count.refetch();
  }, [hasChanged, remove.failureCount]);
  const change = (part: Partial<Scope>) => {
    setScope({ ...scope, ...part });
    setTyped("");
  };
  const isReady = wanted !== undefined && count.data !== undefined && count.data > 0 && typed.trim() === String(count.data);
  return (
    <FormDialog
      title="Remove simulated devices"
      action={count.data ? `Remove ${devicesWords(count.data)}` : "Remove"}
      kind="danger"
      busy={remove.isPending}
      problem={hasChanged ? CHANGED : besides(faults, scope.what === "some" ? ["site_ids", "label_selector"] : [])}
      ready={isReady}
      onSubmit={() => wanted && count.data !== undefined && remove.mutate({ ...wanted, expectedDevices: count.data })}
      onClose={onClose}
    >
      <p>They are removed with everything that is stored about them: samples, history, commands and keys. Their streams end within 2 seconds. Real devices are never touched. This can't be undone.</p>
      <RadioField
        label="Which"
        value={scope.what}
        onChange={(what) => change({ what })}
        choices={[
          { value: "some", label: "Those of some sites, or with some labels" },
          { value: "all", label: isOfFleet.value ? "All of them" : "All of them at your sites" },
        ]}
      />
      {scope.what === "some" && (
        <>
          <CheckListField
            label="Sites"
            hint={sitesLeftOut > 0 ? `The 100 sites with the most simulated devices; ${sitesLeftOut} more have some. None chosen: any site.` : "None chosen: any site."}
            fault={faults?.fields.site_ids}
            choices={sites.map(({ siteId, devices }) => ({ value: siteId, label: `${siteId} – ${devicesWords(devices)}` }))}
            values={scope.sites}
            onChange={(chosen) => change({ sites: chosen })}
          />
          <TextField
            label="Labels"
            value={scope.labels}
            onInput={(labels) => change({ labels })}
            placeholder="ring=canary,!keep"
            fault={faults?.fields.label_selector}
            hint="Only devices whose labels match all conditions, such as ring=canary,!keep. Empty: any."
            autoComplete="off"
          />
        </>
      )}
      <Preview isSaid={wanted !== undefined} count={count} />
      {count.data !== undefined && count.data > 0 && <TextField label={`Type ${count.data} to confirm`} value={typed} onInput={setTyped} autoComplete="off" />}
    </FormDialog>
  );
}

/** How many would go now. Counted anew each time that a condition changes. */
function useCount(wanted: Removal | undefined) {
  return useRead(
    ["devices", "removal", wanted],
    async (signal) => {
      const answers = await Promise.all(counts(wanted ?? { siteIds: [], labelSelector: "", all: true }).map((one) => registry.summarizeFleet(one, { signal })));
      return answers.reduce((sum, { total }) => sum + Number(total), 0);
    },
    { enabled: wanted !== undefined },
  );
}

function Preview({ isSaid, count }: { isSaid: boolean; count: { data?: number | undefined; isPending: boolean; error: unknown } }) {
  if (!isSaid) return <Notice>Choose sites or give labels, and the devices are counted.</Notice>;
  if (count.error) return null;
  if (count.isPending || count.data === undefined) return <Notice>Counting…</Notice>;
  if (count.data === 0) return <Notice>No simulated device matches.</Notice>;
  return <Notice tone="warn">{devicesWords(count.data)} will be removed.</Notice>;
}

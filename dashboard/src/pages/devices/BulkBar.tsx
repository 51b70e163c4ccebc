import { useState } from "preact/hooks";
import { registry } from "~/api/clients/registry";
import { problem } from "~/api/errors";
import { useChange } from "~/api/query";
import { href } from "~/app/route";
import { shown, sourceFilter } from "~/app/source";
import type { SummarizeFleetResponse } from "~/gen/homepot/registry/v1/registry_pb";
import { Button, FormDialog, LinkButton } from "~/kit";
import { figure, type Filter, request } from "./filter";
import { MOST_BY_ID } from "./selection";
import { aim, aimWords } from "./target";

interface BulkBarProps {
  filter: Filter;
  summaries: readonly SummarizeFleetResponse[];
  selected: ReadonlySet<string>;
  onSelect: (keys: ReadonlySet<string>) => void;
}

/** What can be done to many devices: to those selected by id, or to all that match. */
export function BulkBar({ filter, summaries, selected, onSelect }: BulkBarProps) {
  if (selected.size === 0 && summaries.every(({ total }) => total === 0n)) return null;
  return (
    <div class="row bulk" role="group" aria-label="Devices to command">
      {selected.size > 0 ? (
        <>
          <strong>{figure(selected.size)} selected</strong>
          <LinkButton kind="primary" href={href("/runs/new", { device: [...selected], source: shown.value })}>
            {selected.size === 1 ? "Run a command on the selected device" : `Run a command on the ${figure(selected.size)} selected devices`}
          </LinkButton>
          <Button kind="quiet" onPress={() => onSelect(new Set())}>
            Clear the selection
          </Button>
        </>
      ) : (
        <OnAll filter={filter} summaries={summaries} onSelect={onSelect} />
      )}
    </div>
  );
}

/** A run reaches real devices or simulated ones, so there is a button for each. */
function OnAll({ filter, summaries, onSelect }: Omit<BulkBarProps, "selected">) {
  const [why, setWhy] = useState("");
  const some = summaries.filter((summary) => summary.total > 0n);
  return (
    <>
      {some.map(({ source, total }) => {
        const target = aim(filter, source);
        return "why" in target ? (
          <Button key={source} onPress={() => setWhy(target.why)}>
            {aimWords(total, source, false)}…
          </Button>
        ) : (
          <LinkButton key={source} href={href("/runs/new", target.params)}>
            {aimWords(total, source, target.isFleet)}
          </LinkButton>
        );
      })}
      {why && <SelectById why={why} filter={filter} total={some.reduce((sum, { total }) => sum + total, 0n)} onSelect={onSelect} onClose={() => setWhy("")} />}
    </>
  );
}

interface SelectByIdProps {
  why: string;
  filter: Filter;
  total: bigint;
  onSelect: (keys: ReadonlySet<string>) => void;
  onClose: () => void;
}

/** Says why a run can't be aimed at the filter, and offers the devices that it shows now, each by its id. */
function SelectById({ why, filter, total, onSelect, onClose }: SelectByIdProps) {
  const isTooMany = total > BigInt(MOST_BY_ID);
  const read = useChange(() => registry.listDevices({ ...request(filter), source: sourceFilter(), pageSize: MOST_BY_ID }), [], ({ devices }) => {
    onSelect(new Set(devices.map(({ deviceId }) => deviceId)));
    onClose();
  });
  return (
    <FormDialog
      title="Select the devices one by one instead"
      action={isTooMany ? `Select the first ${figure(MOST_BY_ID)} of ${figure(total)}` : total === 1n ? "Select the device" : `Select the ${figure(total)} devices`}
      busy={read.isPending}
      problem={read.error ? problem(read.error) : undefined}
      onSubmit={() => read.mutate(undefined)}
      onClose={onClose}
    >
      <p>{why}</p>
      <p>The devices that match now can be selected by their ids, {figure(MOST_BY_ID)} at most. Devices that match later are not included.</p>
    </FormDialog>
  );
}

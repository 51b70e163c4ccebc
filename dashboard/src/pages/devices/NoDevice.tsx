import { may } from "~/api/session";
import { href } from "~/app/route";
import { sourceParam, sourcesShown } from "~/app/source";
import { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import type { SummarizeFleetResponse } from "~/gen/homepot/registry/v1/registry_pb";
import { Empty, LinkButton } from "~/kit";
import { link } from "./address";
import { figure, type Filter, isEmpty, sourceWord } from "./filter";

/** Nothing to show: whether that is the filter, the switch, or that there is nothing yet. */
export function NoDevice({ filter, summaries }: { filter: Filter; summaries: readonly SummarizeFleetResponse[] }) {
  const sources = sourcesShown();
  const only = sources.length === 1 ? sources[0] : undefined;
  const other = only === DeviceSource.REAL ? DeviceSource.SIMULATED : DeviceSource.REAL;
  const hidden = only === undefined ? 0n : (summaries[0]?.notCounted ?? 0n);
  const kind = only === undefined ? "device" : `${sourceWord(only)} device`;
  return (
    <Empty title={isEmpty(filter) ? `There is no ${kind} yet` : `No ${kind} matches`}>
      {hidden > 0n && (
        <>
          <p>
            {figure(hidden)} {sourceWord(other)} {hidden === 1n ? "device does" : "devices do"}; the switch at the top is set to {only === undefined ? "both" : sourceWord(only)} devices.
          </p>
          <LinkButton href={link({ source: sourceParam(other) })}>Show {sourceWord(other)} devices</LinkButton>
        </>
      )}
      {!isEmpty(filter) && <p>Remove a part of the filter, or shorten the search.</p>}
      {isEmpty(filter) && may("admin") && (
        <LinkButton kind="primary" href={href("/enrolment")}>
          Add a device
        </LinkButton>
      )}
    </Empty>
  );
}

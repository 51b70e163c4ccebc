import { useEffect } from "preact/hooks";
import { rollouts } from "~/api/clients/rollouts";
import { useLiveRollouts } from "~/api/live";
import { usePages } from "~/api/query";
import { may } from "~/api/session";
import { href, param, show } from "~/app/route";
import { isShown } from "~/app/source";
import { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import { type Rollout, RolloutState } from "~/gen/homepot/rollout/v1/rollout_pb";
import { Button, Empty, Failed, LinkButton, Loading, Page, ROLLOUT_STATE, SelectField, Table } from "~/kit";
import { useReread } from "~/parts/reread";
import { columns } from "./columns";

const STATES = [RolloutState.AWAITING_APPROVAL, RolloutState.RUNNING, RolloutState.PAUSED, RolloutState.HALTED, RolloutState.COMPLETED, RolloutState.ABORTED] as const;
const CHOICES = [{ value: "", label: "Any state" }, ...STATES.map((state) => ({ value: RolloutState[state], label: ROLLOUT_STATE[state].word }))];

/** A rollout of named devices may reach both real and simulated ones. */
function isOfShown({ target }: Rollout): boolean {
  const source = target?.source ?? DeviceSource.UNSPECIFIED;
  return source === DeviceSource.UNSPECIFIED || isShown(source);
}

export default function RolloutsPage() {
  const state = STATES.find((one) => RolloutState[one] === param("state")) ?? RolloutState.UNSPECIFIED;
  const pages = usePages(["rollouts", "list", state], async (pageToken, signal) => {
    const answer = await rollouts.listRollouts({ state, pageToken }, { signal });
    return { rows: answer.rollouts, nextPageToken: answer.nextPageToken };
  });
  const isListed = (rollout: Rollout) => (state === RolloutState.UNSPECIFIED || rollout.state === state) && isOfShown(rollout);
  // The rows are kept current by the news; a rollout that came into the list has no row yet.
  useReread((what) => what.rollouts.some((rollout) => isListed(rollout) && !pages.rows.some((row) => row.rolloutId === rollout.rolloutId)), pages.again, 2_000);
  const rows = useLiveRollouts(pages.rows).filter(isListed);
  // The server lists rollouts for both kinds of devices, so a page of its list may have no row to show here.
  const isBetween = rows.length === 0 && pages.hasMore;
  useEffect(() => {
    if (isBetween && !pages.isReadingMore) pages.more();
  }, [isBetween, pages.isReadingMore]);
  return (
    <Page title="Rollouts" lead="Signed releases on their way to devices, phase by phase." actions={may("operator") && <NewRollout />}>
      <div class="row">
        <SelectField label="State" value={state ? RolloutState[state] : ""} choices={CHOICES} onChange={(value) => show({ state: value }, "push")} />
      </div>
      {pages.error && <Failed error={pages.error} again={pages.again} />}
      {pages.isPending || (isBetween && !pages.error) ? (
        <Loading rows={6} />
      ) : rows.length > 0 ? (
        <Table label="Rollouts" columns={columns} rows={rows} rowKey={(row) => row.rolloutId} rowHref={(row) => href(`/rollouts/${row.rolloutId}`)} hasMore={pages.hasMore} more={pages.more} />
      ) : pages.error ? null : (
        <NoRollouts isFiltered={state !== RolloutState.UNSPECIFIED} hasOthers={pages.rows.length > 0} />
      )}
    </Page>
  );
}

function NewRollout() {
  return (
    <LinkButton href={href("/rollouts/new")} kind="primary">
      New rollout
    </LinkButton>
  );
}

function NoRollouts({ isFiltered, hasOthers }: { isFiltered: boolean; hasOthers: boolean }) {
  if (isFiltered) {
    return (
      <Empty title="No rollout is in this state">
        <Button onPress={() => show({ state: "" }, "push")}>Show all rollouts</Button>
      </Empty>
    );
  }
  if (hasOthers) {
    return (
      <Empty title="No rollout is for devices of this kind">
        <p>The switch at the top chooses between real and simulated devices.</p>
      </Empty>
    );
  }
  return (
    <Empty title="No rollout was started yet">
      <p>A rollout brings a signed release to one device first, then to a few, then to all. It halts by itself when too many devices fail.</p>
      <div class="row">
        <LinkButton href={href("/releases")}>See the releases</LinkButton>
        {may("operator") && <NewRollout />}
      </div>
    </Empty>
  );
}

import { releases } from "~/api/clients/releases";
import { usePages } from "~/api/query";
import { href } from "~/app/route";
import type { TrustRoot } from "~/gen/homepot/rollout/v1/release_pb";
import { Failed, Loading, Notice, Page, Table } from "~/kit";
import { ms, now } from "~/kit/time";
import { expiryOf } from "~/parts/rollout/expiry";
import { columns, rootColumns } from "./columns";
import { FirstSteps } from "./FirstSteps";
import "./page.css";

/** How often they are read again: there are no news of releases, and people upload them now and then. */
const AGAIN_MS = 30_000;

export default function ReleasesPage() {
  const list = usePages(
    ["releases", "list"],
    async (pageToken, signal) => {
      const answer = await releases.listReleases({ pageToken }, { signal });
      return { rows: answer.releases, nextPageToken: answer.nextPageToken };
    },
    { everyMs: AGAIN_MS },
  );
  const roots = usePages(
    ["releases", "roots"],
    async (pageToken, signal) => {
      const answer = await releases.listTrustRoots({ pageToken }, { signal });
      return { rows: answer.roots, nextPageToken: answer.nextPageToken };
    },
    { everyMs: AGAIN_MS },
  );
  const isPending = list.isPending || roots.isPending;
  const failure = [list, roots].find(({ error }) => error !== null);
  return (
    <Page title="Releases" lead="Signed sets of files for targets that devices name in their own configuration. A rollout brings one to devices.">
      {failure && <Failed error={failure.error} again={failure.again} />}
      {isPending && <Loading rows={6} />}
      {!isPending && !failure && list.rows.length === 0 && <FirstSteps hasRoot={roots.rows.length > 0} />}
      {list.rows.length > 0 && (
        <Table label="Releases, newest first" columns={columns} rows={list.rows} rowKey={(row) => row.releaseId} rowHref={(row) => href(`/releases/${row.releaseId}`)} hasMore={list.hasMore} more={list.more} />
      )}
      {roots.rows.length > 0 && (
        <section class="stack" aria-labelledby="trust-roots">
          <h2 id="trust-roots">Trust roots</h2>
          <RootExpiry newest={roots.rows[0]} />
          <p class="quiet">The keys by which devices know a release, and how many of them have to sign. The newest one is first.</p>
          <Table label="Trust roots, newest first" columns={rootColumns} rows={roots.rows} rowKey={(row) => row.version.toString()} hasMore={roots.hasMore} more={roots.more} />
        </section>
      )}
    </Page>
  );
}

function RootExpiry({ newest }: { newest: TrustRoot | undefined }) {
  const expiry = expiryOf(ms(newest?.expiresAt), now.value);
  if (expiry === "later") return null;
  const what = expiry === "expired" ? "The newest trust root has expired, so devices install nothing new." : "The newest trust root expires soon. From then on devices install nothing new.";
  return (
    <Notice tone={expiry === "expired" ? "bad" : "warn"}>
      {what} Sign the next version with the keys of both, and add it with <code>homepot ctl releases trust root.signed</code>.
    </Notice>
  );
}

import { releases } from "~/api/clients/releases";
import { useRead } from "~/api/query";
import { may } from "~/api/session";
import type { PageProps } from "~/app/pages";
import { href } from "~/app/route";
import type { Release, ReleaseFile } from "~/gen/homepot/rollout/v1/release_pb";
import { At, Badge, type Column, Facts, LinkButton, Notice, Page, Read, Table } from "~/kit";
import { ms, now } from "~/kit/time";
import { bytes } from "~/kit/chart/format";
import { Expiry } from "~/parts/rollout/Expiry";
import { expiryOf } from "~/parts/rollout/expiry";
import { KeyIds } from "~/parts/rollout/KeyIds";

const TRAIL = [["Releases", href("/releases")]] as const;

const columns: readonly Column<ReleaseFile>[] = [
  { name: "Target", cell: (row) => row.target },
  { name: "Size", cell: (row) => bytes.text(row.size), number: true },
  { name: "Kind", cell: (row) => (row.template ? <Badge title="Devices put their own values into it">Template</Badge> : <span class="quiet">File</span>) },
  { name: "SHA-256", cell: (row) => <span class="mono">{row.sha256}</span>, grows: true },
];

export default function ReleasePage({ parts: { id: releaseId = "" } }: PageProps) {
  const read = useRead(["releases", "one", releaseId], (signal) => releases.getRelease({ releaseId }, { signal }));
  const release = read.data?.release;
  if (!release) {
    return (
      <Page title="Release" trail={TRAIL}>
        <Read of={read}>{() => null}</Read>
      </Page>
    );
  }
  const isExpired = expiryOf(ms(release.expiresAt), now.value) === "expired";
  return (
    <Page title={`${release.name} ${release.version}`} trail={TRAIL} lead="A signed release. It reaches no device before a rollout starts." actions={may("operator") && !isExpired && <Start releaseId={releaseId} />}>
      {isExpired && <Notice tone="warn">It has expired, so that no device begins to install it. Build and sign it again with a higher counter.</Notice>}
      <Signed release={release} />
      <section class="stack">
        <h2>Files</h2>
        <Table label="Files of the release" columns={columns} rows={release.files} rowKey={(row) => row.target} />
      </section>
    </Page>
  );
}

function Start({ releaseId }: { releaseId: string }) {
  return (
    <LinkButton href={href("/rollouts/new", { release: releaseId })} kind="primary">
      Start a rollout…
    </LinkButton>
  );
}

/** Who made it, by which keys, and until when it may be installed. */
function Signed({ release }: { release: Release }) {
  return (
    <section class="card stack">
      <h2>Signed release</h2>
      <Facts
        facts={[
          ["Counter", release.counter.toString()],
          ["Signed by", <KeyIds ids={release.keyIds} />],
          ["Uploaded by", release.createdBy],
          ["Uploaded", <At time={release.createdAt} />],
          ["Expires", <Expiry time={release.expiresAt} />],
          ["Drift", release.mendDrift ? "is mended: a file that something else changes is put back" : "is only shown"],
          ["SHA-256", <span class="mono">{release.sha256}</span>],
          ["Id", <span class="mono">{release.releaseId}</span>],
        ]}
      />
    </section>
  );
}

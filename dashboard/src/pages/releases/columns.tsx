import type { Release, TrustRoot } from "~/gen/homepot/rollout/v1/release_pb";
import { Ago, type Column } from "~/kit";
import { Expiry } from "~/parts/rollout/Expiry";
import { KeyIds } from "~/parts/rollout/KeyIds";

export const columns: readonly Column<Release>[] = [
  { name: "Release", cell: (row) => `${row.name} ${row.version}` },
  { name: "Counter", cell: (row) => row.counter.toString(), number: true },
  { name: "Uploaded", cell: (row) => <Ago time={row.createdAt} /> },
  { name: "By", cell: (row) => row.createdBy },
  { name: "Signed by", cell: (row) => <KeyIds ids={row.keyIds} /> },
  { name: "Expires", cell: (row) => <Expiry time={row.expiresAt} /> },
  { name: "Targets", cell: (row) => targetsOf(row), grows: true },
];

function targetsOf({ files }: Release): string {
  return files.map(({ target }) => target).join(", ");
}

export const rootColumns: readonly Column<TrustRoot>[] = [
  { name: "Version", cell: (row) => row.version.toString() },
  { name: "Expires", cell: (row) => <Expiry time={row.expiresAt} /> },
  { name: "Signatures for a release", cell: (row) => <Threshold of={row.releaseThreshold} ids={row.releaseKeyIds} /> },
  { name: "Signatures for a root", cell: (row) => <Threshold of={row.rootThreshold} ids={row.rootKeyIds} /> },
  { name: "Added", cell: (row) => <Ago time={row.createdAt} /> },
  { name: "By", cell: (row) => row.createdBy, grows: true },
];

function Threshold({ of, ids }: { of: number; ids: readonly string[] }) {
  return (
    <>
      {of} of <KeyIds ids={ids} />
    </>
  );
}

import { releases } from "~/api/clients/releases";
import { useRead } from "~/api/query";
import { href } from "~/app/route";
import { Failed, SelectField } from "~/kit";
import { ms, now } from "~/kit/time";
import { expiryOf } from "~/parts/rollout/expiry";

interface ReleaseFormProps {
  releaseId: string;
  fault: string | undefined;
  onChange: (releaseId: string) => void;
}

/** Which release: those that devices may still begin to install, newest first. */
export function ReleaseForm({ releaseId, fault, onChange }: ReleaseFormProps) {
  const read = useRead(["releases", "choices"], (signal) => releases.listReleases({ pageSize: 1_000 }, { signal }));
  const known = (read.data?.releases ?? []).filter(({ expiresAt, releaseId: id }) => id === releaseId || expiryOf(ms(expiresAt), now.peek()) !== "expired");
  const choices = [
    { value: "", label: "Choose a release" },
    ...known.map((release) => ({ value: release.releaseId, label: `${release.name} ${release.version}` })),
    ...(releaseId && read.data && !known.some((release) => release.releaseId === releaseId) ? [{ value: releaseId, label: releaseId }] : []),
  ];
  const chosen = known.find((release) => release.releaseId === releaseId);
  return (
    <section class="card stack">
      <h2>Release</h2>
      {read.error && <Failed error={read.error} again={() => void read.refetch()} />}
      <SelectField label="Release" value={releaseId} fault={fault} choices={choices} onChange={onChange} />
      {chosen && (
        <p class="quiet">
          Counter {chosen.counter.toString()}, for {chosen.files.map(({ target }) => target).join(", ")}. <a href={href(`/releases/${chosen.releaseId}`)}>See its files</a>
        </p>
      )}
      {read.data && known.length === 0 && (
        <p class="quiet">
          There is no release that can be installed. <a href={href("/releases")}>How to make one</a>
        </p>
      )}
    </section>
  );
}

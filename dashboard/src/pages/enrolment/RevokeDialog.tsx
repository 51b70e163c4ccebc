import { registry } from "~/api/clients/registry";
import { problem } from "~/api/errors";
import { useChange } from "~/api/query";
import type { EnrollmentToken } from "~/gen/homepot/registry/v1/registry_pb";
import { FormDialog, toast } from "~/kit";
import { counted } from "~/parts/fleet/counts";

export function RevokeDialog({ token, onClose, onDone }: { token: EnrollmentToken; onClose: () => void; onDone: (token: EnrollmentToken) => void }) {
  const revoke = useChange(
    async () => (await registry.revokeEnrollmentToken({ tokenId: token.tokenId })).enrollmentToken,
    ["tokens"],
    (answer) => {
      toast(`Token ${token.tokenId} revoked.`);
      onDone(answer ?? token);
    },
  );
  return (
    <FormDialog
      title={`Revoke ${token.tokenId}?`}
      action="Revoke"
      kind="danger"
      busy={revoke.isPending}
      problem={revoke.error ? problem(revoke.error) : undefined}
      onSubmit={() => revoke.mutate(undefined)}
      onClose={onClose}
    >
      <p>
        {counted(token.usesLeft, "more device")} could enrol with it at {token.siteId}; none can after this. Devices that enrolled with it stay. This can’t be undone; another token can be made.
      </p>
    </FormDialog>
  );
}

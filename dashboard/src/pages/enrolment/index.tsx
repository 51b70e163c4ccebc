import { useState } from "preact/hooks";
import { registry } from "~/api/clients/registry";
import { usePages } from "~/api/query";
import { href, param, show } from "~/app/route";
import { sourceFilter } from "~/app/source";
import type { CreateEnrollmentTokenResponse, EnrollmentToken } from "~/gen/homepot/registry/v1/registry_pb";
import { Badge, Button, Empty, Failed, Loading, Page, SourceBadge, Table } from "~/kit";
import { Handout } from "~/parts/enrol/Handout";
import { TokenDialog } from "~/parts/enrol/TokenDialog";
import { Panel } from "~/parts/Panel";
import { columnsFor } from "./columns";
import { RevokeDialog } from "./RevokeDialog";

/** How often tokens are read again: their uses are in no news. */
const AGAIN_MS = 30_000;

export default function EnrolmentPage() {
  const [made, setMade] = useState<CreateEnrollmentTokenResponse>();
  const [revoking, setRevoking] = useState<EnrollmentToken>();
  const close = () => setRevoking(undefined);
  // "Make one" stands in the address, so that other pages lead to it.
  const isMaking = param("make") !== "";
  const setMaking = (is: boolean) => show({ make: is ? "1" : undefined });
  const newest = made?.enrollmentToken;
  return (
    <Page
      title="Enrolment"
      lead="A device enrols with a token, which is for one site, a number of devices and a limited time. Make one, and paste one line on the device."
      actions={
        <Button kind={made ? "plain" : "primary"} onPress={() => setMaking(true)}>
          Make a token
        </Button>
      }
    >
      {made && newest && (
        <Panel title={`New token for ${newest.siteId}`} more={<NewBeside token={newest} onPutAway={() => setMade(undefined)} />}>
          <Handout key={newest.tokenId} made={made} />
        </Panel>
      )}
      <Tokens onRevoke={setRevoking} onMake={() => setMaking(true)} />
      {isMaking && (
        <TokenDialog
          siteId={param("site")}
          onClose={() => setMaking(false)}
          onMade={(answer) => {
            setMade(answer);
            setMaking(false);
          }}
        />
      )}
      {revoking && (
        <RevokeDialog
          token={revoking}
          onClose={close}
          onDone={(token) => {
            if (token.tokenId === newest?.tokenId) setMade(undefined);
            close();
          }}
        />
      )}
    </Page>
  );
}

function NewBeside({ token, onPutAway }: { token: EnrollmentToken; onPutAway: () => void }) {
  return (
    <span class="row">
      <SourceBadge source={token.source} />
      <Button onPress={onPutAway}>I have copied it</Button>
    </span>
  );
}

function Tokens({ onRevoke, onMake }: { onRevoke: (token: EnrollmentToken) => void; onMake: () => void }) {
  const siteId = param("site");
  const filter = { siteId, source: sourceFilter() };
  const pages = usePages(
    ["tokens", filter],
    async (pageToken, signal) => {
      const answer = await registry.listEnrollmentTokens({ ...filter, pageToken, pageSize: 100 }, { signal });
      return { rows: answer.enrollmentTokens, nextPageToken: answer.nextPageToken };
    },
    { everyMs: AGAIN_MS },
  );
  return (
    <section class="stack" aria-labelledby="tokens">
      <div class="row">
        <h2 id="tokens">Tokens</h2>
        {siteId && (
          <>
            <Badge tone="info">Site: {siteId}</Badge>
            <a href={href("/enrolment")}>Tokens of all sites</a>
          </>
        )}
      </div>
      {pages.error && <Failed error={pages.error} again={pages.again} />}
      {pages.isPending ? (
        <Loading rows={5} />
      ) : pages.rows.length === 0 ? (
        !pages.error && (
          <Empty title="There is no token">
            <p>None was made for {siteId ? `devices of this kind at ${siteId}` : "devices of this kind"}; the switch at the top chooses between real and simulated devices.</p>
            <Button onPress={onMake}>Make a token</Button>
          </Empty>
        )
      ) : (
        <Table label="Enrolment tokens" columns={columnsFor(onRevoke)} rows={pages.rows} rowKey={(row) => row.tokenId} hasMore={pages.hasMore} more={pages.more} />
      )}
    </section>
  );
}

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { may } from "~/api/session";
import type { CreateEnrollmentTokenResponse, Site } from "~/gen/homepot/registry/v1/registry_pb";
import { Button, Notice, Page } from "~/kit";
import { Handout } from "~/parts/enrol/Handout";
import { TokenDialog } from "~/parts/enrol/TokenDialog";
import { SiteDialog } from "~/parts/site/SiteDialog";

/** What an installation without any device shows: the three steps to the first one, and the device when it comes. */
export function FirstRun({ sites, hasDevices, onLeave }: { sites: readonly Site[]; hasDevices: boolean; onLeave: () => void }) {
  const [dialog, setDialog] = useState<"site" | "token">();
  const [made, setMade] = useState<CreateEnrollmentTokenResponse>();
  const close = () => setDialog(undefined);
  const hasSite = sites.length > 0;
  return (
    <Page title="Add your first device" lead={hasDevices ? "This is all that is needed." : "There is no device yet. Three steps bring the first one in."}>
      {hasDevices && (
        <Notice tone="good" action={<Button onPress={onLeave}>Show the overview</Button>}>
          The first device is here.
        </Notice>
      )}
      <ol class="first-steps">
        <Step title="Make a site" isDone={hasSite}>
          {hasSite ? (
            <p class="quiet">{sites.length === 1 ? `There is one: ${sites[0]?.name}.` : `There are ${sites.length}.`}</p>
          ) : (
            <>
              <p>A site is a shop, an office or a data centre. Each device belongs to one.</p>
              {may("fleet admin") ? (
                <Button kind="primary" onPress={() => setDialog("site")}>
                  Make a site
                </Button>
              ) : (
                <NotYours who="fleet admin" />
              )}
            </>
          )}
        </Step>
        <Step title="Make an enrolment token" isDone={made !== undefined}>
          <p>With the token, devices join the site. It can be revoked at any time; devices that have joined stay.</p>
          {may("admin") ? (
            <Button kind={hasSite && !made ? "primary" : "plain"} disabled={!hasSite} onPress={() => setDialog("token")}>
              {made ? "Make another" : "Make a token"}
            </Button>
          ) : (
            <NotYours who="admin" />
          )}
        </Step>
        <Step title="Paste one line on the device" isDone={hasDevices}>
          {made ? <Handout key={made.enrollmentToken?.tokenId} made={made} /> : <p class="quiet">The line stands here once there is a token. Then this page waits for the device.</p>}
        </Step>
      </ol>
      {dialog === "site" && <SiteDialog onClose={close} onDone={close} />}
      {dialog === "token" && (
        <TokenDialog
          siteId=""
          onClose={close}
          onMade={(answer) => {
            setMade(answer);
            close();
          }}
        />
      )}
    </Page>
  );
}

function Step({ title, isDone, children }: { title: string; isDone: boolean; children: ComponentChildren }) {
  return (
    <li class="card stack" data-done={isDone || undefined}>
      <h2>
        {title}
        {isDone && <span class="quiet"> – done</span>}
      </h2>
      {children}
    </li>
  );
}

function NotYours({ who }: { who: string }) {
  return <p class="quiet">Someone with the role {who} does this.</p>;
}

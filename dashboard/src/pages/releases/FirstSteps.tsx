import type { ComponentChildren } from "preact";
import { may } from "~/api/session";
import { Secret } from "~/kit";

const ROOT = `homepot release key release-key.pem
homepot release root root.toml --out root.signed
homepot sign root.signed --key release-key.pem
homepot ctl releases trust root.signed`;

const DEVICE = `update_root_file = "/etc/homepot/root.signed"

[targets.prices]
path = "/etc/pos/prices.toml"`;

const RELEASE = `homepot release init prices/
homepot release build prices/
homepot sign prices/prices-1.release --key release-key.pem
homepot ctl releases upload prices/prices-1.release`;

/** What leads to the first release. Private keys stay with people, so that none of it is done by a button. */
export function FirstSteps({ hasRoot }: { hasRoot: boolean }) {
  return (
    <section class="stack" aria-labelledby="first-release">
      <h2 id="first-release">Make the first release</h2>
      <p class="quiet">
        There is no release yet. Private keys stay with people and never reach the server, so releases are made and signed on a machine that you trust. The document “Updates over the air” explains each step and its files.
        {!may("fleet admin") && " Adding a trust root and uploading a release needs an admin of every site."}
      </p>
      <ol class="release-steps">
        <Step title="Make keys and a trust root" isDone={hasRoot}>
          {hasRoot ? (
            <p class="quiet">There is one.</p>
          ) : (
            <>
              <p>The trust root says which keys devices trust. The first line shows the public key, which goes into root.toml.</p>
              <Secret label="Commands for the trust root" text={ROOT} />
            </>
          )}
        </Step>
        <Step title="Give each device the root and its targets" isDone={false}>
          <p>A target is a file that releases may replace. Put the file root.signed on the device and these lines into /etc/homepot/agent.toml, and restart the agent.</p>
          <Secret label="Lines for agent.toml" text={DEVICE} />
        </Step>
        <Step title="Build, sign and upload a release" isDone={false}>
          <p>The first line writes an example: the file release.toml names the release, its counter and the files for targets. The release appears here once it is uploaded.</p>
          <Secret label="Commands for a release" text={RELEASE} />
        </Step>
      </ol>
    </section>
  );
}

function Step({ title, isDone, children }: { title: string; isDone: boolean; children: ComponentChildren }) {
  return (
    <li class="card stack">
      <h3>
        {title}
        {isDone && <span class="quiet"> – done</span>}
      </h3>
      {children}
    </li>
  );
}

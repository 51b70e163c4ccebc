import { me } from "~/api/session";
import { rights, ROLE_NAMES, siteWords } from "~/app/roles";
import { Facts, Page } from "~/kit";
import { Panel } from "~/parts/Panel";
import { Clocks } from "./Clocks";
import { State } from "./State";
import { Versions } from "./Versions";
import "./page.css";

export default function SystemPage() {
  return (
    <Page title="System" lead="The server that answers, how this page is connected to it, and what runs on the devices.">
      <div class="system-panels">
        <Panel title="Server">
          <Facts
            facts={[
              ["Version", me.value?.serverVersion || <span class="quiet">this server does not say</span>],
              ["Address", location.origin],
              ["Connection", <State />],
            ]}
          />
        </Panel>
        <Clocks />
        <Documents />
        <May />
      </div>
      <Versions />
    </Page>
  );
}

function Documents() {
  return (
    <Panel title="The API">
      <ul class="system-list">
        <li>
          <a href="/docs/">Documents of the API</a>, where each call can be tried
        </li>
        <li>
          <a href="/api/v2/openapi.json">OpenAPI of version 2</a>, as JSON
        </li>
        <li>
          <a href="/api/v1/openapi.json">OpenAPI of version 1</a>, what legacy clients rely on
        </li>
      </ul>
      <p class="quiet">
        Programs call it over REST, gRPC or gRPC-Web, with an operator's token in the header <code>authorization: Bearer</code>.
      </p>
    </Panel>
  );
}

function May() {
  const operator = me.value?.operator;
  if (!operator) return null;
  return (
    <Panel title="What you may do">
      <p>
        You are {operator.name}, of role {ROLE_NAMES[operator.role].toLowerCase()}, and reach {siteWords(operator.siteIds, 8)}. Who has this role:
      </p>
      <ul class="system-list">
        {rights(operator).map((sentence) => (
          <li key={sentence}>{sentence}</li>
        ))}
      </ul>
    </Panel>
  );
}

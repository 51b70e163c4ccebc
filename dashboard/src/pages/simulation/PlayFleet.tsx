import { useState } from "preact/hooks";
import { may, me } from "~/api/session";
import { href } from "~/app/route";
import { Secret, SelectField, TextField } from "~/kit";
import { deviceServer } from "~/parts/enrol/line";
import { Panel } from "~/parts/Panel";
import { faults, type Fleet, HISTORIES, line, SCENARIOS } from "./line";

const USUAL: Fleet = { name: "sim", devices: "24", sites: "3", scenario: "healthy", history: "6h" };

/** Composes the line that plays a fleet. It runs where it is pasted, not in the server. */
export function PlayFleet() {
  const [fleet, setFleet] = useState(USUAL);
  const [server, setServer] = useState(deviceServer(me.value?.deviceUrl ?? "", location));
  const wrong = faults(fleet);
  const set = (name: keyof Fleet) => (value: string) => setFleet({ ...fleet, [name]: value });
  const isGood = Object.keys(wrong).length === 0;
  const about = SCENARIOS.find((scenario) => scenario.value === fleet.scenario)?.about;
  return (
    <Panel title="Play a fleet">
      <p>
        The simulator <code>homepot-sim</code> runs where you paste this line, for as long as you let it; Ctrl-C ends it. The same name has the same devices again.
      </p>
      <div class="simulation-form">
        <TextField label="Name" value={fleet.name} onInput={set("name")} fault={wrong.name} hint="Devices' ids begin with it." autoComplete="off" />
        <TextField label="Devices" value={fleet.devices} onInput={set("devices")} fault={wrong.devices} autoComplete="off" />
        <TextField label="Sites" value={fleet.sites} onInput={set("sites")} fault={wrong.sites} hint="NAME-1, NAME-2 and so on, made as needed." autoComplete="off" />
        <SelectField label="Scenario" value={fleet.scenario} choices={SCENARIOS} onChange={set("scenario")} hint={about} />
        <SelectField label="Begin with a past of" value={fleet.history} choices={HISTORIES} onChange={set("history")} />
        <TextField label="Server" value={server} onInput={setServer} hint="As it is reached from where the simulator runs." autoComplete="off" />
      </div>
      {isGood && <Secret label="Line" text={line(fleet, server)} />}
      <TokenHint />
    </Panel>
  );
}

function TokenHint() {
  if (!may("fleet admin")) {
    return (
      <p class="quiet">
        It needs a token: <code>HOMEPOT_TOKEN</code> of an admin of every site, or an enrolment token for simulated devices in <code>HOMEPOT_ENROLLMENT_TOKEN</code> with{" "}
        <code>--site</code> in place of <code>--sites</code>.
      </p>
    );
  }
  return (
    <p class="quiet">
      It needs <code>HOMEPOT_TOKEN</code>, the token of an admin of every site, which makes sites and enrolment tokens as needed; see <a href={href("/operators")}>Operators</a>. With a
      token from <a href={href("/enrolment")}>Enrolment</a> for simulated devices, set <code>HOMEPOT_ENROLLMENT_TOKEN</code> and say <code>--site</code> in place of <code>--sites</code>.
    </p>
  );
}

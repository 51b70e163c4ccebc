import { type Theme, theme } from "~/app/theme";
import { browserZone, offsetWords, zones } from "~/app/zones";
import { RadioField, SelectField } from "~/kit";
import { absolute, now, zone } from "~/kit/time";
import { Panel } from "~/parts/Panel";

const THEMES: readonly { value: Theme; label: string }[] = [
  { value: "system", label: "As the system has it" },
  { value: "light", label: "Light" },
  { value: "dark", label: "Dark" },
];

/** What is kept in this browser, not by the server. */
export function Looks() {
  const choices = [{ value: "", label: `The browser's: ${browserZone()}` }, ...zones().map((name) => ({ value: name, label: name.replaceAll("_", " ") }))];
  return (
    <Panel title="This browser">
      <RadioField label="Colours" value={theme.value} choices={THEMES} onChange={(value) => (theme.value = value)} />
      <SelectField label="Times are shown in" value={zone.value} choices={choices} onChange={(value) => (zone.value = value)} />
      <p>
        Time there now <strong class="me-now">{absolute(now.value)}</strong> <span class="quiet">({offsetWords(zone.value, now.value)})</span>
      </p>
    </Panel>
  );
}

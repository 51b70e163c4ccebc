import { choose, type Shown, shown } from "./source";

const CHOICES: readonly { value: Shown; label: string }[] = [
  { value: "real", label: "Real devices" },
  { value: "simulated", label: "Simulated devices" },
  { value: "both", label: "Both kinds" },
];

export function SourceSwitch() {
  return (
    <label class="source-switch" data-shown={shown.value}>
      <span class="hidden-visually">Devices shown</span>
      <select class="input" value={shown.value} onChange={(event) => choose(event.currentTarget.value as Shown)}>
        {CHOICES.map((choice) => (
          <option key={choice.value} value={choice.value}>
            {choice.label}
          </option>
        ))}
      </select>
    </label>
  );
}

import { useState } from "preact/hooks";
import { CheckField } from "./Field";

interface CheckListProps {
  label: string;
  hint?: string;
  fault?: string | undefined;
  choices: readonly { value: string; label: string; hint?: string }[];
  values: ReadonlySet<string>;
  onChange: (values: ReadonlySet<string>) => void;
}

/** Above so many, a field that narrows the list is worth its place. */
const FEW = 8;

/** Any number of many. What is chosen and narrowed away stays chosen, and is counted. */
export function CheckListField({ label, hint, fault, choices, values, onChange }: CheckListProps) {
  const [text, setText] = useState("");
  const wanted = text.trim().toLowerCase();
  const shown = choices.filter((choice) => `${choice.value} ${choice.label}`.toLowerCase().includes(wanted));
  const set = (value: string, isChosen: boolean) => {
    const next = new Set(values);
    if (isChosen) next.add(value);
    else next.delete(value);
    onChange(next);
  };
  return (
    <fieldset class="field">
      <legend>
        {label} <span class="quiet small">{values.size} chosen</span>
      </legend>
      {choices.length > FEW && <input type="search" placeholder="Narrow the list" aria-label={`${label}: narrow the list`} value={text} onInput={(event) => setText(event.currentTarget.value)} />}
      <div class="check-list">
        {shown.map((choice) => (
          <CheckField key={choice.value} label={choice.label} hint={choice.hint} value={values.has(choice.value)} onChange={(isChosen) => set(choice.value, isChosen)} />
        ))}
        {shown.length === 0 && <span class="quiet small">None matches.</span>}
      </div>
      {(fault ?? hint) && <div class={fault ? "fault" : "quiet small"}>{fault ?? hint}</div>}
    </fieldset>
  );
}

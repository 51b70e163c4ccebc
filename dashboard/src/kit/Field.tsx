import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

interface Common {
  label: string;
  /** One sentence on what to put in. */
  hint?: string;
  /** What is wrong with it, from the form or from the server. */
  fault?: string | undefined;
}

interface TextProps extends Common {
  value: string;
  onInput: (value: string) => void;
  placeholder?: string;
  type?: "text" | "password" | "number" | "search" | "datetime-local";
  required?: boolean;
  autoFocus?: boolean;
  autoComplete?: string;
  /** Lines of a longer text; left out: one line. */
  lines?: number;
}

export function TextField({ label, hint, fault, value, onInput, lines, autoFocus, ...rest }: TextProps) {
  const id = useId();
  const common = {
    id,
    value,
    "aria-invalid": fault ? true : undefined,
    "aria-describedby": hint || fault ? `${id}-about` : undefined,
    autofocus: autoFocus,
    spellcheck: false,
    ...rest,
  };
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {lines === undefined ? (
        <input {...common} type={rest.type ?? "text"} onInput={(event) => onInput(event.currentTarget.value)} />
      ) : (
        <textarea {...common} rows={lines} onInput={(event) => onInput(event.currentTarget.value)} />
      )}
      <About id={id} hint={hint} fault={fault} />
    </div>
  );
}

interface SelectProps<T extends string> extends Common {
  value: T;
  choices: readonly { value: T; label: string }[];
  onChange: (value: T) => void;
}

export function SelectField<T extends string>({ label, hint, fault, value, choices, onChange }: SelectProps<T>) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select id={id} value={value} aria-describedby={hint || fault ? `${id}-about` : undefined} onChange={(event) => onChange(event.currentTarget.value as T)}>
        {choices.map((choice) => (
          <option key={choice.value} value={choice.value}>
            {choice.label}
          </option>
        ))}
      </select>
      <About id={id} hint={hint} fault={fault} />
    </div>
  );
}

export function CheckField({ label, hint, value, onChange }: { label: string; hint?: string; value: boolean; onChange: (value: boolean) => void }) {
  const id = useId();
  return (
    <div class="check">
      <input id={id} type="checkbox" checked={value} onChange={(event) => onChange(event.currentTarget.checked)} />
      <div>
        <label for={id}>{label}</label>
        {hint && <div class="quiet small">{hint}</div>}
      </div>
    </div>
  );
}

interface RadioProps<T extends string> {
  label: string;
  value: T;
  choices: readonly { value: T; label: string; hint?: string }[];
  onChange: (value: T) => void;
}

/** One of a few, each in sight. */
export function RadioField<T extends string>({ label, value, choices, onChange }: RadioProps<T>) {
  const id = useId();
  return (
    <fieldset class="field">
      <legend>{label}</legend>
      {choices.map((choice) => (
        <div key={choice.value} class="check">
          <input id={`${id}-${choice.value}`} type="radio" name={id} checked={choice.value === value} aria-describedby={choice.hint && `${id}-${choice.value}-about`} onChange={() => onChange(choice.value)} />
          <div>
            <label for={`${id}-${choice.value}`}>{choice.label}</label>
            {choice.hint && (
              <div id={`${id}-${choice.value}-about`} class="quiet small">
                {choice.hint}
              </div>
            )}
          </div>
        </div>
      ))}
    </fieldset>
  );
}

function About({ id, hint, fault }: { id: string; hint: string | undefined; fault: string | undefined }): ComponentChildren {
  if (!hint && !fault) return null;
  return (
    <div id={`${id}-about`} class={fault ? "fault" : "quiet small"}>
      {fault ?? hint}
    </div>
  );
}

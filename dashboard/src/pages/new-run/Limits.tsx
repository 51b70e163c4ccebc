import { TextField } from "~/kit";

export interface LimitsDraft {
  inFlight: string;
  failures: string;
  description: string;
}

interface LimitsProps {
  draft: LimitsDraft;
  onChange: (draft: LimitsDraft) => void;
  fault: { inFlight?: string | undefined; failures?: string | undefined; description?: string | undefined };
}

/** How fast it goes, when it halts, and what it is for. */
export function Limits({ draft, onChange, fault }: LimitsProps) {
  const change = (part: Partial<LimitsDraft>) => onChange({ ...draft, ...part });
  return (
    <section class="card stack">
      <h2>Limits</h2>
      <div class="grid">
        <TextField
          label="Commands at a time"
          hint="1 to 1,000. A device that is offline counts until its command ends, at the latest when the time to live is over."
          value={draft.inFlight}
          fault={fault.inFlight}
          onInput={(inFlight) => change({ inFlight })}
        />
        <TextField
          label="Failures allowed"
          hint="One more halts the run. 0: the first failure halts it."
          value={draft.failures}
          fault={fault.failures}
          onInput={(failures) => change({ failures })}
        />
      </div>
      <TextField label="Purpose" hint="For people who look at the run later. May be left empty." value={draft.description} fault={fault.description} onInput={(description) => change({ description })} />
    </section>
  );
}

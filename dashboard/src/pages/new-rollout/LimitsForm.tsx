import { TextField } from "~/kit";
import type { LimitsDraft, LimitsFaults } from "./limits";

interface LimitsFormProps {
  draft: LimitsDraft;
  fault: LimitsFaults;
  onChange: (draft: LimitsDraft) => void;
}

/** Its phases, how fast it goes, when it halts, and what it is for. */
export function LimitsForm({ draft, fault, onChange }: LimitsFormProps) {
  const field = (name: keyof LimitsDraft) => ({ value: draft[name], fault: fault[name], onInput: (text: string) => onChange({ ...draft, [name]: text }) });
  return (
    <section class="card stack">
      <h2>Phases and limits</h2>
      <TextField label="Phases" hint="How many devices each phase brings it to: numbers and percentages, each more than the one before. The last phase has all that are left." {...field("phases")} />
      <div class="grid">
        <TextField label="A phase lasts on for" hint="0 s to 30 d after its last device is done, so that slow harm shows before more devices begin." {...field("soak")} />
        <TextField label="Failures allowed, in percent" hint="Of the devices that have begun. One failure among fewer than 20 halts it, whatever stands here." {...field("failurePercent")} />
        <TextField label="Devices at a time" hint="1 to 10,000." {...field("inFlight")} />
        <TextField label="At a time at each site" hint="1 to 10,000. Those of other rollouts count too." {...field("perSite")} />
        <TextField label="Silence that counts as failure" hint="1 s to 30 d." {...field("silence")} />
      </div>
      <TextField label="Purpose" hint="For people who look at the rollout later. May be left empty." {...field("description")} />
    </section>
  );
}

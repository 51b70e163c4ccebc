import type { MessageInitShape } from "@bufbuild/protobuf";
import { useState } from "preact/hooks";
import { rollouts } from "~/api/clients/rollouts";
import { problem } from "~/api/errors";
import { go, href, params } from "~/app/route";
import { shown } from "~/app/source";
import type { StartRolloutRequestSchema } from "~/gen/homepot/rollout/v1/rollout_pb";
import { Page, toast } from "~/kit";
import { devicesWord } from "~/parts/run/progress";
import { StartForm } from "~/parts/target/StartForm";
import { fromAddress, serverTargetFaults, targetOf } from "~/parts/target/target";
import { TargetForm } from "~/parts/target/TargetForm";
import { useStart } from "~/parts/target/useStart";
import { limitsFaults, limitsOf, serverLimitsFaults, USUAL } from "./limits";
import { LimitsForm } from "./LimitsForm";
import { PlanShown } from "./PlanShown";
import { ReleaseForm } from "./ReleaseForm";
import { usePlan } from "./usePlan";
import { missing } from "./words";
import "~/parts/target/start-form.css";

type StartInit = MessageInitShape<typeof StartRolloutRequestSchema>;

const TRAIL = [["Rollouts", href("/rollouts")]] as const;

/** What of the address fills the form; the switch in the head changes `source`, which must not empty it. */
const FILLS = ["release", "device", "site", "labels", "fleet"];

export default function NewRolloutPage() {
  // Another address is another form.
  return <NewRollout key={JSON.stringify(FILLS.map((name) => params.value.getAll(name)))} />;
}

function NewRollout() {
  const [releaseId, setReleaseId] = useState(() => params.value.get("release") ?? "");
  const [aim, setAim] = useState(() => fromAddress(params.value, shown.value));
  const [how, setHow] = useState(USUAL);
  const [typed, setTyped] = useState("");
  const [countBefore, setCountBefore] = useState<number>();

  const target = targetOf(aim);
  const limits = limitsOf(how);
  const plan = usePlan(releaseId, target, limits?.phases);
  const total = plan.numbers?.devicesTotal;
  const start = useStart({
    call: (what: StartInit, idempotencyKey) => rollouts.startRollout({ ...what, idempotencyKey }),
    changes: ["rollouts"],
    onStarted: ({ rollout, existed }) => {
      toast(existed ? "This rollout was started before; nothing new was started." : "The rollout is started.");
      if (rollout) go(`/rollouts/${rollout.rolloutId}`);
    },
    onChanged: () => {
      setTyped("");
      setCountBefore(total);
      plan.again();
    },
  });
  const refused = { ...(plan.error && plan.isCurrent && problem(plan.error).fields), ...start.refusal?.fields };
  /** A change of the form makes what was said of it before stale. */
  const touched = <T,>(set: (value: T) => void) => (value: T) => {
    set(value);
    setTyped("");
    setCountBefore(undefined);
    start.forget();
  };
  const isReady = limits !== undefined && target !== undefined && plan.numbers !== undefined && plan.numbers.devicesTotal > plan.numbers.devicesSkipped;
  const submit = () => {
    if (isReady) start.send({ ...limits, releaseId, target, expectedDevices: total });
  };
  return (
    <Page title="New rollout" trail={TRAIL} lead="A signed release for many devices, phase by phase.">
      <div class="start-form" data-wide>
        <div class="stack">
          <ReleaseForm releaseId={releaseId} fault={refused.release_id} onChange={touched(setReleaseId)} />
          <TargetForm draft={aim} onChange={touched(setAim)} refused={serverTargetFaults(refused)} of="rollout" />
          <LimitsForm draft={how} fault={{ ...serverLimitsFaults(refused), ...limitsFaults(how) }} onChange={touched(setHow)} />
        </div>
        <div class="stack">
          <PlanShown plan={plan} isAimed={releaseId !== "" && target !== undefined && limits !== undefined} />
          <StartForm
            action={`Start the rollout to ${devicesWord(total ?? 0)}`}
            missing={missing(plan.numbers, releaseId !== "", limits !== undefined)}
            total={total}
            countBefore={countBefore}
            isReady={isReady}
            phrase={total === 1 ? "" : String(total)}
            hint="How many devices it is for, those that would be skipped included."
            typed={typed}
            onType={setTyped}
            isBusy={start.isBusy}
            refusal={start.refusal}
            onStart={submit}
            leaveTo={href("/rollouts")}
          />
        </div>
      </div>
    </Page>
  );
}

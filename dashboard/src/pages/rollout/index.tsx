import { useState } from "preact/hooks";
import { rollouts } from "~/api/clients/rollouts";
import { useLiveRollouts } from "~/api/live";
import { useRead } from "~/api/query";
import { may } from "~/api/session";
import type { PageProps } from "~/app/pages";
import { href } from "~/app/route";
import { type Rollout, RolloutState } from "~/gen/homepot/rollout/v1/rollout_pb";
import { Button, Notice, Page, Read, RolloutStateBadge } from "~/kit";
import { hasEnded } from "~/parts/rollout/progress";
import { Devices } from "./Devices";
import { AbortDialog, ApproveDialog, PauseDialog, ResumeDialog } from "./dialogs";
import { Phases, Progress } from "./Progress";
import { Settings } from "./Settings";
import { standing } from "./words";
import "./page.css";

const TRAIL = [["Rollouts", href("/rollouts")]] as const;

export default function RolloutPage({ parts: { id: rolloutId = "" } }: PageProps) {
  const read = useRead(["rollouts", "one", rolloutId], (signal) => rollouts.getRollout({ rolloutId }, { signal }));
  const [rollout] = useLiveRollouts(read.data?.rollout ? [read.data.rollout] : []);
  if (!rollout) {
    return (
      <Page title="Rollout" trail={TRAIL}>
        <Read of={read}>{() => null}</Read>
      </Page>
    );
  }
  return (
    <Page
      title={`Rollout of ${rollout.releaseName} ${rollout.releaseVersion}`}
      trail={TRAIL}
      beside={<RolloutStateBadge state={rollout.state} reason={rollout.reason} />}
      lead={rollout.description || undefined}
      actions={may("operator") && !hasEnded(rollout) && <Actions rollout={rollout} />}
    >
      <Notice tone={rollout.state === RolloutState.HALTED ? "bad" : rollout.state === RolloutState.PAUSED || rollout.state === RolloutState.AWAITING_APPROVAL ? "warn" : "info"} action={rollout.state === RolloutState.HALTED && <a href={href(`/rollouts/${rolloutId}`, { state: "bad" })}>See the devices that failed</a>}>
        {standing(rollout)} {rollout.reason && rollout.state !== RolloutState.HALTED && <span class="quiet">({rollout.reason})</span>}
      </Notice>
      <Progress rollout={rollout} />
      <div class="rollout-parts">
        <Settings rollout={rollout} />
        <Phases rollout={rollout} />
      </div>
      <Devices rolloutId={rolloutId} isMoving={(rollout.progress?.inFlight ?? 0) > 0} />
    </Page>
  );
}

function Actions({ rollout }: { rollout: Rollout }) {
  const [open, setOpen] = useState<"approve" | "pause" | "resume" | "abort">();
  const close = () => setOpen(undefined);
  return (
    <>
      <Steer state={rollout.state} onOpen={setOpen} />
      <Button kind="danger" onPress={() => setOpen("abort")}>
        Abort the rollout
      </Button>
      {open === "approve" && <ApproveDialog rollout={rollout} onClose={close} />}
      {open === "pause" && <PauseDialog rollout={rollout} onClose={close} />}
      {open === "resume" && <ResumeDialog rollout={rollout} onClose={close} />}
      {open === "abort" && <AbortDialog rollout={rollout} onClose={close} />}
    </>
  );
}

function Steer({ state, onOpen }: { state: RolloutState; onOpen: (dialog: "approve" | "pause" | "resume") => void }) {
  if (state === RolloutState.AWAITING_APPROVAL) return <Button kind="primary" onPress={() => onOpen("approve")}>Approve</Button>;
  if (state === RolloutState.RUNNING) return <Button onPress={() => onOpen("pause")}>Pause</Button>;
  return <Button kind="primary" onPress={() => onOpen("resume")}>Resume</Button>;
}

import { useState } from "preact/hooks";
import { commands } from "~/api/clients/commands";
import { useLiveRuns } from "~/api/live";
import { useRead } from "~/api/query";
import { may } from "~/api/session";
import type { PageProps } from "~/app/pages";
import { href } from "~/app/route";
import { type Run, RunState } from "~/gen/homepot/command/v1/command_pb";
import { Button, Notice, Page, Read, RunStateBadge } from "~/kit";
import { Json } from "~/parts/Json";
import { hasEnded } from "~/parts/run/progress";
import { Devices } from "./Devices";
import { CancelRunDialog, PauseDialog, ResumeDialog } from "./dialogs";
import { Progress } from "./Progress";
import { Settings } from "./Settings";
import { standing } from "./words";
import "./page.css";

const TRAIL = [["Runs", href("/runs")]] as const;

export default function RunPage({ parts: { id: runId = "" } }: PageProps) {
  const read = useRead(["runs", "one", runId], (signal) => commands.getRun({ runId }, { signal }));
  const [run] = useLiveRuns(read.data?.run ? [read.data.run] : []);
  if (!run) {
    return (
      <Page title="Run" trail={TRAIL}>
        <Read of={read}>{() => null}</Read>
      </Page>
    );
  }
  return (
    <Page
      title={`Run of ${run.commandType}`}
      trail={TRAIL}
      beside={<RunStateBadge state={run.state} reason={run.reason} />}
      lead={run.description || undefined}
      actions={may("operator") && !hasEnded(run) && <Actions run={run} />}
    >
      <Notice tone={run.state === RunState.HALTED ? "bad" : run.state === RunState.PAUSED ? "warn" : "info"}>
        {standing(run)} {run.reason && run.state !== RunState.HALTED && <span class="quiet">({run.reason})</span>}
      </Notice>
      <Progress run={run} />
      <div class="run-parts">
        <Settings run={run} />
        <Json title="Payload" value={run.payload} none="It has no payload." />
      </div>
      <Devices runId={runId} skipped={run.progress?.skipped ?? 0} />
    </Page>
  );
}

function Actions({ run }: { run: Run }) {
  const [open, setOpen] = useState<"pause" | "resume" | "cancel">();
  const close = () => setOpen(undefined);
  return (
    <>
      {run.state === RunState.RUNNING ? <Button onPress={() => setOpen("pause")}>Pause</Button> : <Button kind="primary" onPress={() => setOpen("resume")}>Resume</Button>}
      <Button kind="danger" onPress={() => setOpen("cancel")}>
        Cancel the run
      </Button>
      {open === "pause" && <PauseDialog run={run} onClose={close} />}
      {open === "resume" && <ResumeDialog run={run} onClose={close} />}
      {open === "cancel" && <CancelRunDialog run={run} onClose={close} />}
    </>
  );
}

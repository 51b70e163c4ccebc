import type { MessageInitShape } from "@bufbuild/protobuf";
import { useState } from "preact/hooks";
import { go, href, params } from "~/app/route";
import { shown } from "~/app/source";
import { commands } from "~/api/clients/commands";
import { problem } from "~/api/errors";
import type { StartRunRequestSchema } from "~/gen/homepot/command/v1/command_pb";
import { Page, toast } from "~/kit";
import { CommandForm } from "~/parts/CommandForm";
import { known, warning } from "~/parts/catalogue";
import { command, newDraft, serverFaults } from "~/parts/draft";
import { devicesWord } from "~/parts/run/progress";
import { limits } from "~/parts/run/limits";
import { StartForm } from "~/parts/target/StartForm";
import { fromAddress, serverTargetFaults, targetOf } from "~/parts/target/target";
import { TargetForm } from "~/parts/target/TargetForm";
import { useStart } from "~/parts/target/useStart";
import { Limits } from "./Limits";
import { PreviewShown } from "./PreviewShown";
import { usePreview } from "./usePreview";
import { missing, phrase, phraseHint } from "./words";
import "~/parts/target/start-form.css";

type StartInit = MessageInitShape<typeof StartRunRequestSchema>;

const TRAIL = [["Runs", href("/runs")]] as const;

/** What of the address fills the form; the switch in the head changes `source`, which must not empty it. */
const FILLS = ["device", "site", "labels", "fleet", "type"];

export default function NewRunPage() {
  // Another address is another form.
  return <NewRun key={JSON.stringify(FILLS.map((name) => params.value.getAll(name)))} />;
}

function chosen(type: string) {
  return { ...newDraft("1 h"), type, isOther: type !== "" && known(type) === undefined };
}

function NewRun() {
  const [aim, setAim] = useState(() => fromAddress(params.value, shown.value));
  const [draft, setDraft] = useState(() => chosen(params.value.get("type") ?? ""));
  const [how, setHow] = useState({ inFlight: "10", failures: "0", description: "" });
  const [typed, setTyped] = useState("");
  const [countBefore, setCountBefore] = useState<number>();

  const target = targetOf(aim);
  const ready = command(draft);
  const limited = limits(how.failures, how.inFlight);
  const preview = usePreview(target, ready?.commandType ?? "");
  const total = preview.numbers?.devicesTotal;
  const start = useStart({
    call: (what: StartInit, idempotencyKey) => commands.startRun({ ...what, idempotencyKey }),
    changes: ["runs", "commands"],
    onStarted: ({ run, existed }) => {
      toast(existed ? "This run was started before; nothing new was started." : "The run is started.");
      if (run) go(`/runs/${run.runId}`);
    },
    onChanged: () => {
      setTyped("");
      setCountBefore(total);
      preview.again();
    },
  });
  const isHarmful = warning(draft.type) !== undefined;
  const refusedFields = { ...(preview.error && preview.isCurrent && problem(preview.error).fields), ...start.refusal?.fields };
  /** A change of the form makes what was said of it before stale. */
  const touched = <T,>(set: (value: T) => void) => (value: T) => {
    set(value);
    setTyped("");
    setCountBefore(undefined);
    start.forget();
  };
  const wanted = ready && total !== undefined ? phrase(total, ready.commandType, isHarmful, preview.devices[0]?.deviceId) : "";
  const isReady = target !== undefined && ready !== undefined && "value" in limited && (total ?? 0) > 0;
  const submit = () => {
    if (!isReady) return;
    start.send({ ...ready, ...limited.value, target, description: how.description.trim(), expectedDevices: total });
  };
  return (
    <Page title="New run" trail={TRAIL} lead="The same command for many devices, some at a time.">
      <div class="start-form">
        <div class="stack">
          <TargetForm draft={aim} onChange={touched(setAim)} refused={serverTargetFaults(refusedFields)} of="run" />
          <section class="card stack">
            <h2>Command</h2>
            <CommandForm draft={draft} onChange={touched(setDraft)} capabilities={[]} isRun refused={serverFaults(refusedFields)} />
          </section>
          <Limits
            draft={how}
            onChange={touched(setHow)}
            fault={{ ...("value" in limited ? {} : limited), description: refusedFields.description, ...(refusedFields.max_in_flight && { inFlight: refusedFields.max_in_flight }) }}
          />
        </div>
        <div class="stack">
          <PreviewShown preview={preview} isAimed={target !== undefined} />
          <StartForm
            action={`Start ${ready?.commandType} for ${devicesWord(total ?? 0)}`}
            missing={missing(total, ready?.commandType)}
            total={total}
            countBefore={countBefore}
            isHarmful={isHarmful}
            isReady={isReady}
            phrase={wanted}
            hint={phraseHint(wanted, isHarmful)}
            typed={typed}
            onType={setTyped}
            isBusy={start.isBusy}
            refusal={start.refusal}
            onStart={submit}
            leaveTo={href("/runs")}
          />
        </div>
      </div>
    </Page>
  );
}

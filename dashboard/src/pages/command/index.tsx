import { useState } from "preact/hooks";
import { commands } from "~/api/clients/commands";
import { useLiveCommands } from "~/api/live";
import { useRead } from "~/api/query";
import { may } from "~/api/session";
import type { PageProps } from "~/app/pages";
import { href } from "~/app/route";
import type { Command } from "~/gen/homepot/command/v1/command_pb";
import { Button, CommandStateBadge, Notice, Page, Read } from "~/kit";
import { Json } from "~/parts/Json";
import { CancelDialog } from "./CancelDialog";
import { CommandFacts } from "./Facts";
import { canCancel } from "./stages";
import { History, Timeline } from "./Timeline";
import { type Answer, askedBack, meaning } from "./words";
import "./page.css";

const TRAIL = [["Commands", href("/commands")]] as const;

export default function CommandPage({ parts: { id: commandId = "" } }: PageProps) {
  const read = useRead(["commands", "one", commandId], (signal) => commands.get({ commandId }, { signal }));
  const [live] = useLiveCommands(read.data?.command ? [read.data.command] : []);
  if (!live) {
    return (
      <Page title="Command" trail={TRAIL}>
        <Read of={read}>{() => null}</Read>
      </Page>
    );
  }
  return <Shown command={live} />;
}

function Shown({ command }: { command: Command }) {
  const [asks, setAsks] = useState(false);
  const [answer, setAnswer] = useState<Answer>();
  const isOpen = canCancel(command);
  const asked = askedBack(command);
  return (
    <Page
      title={command.commandType}
      trail={TRAIL}
      beside={<CommandStateBadge state={command.state} reason={command.reason} />}
      lead={
        <>
          For <a href={href(`/devices/${encodeURIComponent(command.deviceId)}`)}>{command.deviceId}</a>. {meaning(command)}
        </>
      }
      actions={
        may("operator") && isOpen && (
          <Button kind="danger" onPress={() => setAsks(true)}>
            Cancel the command
          </Button>
        )
      }
    >
      {answer && (
        <Notice tone={answer.tone} action={<Button kind="quiet" label="Dismiss" onPress={() => setAnswer(undefined)}>✕</Button>}>
          {answer.text}
        </Notice>
      )}
      {asked && <Notice tone="warn">{asked}</Notice>}
      {command.reason && (
        <p>
          <strong>Why:</strong> {command.reason}
        </p>
      )}
      <Timeline command={command} />
      <div class="command-parts">
        <CommandFacts command={command} />
        <div class="stack">
          <Json title="Payload" value={command.payload} none="It has no payload." />
          <Json title="Result" value={command.result} none={isOpen ? "There is none yet." : "The device sent no result."} />
        </div>
      </div>
      {command.history.length > 0 && <History command={command} />}
      {asks && <CancelDialog command={command} onClose={() => setAsks(false)} onAnswer={setAnswer} />}
    </Page>
  );
}

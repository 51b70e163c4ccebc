import { useRef, useState } from "preact/hooks";
import { commands } from "~/api/clients/commands";
import { registry } from "~/api/clients/registry";
import { problem } from "~/api/errors";
import { useChange, useRead } from "~/api/query";
import type { Command } from "~/gen/homepot/command/v1/command_pb";
import { type Device, DeviceStatus } from "~/gen/homepot/registry/v1/registry_pb";
import { Ago, Button, DeviceStatusBadge, Notice, Read, SourceBadge, TextField, toast } from "~/kit";
import { warning } from "./catalogue";
import { CommandForm } from "./CommandForm";
import { command, newDraft, newKey, serverFaults, type TypedCommand } from "./draft";

interface ComposerProps {
  deviceId: string;
  /** `presence.capabilities` of the device: only these types are offered. */
  capabilities: readonly string[];
  onQueued: (command: Command) => void;
  /** Adds a button that leaves without queueing. */
  onCancel?: () => void;
}

/** A command for one device: what it is, whom it reaches, and the button that queues it. Shown in a dialog. */
export function Composer({ deviceId, capabilities, onQueued, onCancel }: ComposerProps) {
  const [draft, setDraft] = useState(() => newDraft());
  const [typed, setTyped] = useState("");
  // One for the whole form: pressing twice, or again after a broken connection, makes one command.
  const key = useRef(newKey()).current;
  const device = useRead(["devices", "one", deviceId], (signal) => registry.getDevice({ deviceId }, { signal }));
  const queue = useChange((what: TypedCommand) => commands.queue({ ...what, deviceId, idempotencyKey: key }), ["commands"], (answer) => {
    toast(answer.existed ? "This command was queued before; nothing new was queued." : `${answer.command?.commandType} is queued for ${deviceId}.`);
    if (answer.command) onQueued(answer.command);
  });
  const refusal = queue.error ? problem(queue.error) : undefined;
  const refused = serverFaults(refusal?.fields ?? {});
  const ready = command(draft);
  const name = device.data?.device?.name || deviceId;
  const isMeant = warning(draft.type) === undefined || [name, deviceId].includes(typed.trim());
  const submit = (event: Event) => {
    event.preventDefault();
    if (ready && isMeant && !queue.isPending) queue.mutate(ready);
  };
  return (
    <form class="composer stack" onSubmit={submit} noValidate>
      <CommandForm
        draft={draft}
        onChange={(next) => {
          setDraft(next);
          if (next.type !== draft.type) setTyped("");
          if (queue.isError) queue.reset();
        }}
        capabilities={capabilities}
        refused={refused}
      />
      <Read of={device} rows={1}>
        {(data) => data.device && <Reached device={data.device} />}
      </Read>
      {warning(draft.type) && <TextField label={`Type ${name} to go on`} hint="The name of the device that it reaches." value={typed} onInput={setTyped} autoComplete="off" />}
      {refusal && Object.keys(refused).length === 0 && <Notice tone="bad">{refusal.message}</Notice>}
      <footer>
        {onCancel && <Button onPress={onCancel}>Cancel</Button>}
        <Button type="submit" kind={warning(draft.type) ? "danger" : "primary"} busy={queue.isPending} disabled={!ready || !isMeant}>
          {ready ? `Queue ${ready.commandType} for 1 device` : "Queue for 1 device"}
        </Button>
      </footer>
    </form>
  );
}

/** The one device that is reached, and what becomes of the command there. */
function Reached({ device }: { device: Device }) {
  const status = device.presence?.status ?? DeviceStatus.UNSPECIFIED;
  const isThere = status === DeviceStatus.ONLINE || status === DeviceStatus.ERROR;
  return (
    <section class="reached stack">
      <div class="row">
        <h3>Reaches</h3>
        <strong>{device.name || device.deviceId}</strong>
        {device.name && device.name !== device.deviceId && <span class="mono">{device.deviceId}</span>}
        <span class="quiet">at {device.siteId}</span>
        <SourceBadge source={device.source} />
        <DeviceStatusBadge status={status} flapping={device.presence?.flapping ?? false} />
      </div>
      {!device.active && <p>The device is shut out, so it gets no commands until it is let in again.</p>}
      {device.active && !isThere && (
        <p>
          Last heard <Ago time={device.presence?.lastSeenAt} />. The command waits for the device until its time to live is over.
        </p>
      )}
    </section>
  );
}

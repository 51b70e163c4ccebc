/**
 * The news of a browser: one tab holds their streams and tells the others, since a browser opens six connections to a server at
 * most, all tabs together.
 *
 * Who listens gets each change once. A stream that broke goes on from its cursor; where the server can't go on from there, all
 * that was read is read again.
 */
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { signal } from "@preact/signals";
import { type Command, CommandSchema, type Run, RunSchema } from "~/gen/homepot/command/v1/command_pb";
import { type Device, DeviceSchema } from "~/gen/homepot/registry/v1/registry_pb";
import { type Rollout, RolloutSchema } from "~/gen/homepot/rollout/v1/rollout_pb";
import { commands } from "./clients/commands";
import { registry } from "./clients/registry";
import { rollouts } from "./clients/rollouts";
import { firstReads } from "./firstReads";
import { cache } from "./query";
import { sessionState } from "./session";
import { inTurns, NO_NEWS, slices } from "./slices";
import { type Presence, Tabs } from "./tabs";

export interface Connection {
  state: "connecting" | "live" | "broken";
  /** When news last came, in this browser's time; `undefined`: never. */
  since: number | undefined;
}

export const connection = signal<Connection>({ state: "connecting", since: undefined });

export interface News {
  devices: Device[];
  removedDeviceIds: string[];
  commands: Command[];
  runs: Run[];
  rollouts: Rollout[];
}

type Listener = (news: News) => void;

/** As it goes between tabs. */
interface Wire {
  /** The one tab that it is for; left out: all. */
  to?: string | undefined;
  devices: Uint8Array[];
  removedDeviceIds: string[];
  commands: Uint8Array[];
  runs: Uint8Array[];
  rollouts: Uint8Array[];
}

const NAME = "homepot-news";
/** Pauses between tries, the last one again and again; each is varied by half. */
const PAUSES_MS = [500, 1_000, 2_000, 5_000, 10_000];

/** So many things are told at once. A stream begins with all that there is, which would keep the page from answering a click. */
const SLICE = 100;

const listeners = new Set<Listener>();
let isListening = false;

export const news = {
  /** Begins; to be called once there is a session. */
  listen(): void {
    if (isListening) return;
    isListening = true;
    const channel = new BroadcastChannel(NAME);
    const tabs = new Tabs<News>((presence) => channel.postMessage(presence));
    channel.addEventListener("message", ({ data }: MessageEvent<Wire | Connection | Presence>) => {
      if ("is" in data) {
        const late = tabs.hear(data);
        for (const what of late?.missed ?? []) channel.postMessage(packed(what, late?.to));
      } else if ("state" in data) connection.value = data;
      else if (data.to === undefined || data.to === tabs.own) tell(unpacked(data));
    });
    tabs.enter(window);
    // The stream begins with all devices there are, so what the page shows first goes before it. Nothing is missed by that.
    void firstReads(cache).then(() => lead(channel, tabs));
  },
  /** Has `listener` told of each change; answers what ends that. */
  hear(listener: Listener): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};

function tell(what: News): void {
  for (const listener of listeners) listener(what);
}

/** Waits until this tab is the one that holds the stream, and holds it until the tab is closed. */
async function lead(channel: BroadcastChannel, tabs: Tabs<News>): Promise<void> {
  const hold = async () => {
    const tellState = (value: Connection) => {
      connection.value = value;
      channel.postMessage(value);
    };
    const say = (what: News) => {
      tell(what);
      if (tabs.tell(what)) channel.postMessage(packed(what));
    };
    tabs.ask();
    // A tab that opens later asks nobody: it is told again from time to time.
    setInterval(() => {
      channel.postMessage(connection.value);
      tabs.forget();
    }, 2_000);
    const streams = new Streams(tellState);
    await Promise.all([
      streams.keep("devices", async (cursor, isOpen) => {
        for await (const { devices, removedDeviceIds, cursor: next } of registry.watch({ cursor }, { timeoutMs: 0 })) {
          isOpen(next);
          await inTurns(slices({ ...NO_NEWS, devices, removedDeviceIds }, SLICE), say);
        }
      }),
      streams.keep("commands", async (cursor, isOpen) => {
        for await (const answer of commands.watch({ cursor, includeRuns: true }, { timeoutMs: 0 })) {
          isOpen(answer.cursor);
          await inTurns(slices({ ...NO_NEWS, commands: answer.commands, runs: answer.runs }, SLICE), say);
        }
      }),
      streams.keep("rollouts", async (cursor, isOpen) => {
        for await (const answer of rollouts.watch({ cursor }, { timeoutMs: 0 })) {
          isOpen(answer.cursor);
          await inTurns(slices({ ...NO_NEWS, rollouts: answer.rollouts }, SLICE), say);
        }
      }),
    ]);
  };
  // Where there are no locks, each tab holds a stream of its own.
  if ("locks" in navigator) await navigator.locks.request(NAME, hold);
  else await hold();
}

type Follow = (cursor: string, isOpen: (cursor: string) => void) => Promise<void>;

/** Keeps streams open, and says whether all of them are. */
class Streams {
  private readonly open = new Set<string>();
  private readonly known = new Set<string>();

  constructor(private readonly tellState: (value: Connection) => void) {}

  async keep(name: string, follow: Follow): Promise<void> {
    this.known.add(name);
    let cursor = "";
    for (let failures = 0; ; failures += 1) {
      try {
        await follow(cursor, (next) => {
          failures = 0;
          if (next) cursor = next;
          this.set(name, true);
        });
      } catch {
        // Where the cursor is too old, the next try begins anew, and what was missed is read again.
        if (failures > 0) cursor = "";
      }
      this.set(name, false);
      await this.pause(failures);
      if (cursor === "") void cache.invalidateQueries();
    }
  }

  private set(name: string, isOpen: boolean): void {
    if (isOpen) this.open.add(name);
    else this.open.delete(name);
    const before = connection.peek();
    const isLive = this.open.size === this.known.size;
    const since = isLive || (before.state === "live" && !isOpen) ? Date.now() : before.since;
    const state = isLive ? "live" : before.state === "connecting" && isOpen ? "connecting" : isOpen ? before.state : "broken";
    this.tellState({ state, since });
  }

  private async pause(failures: number): Promise<void> {
    const base = PAUSES_MS[Math.min(failures, PAUSES_MS.length - 1)] ?? 10_000;
    await new Promise((done) => setTimeout(done, base * (0.75 + Math.random() / 2)));
    // Without a session each try would fail; the sign-in brings it back.
    if (sessionState.value !== "signed-in") await new Promise<void>((done) => {
      const stop = sessionState.subscribe((state) => {
        if (state !== "signed-in") return;
        done();
        queueMicrotask(() => stop());
      });
    });
  }
}

function packed(what: News, to?: string): Wire {
  const bytes = <D extends DescMessage>(schema: D, all: MessageShape<D>[]) => all.map((one) => toBinary(schema, one));
  return {
    to,
    devices: bytes(DeviceSchema, what.devices),
    removedDeviceIds: what.removedDeviceIds,
    commands: bytes(CommandSchema, what.commands),
    runs: bytes(RunSchema, what.runs),
    rollouts: bytes(RolloutSchema, what.rollouts),
  };
}

function unpacked(wire: Wire): News {
  const messages = <D extends DescMessage>(schema: D, all: Uint8Array[]) => all.map((one) => fromBinary(schema, one));
  return {
    devices: messages(DeviceSchema, wire.devices),
    removedDeviceIds: wire.removedDeviceIds,
    commands: messages(CommandSchema, wire.commands),
    runs: messages(RunSchema, wire.runs),
    rollouts: messages(RolloutSchema, wire.rollouts),
  };
}

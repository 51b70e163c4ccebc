/**
 * The command types that HOMEPOT itself knows, with a form for what each takes.
 *
 * No call answers this table. The truth on which types there are and which are safe to repeat is `CATALOGUE` in
 * `src/model/command/mod.rs`; what each takes is read by the agent in `agent/src/commands/builtin.rs`.
 */
export interface WholeNumber {
  /** The key in the payload. */
  name: string;
  label: string;
  hint: string;
  minimum: number;
  maximum: number;
}

export interface CommandType {
  name: string;
  /** What it does, in one sentence. */
  about: string;
  /** What it asks of the device's own configuration, or what else is to be known before. */
  note?: string;
  /** Whether running it twice does no harm. */
  isSafeToRepeat: boolean;
  /** What can't be taken back once it has started; left out: nothing. */
  harm?: string;
  /** Left empty, each is sent as null. */
  fields: readonly WholeNumber[];
  /** The hint of its payload, where that is always JSON. */
  json?: string;
  /** Why a run does not bring it; left out: one does. */
  notInRuns?: string;
}

export const CATALOGUE: readonly CommandType[] = [
  { name: "PING", about: "Asks the device to answer, with its agent's version and its clock.", isSafeToRepeat: true, fields: [] },
  { name: "RUN_DIAGNOSTICS", about: "Asks the device for a report about its machine.", isSafeToRepeat: true, fields: [] },
  {
    name: "SET_INTERVAL",
    about: "Sets how often the device measures.",
    isSafeToRepeat: true,
    fields: [
      {
        name: "interval_seconds",
        label: "Seconds between measurements",
        hint: "A whole number from 1 to 3600. Empty: as the server says.",
        minimum: 1,
        maximum: 3600,
      },
    ],
  },
  {
    name: "UPDATE_CONFIG",
    about: "Sets values of this device, and brings them by a rollout to it alone. It succeeds once the device has proved that it has them.",
    note: "The device has to take releases, and to have one with such variables.",
    isSafeToRepeat: true,
    fields: [],
    json: "Values by their names, such as {\"port\": 8084}; null deletes one. “config_version” names another version of the release.",
    notInRuns: "Not in a run: set values on the page “Values”, and start a rollout.",
  },
  {
    name: "RESTART_APP",
    about: "Runs the program that the device's own configuration names for restarting its application.",
    note: "The device rejects it unless its configuration allows it.",
    isSafeToRepeat: false,
    harm: "What the application is doing at that moment, such as a sale, is cut off.",
    fields: [],
  },
  {
    name: "REBOOT",
    about: "Restarts the machine.",
    note: "The device rejects it unless its configuration allows it.",
    isSafeToRepeat: false,
    harm: "Everything that runs on the machine is cut off, and it is away until it has started again.",
    fields: [],
  },
];

export function known(type: string): CommandType | undefined {
  return CATALOGUE.find(({ name }) => name === type.trim().toUpperCase());
}

export interface Offer {
  name: string;
  about: string;
  /** Why it can't be chosen; left out: it can. */
  whyNot?: string;
}

/** What can be chosen for a device that declared `capabilities`, and in a run. A device that declared nothing may know anything. */
export function offers(capabilities: readonly string[], isRun = false): Offer[] {
  const hasDeclared = capabilities.length > 0;
  const ours: Offer[] = CATALOGUE.map(({ name, about, notInRuns }) => {
    if (isRun && notInRuns) return { name, about, whyNot: notInRuns };
    // What a rollout brings needs no word of the device.
    return hasDeclared && !capabilities.includes(name) && !notInRuns ? { name, about, whyNot: "The device has not said that it knows this." } : { name, about };
  });
  const own: Offer[] = capabilities.filter((name) => known(name) === undefined).map((name) => ({ name, about: "A type of the device's own." }));
  return [...ours, ...own].sort((one, other) => Number(one.whyNot !== undefined) - Number(other.whyNot !== undefined));
}

/** Why a command of this type has to be meant; `undefined`: it does no harm. */
export function warning(type: string): string | undefined {
  if (type.trim() === "") return undefined;
  const found = known(type);
  if (found?.harm) return `${found.harm} This can't be undone. It is not safe to repeat: if the device does not report back, it ends as “Outcome unknown”.`;
  if (found) return undefined;
  return "HOMEPOT does not know what this type does, so it can't say whether it can be undone, and treats it as unsafe to repeat. If the device does not report back, it ends as “Outcome unknown”.";
}

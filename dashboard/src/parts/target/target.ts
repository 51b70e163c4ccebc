/** The target of a run or a rollout, while it is typed. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Shown } from "~/app/source";
import { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import type { TargetSchema } from "~/gen/homepot/command/v1/command_pb";

/** Empty: not chosen yet. The whole fleet is never chosen by leaving something out. */
export type Way = "" | "devices" | "filter" | "fleet";

export interface TargetDraft {
  way: Way;
  /** Ids, one a line or with commas between. */
  devices: string;
  siteId: string;
  labels: string;
  /** `both`: as the devices that are named are; for those only. */
  source: Shown;
}

export type TargetInit = MessageInitShape<typeof TargetSchema>;
export type TargetFaults = Partial<Record<"devices" | "siteId" | "labels" | "source", string>>;

const MOST_NAMED = 10_000;

/** As the address says, which is how other pages lead here. */
export function fromAddress(params: URLSearchParams, shown: Shown): TargetDraft {
  const devices = params.getAll("device");
  const [siteId, labels] = [params.get("site") ?? "", params.get("labels") ?? ""];
  const way: Way = devices.length > 0 ? "devices" : siteId || labels ? "filter" : params.get("fleet") === "true" ? "fleet" : "";
  return { way, devices: devices.join("\n"), siteId, labels, source: shown };
}

export function idsOf(text: string): string[] {
  return [...new Set(text.split(/[\s,]+/).filter(Boolean))];
}

/** `both` is for named devices; everything else is aimed at one kind. */
export function sourceOf({ way, source }: TargetDraft): DeviceSource {
  if (source === "simulated") return DeviceSource.SIMULATED;
  return source === "both" && way === "devices" ? DeviceSource.UNSPECIFIED : DeviceSource.REAL;
}

export function targetFaults(draft: TargetDraft): TargetFaults {
  if (draft.way !== "devices") return {};
  const ids = idsOf(draft.devices);
  const odd = ids.find((id) => !/^[A-Za-z0-9][\w.:-]*$/.test(id));
  if (odd !== undefined) return { devices: `“${odd}” can't be the id of a device.` };
  return ids.length > MOST_NAMED ? { devices: `At most 10,000 devices can be named; these are ${ids.length.toLocaleString("en-GB")}.` } : {};
}

/** What is sent; `undefined` while it is not said whom it is aimed at. */
export function targetOf(draft: TargetDraft): TargetInit | undefined {
  if (Object.keys(targetFaults(draft)).length > 0) return undefined;
  const source = sourceOf(draft);
  const [siteId, labelSelector] = [draft.siteId.trim(), draft.labels.trim()];
  switch (draft.way) {
    case "devices": {
      const deviceIds = idsOf(draft.devices);
      return deviceIds.length > 0 ? { deviceIds, source } : undefined;
    }
    case "filter":
      return siteId || labelSelector ? { siteId, labelSelector, source } : undefined;
    case "fleet":
      return { fleet: true, source };
    case "":
      return undefined;
  }
}

const FIELD_OF: readonly (readonly [string, keyof TargetFaults])[] = [
  ["target.device_ids", "devices"],
  ["target.site_id", "siteId"],
  ["target.label_selector", "labels"],
  ["target.source", "source"],
];

/** What the server said of the target, at the field of the form. */
export function serverTargetFaults(fields: Readonly<Record<string, string>>): TargetFaults {
  const found: TargetFaults = {};
  for (const [name, description] of Object.entries(fields)) {
    const at = FIELD_OF.find(([field]) => name.startsWith(field))?.[1];
    if (at) found[at] = `${name.replace("target.", "")} ${description}`;
  }
  return found;
}

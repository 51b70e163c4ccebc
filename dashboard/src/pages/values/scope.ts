import type { Value } from "~/gen/homepot/rollout/v1/value_pb";

export type Kind = "fleet" | "site" | "label" | "device";

/** For which devices a value is, in words. */
export function scopeOf({ siteId, label, deviceId }: Pick<Value, "siteId" | "label" | "deviceId">): string {
  if (siteId) return `Site ${siteId}`;
  if (label) return `Label ${label}`;
  return deviceId ? `Device ${deviceId}` : "The fleet";
}

/** The fields of a request for one kind of scope. */
export function fieldsOf(kind: Kind, name: string) {
  return {
    fleet: kind === "fleet",
    siteId: kind === "site" ? name : "",
    label: kind === "label" ? name : "",
    deviceId: kind === "device" ? name : "",
  };
}

/** The kinds of which somebody may set values: those of the fleet and of labels reach devices of every site. */
export function kindsFor(isFleetAdmin: boolean): { value: Kind; label: string }[] {
  const own = [
    { value: "site", label: "The devices of a site" },
    { value: "device", label: "One device" },
  ] as const;
  const wide = [
    { value: "fleet", label: "All devices" },
    { value: "label", label: "Devices with a label" },
  ] as const;
  return isFleetAdmin ? [...wide, ...own] : [...own];
}

/** Whether somebody may change a value that it sees. */
export function mayChange(value: Pick<Value, "siteId" | "deviceId">, isOperator: boolean, isFleetAdmin: boolean): boolean {
  return isFleetAdmin || (isOperator && (value.siteId !== "" || value.deviceId !== ""));
}

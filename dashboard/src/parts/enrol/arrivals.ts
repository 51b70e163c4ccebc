/** Devices that enrolled after a token was made. */
import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { Device, EnrollmentToken } from "~/gen/homepot/registry/v1/registry_pb";

/** Of the news, the devices that may have come by this token: its site, its source, no earlier than it. */
export function arrivedBy(token: EnrollmentToken, devices: readonly Device[]): Device[] {
  const since = token.createdAt ? timestampMs(token.createdAt) : Infinity;
  return devices.filter(
    (device) => device.siteId === token.siteId && device.source === token.source && device.createdAt !== undefined && timestampMs(device.createdAt) >= since,
  );
}

/** `known` with these news in it, in the order of arrival; the same object where they say nothing new. */
export function withArrivals(known: ReadonlyMap<string, Device>, arrived: readonly Device[], removed: readonly string[]): ReadonlyMap<string, Device> {
  if (arrived.length === 0 && !removed.some((id) => known.has(id))) return known;
  const next = new Map(known);
  for (const id of removed) next.delete(id);
  for (const device of arrived) next.set(device.deviceId, device);
  return next;
}

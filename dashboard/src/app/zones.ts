/** Time zones to choose from. */

/** All that the browser knows, UTC first; some browsers leave it out. */
export function zones(): string[] {
  const known = Intl.supportedValuesOf("timeZone").filter((zone) => zone !== "UTC");
  return ["UTC", ...known];
}

export function browserZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** Such as `UTC+10:30`, at `time`: it changes with summer. */
export function offsetWords(zone: string, time: number): string {
  const parts = new Intl.DateTimeFormat("en-GB", { timeZone: zone || undefined, timeZoneName: "longOffset" }).formatToParts(time);
  const told = parts.find((part) => part.type === "timeZoneName")?.value ?? "";
  return told.replace("GMT", "UTC").replace(/\+00:00$/, "");
}

/** Times of a zone's clocks. A zone is an IANA name such as `Australia/Sydney`; empty: the browser's. */

const clocks = new Map<string, Intl.DateTimeFormat>();

function clock(zone: string): Intl.DateTimeFormat {
  const known = clocks.get(zone);
  if (known) return known;
  const parts: Intl.DateTimeFormatOptions = { year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric", hourCycle: "h23" };
  const made = new Intl.DateTimeFormat("en-US", { ...parts, timeZone: zone || undefined });
  clocks.set(zone, made);
  return made;
}

/** How much the zone's clocks are ahead of UTC at that time, in milliseconds. */
export function offset(time: number, zone: string): number {
  const whole = Math.floor(time / 1_000) * 1_000;
  const part: Record<string, number> = {};
  for (const { type, value } of clock(zone).formatToParts(whole)) part[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part;
  return Date.UTC(year, month - 1, day, hour, minute, second) - whole;
}

const pad = (value: number, length = 2) => String(value).padStart(length, "0");

/** As ISO 8601 with the zone's distance from UTC, such as `2026-11-28T09:30:00+11:00`; two such texts are one time in any zone. */
export function iso(time: number, zone: string): string {
  const ahead = offset(time, zone);
  const minutes = Math.round(Math.abs(ahead) / 60_000);
  const local = new Date(time + ahead).toISOString().replace(/\.000Z$|Z$/, "");
  return `${local}${ahead < 0 ? "-" : "+"}${pad(Math.floor(minutes / 60))}:${pad(minutes % 60)}`;
}

/** As a field for a date and time wants it, in the zone. */
export function inputText(time: number, zone: string): string {
  return new Date(time + offset(time, zone)).toISOString().slice(0, 16);
}

/** The time that such a field has; `undefined`: none yet. Of a time that clocks skip, the one as long after it. */
export function inputTime(text: string, zone: string): number | undefined {
  const local = Date.parse(`${text}Z`);
  if (Number.isNaN(local)) return undefined;
  const near = local - offset(local, zone);
  const time = local - offset(near, zone);
  // Near a change of clocks, the first guess may lie on its other side.
  return offset(time, zone) === offset(near, zone) ? time : Math.max(near, time);
}

/** The name to show for a zone. */
export function zoneName(zone: string): string {
  return zone || Intl.DateTimeFormat().resolvedOptions().timeZone;
}

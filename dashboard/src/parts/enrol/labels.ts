/** Labels as people type them: `tier=pos, floor=2`, or one on a line. */

const KEY = /^[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?$/;
const MOST = 32;

export type TypedLabels = { labels: Record<string, string> } | { fault: string };

/** The labels, or what is wrong with the first that is at fault. An empty text has none. */
export function typedLabels(text: string): TypedLabels {
  const labels = new Map<string, string>();
  for (const part of text.split(/[,\n]/)) {
    const label = part.trim();
    if (label === "") continue;
    const [key = "", value, ...more] = label.split("=").map((one) => one.trim());
    if (value === undefined) return { fault: `“${label}” has no value; write ${label}=… or leave it out.` };
    if (more.length > 0) return { fault: `“${label}” has more than one “=”.` };
    if (!KEY.test(key)) return { fault: `“${key}” is not a valid key: use up to 63 of A–Z, a–z, 0–9, “.”, “_”, “/” and “-”, with a letter or digit first and last.` };
    if (value !== "" && !KEY.test(value)) return { fault: `“${value}” is not a valid value: use up to 63 of A–Z, a–z, 0–9, “.”, “_”, “/” and “-”, with a letter or digit first and last.` };
    if (labels.has(key)) return { fault: `“${key}” is given twice.` };
    labels.set(key, value);
  }
  if (labels.size > MOST) return { fault: `These are ${labels.size} labels; a device has at most ${MOST}.` };
  return { labels: Object.fromEntries(labels) };
}

/** As `typedLabels` takes them, by key. */
export function labelsText(labels: Record<string, string>): string {
  return Object.entries(labels)
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([key, value]) => `${key}=${value}`)
    .join(", ");
}

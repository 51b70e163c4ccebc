/** Labels as people type them: `key=value`, one a line. */

const KEY = /^[A-Za-z0-9]([A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?$/;
const MOST = 32;

export type TypedLabels = { labels: Record<string, string> } | { fault: string };

export function typedLabels(text: string): TypedLabels {
  const labels: Record<string, string> = {};
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    const [key = "", ...rest] = line.split("=");
    const [name, value] = [key.trim(), rest.join("=").trim()];
    const where = `Line ${index + 1}`;
    if (rest.length === 0) return { fault: `${where} has no “=”; write key=value, or key= for an empty value.` };
    if (!KEY.test(name)) return { fault: `${where}: “${name}” is not a valid key. Use up to 63 letters, digits, “.”, “_”, “/” and “-”, with a letter or digit first and last.` };
    if (value !== "" && !KEY.test(value)) return { fault: `${where}: “${value}” is not a valid value. Use up to 63 letters, digits, “.”, “_”, “/” and “-”, with a letter or digit first and last.` };
    if (name in labels) return { fault: `${where}: the key “${name}” is given twice.` };
    labels[name] = value;
  }
  if (Object.keys(labels).length > MOST) return { fault: `A device has ${MOST} labels at most.` };
  return { labels };
}

export function labelsText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .sort(([one], [other]) => one.localeCompare(other))
    .map(([key, value]) => `${key}=${value}`)
    .join("\n");
}

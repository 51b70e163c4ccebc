import { Severity } from "~/gen/homepot/analytics/v1/analytics_pb";
import { Badge, type Tone } from "~/kit";

/** The worst first. `key` is as it stands in addresses and in sums. */
export const SEVERITIES: readonly { severity: Severity; key: string; word: string; many: string; tone: Tone; colour: string }[] = [
  { severity: Severity.CRITICAL, key: "CRITICAL", word: "Critical", many: "Critical", tone: "bad", colour: "bad" },
  { severity: Severity.ERROR, key: "ERROR", word: "Error", many: "Errors", tone: "bad", colour: "series-2" },
  { severity: Severity.WARNING, key: "WARNING", word: "Warning", many: "Warnings", tone: "warn", colour: "series-5" },
  { severity: Severity.INFO, key: "INFO", word: "Info", many: "Info", tone: "info", colour: "info" },
];

/** The place in SEVERITIES of a sum's key; what is not known counts as the last. */
export function severityPlace(key: string): number {
  const name = key.replace(/^SEVERITY_/i, "").toUpperCase();
  const place = SEVERITIES.findIndex((one) => one.key === name);
  return place < 0 ? SEVERITIES.length - 1 : place;
}

export function SeverityBadge({ severity }: { severity: Severity }) {
  const known = SEVERITIES.find((one) => one.severity === severity);
  return <Badge tone={known?.tone}>{known?.word ?? "Not given"}</Badge>;
}

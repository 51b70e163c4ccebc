import type { Tone } from "./Badge";

/** A share of a whole, from 0 to 100; the number stands beside it. */
export function Meter({ percent, label, tone = "plain" }: { percent: number; label: string; tone?: Tone }) {
  const shown = Math.min(100, Math.max(0, percent));
  return (
    <span class="meter" data-tone={tone} role="meter" aria-label={label} aria-valuenow={Math.round(shown)} aria-valuemin={0} aria-valuemax={100}>
      <span style={{ width: `${shown}%` }} />
    </span>
  );
}

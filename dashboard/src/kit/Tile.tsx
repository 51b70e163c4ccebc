import type { ComponentChildren } from "preact";
import type { Tone } from "./Badge";

/** A number that leads to the list of exactly that many. */
export function Tile({ label, value, href, tone = "plain", children }: { label: string; value: ComponentChildren; href?: string; tone?: Tone; children?: ComponentChildren }) {
  const inner = (
    <>
      <span class="quiet small">{label}</span>
      <strong>{value}</strong>
      {children && <span class="quiet small">{children}</span>}
    </>
  );
  return href ? (
    <a class="tile" href={href} data-tone={tone}>
      {inner}
    </a>
  ) : (
    <div class="tile" data-tone={tone}>
      {inner}
    </div>
  );
}

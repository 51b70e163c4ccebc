import type { ComponentChildren } from "preact";

export type Tone = "good" | "warn" | "bad" | "info" | "plain";

/** A word about a thing, in a colour that repeats what the word says. */
export function Badge({ tone = "plain", title, children }: { tone?: Tone; title?: string; children: ComponentChildren }) {
  return (
    <span class="badge" data-tone={tone} title={title}>
      {children}
    </span>
  );
}

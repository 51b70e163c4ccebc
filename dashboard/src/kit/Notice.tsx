import type { ComponentChildren } from "preact";
import type { Tone } from "./Badge";

/** A sentence that has to be seen. Bad news are read out by screen readers at once. */
export function Notice({ tone = "info", children, action }: { tone?: Tone; children: ComponentChildren; action?: ComponentChildren }) {
  return (
    <div class="notice" data-tone={tone} role={tone === "bad" ? "alert" : "status"}>
      <div>{children}</div>
      {action}
    </div>
  );
}

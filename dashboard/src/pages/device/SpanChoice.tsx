import type { ComponentChildren } from "preact";
import { param, show } from "~/app/route";
import { absolute } from "~/kit/time";
import { nameOf, spanOf, SPANS } from "~/parts/span";

/** Which stretch of time is shown, as it stands in the address. */
export function SpanChoice({ children }: { children?: ComponentChildren }) {
  const span = spanOf(param("span"), param("from"), param("to"));
  const chosen = nameOf(span);
  return (
    <div class="row spread">
      <div class="row span-choice" role="group" aria-label="Stretch of time">
        {SPANS.map(({ value, label }) => (
          <button key={value} type="button" class="button" aria-pressed={value === chosen} onClick={() => show({ span: value, from: "", to: "" }, "push")}>
            {label}
          </button>
        ))}
        {"from" in span && (
          <span class="quiet small">
            {absolute(span.from, "minutes")} to {absolute(span.to, "minutes")}
          </span>
        )}
      </div>
      {children}
    </div>
  );
}

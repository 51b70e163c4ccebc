import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

/** A part of a page with a heading, and beside it the way to more. */
export function Panel({ title, more, children }: { title: string; more?: ComponentChildren; children: ComponentChildren }) {
  const heading = useId();
  return (
    <section class="card stack" aria-labelledby={heading}>
      <div class="row spread">
        <h2 id={heading}>{title}</h2>
        {more}
      </div>
      {children}
    </section>
  );
}

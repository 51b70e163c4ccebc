import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

interface PageProps {
  title: string;
  /** What stands beside the title, such as a state. */
  beside?: ComponentChildren;
  /** Buttons at the end of the head. */
  actions?: ComponentChildren;
  /** The way here: name and address. */
  trail?: readonly (readonly [string, string])[];
  /** One sentence on what the page is for. */
  lead?: ComponentChildren;
  children: ComponentChildren;
}

/** The frame of each page. */
export function Page({ title, beside, actions, trail = [], lead, children }: PageProps) {
  useEffect(() => {
    document.title = `${title} · HOMEPOT`;
  }, [title]);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    // Who came here from another page is told which one this is.
    const shown = heading.current;
    if (document.activeElement?.id === "main") shown?.focus({ preventScroll: true });
    return () => {
      // Where the page is made anew by what was read, its next head takes the focus over.
      if (shown && document.activeElement === shown) document.getElementById("main")?.focus({ preventScroll: true });
    };
  }, []);
  return (
    <div class="stack">
      <header class="page-head">
        <div>
          {trail.length > 0 && (
            <nav class="trail" aria-label="Where this is">
              {trail.map(([name, address]) => (
                <span key={address}>
                  <a href={address}>{name}</a> /{" "}
                </span>
              ))}
            </nav>
          )}
          <div class="row">
            <h1 ref={heading} tabIndex={-1}>{title}</h1>
            {beside}
          </div>
          {lead && <p class="quiet">{lead}</p>}
        </div>
        {actions && <div class="row">{actions}</div>}
      </header>
      {children}
    </div>
  );
}

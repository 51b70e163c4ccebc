import type { ComponentChildren } from "preact";
import { problem } from "~/api/errors";
import { Button } from "./Button";
import { Notice } from "./Notice";

/** What is shown while a first answer is awaited. */
export function Loading({ rows = 3 }: { rows?: number }) {
  return (
    <div class="stack" role="status">
      <span class="hidden-visually">Loading</span>
      {Array.from({ length: rows }, (_, index) => (
        <div key={index} class="skeleton" />
      ))}
    </div>
  );
}

/** What could not be read, why, and a way to try again. */
export function Failed({ error, again }: { error: unknown; again?: () => void }) {
  return (
    <Notice tone="bad" action={again && <Button onPress={again}>Try again</Button>}>
      {problem(error).message}
    </Notice>
  );
}

/** Nothing to show: why, and what to do next. */
export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

interface Reading<T> {
  data?: T | undefined;
  error: unknown;
  refetch?: () => unknown;
}

/** Shows `children` with what was read; until then that it is under way, or what went wrong. Older data stay in sight. */
export function Read<T>({ of, children, rows }: { of: Reading<T>; children: (data: T) => ComponentChildren; rows?: number }) {
  const again = () => void of.refetch?.();
  if (of.data === undefined) return of.error ? <Failed error={of.error} again={again} /> : <Loading rows={rows} />;
  return (
    <>
      {of.error ? <Failed error={of.error} again={again} /> : null}
      {children(of.data)}
    </>
  );
}

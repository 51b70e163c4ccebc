import { pretty } from "~/kit/json";
import "./json.css";

/** What was sent or answered, as JSON. */
export function Json({ title, value, none }: { title: string; value: unknown; none: string }) {
  const isEmpty = value === undefined || value === null || Object.keys(value).length === 0;
  return (
    <section class="card stack">
      <h2>{title}</h2>
      {isEmpty ? (
        <p class="quiet">{none}</p>
      ) : (
        <pre class="json" tabIndex={0} role="region" aria-label={title}>
          {pretty(value)}
        </pre>
      )}
    </section>
  );
}

import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Failed, Loading } from "~/kit";

type View = ComponentType<{ siteId: string }>;

/** The charts, whose code is loaded once the rest of the page stands. */
export function LaterCharts({ siteId }: { siteId: string }) {
  const [view, setView] = useState<{ Charts: View }>();
  const [error, setError] = useState<unknown>();
  const load = () => {
    setError(undefined);
    import("./Charts").then((module) => setView({ Charts: module.default }), setError);
  };
  useEffect(load, []);
  return (
    <section class="stack" aria-labelledby="site-day">
      <h2 id="site-day">All devices together, last 24 hours</h2>
      {error !== undefined ? <Failed error={error} again={load} /> : view ? <view.Charts siteId={siteId} /> : <Loading rows={4} />}
    </section>
  );
}

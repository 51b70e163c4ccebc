import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Device } from "~/gen/homepot/registry/v1/registry_pb";
import { Failed, Loading } from "~/kit";

/** Loads what draws charts when they are first looked at. */
export function Charts({ device }: { device: Device }) {
  const [View, setView] = useState<ComponentType<{ device: Device }>>();
  const [error, setError] = useState<unknown>();
  const load = () => {
    setError(undefined);
    import("./ChartList").then((module) => setView(() => module.ChartList), setError);
  };
  useEffect(load, []);
  if (error) return <Failed error={error} again={load} />;
  return View ? <View device={device} /> : <Loading rows={6} />;
}

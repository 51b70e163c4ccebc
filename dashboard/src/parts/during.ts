/** What happened within a span of time, for calls and for tables: activity and errors are asked for alike. */
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import { rangeOf, type Span } from "./span";

/** A filter within a span. Of one that moves on, the end is left out, so that it is "now" at the server too. */
export function during<F extends object>(filter: F, span: Span, source: DeviceSource, now: number) {
  const { from, to } = rangeOf(span, now);
  return { ...filter, source, startTime: timestampFromMs(Math.round(from)), endTime: "last" in span ? undefined : timestampFromMs(Math.round(to)) };
}

/** The same as parameters of the API's address. */
export function duringQuery(span: Span, sourceName: string, now: number): Record<string, string> {
  const { from, to } = rangeOf(span, now);
  return {
    "filter.source": sourceName === "UNSPECIFIED" ? "" : `DEVICE_SOURCE_${sourceName}`,
    "filter.start_time": new Date(from).toISOString(),
    "filter.end_time": "last" in span ? "" : new Date(to).toISOString(),
  };
}

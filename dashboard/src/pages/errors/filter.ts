/** Which errors the page is about, as its address says. */
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Severity } from "~/gen/homepot/analytics/v1/analytics_pb";
import type { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import { rangeOf, type Span } from "~/parts/span";

export interface Filter {
  severity: Severity;
  category: string;
  errorCode: string;
  endpoint: string;
  deviceId: string;
  siteId: string;
}

export function filterOf(param: (name: string) => string): Filter {
  return {
    severity: Severity[param("severity") as keyof typeof Severity] ?? Severity.UNSPECIFIED,
    category: param("category"),
    errorCode: param("code"),
    endpoint: param("endpoint"),
    deviceId: param("device"),
    siteId: param("site"),
  };
}

/** Of a span that moves on, the end is left out, so that it is "now" at the server too. */
export function during(filter: Filter, span: Span, source: DeviceSource, now: number) {
  const { from, to } = rangeOf(span, now);
  return { ...filter, source, startTime: timestampFromMs(Math.round(from)), endTime: "last" in span ? undefined : timestampFromMs(Math.round(to)) };
}

/** The same for the table of the whole list. */
export function queryOf(filter: Filter, span: Span, sourceName: string, now: number): Record<string, string> {
  const { from, to } = rangeOf(span, now);
  return {
    "filter.severity": filter.severity === Severity.UNSPECIFIED ? "" : `SEVERITY_${Severity[filter.severity]}`,
    "filter.category": filter.category,
    "filter.error_code": filter.errorCode,
    "filter.endpoint": filter.endpoint,
    "filter.device_id": filter.deviceId,
    "filter.site_id": filter.siteId,
    "filter.source": sourceName === "UNSPECIFIED" ? "" : `DEVICE_SOURCE_${sourceName}`,
    "filter.start_time": new Date(from).toISOString(),
    "filter.end_time": "last" in span ? "" : new Date(to).toISOString(),
  };
}

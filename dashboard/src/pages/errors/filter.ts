/** Which errors the page is about, as its address says. */
import { Severity } from "~/gen/homepot/analytics/v1/analytics_pb";
import { duringQuery } from "~/parts/during";
import type { Span } from "~/parts/span";

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

/** The filter for the table of the whole list. */
export function queryOf(filter: Filter, span: Span, sourceName: string, now: number): Record<string, string> {
  return {
    "filter.severity": filter.severity === Severity.UNSPECIFIED ? "" : `SEVERITY_${Severity[filter.severity]}`,
    "filter.category": filter.category,
    "filter.error_code": filter.errorCode,
    "filter.endpoint": filter.endpoint,
    "filter.device_id": filter.deviceId,
    "filter.site_id": filter.siteId,
    ...duringQuery(span, sourceName, now),
  };
}

import { createClient } from "@connectrpc/connect";
import { AnalyticsService } from "~/gen/homepot/analytics/v1/analytics_pb";
import { transport } from "../transport";

export const analytics = createClient(AnalyticsService, transport);

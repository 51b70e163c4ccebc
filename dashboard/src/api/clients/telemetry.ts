import { createClient } from "@connectrpc/connect";
import { TelemetryService } from "~/gen/homepot/telemetry/v1/telemetry_pb";
import { transport } from "../transport";

export const telemetry = createClient(TelemetryService, transport);

/** The services of the server, called by gRPC-Web with types made from `proto/`. */
import { createClient, type Interceptor, ConnectError, Code } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { AnalyticsService } from "~/gen/homepot/analytics/v1/analytics_pb";
import { CommandService } from "~/gen/homepot/command/v1/command_pb";
import { RegistryService } from "~/gen/homepot/registry/v1/registry_pb";
import { SessionService } from "~/gen/homepot/session/v1/session_pb";
import { TelemetryService } from "~/gen/homepot/telemetry/v1/telemetry_pb";
import { CALL_MS } from "./limits";
import { sessionEnded } from "./session";

/** Every call that finds the session ended brings the sign-in up, over whatever is shown. */
const noticesTheEnd: Interceptor = (next) => async (request) => {
  try {
    return await next(request);
  } catch (error) {
    if (ConnectError.from(error).code === Code.Unauthenticated) sessionEnded();
    throw error;
  }
};

export const transport = createGrpcWebTransport({
  baseUrl: location.origin,
  interceptors: [noticesTheEnd],
  defaultTimeoutMs: CALL_MS,
});

export const registry = createClient(RegistryService, transport);
export const telemetry = createClient(TelemetryService, transport);
export const commands = createClient(CommandService, transport);
export const analytics = createClient(AnalyticsService, transport);
export const sessions = createClient(SessionService, transport);

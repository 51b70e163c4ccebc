/** How the services of the server are called: by gRPC-Web, with types made from `proto/`. Each has its client in `clients/`, and is loaded where it is called. */
import { type Interceptor, ConnectError, Code } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
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

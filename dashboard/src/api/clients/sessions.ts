import { createClient } from "@connectrpc/connect";
import { SessionService } from "~/gen/homepot/session/v1/session_pb";
import { transport } from "../transport";

export const sessions = createClient(SessionService, transport);

import { createClient } from "@connectrpc/connect";
import { ValueService } from "~/gen/homepot/rollout/v1/value_pb";
import { transport } from "../transport";

export const values = createClient(ValueService, transport);

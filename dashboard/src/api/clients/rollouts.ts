import { createClient } from "@connectrpc/connect";
import { RolloutService } from "~/gen/homepot/rollout/v1/rollout_pb";
import { transport } from "../transport";

export const rollouts = createClient(RolloutService, transport);

import { createClient } from "@connectrpc/connect";
import { CommandService } from "~/gen/homepot/command/v1/command_pb";
import { transport } from "../transport";

export const commands = createClient(CommandService, transport);

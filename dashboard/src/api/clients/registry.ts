import { createClient } from "@connectrpc/connect";
import { RegistryService } from "~/gen/homepot/registry/v1/registry_pb";
import { transport } from "../transport";

export const registry = createClient(RegistryService, transport);

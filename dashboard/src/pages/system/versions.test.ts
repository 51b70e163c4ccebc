import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import { DeviceSchema } from "~/gen/homepot/registry/v1/registry_pb";
import { versions } from "./versions";

const device = (agentVersion: string, source = DeviceSource.REAL) => create(DeviceSchema, { source, presence: { agentVersion } });

test("versions are counted, real and simulated apart, the newest first and none last", () => {
  const found = versions([device(""), device("0.9.2"), device("0.10.0"), device("0.10.0", DeviceSource.SIMULATED), create(DeviceSchema)]);
  expect(found).toEqual([
    { version: "0.10.0", real: 1, simulated: 1 },
    { version: "0.9.2", real: 1, simulated: 0 },
    { version: "", real: 2, simulated: 0 },
  ]);
});

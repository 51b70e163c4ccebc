import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { DeviceSchema } from "~/gen/homepot/registry/v1/registry_pb";
import type { News } from "./news";
import { inTurns, NO_NEWS, slices } from "./slices";

function news(devices: number, removed: number): News {
  return {
    ...NO_NEWS,
    devices: Array.from({ length: devices }, (_, index) => create(DeviceSchema, { deviceId: `d${index}` })),
    removedDeviceIds: Array.from({ length: removed }, (_, index) => `r${index}`),
  };
}

test("large news come in parts: what was removed first, and nothing of it twice or not at all", () => {
  const parts = [...slices(news(5, 3), 2)];
  expect(parts.map(({ removedDeviceIds, devices }) => [...removedDeviceIds, ...devices.map(({ deviceId }) => deviceId)])).toEqual([["r0", "r1"], ["r2"], ["d0", "d1"], ["d2", "d3"], ["d4"]]);
});

test("small news stay as they are, and there is no part of nothing", () => {
  const small = news(2, 1);
  expect([...slices(small, 2)]).toEqual([small]);
  expect([...slices(news(0, 0), 2)]).toEqual([]);
});

test("other tasks have their turn between two parts", async () => {
  const seen: string[] = [];
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    seen.push("click");
    port1.close();
  };
  port2.postMessage(undefined);
  await inTurns(["first", "second"], (one) => seen.push(one));
  expect(seen).toEqual(["first", "click", "second"]);
});

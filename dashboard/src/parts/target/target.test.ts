import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { TargetSchema } from "~/gen/homepot/command/v1/command_pb";
import { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import { fromAddress, idsOf, serverTargetFaults, type TargetDraft, targetFaults, targetOf } from "./target";
import { targetWords } from "./words";

const draft = (part: Partial<TargetDraft>): TargetDraft => ({ way: "", devices: "", siteId: "", labels: "", source: "real", ...part });
const from = (query: string) => fromAddress(new URLSearchParams(query), "real");

test("nothing that is left out means the whole fleet", () => {
  expect(from("").way).toBe("");
  expect(targetOf(from(""))).toBeUndefined();
  expect(targetOf(draft({ way: "filter", siteId: " ", labels: "" }))).toBeUndefined();
  expect(targetOf(draft({ way: "devices", devices: " \n" }))).toBeUndefined();
  expect(targetOf(from("fleet=true"))).toEqual({ fleet: true, source: DeviceSource.REAL });
});

test("the address names devices, a site, labels, or the fleet, in this order", () => {
  expect(targetOf(from("device=a&device=b&site=s&fleet=true"))).toEqual({ deviceIds: ["a", "b"], source: DeviceSource.REAL });
  expect(targetOf(from("site=s&labels=role%3Dtill&fleet=true"))).toEqual({ siteId: "s", labelSelector: "role=till", source: DeviceSource.REAL });
});

test("only named devices may be of both kinds", () => {
  expect(targetOf(draft({ way: "devices", devices: "a", source: "both" }))?.source).toBe(DeviceSource.UNSPECIFIED);
  expect(targetOf(draft({ way: "fleet", source: "both" }))?.source).toBe(DeviceSource.REAL);
  expect(targetOf(draft({ way: "fleet", source: "simulated" }))?.source).toBe(DeviceSource.SIMULATED);
});

test("ids are named once each, and what can't be one is told", () => {
  expect(idsOf("a, b\nb  c,")).toEqual(["a", "b", "c"]);
  expect(targetFaults(draft({ way: "devices", devices: "a b/c" })).devices).toContain("“b/c”");
  const many = Array.from({ length: 10_001 }, (_, index) => `d${index}`).join("\n");
  expect(targetFaults(draft({ way: "devices", devices: many })).devices).toContain("10,001");
});

test("what the server says stands at its field", () => {
  expect(serverTargetFaults({ "target.label_selector": "is not one", command_type: "is odd" })).toEqual({ labels: "label_selector is not one" });
});

test("a target is told in words", () => {
  const words = [
    { deviceIds: ["till-7"] },
    { deviceIds: ["a", "b"] },
    { siteId: "site-001", source: 1 },
    { siteId: "shop-1", labelSelector: "role=till", source: 2 },
    { fleet: true, source: 1 },
  ].map((target) => targetWords(create(TargetSchema, target)));
  expect(words).toEqual(["the device till-7", "2 named devices", "real devices at site-001", "simulated devices with role=till at shop-1", "the whole fleet of real devices"]);
});

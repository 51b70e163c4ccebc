import { create } from "@bufbuild/protobuf";
import { beforeEach, expect, test, vi } from "vitest";
import { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import { DeviceSchema, OperatorSchema, Role, WhoAmIResponseSchema } from "~/gen/homepot/registry/v1/registry_pb";

vi.stubGlobal("window", new EventTarget());
vi.stubGlobal("location", { hash: "" });
vi.stubGlobal("localStorage", { getItem: () => null, setItem: () => undefined });
vi.stubGlobal("document", { hidden: true });
const { me } = await import("~/api/session");
const { isMeant, placesFor } = await import("./places");

const SITES = [
  { siteId: "shop-1", name: "Devon Street" },
  { siteId: "shop-2", name: "shop-2" },
];
const till = create(DeviceSchema, { deviceId: "till-7", name: "Till by the door", siteId: "shop-1", source: DeviceSource.SIMULATED, labels: { ring: "canary" } });

function as(role: Role): void {
  me.value = create(WhoAmIResponseSchema, { operator: create(OperatorSchema, { name: "ann", role }) });
}

beforeEach(() => as(Role.ADMIN));

test("with nothing typed, pages and actions are offered, no sites", () => {
  const kinds = new Set(placesFor("", SITES, []).map((place) => place.kind));
  expect([...kinds]).toEqual(["Page", "Action"]);
});

test("what begins with the text comes first, and a search for devices last", () => {
  const names = placesFor("dev", SITES, [till]).map((place) => place.name);
  expect(names.slice(0, 2)).toEqual(["Devices", "Devon Street"]);
  expect(names.at(-1)).toBe("All devices that match “dev”");
});

test("several words all have to match, in any order", () => {
  expect(placesFor("token make", SITES, [])[0]?.name).toBe("Make an enrolment token");
  expect(placesFor("token zebra", SITES, [])).toHaveLength(1);
});

test("a site is found by its id and by its name, and says both", () => {
  expect(placesFor("shop-1", SITES, [])[0]).toMatchObject({ name: "Devon Street", kind: "Site shop-1", address: "#/sites/shop-1" });
  expect(placesFor("shop-2", SITES, [])[0]).toMatchObject({ name: "shop-2", kind: "Site" });
});

test("a device says where it is and whether it is simulated", () => {
  expect(placesFor("till", [], [till])).toContainEqual({ name: "till-7 – Till by the door", kind: "Simulated device at shop-1", address: "#/devices/till-7" });
});

test("nothing is offered that the role does not reach", () => {
  as(Role.VIEWER);
  const names = placesFor("", [], []).map((place) => place.name);
  expect(names).toContain("Devices");
  for (const name of ["Operators", "New run", "New rollout", "Make an enrolment token"]) expect(names).not.toContain(name);
});

test("a device is meant by its id, name, site or the value of a label, whatever the case", () => {
  for (const text of ["TILL-7", "door", "shop-1", "cAnary"]) expect(isMeant(till, text)).toBe(true);
  for (const text of ["ring", "till-8"]) expect(isMeant(till, text)).toBe(false);
});

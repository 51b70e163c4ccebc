import { existsSync, readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { faults, line, SCENARIOS } from "./line";

const fleet = { name: "sim", devices: "24", sites: "3", scenario: "healthy", history: "6h" };
const shipped = new URL("../../../../simulator/scenarios/", import.meta.url);

test("the line says what differs from what the simulator does by itself", () => {
  expect(line(fleet, "http://127.0.0.1:50051")).toBe("homepot-sim fleet --devices 24 --sites 3 --scenario healthy --history 6h");
  expect(line({ ...fleet, name: "load", history: "" }, "https://pot.example:50051")).toBe("homepot-sim fleet --server https://pot.example:50051 --name load --devices 24 --sites 3 --scenario healthy");
});

test("what the simulator would refuse is told beforehand", () => {
  expect(faults(fleet)).toEqual({});
  expect(Object.keys(faults({ ...fleet, name: "-a", devices: "0", sites: "1001" }))).toEqual(["name", "devices", "sites"]);
  for (const devices of ["", "1e3", "2.5", "1000001", "0x10"]) expect(faults({ ...fleet, devices })).toHaveProperty("devices");
  for (const name of ["A", "a b", "a".repeat(41), "a;b"]) expect(faults({ ...fleet, name })).toHaveProperty("name");
});

test.runIf(existsSync(shipped))("each scenario that ships can be chosen, and no other", () => {
  const files = readdirSync(shipped).map((file) => file.replace(".toml", ""));
  expect(SCENARIOS.map((scenario) => scenario.value).sort()).toEqual(files.sort());
});

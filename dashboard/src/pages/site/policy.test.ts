import { expect, test } from "vitest";
import { policyFaults, policyOf, typedPolicy } from "./policy";

test("windows are typed one a line, and blank lines, spaces and capitals mean nothing", () => {
  const typed = typedPolicy({ windows: ["mon 22:00-23:00", "sun 00:00-24:00"], timeZone: "Europe/Berlin", needsApproval: true });
  expect(typed.windows).toBe("mon 22:00-23:00\nsun 00:00-24:00");
  expect(policyOf({ ...typed, windows: "\n Mon  22:00-23:00 \n\n", timeZone: " Europe/Berlin " })).toEqual({
    windows: ["mon 22:00-23:00"],
    timeZone: "Europe/Berlin",
    needsApproval: true,
  });
  expect(policyOf(typedPolicy(undefined))).toEqual({ windows: [], timeZone: "", needsApproval: false });
});

test("what the server says of a field stands at it", () => {
  expect(policyFaults({ "policy.windows[1]": "Is none.", "policy.time_zone": "Is unknown." })).toEqual({
    windows: "Is none.",
    timeZone: "Is unknown.",
    told: ["policy.windows[1]", "policy.time_zone"],
  });
  expect(policyFaults({ site_id: "Is missing." })).toEqual({ told: [] });
});

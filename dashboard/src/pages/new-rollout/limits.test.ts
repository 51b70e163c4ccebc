import { expect, test } from "vitest";
import { type LimitsDraft, limitsFaults, limitsOf, phasesOf, serverLimitsFaults, USUAL } from "./limits";

const faulty = (part: Partial<LimitsDraft>) => Object.keys(limitsFaults({ ...USUAL, ...part }));

test("what stands there at first is what the server takes where nothing is said", () => {
  expect(limitsOf(USUAL)).toMatchObject({ phases: ["1", "5%", "25%", "100%"], soak: { seconds: 600n }, maxInFlight: 100, maxInFlightPerSite: 1, maxFailurePercent: 5, silence: { seconds: 3_600n } });
});

test("phases are numbers and percentages, with commas or spaces between", () => {
  expect(phasesOf(" 1 ,5 %  25%,")).toEqual(["1", "5%", "25%"]);
  expect(phasesOf("")).toEqual([]);
  for (const phases of ["0", "101%", "0%", "a", "1.5", "-1"]) expect(faulty({ phases }), phases).toEqual(["phases"]);
  expect(faulty({ phases: Array.from({ length: 17 }, (_, index) => index + 1).join() })).toEqual(["phases"]);
});

test("limits have bounds; a phase may end at once, but nobody is silent for no time", () => {
  expect(faulty({ soak: "0 s" })).toEqual([]);
  expect(faulty({ silence: "0 s" })).toEqual(["silence"]);
  expect(faulty({ soak: "31 d", silence: "soon" })).toEqual(["soak", "silence"]);
  expect(faulty({ inFlight: "0", perSite: "10001", failurePercent: "101" })).toEqual(["inFlight", "perSite", "failurePercent"]);
  expect(faulty({ failurePercent: "0" })).toEqual([]);
  expect(limitsOf({ ...USUAL, inFlight: "" })).toBeUndefined();
});

test("what the server says stands at its field", () => {
  expect(serverLimitsFaults({ "phases[1]": "Is odd.", max_in_flight_per_site: "Is high.", release_id: "Is not one." })).toEqual({ phases: "Is odd.", perSite: "Is high." });
});

import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { expect, test, vi } from "vitest";
import { SessionSchema } from "~/gen/homepot/session/v1/session_pb";

vi.stubGlobal("localStorage", { getItem: () => null, setItem: () => undefined });
vi.stubGlobal("document", { hidden: true });
const { end, freshWords, others } = await import("./ends");

test("a session ends by whichever limit comes first", () => {
  const session = (idle: number, last: number) => create(SessionSchema, { idleExpiresAt: timestampFromMs(idle), expiresAt: timestampFromMs(last) });
  expect(end(session(10, 20))).toEqual({ at: 10, why: "idle" });
  expect(end(session(30, 20))).toEqual({ at: 20, why: "absolute" });
  expect(end(create(SessionSchema))).toBeUndefined();
});

test("all others are all but the one that asks", () => {
  const sessions = ["a", "b", "c"].map((sessionId) => create(SessionSchema, { sessionId, current: sessionId === "b" }));
  expect(others(sessions).map((session) => session.sessionId)).toEqual(["a", "c"]);
});

test("how fresh a sign-in is, is told in minutes", () => {
  expect(freshWords(undefined, false, 0)).toContain("token");
  expect(freshWords(600_000, true, 1)).toBe("Fresh for another 10 min.");
  expect(freshWords(600_000, true, 600_000)).toContain("Not fresh");
});

import { expect, test } from "vitest";
import { CALL_MS } from "./limits";
import { Kept } from "./kept";

interface Row {
  id: string;
  says: string;
}

const rowsOf = (...ids: string[]): Row[] => ids.map((id) => ({ id, says: "read" }));
const told = (id: string, says = "told"): [string, Row] => [id, { id, says }];
const says = (kept: Kept<Row>) => kept.now.map(({ id, says }) => `${id} ${says}`);

let now = 1_000_000;

function kept(rows: readonly Row[]): Kept<Row> {
  const made = new Kept<Row>(({ id }) => id, () => now);
  made.read(rows);
  return made;
}

test("what the news say of a row stands in its place, and other rows stay the same objects", () => {
  const rows = rowsOf("a", "b", "c");
  const list = kept(rows);
  expect(list.take(new Map([told("b")]))).toBe(true);
  expect(says(list)).toEqual(["a read", "b told", "c read"]);
  expect(list.now[0]).toBe(rows[0]);
  expect(rows[1]?.says).toBe("read");
});

test("news of what the list does not show change nothing", () => {
  const list = kept(rowsOf("a"));
  const before = list.now;
  expect(list.take(new Map<string, Row | null>([told("z"), ["y", null]]))).toBe(false);
  expect(list.now).toBe(before);
});

test("what was removed is left out, and stands in its place when it is another thing's", () => {
  const list = kept(rowsOf("a", "b", "c"));
  expect(list.take(new Map<string, Row | null>([["b", null], told("c")]))).toBe(true);
  expect(says(list)).toEqual(["a read", "c told"]);
  list.take(new Map([told("c", "later")]));
  expect(says(list)).toEqual(["a read", "c later"]);
  list.take(new Map([told("b", "new")]));
  expect(says(list)).toEqual(["a read", "b new", "c later"]);
});

test("where more is read, news from before hold, also of rows that were on their way", () => {
  const first = rowsOf("a");
  const list = kept(first);
  list.take(new Map([told("a"), told("b")]));
  list.read([...first, ...rowsOf("b", "c")]);
  expect(says(list)).toEqual(["a told", "b told", "c read"]);
});

test("where all is read again, news from before the read began are over, and later ones hold", () => {
  const list = kept(rowsOf("a", "b"));
  list.take(new Map([told("a")]));
  now += CALL_MS;
  list.take(new Map([told("b")]));
  list.read(rowsOf("a", "b"));
  expect(says(list)).toEqual(["a read", "b told"]);
  list.take(new Map<string, Row | null>([["a", null]]));
  now += CALL_MS;
  list.read([]);
  list.read(rowsOf("a"));
  expect(says(list)).toEqual(["a read"]);
});

test("a list that is read on keeps what the news said before, and finds what they say later in its place", () => {
  const first = rowsOf("a", "b", "c");
  const list = kept(first);
  list.take(new Map<string, Row | null>([told("a"), ["b", null], told("e")]));
  list.read([...first, ...rowsOf("d", "e")]);
  expect(says(list)).toEqual(["a told", "c read", "d read", "e told"]);
  list.take(new Map([told("d", "later")]));
  expect(says(list)).toEqual(["a told", "c read", "d later", "e told"]);
});

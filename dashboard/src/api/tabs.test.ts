import { expect, test } from "vitest";
import { type Presence, Tabs } from "./tabs";

/** Two tabs that hear one another, and a clock. */
function two() {
  const clock = { now: 0 };
  const heard: unknown[] = [];
  const tabs: Tabs<string>[] = [];
  const from = (own: () => number) => (presence: Presence) => {
    for (const [place, tab] of tabs.entries()) if (place !== own()) heard.push(tab.hear(presence));
  };
  for (const place of [0, 1]) tabs.push(new Tabs<string>(from(() => place), () => clock.now));
  const [leads, other] = tabs as [Tabs<string>, Tabs<string>];
  return { clock, leads, other, heard };
}

const page = () => {
  const listeners = new Map<string, (event: { persisted: boolean }) => void>();
  const add = (type: string, listener: unknown) => void listeners.set(type, listener as never);
  return { addEventListener: add as Window["addEventListener"], happens: (type: string, persisted = false) => listeners.get(type)?.({ persisted }) };
};

test("a tab that is alone tells nobody", () => {
  const alone = new Tabs<string>(() => undefined);
  alone.enter(page());
  alone.ask();
  expect(alone.tell("news")).toBe(false);
});

test("a tab that comes is told from then on, and what it may have missed", () => {
  const { clock, leads, other, heard } = two();
  expect(leads.tell("old")).toBe(false);
  clock.now = 6_000;
  leads.tell("new");
  other.enter(page());
  expect(heard).toEqual([{ to: other.own, missed: ["new"] }]);
  expect(leads.tell("newer")).toBe(true);
});

test("a tab that goes is told no more, and again when it comes back from the history", () => {
  const { leads, other } = two();
  const its = page();
  other.enter(its);
  its.happens("pagehide");
  expect(leads.tell("news")).toBe(false);
  its.happens("pageshow", false);
  expect(leads.tell("news")).toBe(false);
  its.happens("pageshow", true);
  expect(leads.tell("news")).toBe(true);
});

test("whoever begins to lead hears of those that were there before", () => {
  const { leads, other } = two();
  other.ask();
  expect(other.tell("news")).toBe(true);
  // Being asked is not being there.
  expect(leads.tell("news")).toBe(false);
});

import { QueryClient } from "@tanstack/react-query";
import { expect, test } from "vitest";
import { firstReads } from "./firstReads";

const NEVER_MS = 1_000_000_000;

function read(cache: QueryClient, name: string) {
  let answer: (value: string) => void = () => undefined;
  const done = cache.fetchQuery({ queryKey: [name], queryFn: () => new Promise<string>((resolve) => (answer = resolve)) });
  return { done, answer: () => answer("there") };
}

test("the first reads are over once each of them is answered", async () => {
  const cache = new QueryClient();
  let isOver = false;
  const over = firstReads(cache, NEVER_MS).then(() => (isOver = true));
  const [one, other] = [read(cache, "one"), read(cache, "other")];
  await new Promise((done) => setTimeout(done));
  one.answer();
  await one.done;
  await new Promise((done) => setTimeout(done));
  expect(isOver).toBe(false);
  other.answer();
  await over;
  cache.clear();
});

test("a page that reads nothing is not waited for", async () => {
  await firstReads(new QueryClient(), 1);
});

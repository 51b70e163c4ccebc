/** Large news in parts, with the browser's own work between them. */
import type { News } from "./news";

/** News of nothing, to be filled with what there is. */
export const NO_NEWS: News = { devices: [], removedDeviceIds: [], commands: [], runs: [], rollouts: [] };

/** The same news with at most so many things in each part; of nothing, no part. What was removed comes first, as the contract has it. */
export function* slices(what: News, most: number): Generator<News> {
  const kinds = ["removedDeviceIds", "devices", "commands", "runs", "rollouts"] as const;
  const longest = Math.max(...kinds.map((kind) => what[kind].length));
  if (longest <= most) {
    if (longest > 0) yield what;
    return;
  }
  for (const kind of kinds) for (const part of cut<unknown>(what[kind], most)) yield { ...NO_NEWS, [kind]: part };
}

function* cut<T>(all: T[], most: number): Generator<T[]> {
  for (let first = 0; first < all.length; first += most) yield all.slice(first, first + most);
}

/** Does each in a task of its own, one after the other, so that frames are drawn and clicks are answered between them. */
export async function inTurns<T>(all: Iterable<T>, act: (one: T) => void): Promise<void> {
  let isFirst = true;
  for (const one of all) {
    if (!isFirst) await nextTask();
    isFirst = false;
    act(one);
  }
}

/** No timer: those of a tab that is out of sight wait for up to a minute, and such a tab may be the one that tells the others. */
export function nextTask(): Promise<void> {
  return new Promise((done) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      done();
    };
    port2.postMessage(undefined);
  });
}

/** Has calls wait for their turn, so that no more are under way than the server lets one operator have. */
export function turns(atOnce: number): <T>(call: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (call) => {
    if (running >= atOnce) await new Promise<void>((go) => waiting.push(go));
    else running += 1;
    try {
      return await call();
    } finally {
      const next = waiting.shift();
      // Whoever goes next takes this one's place.
      if (next) next();
      else running -= 1;
    }
  };
}

/** Series: the server takes eight of an operator at once, and other tabs have theirs too. */
export const seriesTurn = turns(4);
/** Sums over what happened: the server takes two. */
export const reportTurn = turns(2);

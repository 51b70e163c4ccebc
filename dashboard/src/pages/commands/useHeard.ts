import { useEffect, useState } from "preact/hooks";
import { news } from "~/api/news";
import type { Command } from "~/gen/homepot/command/v1/command_pb";
import { heardMore } from "./merge";

/** The commands that the news told of since the page is shown. News of 100 ms are shown at once. */
export function useHeard(): ReadonlyMap<string, Command> {
  const [heard, setHeard] = useState<ReadonlyMap<string, Command>>(new Map());
  useEffect(() => {
    let waiting: Command[] = [];
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = news.hear(({ commands }) => {
      if (commands.length === 0) return;
      waiting.push(...commands);
      timer ??= setTimeout(() => {
        timer = undefined;
        const batch = waiting;
        waiting = [];
        setHeard((before) => heardMore(before, batch));
      }, 100);
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, []);
  return heard;
}

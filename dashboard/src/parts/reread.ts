import { useEffect, useRef } from "preact/hooks";
import { news, type News } from "~/api/news";

/** Reads again when news concern what is shown: soon after the first, and then at most once in `everyMs` however many come. */
export function useReread(concerns: (what: News) => boolean, read: () => void, everyMs = 1_000): void {
  const latest = useRef({ concerns, read });
  latest.current = { concerns, read };
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let last = 0;
    const stop = news.hear((what) => {
      if (timer !== undefined || !latest.current.concerns(what)) return;
      const pause = Math.max(100, last + everyMs - Date.now());
      timer = setTimeout(() => {
        timer = undefined;
        last = Date.now();
        latest.current.read();
      }, pause);
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [everyMs]);
}

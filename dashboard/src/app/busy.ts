import type { RefObject } from "preact";
import { useLayoutEffect } from "preact/hooks";
import { cache } from "~/api/query";

/**
 * Says on the element whether something of the page is read for the first time: until then a part of it may not be there. Screen readers
 * wait for it, and so does whoever has to see the page as a whole.
 */
export function useBusy(element: RefObject<HTMLElement>): void {
  useLayoutEffect(() => {
    const tell = () => {
      const isBusy = cache.isFetching({ predicate: ({ state }) => state.data === undefined }) > 0;
      if (element.current && element.current.ariaBusy !== String(isBusy)) element.current.ariaBusy = String(isBusy);
    };
    tell();
    return cache.getQueryCache().subscribe(tell);
  }, []);
}

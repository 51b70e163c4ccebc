import { useRef } from "preact/hooks";

/** What was read of the same thing before, for as long as the newest is not there: so that nothing jumps while another span is read. */
export function useHeld<T>(data: T | undefined, of: string): T | undefined {
  const held = useRef<{ data: T; of: string }>();
  if (data !== undefined) held.current = { data, of };
  return held.current?.of === of ? held.current.data : undefined;
}

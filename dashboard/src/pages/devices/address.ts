/** Links to this page with something changed, and fields that are typed into the address. */
import { useEffect, useRef, useState } from "preact/hooks";
import { href, param, type Params, params, show } from "~/app/route";

/** The address of this view with other values of some parameters. */
export function link(values: Params): string {
  const all: Params = {};
  for (const name of new Set(params.value.keys())) all[name] = params.value.getAll(name);
  return href("/devices", { ...all, ...values });
}

/** A text that goes into the address once there was no typing for a while. What the address says from elsewhere is shown. */
export function useTyped(name: string, pauseMs: number): [string, (text: string) => void] {
  const said = param(name);
  const [text, setText] = useState(said);
  const known = useRef(said);
  const timer = useRef<ReturnType<typeof setTimeout>>();
  useEffect(() => {
    if (said === known.current) return;
    known.current = said;
    clearTimeout(timer.current);
    setText(said);
  }, [said]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const type = (typed: string) => {
    setText(typed);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      known.current = typed.trim();
      show({ [name]: known.current });
    }, pauseMs);
  };
  return [text, type];
}

import { useEffect, useState } from "preact/hooks";
import { param, show } from "~/app/route";
import { TextField } from "~/kit";

const PAUSE_MS = 300;

/** A filter that is typed. It goes into the address once one pauses, so that the server is not asked for each letter. */
export function TypedFilter({ label, name, placeholder }: { label: string; name: string; placeholder?: string }) {
  const inAddress = param(name);
  const [text, setText] = useState(inAddress);
  // "Back" and links change the address from elsewhere.
  useEffect(() => setText(inAddress), [inAddress]);
  useEffect(() => {
    if (text.trim() === inAddress) return;
    const timer = setTimeout(() => show({ [name]: text.trim() }), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return <TextField label={label} type="search" value={text} onInput={setText} placeholder={placeholder} />;
}

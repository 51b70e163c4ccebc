import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { Ago, Badge } from "~/kit";
import { ms, now } from "~/kit/time";
import { expiryOf } from "./expiry";

/** When a release or a trust root expires, marked where that was or will be soon. */
export function Expiry({ time }: { time: Timestamp | undefined }) {
  const expiry = expiryOf(ms(time), now.value);
  return (
    <>
      {expiry === "expired" && <Badge tone="bad">Expired</Badge>} {expiry === "soon" && <Badge tone="warn">Soon</Badge>} <Ago time={time} />
    </>
  );
}

import { signal } from "@preact/signals";
import type { Tone } from "./Badge";
import { Button } from "./Button";
import { Notice } from "./Notice";

interface Toast {
  id: number;
  tone: Tone;
  text: string;
}

const toasts = signal<readonly Toast[]>([]);
let last = 0;

/** Tells what came of something that was done. Bad news stay until they are put away. */
export function toast(text: string, tone: Tone = "good"): void {
  const id = ++last;
  toasts.value = [...toasts.value, { id, tone, text }];
  if (tone !== "bad") setTimeout(() => putAway(id), 6_000);
}

function putAway(id: number): void {
  toasts.value = toasts.value.filter((toast) => toast.id !== id);
}

export function Toasts() {
  return (
    <div class="toasts">
      {toasts.value.map((toast) => (
        <Notice key={toast.id} tone={toast.tone} action={<Button kind="quiet" label="Dismiss" onPress={() => putAway(toast.id)}>✕</Button>}>
          {toast.text}
        </Notice>
      ))}
    </div>
  );
}

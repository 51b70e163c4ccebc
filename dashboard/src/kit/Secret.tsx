import { Button } from "./Button";
import { toast } from "./Toasts";

/** What is shown once, with a button that copies it. */
export function Secret({ text, label }: { text: string; label: string }) {
  const copy = () =>
    void navigator.clipboard.writeText(text).then(
      () => toast(`${label} copied.`),
      () => toast("The browser did not allow copying; mark the text and copy it.", "warn"),
    );
  return (
    <div class="secret">
      <code>{text}</code>
      <Button onPress={copy} label={`Copy ${label.toLowerCase()}`}>
        Copy
      </Button>
    </div>
  );
}

import { useState } from "preact/hooks";
import { Button } from "./Button";

/** What is shown once, with a button that copies it. What came of that stands beside it: windows cover toasts. */
export function Secret({ text, label }: { text: string; label: string }) {
  const [told, setTold] = useState("");
  const copy = () =>
    navigator.clipboard.writeText(text).then(
      () => setTold(`${label} copied.`),
      () => setTold("The browser did not allow copying: mark the text and copy it."),
    );
  return (
    <div>
      <div class="secret">
        <code>{text}</code>
        <Button onPress={() => void copy()} label={`Copy ${label.toLowerCase()}`}>
          Copy
        </Button>
      </div>
      <p class="quiet small" role="status">
        {told}
      </p>
    </div>
  );
}

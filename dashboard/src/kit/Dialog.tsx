import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import type { Problem } from "~/api/errors";
import { Button } from "./Button";
import { Notice } from "./Notice";

interface DialogProps {
  title: string;
  children: ComponentChildren;
  onClose: () => void;
  wide?: boolean;
}

/**
 * A window over the page. Escape and its own buttons close it; a click beside it does not, so that nothing typed is lost by one.
 */
export function Dialog({ title, children, onClose, wide = false }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  return (
    <dialog ref={dialog} class="dialog" data-wide={wide || undefined} aria-labelledby={heading} onClose={onClose}>
      <div>
        <h2 id={heading}>{title}</h2>
        {children}
      </div>
    </dialog>
  );
}

interface FormDialogProps extends DialogProps {
  /** What the button says that does it, such as "Reboot 3 devices". */
  action: string;
  kind?: "primary" | "danger";
  busy: boolean;
  problem?: Problem | undefined;
  ready?: boolean;
  onSubmit: () => void;
}

/** A window with a form: what is asked, what went wrong, and two buttons. */
export function FormDialog({ action, kind = "primary", busy, problem, ready = true, onSubmit, children, ...rest }: FormDialogProps) {
  const submit = (event: Event) => {
    event.preventDefault();
    if (ready && !busy) onSubmit();
  };
  return (
    <Dialog {...rest}>
      <form class="stack" onSubmit={submit} noValidate>
        {children}
        {problem && <Notice tone="bad">{problem.message}</Notice>}
        <footer>
          <Button onPress={rest.onClose}>Cancel</Button>
          <Button type="submit" kind={kind} busy={busy} disabled={!ready}>
            {action}
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}

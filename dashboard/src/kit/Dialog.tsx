import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";
import type { Problem } from "~/api/errors";
import { askFreshSignIn } from "~/app/fresh";
import { Button } from "./Button";
import { Notice } from "./Notice";

interface DialogProps {
  title: string;
  children: ComponentChildren;
  onClose: () => void;
  wide?: boolean;
  /** It can't be put away: only what it asks for ends it. */
  stays?: boolean;
}

/**
 * A window over the page. Escape and its own buttons close it; a click beside it does not, so that nothing typed is lost by one.
 * The focus goes to the first field, and back to where it was.
 */
export function Dialog({ title, children, onClose, wide = false, stays = false }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const isGone = useRef(false);
  const heading = useId();
  useLayoutEffect(() => {
    const shown = dialog.current;
    const before = document.activeElement;
    if (shown) open(shown);
    return () => {
      isGone.current = true;
      // Closed before it is taken out, for only then the browser gives the focus back.
      shown?.close();
      if (!before?.isConnected) document.getElementById("main")?.focus({ preventScroll: true });
    };
  }, []);
  const closed = () => {
    if (isGone.current) return;
    if (stays && dialog.current) open(dialog.current);
    else onClose();
  };
  return (
    <dialog ref={dialog} class="dialog" data-wide={wide || undefined} aria-labelledby={heading} onCancel={(event) => stays && event.preventDefault()} onClose={closed}>
      <header>
        <h2 id={heading} tabIndex={-1}>
          {title}
        </h2>
        {!stays && (
          <Button kind="quiet" label="Close" onPress={onClose}>
            <span aria-hidden="true">✕</span>
          </Button>
        )}
      </header>
      <div>{children}</div>
    </dialog>
  );
}

const FIRST = ["[autofocus]", "input:not(:disabled), select, textarea", "footer button:not(:disabled)", "h2"];

function open(dialog: HTMLDialogElement): void {
  dialog.showModal();
  const first = FIRST.map((selector) => dialog.querySelector<HTMLElement>(selector)).find((found) => found !== null);
  first?.focus();
}

interface FormDialogProps extends DialogProps {
  /** What the button says that does it, such as "Reboot 3 devices". */
  action: string;
  kind?: "primary" | "danger";
  busy: boolean;
  problem?: Problem | undefined;
  ready?: boolean;
  /** What the button says that leaves, where "Cancel" could be taken for the action. */
  leave?: string;
  onSubmit: () => void;
}

/** A window with a form: what is asked, what went wrong, and two buttons. */
export function FormDialog({ action, kind = "primary", busy, problem, ready = true, leave = "Cancel", onSubmit, children, ...rest }: FormDialogProps) {
  const submit = (event: Event) => {
    event.preventDefault();
    if (ready && !busy) onSubmit();
  };
  return (
    <Dialog {...rest}>
      <form class="stack" onSubmit={submit} noValidate>
        {children}
        {problem && <Refusal problem={problem} again={onSubmit} />}
        <footer>
          <Button onPress={rest.onClose}>{leave}</Button>
          <Button type="submit" kind={kind} busy={busy} disabled={!ready}>
            {action}
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}

/** Why it was refused. Where only a fresh sign-in is missing, that is done here, and what was asked for is asked again. */
function Refusal({ problem, again }: { problem: Problem; again: () => void }) {
  const frame = useRef<HTMLDivElement>(null);
  const signInAndGoOn = async () => {
    if (!(await askFreshSignIn("This needs a sign-in that is not older than some minutes."))) return;
    // This notice goes away with its button, so the focus moves on once the sign-in is gone from over it.
    await new Promise(requestAnimationFrame);
    frame.current?.closest("form")?.querySelector<HTMLElement>("[type=submit]")?.focus();
    again();
  };
  const action = problem.reason === "SIGN_IN_AGAIN" && <Button onPress={() => void signInAndGoOn()}>Sign in again</Button>;
  return (
    <div ref={frame}>
      <Notice tone="bad" action={action}>
        {problem.message}
      </Notice>
    </div>
  );
}

import type { ComponentChildren } from "preact";

interface ButtonProps {
  children: ComponentChildren;
  kind?: "primary" | "danger" | "quiet" | "plain";
  /** While what it started is under way: it can't be pressed twice, says so, and keeps the focus. */
  busy?: boolean;
  disabled?: boolean;
  type?: "button" | "submit";
  label?: string;
  onPress?: () => void;
}

export function Button({ children, kind = "plain", busy = false, disabled = false, type = "button", label, onPress }: ButtonProps) {
  return (
    <button
      type={type}
      class="button"
      data-kind={kind}
      disabled={disabled}
      aria-disabled={busy || undefined}
      aria-busy={busy || undefined}
      aria-label={label}
      title={label}
      onClick={(event) => (busy ? event.preventDefault() : onPress?.())}
    >
      {children}
      {busy ? "…" : null}
    </button>
  );
}

/** What looks like a button and goes somewhere. */
export function LinkButton({ href, kind = "plain", children, download }: { href: string; kind?: ButtonProps["kind"]; children: ComponentChildren; download?: boolean }) {
  return (
    <a class="button" data-kind={kind} href={href} download={download}>
      {children}
    </a>
  );
}

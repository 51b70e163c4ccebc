import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { href, param, params, path, show } from "~/app/route";
import { Button, TextField } from "~/kit";
import { inputText, inputTime } from "~/kit/zone";
import { now } from "~/kit/time";
import { nameOf, rangeOf, type Span, SPANS, type SpanName, spanOf, zoomed } from "./span";
import "./span.css";

/** The span that stands in the address; the same object for as long as it is the same span. */
export function useSpan(otherwise: SpanName = "24h"): Span {
  const [name, from, to] = [param("span"), param("from"), param("to")];
  return useMemo(() => spanOf(name, from, to, otherwise), [name, from, to, otherwise]);
}

/** Shows from one time to another; "back" returns to what was shown before. */
export function showRange(from: number, to: number): void {
  const range = zoomed(from, to, now.peek());
  show({ span: undefined, from: String(range.from), to: String(range.to) }, "push");
}

function withSpan(name: SpanName): string {
  const others = Object.fromEntries([...new Set(params.value.keys())].map((key) => [key, params.value.getAll(key)]));
  return href(path.value, { ...others, from: undefined, to: undefined, span: name });
}

interface SpanPickerProps {
  span: Span;
  /** In which zone the fields are; empty: the browser's. */
  zone: string;
  /** Left out: all. */
  offered?: readonly SpanName[];
  /** Stands beside the fields, such as a choice of the zone. */
  children?: ComponentChildren;
}

/** Chooses the span of a view: one by name, from one time to another, or a step from what is shown. */
export function SpanPicker({ span, zone, offered, children }: SpanPickerProps) {
  const current = nameOf(span);
  const shown = SPANS.filter(({ value }) => !offered || offered.includes(value));
  return (
    <div class="span-picker">
      <nav class="row" aria-label="Span of time">
        <div class="choices">
          {shown.map(({ value, label }) => (
            <a key={value} href={withSpan(value)} aria-current={value === current ? "true" : undefined}>
              {label}
            </a>
          ))}
        </div>
        <Steps span={span} />
      </nav>
      <div class="row">
        <FromTo span={span} zone={zone} />
        {children}
      </div>
    </div>
  );
}

function Steps({ span }: { span: Span }) {
  const step = (change: (from: number, to: number) => [number, number]) => () => {
    const { from, to } = rangeOf(span, now.peek());
    showRange(...change(from, to));
  };
  const isNow = "last" in span;
  return (
    <div class="row span-steps">
      <Button label="Earlier" onPress={step((from, to) => [from - (to - from) / 2, to - (to - from) / 2])}>
        ←
      </Button>
      <Button label="Later" disabled={isNow} onPress={step((from, to) => [from + (to - from) / 2, to + (to - from) / 2])}>
        →
      </Button>
      <Button label="Zoom in" onPress={step((from, to) => [from + (to - from) / 4, to - (to - from) / 4])}>
        +
      </Button>
      <Button label="Zoom out" onPress={step((from, to) => [from - (to - from) / 2, to + (to - from) / 2])}>
        −
      </Button>
    </div>
  );
}

/** Two fields that say what is shown; what is typed counts once the button is pressed. */
function FromTo({ span, zone }: { span: Span; zone: string }) {
  const isFixed = "from" in span;
  const known = isFixed ? { from: inputText(span.from, zone), to: inputText(span.to, zone) } : { from: "", to: "" };
  const [typed, setTyped] = useState(known);
  useEffect(() => setTyped(known), [known.from, known.to]);
  const [from, to] = [inputTime(typed.from, zone), inputTime(typed.to, zone)];
  const isTyped = typed.from !== known.from || typed.to !== known.to;
  const fault = from !== undefined && to !== undefined && from >= to ? "This is not after “From”." : undefined;
  const submit = (event: Event) => {
    event.preventDefault();
    if (from !== undefined && to !== undefined && from < to) showRange(from, to);
  };
  return (
    <form class="from-to" onSubmit={submit}>
      <TextField label="From" type="datetime-local" value={typed.from} onInput={(value) => setTyped({ ...typed, from: value })} />
      <TextField label="To" type="datetime-local" value={typed.to} fault={fault} onInput={(value) => setTyped({ ...typed, to: value })} />
      <Button type="submit" disabled={!isTyped || from === undefined || to === undefined || from >= to}>
        Show
      </Button>
    </form>
  );
}

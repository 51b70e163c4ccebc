import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { columnsOf, type Line, reach, type Stretch } from "./chart/columns";
import { type Format, plain } from "./chart/format";
import { Legend } from "./chart/Legend";
import type { Picture, Plot } from "./chart/plot";
import { PointTable } from "./chart/PointTable";
import { summary } from "./chart/summary";
import { useThemeKey } from "./chart/theme";
import { zone as viewersZone } from "./time";
import "./chart.css";

interface ChartProps {
  /** What it shows, such as "Processor in percent". */
  title: string;
  lines: readonly Line[];
  stretches?: readonly Stretch[];
  from: number;
  to: number;
  format?: Format;
  /** Charts with the same one have their cursors together. */
  group?: string;
  /** Called with what was dragged over, and with twice the span by a double click. Left out: no zoom. */
  onZoom?: (from: number, to: number) => void;
  /** Left out: the viewer's zone. */
  zone?: string;
  height?: number;
  /** Stands beneath, beside the button for the table. */
  children?: ComponentChildren;
}

/** Lines over time with a band from lowest to highest, gaps as gaps, and a table with the same points. */
export function Chart({ title, lines, stretches = [], from, to, format = plain, group = "", onZoom, zone = viewersZone.value, height = 220, children }: ChartProps) {
  const [isTable, setTable] = useState(false);
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const cursor = useSignal<number | undefined>(undefined);
  const columns = useMemo(() => columnsOf(lines, stretches, from, to), [lines, stretches, from, to]);
  const picture = useMemo<Picture>(() => {
    const { low, high } = reach(lines) ?? { low: 0, high: 0 };
    return { columns, stretches, from, to, low, high, format, zone, group, height };
  }, [columns, stretches, format, zone, group, height]);
  const toggle = (name: string) => {
    const next = new Set(hidden);
    if (!next.delete(name)) next.add(name);
    setHidden(next);
  };
  const isShown = (index: number) => !hidden.has(lines[index]?.name ?? "");
  const label = useMemo(() => summary(title, lines, stretches, { from, to, format }), [title, lines, stretches, from, to, format]);
  return (
    <figure class="chart">
      <Legend lines={lines} columns={columns} stretches={stretches} format={format} cursor={cursor} hidden={hidden} toggle={toggle} />
      <Canvas picture={picture} label={label} isShown={isShown} hidden={hidden} onCursor={(index) => (cursor.value = index)} onZoom={onZoom} />
      <figcaption class="row spread">
        <span class="quiet small">{children}</span>
        <button type="button" class="button" data-kind="quiet" aria-expanded={isTable} onClick={() => setTable(!isTable)}>
          Table
        </button>
      </figcaption>
      {isTable && <PointTable title={title} lines={lines} columns={columns} stretches={stretches} format={format} />}
    </figure>
  );
}

interface CanvasProps {
  picture: Picture;
  label: string;
  isShown: (line: number) => boolean;
  hidden: ReadonlySet<string>;
  onCursor: (index: number | undefined) => void;
  onZoom: ((from: number, to: number) => void) | undefined;
}

/** Holds the picture; it is made anew where its lines, zone or colours are others, and otherwise gets its new points. */
function Canvas(props: CanvasProps) {
  const { picture, label, hidden } = props;
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<Plot>();
  const newest = useRef(props);
  newest.current = props;
  const shape = picture.columns.lines.map(({ lows }) => (lows ? "band" : "line")).join();
  const themeKey = useThemeKey();
  useEffect(() => {
    let isGone = false;
    void import("./chart/plot").then((module) => {
      if (isGone || !box.current) return;
      plot.current = new module.Plot(box.current, newest.current.picture, {
        onCursor: (index) => newest.current.onCursor(index),
        onZoom: newest.current.onZoom && ((from, to) => newest.current.onZoom?.(from, to)),
        isShown: (line) => newest.current.isShown(line),
      }, themeKey);
    });
    return () => {
      isGone = true;
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, [shape, picture.zone, picture.group, picture.format, props.onZoom === undefined, themeKey]);
  // Before the next frame, so that new points are not a frame late.
  useLayoutEffect(() => plot.current?.update(picture), [picture]);
  useLayoutEffect(() => plot.current?.showLines(), [hidden]);
  return <div ref={box} class="chart-box" role="img" aria-label={label} style={{ height: `${picture.height}px` }} />;
}

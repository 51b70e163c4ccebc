/** The picture itself, drawn by uPlot. Loaded only where there is a chart. */
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { type Cell, type Columns, lonely, type Stretch } from "./columns";
import { ends, type Format } from "./format";
import { labels, stepOf, ticks } from "./ticks";
import { lookOf, type Palette, palette } from "./theme";
import { shade } from "./shade";

export interface Picture {
  columns: Columns;
  stretches: readonly Stretch[];
  from: number;
  to: number;
  low: number;
  high: number;
  format: Format;
  zone: string;
  /** Cursors of charts of one group move together; empty: of none. */
  group: string;
  height: number;
}

export interface Hands {
  /** The place under the cursor; `undefined`: it is elsewhere. */
  onCursor: (index: number | undefined) => void;
  onZoom: ((from: number, to: number) => void) | undefined;
  /** Whether a line is drawn; the legend switches it. */
  isShown: (line: number) => boolean;
}

const AXIS_WIDTH = 68;
const MARK_PX = 76;
const MARK_PX_SECONDS = 92;
const FONT = "12px ui-sans-serif, system-ui, sans-serif";

export class Plot {
  private readonly plot: uPlot;
  private readonly size: ResizeObserver;

  constructor(
    box: HTMLElement,
    private picture: Picture,
    private readonly hands: Hands,
    look: string,
  ) {
    const colours = palette(box, look);
    this.plot = new uPlot(this.options(colours, box.clientWidth), dataOf(picture.columns), box);
    // The observer tells of the size once when it begins; to set the same size would draw all again.
    this.size = new ResizeObserver(() => {
      const [width, height] = [box.clientWidth, this.picture.height];
      if (width !== this.plot.width || height !== this.plot.height) this.plot.setSize({ width, height });
    });
    this.size.observe(box);
    this.showLines();
  }

  /** Other points of the same lines. */
  update(picture: Picture): void {
    this.picture = picture;
    this.plot.batch(() => {
      this.plot.setData(dataOf(picture.columns), false);
      this.plot.setScale("x", { min: picture.from, max: picture.to });
    });
    this.showLines();
  }

  showLines(): void {
    const wanted = placesOf(this.picture.columns).flatMap(({ first, last }, line) => {
      const show = this.hands.isShown(line);
      return Array.from({ length: last - first + 1 }, (_, place) => ({ series: first + place, show }));
    });
    const changed = wanted.filter(({ series, show }) => this.plot.series[series]?.show !== show);
    // A batch of nothing would draw all again.
    if (changed.length === 0) return;
    this.plot.batch(() => {
      for (const { series, show } of changed) this.plot.setSeries(series, { show }, false);
    });
  }

  destroy(): void {
    this.size.disconnect();
    this.plot.destroy();
  }

  private options(colours: Palette, width: number): uPlot.Options {
    const { columns, group, height } = this.picture;
    return {
      width,
      height,
      ms: 1,
      legend: { show: false },
      padding: [8, 22, 0, 0],
      series: [{}, ...columns.lines.flatMap((line, index) => seriesOf(line, index, colours))],
      bands: placesOf(columns).flatMap(({ first, last }, index) => (last > first ? { series: [first + 2, first + 1], fill: faint(colourOf(colours, index)) } : [])),
      scales: {
        x: { time: false, range: () => [this.picture.from, this.picture.to] },
        y: { range: () => ends(this.picture.format, this.picture.low, this.picture.high) },
      },
      axes: [this.timeAxis(colours), this.valueAxis(colours)],
      cursor: this.cursor(group),
      hooks: {
        drawClear: [(plot) => shade(plot, this.picture.stretches, colours, columns.lines.length)],
        setCursor: [(plot) => this.hands.onCursor(plot.cursor.left !== undefined && plot.cursor.left >= 0 ? (plot.cursor.idx ?? undefined) : undefined)],
        draw: [tellDrawn],
        setSelect: [(plot) => this.zoom(plot)],
      },
    };
  }

  private timeAxis(colours: Palette): uPlot.Axis {
    const step = (plot: uPlot, from: number, to: number) => {
      const width = plot.bbox.width / devicePixelRatio;
      const roomy = stepOf(to - from, Math.max(2, width / MARK_PX));
      return roomy < 60_000 ? stepOf(to - from, Math.max(2, width / MARK_PX_SECONDS)) : roomy;
    };
    return {
      ...axisLook(colours),
      size: 44,
      splits: (plot, _, from, to) => ticks(from, to, step(plot, from, to), this.picture.zone),
      values: (plot, marks) => labels(marks, step(plot, this.picture.from, this.picture.to), this.picture.zone),
    };
  }

  private valueAxis(colours: Palette): uPlot.Axis {
    const { format } = this.picture;
    return {
      ...axisLook(colours),
      size: AXIS_WIDTH,
      space: 36,
      ...(format.steps ? { incrs: [...format.steps] } : {}),
      values: (_, marks) => marks.map((mark) => format.text(mark)),
    };
  }

  private cursor(group: string): uPlot.Cursor {
    const isMove = (type: string) => type === "mousemove" || type === "mouseleave";
    return {
      y: false,
      points: { size: (plot, series) => (plot.series[series]?.width === 0 ? 0 : 7) },
      drag: { x: this.hands.onZoom !== undefined, y: false, setScale: false, dist: 4 },
      bind: {
        dblclick: () => () => {
          const { from, to } = this.picture;
          this.hands.onZoom?.(from - (to - from) / 2, to + (to - from) / 2);
          return null;
        },
      },
      ...(group ? { sync: { key: group, setSeries: false, scales: ["x", null], filters: { pub: isMove, sub: isMove } } } : {}),
    };
  }

  private zoom(plot: uPlot): void {
    const { left, width } = plot.select;
    if (width < 4) return;
    const [from, to] = [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")];
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.hands.onZoom?.(Math.round(from), Math.round(to));
  }
}

/** For whoever measures how long it takes from a click to the picture. */
function tellDrawn(): void {
  performance.clearMarks("homepot chart");
  performance.mark("homepot chart");
}

/** uPlot's columns: the times, then of each line its values, lows and highs. */
function dataOf({ times, lines }: Columns): uPlot.AlignedData {
  const all = lines.flatMap(({ values, lows, highs }) => (lows && highs ? [values, lows, highs] : [values]));
  return [times, ...all] as uPlot.AlignedData;
}

function placesOf({ lines }: Columns): { first: number; last: number }[] {
  let next = 1;
  return lines.map(({ lows, highs }) => {
    const first = next;
    next += lows && highs ? 3 : 1;
    return { first, last: next - 1 };
  });
}

function seriesOf({ lows, highs }: Columns["lines"][number], index: number, colours: Palette): uPlot.Series[] {
  const stroke = colourOf(colours, index);
  const look = lookOf(index);
  const dots = { show: true, size: 4, fill: stroke, filter: (plot: uPlot, series: number) => lonely((plot.data[series] ?? []) as Cell[]) };
  const line: uPlot.Series = { stroke, width: 1.5, dash: [...look.dash], spanGaps: false, points: dots };
  // The ends of the band have no line of their own, and no dot under the cursor.
  const edge: uPlot.Series = { stroke: "transparent", width: 0, spanGaps: false, points: { show: false } };
  return lows && highs ? [line, edge, edge] : [line];
}

function colourOf(colours: Palette, index: number): string {
  return colours.series[lookOf(index).colour] ?? colours.text;
}

function faint(colour: string): string {
  return colour.replace(/^rgb\((.*)\)$/, "rgba($1, 0.18)");
}

function axisLook(colours: Palette): uPlot.Axis {
  return { stroke: colours.text, font: FONT, grid: { stroke: colours.line, width: 1 }, ticks: { stroke: colours.line, width: 1, size: 5 } };
}

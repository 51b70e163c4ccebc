/** Draws where nothing was measured. */
import type uPlot from "uplot";
import type { Stretch } from "./columns";
import { lookOf, type Palette } from "./theme";

const LANE_PX = 5;
const HATCH_PX = 7;

/** Of one line: hatched over the whole height. Of several: each line has a lane at the foot, in its colour. */
export function shade(plot: uPlot, stretches: readonly Stretch[], colours: Palette, lines: number): void {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  for (const { line, of, from, to } of stretches) {
    const left = plot.valToPos(from, "x", true);
    const width = Math.max(ratio, plot.valToPos(to, "x", true) - left);
    const isWhole = line === undefined || (lines === 1 && of === undefined);
    if (isWhole) hatch(ctx, left, bbox.top, width, bbox.height, colours.shade, ratio);
    else {
      ctx.globalAlpha = 0.7;
      ctx.fillStyle = colours.series[lookOf(line).colour] ?? colours.shade;
      ctx.fillRect(left, bbox.top + bbox.height - (line + 1) * LANE_PX * ratio, width, (LANE_PX - 1) * ratio);
    }
  }
  ctx.restore();
}

function hatch(ctx: CanvasRenderingContext2D, left: number, top: number, width: number, height: number, colour: string, ratio: number): void {
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, width, height);
  ctx.clip();
  ctx.globalAlpha = 0.1;
  ctx.fillStyle = colour;
  ctx.fillRect(left, top, width, height);
  ctx.globalAlpha = 0.35;
  ctx.strokeStyle = colour;
  ctx.lineWidth = ratio;
  ctx.beginPath();
  const step = HATCH_PX * ratio;
  // Counted from the edge of the canvas, so that neighbours' strokes go on in one another.
  for (let x = Math.floor((left - height) / step) * step; x < left + width; x += step) {
    ctx.moveTo(x, top + height);
    ctx.lineTo(x + height, top);
  }
  ctx.stroke();
  ctx.restore();
}

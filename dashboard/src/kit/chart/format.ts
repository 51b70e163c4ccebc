/** How the numbers of a chart are written. */
import { span } from "../time";

export interface Format {
  /** One value, with its unit. */
  text: (value: number) => string;
  /** The steps that marks of the axis may have; left out: round decimal ones. */
  steps?: readonly number[];
  /** What the axis shows at least. */
  least?: { from: number; to: number };
  /** What the axis never goes beyond. */
  most?: number;
}

function digits(value: number): number {
  const size = Math.abs(value);
  if (size >= 100 || size === 0) return 0;
  return size >= 10 ? 1 : 2;
}

/** Made once: to make one takes longer than to write with it. */
const numbers = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 2 });

/** At most three figures that tell something, without zeros behind the point; whole numbers are whole, with thin spaces. */
export function figures(value: number): string {
  const rounded = Number(value.toFixed(digits(value)));
  return numbers.format(rounded).replace(/,/g, "\u202f").replace("-", "−");
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

function bytesText(value: number): string {
  const power = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, Math.abs(value))) / 10)));
  return `${figures(value / 1024 ** power)} ${UNITS[power]}`;
}

const BINARY_STEPS = UNITS.flatMap((_, power) => [1, 2, 4, 8, 16, 32, 64, 128, 256, 512].map((step) => step * 1024 ** power));
const TIME_STEPS = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 14_400, 43_200].concat([1, 2, 5, 7, 14, 30, 60, 90, 180, 365, 730, 1_825].map((days) => days * 86_400));
const WHOLE_STEPS = Array.from({ length: 16 }, (_, power) => [1, 2, 5].map((step) => step * 10 ** power)).flat();

export const percent: Format = { text: (value) => `${figures(value)} %`, least: { from: 0, to: 5 }, most: 100 };
export const plain: Format = { text: figures, least: { from: 0, to: 1 } };
export const count: Format = { text: figures, steps: WHOLE_STEPS, least: { from: 0, to: 4 } };
export const milliseconds: Format = { text: (value) => (Math.abs(value) >= 10_000 ? `${figures(value / 1_000)} s` : `${figures(value)} ms`), least: { from: 0, to: 1 } };
export const money: Format = { text: figures, least: { from: 0, to: 1 } };
export const bytes: Format = { text: bytesText, steps: BINARY_STEPS, least: { from: 0, to: 1_024 } };
export const lengthOfTime: Format = { text: (seconds) => span(seconds * 1_000), steps: TIME_STEPS, least: { from: 0, to: 60 } };

/** From where to where the axis of values goes: round ends around all that is shown, and zero where that is near. */
export function ends(format: Format, low: number, high: number): [number, number] {
  const least = format.least ?? { from: low, to: high };
  const from = Math.min(low, least.from);
  const top = Math.max(high, least.to, from + 1e-9);
  const room = (top - from) * 0.08;
  const to = format.most === undefined ? top + room : Math.max(top, Math.min(top + room, format.most));
  return [from < least.from ? from - room : from, to];
}

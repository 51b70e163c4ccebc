/** What comes out, in the form of `homepot-bench`: a table for people, and JSON with all details. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg, release, totalmem, type } from "node:os";
import { join } from "node:path";

export interface Row {
  name: string;
  figure: number;
  unit: string;
  /** The same unit of the same run, of something simpler. */
  ceiling?: { figure: number; of: string };
  /** What the figure should be at most. */
  atMost?: number;
}

/** The value below which `share` of all lie; 0 where there are none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length, Math.max(1, Math.ceil(sorted.length * share))) - 1] ?? 0;
}

/** How much `values` rise from one to the next, by the straight line that fits them best. */
export function slope(values: readonly number[]): number {
  const mean = (all: readonly number[]) => all.reduce((sum, one) => sum + one, 0) / all.length;
  const places = values.map((_, index) => index);
  const [middle, height] = [mean(places), mean(values)];
  const run = places.reduce((sum, place) => sum + (place - middle) ** 2, 0);
  return run === 0 ? 0 : values.reduce((sum, value, place) => sum + (place - middle) * (value - height), 0) / run;
}

/** With as many digits as say something. */
export function digits(value: number): string {
  const size = Math.abs(value);
  if (size >= 1_000) return Math.round(value).toLocaleString("en-GB");
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 || size === 0 ? 2 : 3);
}

export function table(rows: readonly Row[]): string {
  const cells = rows.map(({ name, figure, unit, ceiling, atMost }) => [
    name,
    `${digits(figure)} ${unit}`,
    ceiling ? `${digits(ceiling.figure)} (${ceiling.of})` : "",
    ceiling && ceiling.figure !== 0 ? (figure / ceiling.figure).toFixed(2) : "",
    atMost === undefined ? "" : `≤ ${digits(atMost)} ${figure <= atMost ? "holds" : "MISSED"}`,
  ]);
  const all = [["bench", "figure", "ceiling", "ratio", "bar"], ...cells];
  const widths = all[0]?.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0))) ?? [];
  return all.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ").trimEnd()).join("\n");
}

/** What machine this is: figures mean nothing without it. */
export function machine(browser: string): Record<string, string | number> {
  const said = (program: string, args: string[]) => execFileSync(program, args, { encoding: "utf8" }).trim();
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: cpus().length,
    memory_gib: Math.round((totalmem() / 2 ** 30) * 10) / 10,
    kernel: `${type()} ${release()}`,
    browser: `Chromium ${browser}`,
    commit: said("git", ["describe", "--always", "--dirty", "--abbrev=12"]),
    time: new Date().toISOString(),
    // Who else is at work spoils the figures: read this before them.
    load_average: Math.round((loadavg()[0] ?? 0) * 100) / 100,
  };
}

/** Prints the table, and writes it with all details into the folder. */
export function finish(folder: string, about: ReturnType<typeof machine>, rows: readonly Row[], details: unknown): void {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, "dashboard.json");
  const document = {
    bench: "dashboard",
    machine: about,
    rows: rows.map(({ name, figure, unit, ceiling, atMost }) => ({
      name,
      figure,
      unit,
      ceiling: ceiling ?? null,
      ratio: ceiling ? figure / ceiling.figure : null,
      bar: atMost === undefined ? null : { "at most": atMost },
    })),
    details,
  };
  writeFileSync(path, `${JSON.stringify(document, null, 2)}\n`);
  console.log(`${about.cpu}, ${about.cores} cores, ${about.memory_gib} GiB, ${about.kernel}`);
  console.log(`${about.browser}, commit ${about.commit}, load average before ${about.load_average}, after ${readFileSync("/proc/loadavg", "utf8").split(" ")[0]}\n`);
  console.log(`${table(rows)}\n\nDetails: ${path}`);
}

export function step(what: string): void {
  console.error(`… ${what}`);
}

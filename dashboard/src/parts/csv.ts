/** Tables as text that spreadsheets open, and that never become formulas there. */

export type CsvCell = string | number | undefined;

const NUMBER = /^[+-]?\d+(\.\d+)?([eE][+-]?\d+)?$/;

function cellText(cell: CsvCell): string {
  if (cell === undefined) return "";
  const text = String(cell);
  const isFormula = /^[=+\-@\t\r]/.test(text) && !NUMBER.test(text);
  const safe = isFormula ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** As RFC 4180 has it: a head, then a row a line. */
export function csv(head: readonly string[], rows: readonly (readonly CsvCell[])[]): string {
  return [head, ...rows].map((row) => `${row.map(cellText).join(",")}\r\n`).join("");
}

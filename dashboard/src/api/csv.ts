/** Tables of the server as files: the whole of a filter, not only what is read already. */
import { sessionEnded } from "./session";

export type Query = Record<string, string | readonly string[] | undefined>;

/** Saves what `path` of the API lists, such as `/api/v2/devices`, as a CSV file. All pages come in one answer. */
export async function saveCsv(path: string, query: Query, file: string): Promise<void> {
  const answer = await fetch(address(path, query), { headers: { accept: "text/csv" }, credentials: "same-origin" }).catch(() => undefined);
  if (!answer) throw new Error("The server can't be reached.");
  if (answer.status === 401) sessionEnded();
  if (!answer.ok) throw new Error(await refusal(answer));
  // An answer that was cut short fails here, so that half a table is never taken for the whole.
  const table = await answer.blob().catch(() => undefined);
  if (!table) throw new Error("The table was cut short on its way. Try again.");
  saveFile(table, file);
}

/** Hands a file to the browser's downloads. */
export function saveFile(content: Blob, file: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = file;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** What is not said is left out. */
export function address(path: string, query: Query): string {
  const text = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of [value ?? []].flat()) if (one !== "") text.append(name, one);
  }
  return text.size === 0 ? path : `${path}?${text.toString()}`;
}

async function refusal(answer: Response): Promise<string> {
  const body: unknown = await answer.json().catch(() => undefined);
  const detail = typeof body === "object" && body !== null && "detail" in body ? body.detail : undefined;
  if (typeof detail === "string") return detail;
  if (Array.isArray(detail)) {
    const told = detail.flatMap((fault: unknown) => (typeof fault === "object" && fault !== null && "msg" in fault && typeof fault.msg === "string" ? [fault.msg] : []));
    if (told.length > 0) return told.join(" ");
  }
  return `The server answered ${answer.status}.`;
}

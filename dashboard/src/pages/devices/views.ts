/** Views that an operator named: an address each, kept in this browser under the operator's name. */
import { signal } from "@preact/signals";

export interface View {
  name: string;
  /** The parameters of the address, whose devices it shows among them. */
  query: string;
}

export function keyOf(operator: string): string {
  return `views:devices:${operator}`;
}

/** What is kept; what is no list of views counts as none. */
export function parsed(text: string | null): View[] {
  if (text === null) return [];
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value.filter(isView) : [];
  } catch {
    return [];
  }
}

function isView(value: unknown): value is View {
  if (typeof value !== "object" || value === null || !("name" in value) || !("query" in value)) return false;
  return typeof value.name === "string" && typeof value.query === "string";
}

/** Whether two addresses say the same; in which order does not matter. */
export function sameQuery(one: string, other: string): boolean {
  const sorted = (text: string) => {
    const params = new URLSearchParams(text);
    params.sort();
    return params.toString();
  };
  return sorted(one) === sorted(other);
}

export function faultOf(name: string, others: readonly View[]): string | undefined {
  if (name.trim() === "") return "Give the view a name.";
  if (name.trim().length > 60) return "A name has 60 characters at most.";
  if (others.some((view) => view.name === name.trim())) return "There is a view of this name already.";
  return undefined;
}

const kept = signal<{ operator: string; views: View[] }>({ operator: "", views: [] });

export function viewsOf(operator: string): View[] {
  if (kept.value.operator !== operator) kept.value = { operator, views: parsed(localStorage.getItem(keyOf(operator))) };
  return kept.value.views;
}

export function keep(operator: string, views: View[]): void {
  localStorage.setItem(keyOf(operator), JSON.stringify(views));
  kept.value = { operator, views };
}

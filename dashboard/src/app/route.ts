/**
 * The address is the view: what is shown, filtered and sorted stands in it, so that "back" and a shared link work.
 *
 * Addresses lie behind the `#`, so that the server has one page to serve and no path of the API can be taken for one of the page.
 */
import { computed, signal } from "@preact/signals";

export interface Address {
  /** Such as `/devices/till-7`. */
  path: string;
  params: URLSearchParams;
}

function read(): Address {
  const whole = location.hash.replace(/^#/, "");
  const query = whole.indexOf("?");
  const path = query < 0 ? whole : whole.slice(0, query);
  return { path: path || "/", params: new URLSearchParams(query < 0 ? "" : whole.slice(query + 1)) };
}

const current = signal<Address>(read());
window.addEventListener("hashchange", () => {
  current.value = read();
});

export const path = computed(() => current.value.path);
export const params = computed(() => current.value.params);

export type Params = Record<string, string | string[] | undefined>;

/** The address of a view, for links. */
export function href(to: string, values: Params = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    for (const one of [value ?? []].flat()) if (one !== "") query.append(name, one);
  }
  const text = query.toString();
  return `#${to}${text && `?${text}`}`;
}

/** Goes to another view; "back" returns to this one. */
export function go(to: string, values: Params = {}): void {
  location.hash = href(to, values);
}

/** Changes what this view shows. Typing in a search box makes no step of "back", so that is the default. */
export function show(values: Params, step: "replace" | "push" = "replace"): void {
  const merged: Params = {};
  for (const name of new Set(params.value.keys())) merged[name] = params.value.getAll(name);
  const next = href(path.value, { ...merged, ...values });
  if (step === "push") location.hash = next;
  else {
    history.replaceState(history.state, "", next);
    current.value = read();
  }
}

/** One value of the address. */
export function param(name: string): string {
  return params.value.get(name) ?? "";
}

/** All values of a name, such as of a facet with several choices. */
export function paramAll(name: string): string[] {
  return params.value.getAll(name);
}

/** The named parts of `path` where it has the form of `pattern`, such as `/devices/:id/:tab?`. */
export function match(pattern: string, of: string): Record<string, string> | undefined {
  const wanted = pattern.split("/").filter(Boolean);
  const given = of.split("/").filter(Boolean);
  if (given.length > wanted.length) return undefined;
  const found: Record<string, string> = {};
  for (const [index, part] of wanted.entries()) {
    const value = given[index];
    if (!part.startsWith(":")) {
      if (part !== value) return undefined;
    } else if (value !== undefined) {
      const text = decoded(value);
      if (text === undefined) return undefined;
      found[part.replace(/^:|\?$/g, "")] = text;
    } else if (!part.endsWith("?")) return undefined;
  }
  return found;
}

/** Addresses are typed by people too: what is no text leads nowhere. */
function decoded(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
}

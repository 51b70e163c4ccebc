/**
 * Where each view was scrolled to: the page and its long tables are there again after "back", "forward" and a reload.
 *
 * The browser can't do that by itself, because a view is drawn, and its rows are read, after the address has changed. So each entry of the
 * browser's history has a name, and what was scrolled is kept under it. A view that comes back is scrolled again whenever it grew, until it
 * is where it was, or until the person does something.
 */

type Places = Record<string, number>;

const STORED = "homepot-scroll";
/** Entries that are remembered; older ones begin at their top. */
const MOST = 50;
const PAGE = "";

/** A view that is not as long as it was by then stays where it is, so that it does not leap while somebody reads. */
const PATIENCE_MS = 10_000;

const kept = stored();
let entry = "";
/** What is still to be scrolled in this entry. */
let wanted: Places = {};
let patience: ReturnType<typeof setTimeout> | undefined;

history.scrollRestoration = "manual";
begin();
// Before any part draws the new address: it comes before `hashchange`.
window.addEventListener("popstate", () => {
  begin();
  requestAnimationFrame(restorePage);
});
window.addEventListener("scroll", ({ target }) => note(target === document ? PAGE : (target as HTMLElement).dataset.scroll, top(target)), { capture: true, passive: true });
for (const act of ["wheel", "touchstart", "pointerdown", "keydown"]) {
  window.addEventListener(act, () => (wanted = {}), { capture: true, passive: true });
}
window.addEventListener("pagehide", () => sessionStorage.setItem(STORED, JSON.stringify([...kept].slice(-MOST))));
new ResizeObserver(restorePage).observe(document.body);

function stored(): Map<string, Places> {
  try {
    return new Map(JSON.parse(sessionStorage.getItem(STORED) ?? "[]") as [string, Places][]);
  } catch {
    return new Map();
  }
}

/** Begins with the entry that is shown now. */
function begin(): void {
  entry = nameOfEntry();
  wanted = { ...kept.get(entry) };
  clearTimeout(patience);
  patience = setTimeout(() => (wanted = {}), PATIENCE_MS);
}

/** The name of the entry of the history that is shown; a new one gets one. */
function nameOfEntry(): string {
  const state = history.state as { entry?: string } | null;
  if (state?.entry) return state.entry;
  const name = crypto.getRandomValues(new Uint32Array(2)).join("-");
  history.replaceState({ ...state, entry: name }, "");
  return name;
}

function top(target: EventTarget | null): number {
  return target instanceof HTMLElement ? target.scrollTop : window.scrollY;
}

/** While a view comes back it is too short, and scrolls to its top; that is not what is to be remembered. */
function note(name: string | undefined, place: number): void {
  if (name === undefined || name in wanted) return;
  const places = kept.get(entry) ?? {};
  kept.delete(entry);
  kept.set(entry, { ...places, [name]: place });
}

function restore(name: string, scroll: (place: number) => number): void {
  const place = wanted[name];
  if (place !== undefined && Math.abs(scroll(place) - place) <= 1) delete wanted[name];
}

function restorePage(): void {
  restore(PAGE, (place) => {
    window.scrollTo(0, place);
    return window.scrollY;
  });
}

/** To be called when another page is shown: it begins at its top, or where it was left. */
export function arrive(): void {
  if (!(PAGE in wanted)) window.scrollTo(0, 0);
  else restorePage();
}

/** Keeps where `element` is scrolled to, under a name that no other has in the page; answers what ends that. */
export function keepScroll(element: HTMLElement, name: string): () => void {
  element.dataset.scroll = name;
  const again = () =>
    restore(name, (place) => {
      element.scrollTop = place;
      return element.scrollTop;
    });
  const grown = new ResizeObserver(again);
  if (element.firstElementChild) grown.observe(element.firstElementChild);
  again();
  return () => grown.disconnect();
}

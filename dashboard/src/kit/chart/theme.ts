/** The colours of a picture, read from the custom properties, which a canvas does not know. */
import { useEffect, useState } from "preact/hooks";
import { theme } from "~/app/theme";

export const SERIES_COLOURS = 8;

export interface Palette {
  text: string;
  line: string;
  surface: string;
  shade: string;
  series: string[];
}

/** Read once for each look of the page: a chart has a dozen colours, and to ask for one has the browser work out the style anew. */
const palettes = new Map<string, Palette>();

/** `look`: what `useThemeKey` says. */
export function palette(near: HTMLElement, look: string): Palette {
  const key = `${look} ${document.documentElement.dataset.theme}`;
  const known = palettes.get(key);
  if (known) return known;
  const probe = document.createElement("span");
  near.append(probe);
  const read = (name: string) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const found = {
    text: read("text-quiet"),
    line: read("line"),
    surface: read("surface"),
    shade: read("line-strong"),
    series: Array.from({ length: SERIES_COLOURS }, (_, index) => read(`series-${index + 1}`)),
  };
  probe.remove();
  palettes.set(key, found);
  return found;
}

/** Dashes tell lines apart where colours don't. The second line of a colour has another dash than the first. */
const DASHES: readonly (readonly number[])[] = [[], [8, 4], [2, 3], [10, 3, 2, 3], [5, 2], [1, 4], [12, 6], [6, 2, 2, 2, 2, 2]];

export function lookOf(index: number): { colour: number; dash: readonly number[] } {
  const colour = index % SERIES_COLOURS;
  return { colour, dash: DASHES[(index + Math.floor(index / SERIES_COLOURS)) % DASHES.length] ?? [] };
}

/** Changes whenever colours do: by choice on a page, or by the system. */
export function useThemeKey(): string {
  const [isDark, setDark] = useState(() => matchMedia("(prefers-color-scheme: dark)").matches);
  useEffect(() => {
    const system = matchMedia("(prefers-color-scheme: dark)");
    const listen = () => setDark(system.matches);
    system.addEventListener("change", listen);
    return () => system.removeEventListener("change", listen);
  }, []);
  return `${theme.value} ${isDark}`;
}

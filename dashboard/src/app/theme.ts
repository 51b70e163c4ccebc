import { signal } from "@preact/signals";

/** Light or dark; `system` follows the system. */
export type Theme = "system" | "light" | "dark";

export const theme = signal<Theme>((localStorage.getItem("theme") as Theme | null) ?? "system");
theme.subscribe((value) => localStorage.setItem("theme", value));

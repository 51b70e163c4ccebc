/** The ids of keys that sign. */
export function KeyIds({ ids }: { ids: readonly string[] }) {
  return <span class="mono">{ids.join(", ")}</span>;
}

import { show } from "~/app/route";
import { Button, TextField } from "~/kit";
import { useTyped } from "./address";
import { chips, FACETS, type Filter, isEmpty } from "./filter";

const SEARCH_PAUSE_MS = 200;
/** Longer, because half a condition is a fault. */
const LABELS_PAUSE_MS = 500;

/** What the list is narrowed down to: by text, by labels, and by the facets that were chosen. */
export function Filters({ filter, faults }: { filter: Filter; faults: Record<string, string> }) {
  const [search, typeSearch] = useTyped("search", SEARCH_PAUSE_MS);
  const [labels, typeLabels] = useTyped("labels", LABELS_PAUSE_MS);
  const chosen = chips(filter);
  const clear = () => show({ search: "", labels: "", ...Object.fromEntries(FACETS.map((facet) => [facet, ""])) }, "push");
  return (
    <section class="stack" aria-label="Filter">
      <div class="device-filter">
        <TextField label="Search" type="search" placeholder="Part of an id, a name, a site or a label" value={search} onInput={typeSearch} fault={faults.search} />
        <TextField label="Labels" type="search" placeholder="ring in (canary, early), !retired" value={labels} onInput={typeLabels} fault={faults.label_selector} />
      </div>
      {!isEmpty(filter) && (
        <div class="row">
          {chosen.map(({ facet, text }) => (
            <button key={facet} type="button" class="chip" aria-label={`Remove the filter ${text}`} onClick={() => show({ [facet]: "" }, "push")}>
              {text} <span aria-hidden="true">✕</span>
            </button>
          ))}
          <Button kind="quiet" onPress={clear}>
            Clear the filter
          </Button>
        </div>
      )}
    </section>
  );
}

import { sourceFilter } from "~/app/source";
import type { SummarizeFleetResponse } from "~/gen/homepot/registry/v1/registry_pb";
import { CsvButton } from "~/parts/CsvButton";
import { type Filter, query, totalWords } from "./filter";

interface TotalsProps {
  filter: Filter;
  sort: string;
  counts: { data?: SummarizeFleetResponse[] | undefined; error: unknown };
}

/** How many devices match, and all of them as a table. */
export function Totals({ filter, sort, counts }: TotalsProps) {
  return (
    <div class="row spread">
      <strong role="status">{counts.data ? totalWords(counts.data, filter) : counts.error ? "The devices could not be counted." : "Counting…"}</strong>
      <CsvButton path="/api/v2/devices" query={query(filter, sort, sourceFilter())} name="devices" what="all devices that match" />
    </div>
  );
}

import { useState } from "preact/hooks";
import { type Query, saveCsv } from "~/api/csv";
import { sourceFilter } from "~/app/source";
import type { SummarizeFleetResponse } from "~/gen/homepot/registry/v1/registry_pb";
import { Button, toast } from "~/kit";
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
      <SaveCsv query={query(filter, sort, sourceFilter())} />
    </div>
  );
}

function SaveCsv({ query: of }: { query: Query }) {
  const [isBusy, setBusy] = useState(false);
  const save = () => {
    setBusy(true);
    saveCsv("/api/v2/devices", of, `devices-${new Date().toISOString().slice(0, 10)}.csv`)
      .catch((error: unknown) => toast(error instanceof Error ? error.message : String(error), "bad"))
      .finally(() => setBusy(false));
  };
  return (
    <Button busy={isBusy} label="Save all devices that match as a CSV file" onPress={save}>
      CSV
    </Button>
  );
}

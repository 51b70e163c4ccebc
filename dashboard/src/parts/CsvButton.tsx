import { useState } from "preact/hooks";
import { type Query, saveCsv } from "~/api/csv";
import { absolute, now } from "~/kit/time";
import { Button, toast } from "~/kit";

interface CsvButtonProps {
  /** Of the API, such as `/api/v2/devices`. */
  path: string;
  query: Query;
  /** Begins the file's name, such as `devices`; the day follows. */
  name: string;
  /** What is saved, such as "all devices that match". */
  what: string;
}

/** Saves the whole of a list as a table, not only what is in sight. */
export function CsvButton({ path, query, name, what }: CsvButtonProps) {
  const [isBusy, setBusy] = useState(false);
  const save = () => {
    setBusy(true);
    saveCsv(path, query, `${name} ${absolute(now.value, "day")}.csv`)
      .catch((error: unknown) => toast(error instanceof Error ? error.message : String(error), "bad"))
      .finally(() => setBusy(false));
  };
  return (
    <Button busy={isBusy} label={`Save ${what} as a CSV file`} onPress={save}>
      CSV
    </Button>
  );
}

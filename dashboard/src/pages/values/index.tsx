import { useState } from "preact/hooks";
import { values } from "~/api/clients/values";
import { usePages } from "~/api/query";
import { may } from "~/api/session";
import type { Value } from "~/gen/homepot/rollout/v1/value_pb";
import { Ago, Button, type Column, Empty, Failed, Loading, Page, Table } from "~/kit";
import { DeleteValue } from "./DeleteValue";
import { mayChange, scopeOf } from "./scope";
import { SetValue } from "./SetValue";

/** How often they are read again: there are no news of values, and people set them now and then. */
const AGAIN_MS = 30_000;

export default function ValuesPage() {
  const [isSetting, setSetting] = useState(false);
  const [deleted, setDeleted] = useState<Value>();
  const list = usePages(
    ["values"],
    async (pageToken, signal) => {
      const answer = await values.listValues({ pageToken }, { signal });
      return { rows: answer.values, nextPageToken: answer.nextPageToken };
    },
    { everyMs: AGAIN_MS },
  );
  const set = may("operator") && (
    <Button kind="primary" onPress={() => setSetting(true)}>
      Set a value
    </Button>
  );
  return (
    <Page title="Values" lead="What the variables of releases are on which devices. The nearest value counts: a device’s own, its label’s, its site’s, the fleet’s." actions={set || undefined}>
      {list.error && <Failed error={list.error} again={list.again} />}
      {list.isPending && <Loading rows={6} />}
      {!list.isPending && !list.error && list.rows.length === 0 && (
        <Empty title="No value is set">
          <p>Releases have their defaults. A value changes nothing by itself: the next rollout brings it.</p>
        </Empty>
      )}
      {list.rows.length > 0 && <Table label="Values, by variable" columns={columns(setDeleted)} rows={list.rows} rowKey={(row) => `${row.variable} ${scopeOf(row)}`} hasMore={list.hasMore} more={list.more} />}
      {isSetting && <SetValue onClose={() => setSetting(false)} />}
      {deleted && <DeleteValue value={deleted} onClose={() => setDeleted(undefined)} />}
    </Page>
  );
}

function columns(onDelete: (value: Value) => void): readonly Column<Value>[] {
  const isMine = (row: Value) => mayChange(row, may("operator"), may("fleet admin"));
  return [
    { name: "Variable", cell: (row) => row.variable },
    { name: "For", cell: scopeOf },
    { name: "Value", cell: (row) => (row.secret ? <span class="quiet">secret</span> : row.value), grows: true },
    { name: "Set", cell: (row) => <Ago time={row.setAt} /> },
    { name: "By", cell: (row) => row.setBy },
    {
      name: "",
      cell: (row) =>
        isMine(row) && (
          <Button onPress={() => onDelete(row)} label={`Delete the value of ${row.variable} for: ${scopeOf(row)}`}>
            Delete
          </Button>
        ),
    },
  ];
}

import { problem } from "~/api/errors";
import { may } from "~/api/session";
import { href, param } from "~/app/route";
import { Failed, LinkButton, Loading, Notice, Page, Table } from "~/kit";
import { BulkBar } from "./BulkBar";
import { columns } from "./columns";
import { Facets } from "./Facets";
import { filterOf } from "./filter";
import { Filters } from "./Filters";
import { useDeviceList } from "./list";
import { NoDevice } from "./NoDevice";
import { SavedViews } from "./SavedViews";
import { takenOutWords } from "./selection";
import { Totals } from "./Totals";
import { useSelection } from "./useSelection";
import "./page.css";

export default function DevicesPage() {
  const filter = filterOf(param);
  const sort = param("sort");
  const list = useDeviceList(filter, sort);
  const selection = useSelection(list);
  const refusal = list.error ? problem(list.error) : undefined;
  const isOperator = may("operator");
  const summaries = list.counts.data ?? [];
  return (
    <Page title="Devices" beside={<SavedViews />} actions={may("admin") && <LinkButton href={href("/enrolment")}>Add a device</LinkButton>}>
      <Filters filter={filter} faults={refusal?.fields ?? {}} />
      <Facets filter={filter} summaries={list.choices} isPrevious={!list.counts.data} />
      <Totals filter={filter} sort={sort} counts={list.counts} />
      {isOperator && selection.isSettled && <BulkBar filter={filter} summaries={summaries} selected={selection.keys} onSelect={selection.select} />}
      {selection.takenOut > 0 && <Notice tone="warn">{takenOutWords(selection.takenOut)}</Notice>}
      {refusal && (refusal.fields.label_selector ? <p class="quiet">The list is shown as soon as the labels can be read.</p> : <Failed error={list.error} again={list.again} />)}
      {list.isPending && <Loading rows={8} />}
      {!list.isPending && !refusal && list.rows.length === 0 && <NoDevice filter={filter} summaries={summaries} />}
      {list.rows.length > 0 && (
        <div class="device-list" data-previous={list.isPrevious || undefined} aria-busy={list.isPrevious}>
          <Table
            label="Devices"
            columns={columns}
            rows={list.rows}
            rowKey={(row) => row.deviceId}
            rowHref={(row) => href(`/devices/${encodeURIComponent(row.deviceId)}`)}
            sort={sort || "id"}
            selection={isOperator ? { keys: selection.keys, onChange: selection.select } : undefined}
            hasMore={list.hasMore && !list.isReadingMore}
            more={list.more}
          />
        </div>
      )}
    </Page>
  );
}

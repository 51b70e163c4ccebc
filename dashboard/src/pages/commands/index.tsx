import { commands } from "~/api/clients/commands";
import { registry } from "~/api/clients/registry";
import { usePages, useRead } from "~/api/query";
import { may } from "~/api/session";
import { href, param, paramAll, params, show } from "~/app/route";
import { sourceFilter } from "~/app/source";
import { Button, Empty, Failed, LinkButton, Loading, Page, SelectField, Table } from "~/kit";
import { stateChoices, statesOf } from "~/parts/command/states";
import { TypedFilter } from "~/parts/TypedFilter";
import { columns } from "./columns";
import { type CommandFilter, merged } from "./merge";
import { useHeard } from "./useHeard";
import "./page.css";

export default function CommandsPage() {
  const filter: CommandFilter = {
    siteId: param("site"),
    states: statesOf(paramAll("state")),
    commandType: param("type"),
    createdBy: param("by"),
    source: sourceFilter(),
  };
  const pages = usePages(["commands", "recent", filter], async (pageToken, signal) => {
    const answer = await commands.listRecent({ ...filter, states: [...filter.states], pageToken, pageSize: pageToken ? 500 : 100 }, { signal });
    return { rows: answer.commands, nextPageToken: answer.nextPageToken };
  });
  const heard = useHeard();
  const rows = pages.error && pages.rows.length === 0 ? [] : merged(pages.rows, heard, filter, pages.hasMore);
  return (
    <Page
      title="Commands"
      lead="Commands to all devices, newest first. New ones appear at the top by themselves."
      actions={may("operator") && <LinkButton href={href("/runs/new")}>New run</LinkButton>}
    >
      <Filters />
      {pages.error && <Failed error={pages.error} again={pages.again} />}
      {pages.isPending ? (
        <Loading rows={8} />
      ) : rows.length > 0 ? (
        <Table label="Commands" columns={columns} rows={rows} rowKey={(row) => row.commandId} rowHref={(row) => href(`/commands/${row.commandId}`)} hasMore={pages.hasMore} more={pages.more} />
      ) : pages.error ? null : (
        <NoCommands />
      )}
    </Page>
  );
}

function Filters() {
  const sites = useRead(["sites", "choices"], (signal) => registry.listSites({ pageSize: 1_000 }, { signal }));
  const state = stateChoices(paramAll("state"));
  const known = sites.data?.sites ?? [];
  const site = param("site");
  const siteChoices = [
    { value: "", label: "Any site" },
    ...known.map(({ siteId, name }) => ({ value: siteId, label: name && name !== siteId ? `${name} (${siteId})` : siteId })),
    ...(site && !known.some(({ siteId }) => siteId === site) ? [{ value: site, label: site }] : []),
  ];
  return (
    <div class="command-filters">
      <SelectField label="State" value={state.value} choices={state.choices} onChange={(value) => show({ state: value.split(" ") }, "push")} />
      <TypedFilter label="Type" name="type" placeholder="Any type" />
      <SelectField label="Site" value={site} choices={siteChoices} onChange={(value) => show({ site: value }, "push")} />
      <TypedFilter label="Queued by" name="by" placeholder="Any operator" />
    </div>
  );
}

function NoCommands() {
  const isFiltered = [...params.value.keys()].some((name) => ["state", "type", "site", "by"].includes(name));
  if (isFiltered) {
    return (
      <Empty title="No command matches">
        <p>No command matches the filters above and the choice of real or simulated devices.</p>
        <Button onPress={() => show({ state: "", type: "", site: "", by: "" }, "push")}>Show all commands</Button>
      </Empty>
    );
  }
  return (
    <Empty title="No command has been queued yet">
      <p>A command for one device is queued on the device's page; the same one for many devices is a run.</p>
      <LinkButton href={href("/devices")}>Devices</LinkButton>
    </Empty>
  );
}

import { useState } from "preact/hooks";
import { registry } from "~/api/clients/registry";
import { refresh, useRead } from "~/api/query";
import { may } from "~/api/session";
import type { PageProps } from "~/app/pages";
import { href } from "~/app/route";
import { sourcesShown } from "~/app/source";
import type { Site } from "~/gen/homepot/registry/v1/registry_pb";
import { At, Badge, Button, Facts, LinkButton, Notice, Page, Read, toast } from "~/kit";
import { FleetTiles } from "~/parts/fleet/FleetTiles";
import { useFleetNews } from "~/parts/fleet/useFleet";
import { Panel } from "~/parts/Panel";
import { SiteDialog } from "~/parts/site/SiteDialog";
import { Devices } from "./Devices";
import { LaterCharts } from "./LaterCharts";
import { RemoveDialog } from "./RemoveDialog";
import { Updates } from "./Updates";
import "./page.css";

const TRAIL = [["Sites", href("/sites")]] as const;

export default function SitePage({ parts }: PageProps) {
  const siteId = parts.id ?? "";
  const read = useRead(["site", siteId], async (signal) => (await registry.getSite({ siteId }, { signal })).site);
  const [dialog, setDialog] = useState<"edit" | "remove">();
  const close = () => setDialog(undefined);
  const site = read.data;
  return (
    <Page
      title={site?.name ?? siteId}
      beside={site && <Badge>{site.siteId}</Badge>}
      trail={TRAIL}
      lead={site?.description || undefined}
      actions={site && <Actions site={site} onOpen={setDialog} />}
    >
      <Read of={read}>{(known) => known && <Shown site={known} />}</Read>
      {dialog === "edit" && site && (
        <SiteDialog
          site={site}
          onClose={close}
          onDone={() => {
            refresh("site");
            toast("Site saved.");
            close();
          }}
        />
      )}
      {dialog === "remove" && <RemoveDialog siteId={siteId} isRemoved={site?.removedAt !== undefined} onClose={close} />}
    </Page>
  );
}

function Actions({ site, onOpen }: { site: Site; onOpen: (dialog: "edit" | "remove") => void }) {
  const isThere = site.removedAt === undefined;
  return (
    <>
      {isThere && may("admin") && (
        <LinkButton kind="primary" href={href("/enrolment", { site: site.siteId, make: "1" })}>
          Add a device
        </LinkButton>
      )}
      {isThere && may("admin") && <Button onPress={() => onOpen("edit")}>Edit</Button>}
      {may("fleet admin") && (
        <Button kind="danger" onPress={() => onOpen("remove")}>
          {isThere ? "Remove…" : "Remove what is kept…"}
        </Button>
      )}
    </>
  );
}

function Shown({ site }: { site: Site }) {
  if (site.removedAt) {
    return (
      <>
        <Notice tone="warn">
          This site was removed on <At time={site.removedAt} />. The history of its devices is kept until its retention ends, and its id stays taken.
        </Notice>
        <About site={site} />
      </>
    );
  }
  return (
    <>
      <Totals siteId={site.siteId} />
      <LaterCharts siteId={site.siteId} />
      <Devices siteId={site.siteId} />
      <Updates siteId={site.siteId} />
      <About site={site} />
    </>
  );
}

function Totals({ siteId }: { siteId: string }) {
  useFleetNews();
  return (
    <>
      {sourcesShown().map((source) => (
        <FleetTiles key={source} source={source} siteId={siteId} />
      ))}
    </>
  );
}

function About({ site }: { site: Site }) {
  return (
    <Panel title="About this site">
      <Facts
        facts={[
          ["Id", <code>{site.siteId}</code>],
          ["Name", site.name],
          ["Location", site.location],
          ["Description", site.description],
          ["Enrolment without a token", site.openEnrollment ? "Allowed from the server’s own machine, where the server allows it too" : "Not allowed"],
          ["Made", <At time={site.createdAt} />],
          ["Last changed", <At time={site.updatedAt} />],
        ]}
      />
    </Panel>
  );
}

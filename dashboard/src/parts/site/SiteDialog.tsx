import { useState } from "preact/hooks";
import { registry } from "~/api/clients/registry";
import { besides, problem } from "~/api/errors";
import { useChange } from "~/api/query";
import type { Site } from "~/gen/homepot/registry/v1/registry_pb";
import { CheckField, FormDialog, TextField } from "~/kit";

const FIELDS = ["site_id", "name", "location", "description"];

interface SiteDialogProps {
  /** The site to change; left out: one is made. */
  site?: Site;
  onClose: () => void;
  onDone: (site: Site) => void;
}

/** Makes a site or changes one. What the server finds at fault is told at its field. */
export function SiteDialog({ site, onClose, onDone }: SiteDialogProps) {
  const [siteId, setSiteId] = useState(site?.siteId ?? "");
  const [name, setName] = useState(site?.name ?? "");
  const [location, setLocation] = useState(site?.location ?? "");
  const [description, setDescription] = useState(site?.description ?? "");
  const [openEnrollment, setOpenEnrollment] = useState(site?.openEnrollment ?? false);
  const values = { siteId: siteId.trim(), name: name.trim(), location: location.trim(), description: description.trim(), openEnrollment };
  const save = useChange(
    async () => (site ? (await registry.updateSite(changed(site, values))).site : (await registry.createSite(values)).site),
    ["sites"],
    (answer) => answer && onDone(answer),
  );
  const failed = save.error ? problem(save.error) : undefined;
  const fault = (field: string) => failed?.fields[field];
  return (
    <FormDialog
      title={site ? `Edit ${site.siteId}` : "Make a site"}
      action={site ? "Save" : "Make the site"}
      busy={save.isPending}
      problem={besides(failed, FIELDS)}
      ready={values.siteId !== "" && values.name !== ""}
      onSubmit={() => save.mutate(undefined)}
      onClose={onClose}
    >
      {!site && (
        <TextField
          label="Id"
          hint="Letters, digits, “.”, “_” and “-”, such as shop-7. It can’t be changed later."
          value={siteId}
          onInput={setSiteId}
          fault={fault("site_id")}
          required
          autoFocus
        />
      )}
      <TextField label="Name" hint="What people call it." value={name} onInput={setName} fault={fault("name")} required autoFocus={site !== undefined} />
      <TextField label="Location" hint="Such as its street and town. May be left empty." value={location} onInput={setLocation} fault={fault("location")} />
      <TextField label="Description" hint="May be left empty." value={description} onInput={setDescription} fault={fault("description")} lines={3} />
      <CheckField
        label="Devices on the server’s own machine may enrol without a token"
        hint="Works only if the server allows it too (HOMEPOT_OPEN_ENROLLMENT)."
        value={openEnrollment}
        onChange={setOpenEnrollment}
      />
    </FormDialog>
  );
}

type Values = Pick<Site, "siteId" | "name" | "location" | "description" | "openEnrollment">;

/** Only what differs: what somebody else changed meanwhile stays. */
function changed(site: Site, values: Values): Partial<Values> & { siteId: string } {
  const changes: Partial<Values> = {};
  if (values.name !== site.name) changes.name = values.name;
  if (values.location !== site.location) changes.location = values.location;
  if (values.description !== site.description) changes.description = values.description;
  if (values.openEnrollment !== site.openEnrollment) changes.openEnrollment = values.openEnrollment;
  return { siteId: site.siteId, ...changes };
}

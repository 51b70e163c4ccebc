import { useState } from "preact/hooks";
import { me } from "~/api/session";
import { params } from "~/app/route";
import { shown } from "~/app/source";
import { Button, FormDialog, TextField } from "~/kit";
import { faultOf, keep, sameQuery, type View, viewsOf } from "./views";

/** The views that the operator named. The one that is shown can be renamed and deleted. */
export function SavedViews() {
  const [asked, ask] = useState<"save" | "rename" | "delete">();
  const operator = me.value?.operator?.name ?? "";
  const views = viewsOf(operator);
  const query = currentQuery();
  const current = views.find((view) => sameQuery(view.query, query));
  const others = views.filter((view) => view !== current);
  const close = () => ask(undefined);
  const name = (text: string) => keep(operator, [...others, { name: text, query }].sort((one, other) => one.name.localeCompare(other.name)));
  return (
    <nav class="row views" aria-label="Saved views">
      {views.length > 0 && <span class="quiet small">Views</span>}
      {views.map((view) => (
        <a key={view.name} class="facet-choice" href={`#/devices?${view.query}`} aria-current={view === current ? "page" : undefined}>
          {view.name}
        </a>
      ))}
      {current ? (
        <>
          <Button kind="quiet" label={`Rename the view ${current.name}`} onPress={() => ask("rename")}>
            Rename
          </Button>
          <Button kind="quiet" label={`Delete the view ${current.name}`} onPress={() => ask("delete")}>
            Delete
          </Button>
        </>
      ) : (
        <Button kind="quiet" onPress={() => ask("save")}>
          Save this view
        </Button>
      )}
      {asked === "save" && <NameView title="Save this view" action="Save" others={views} onName={name} onClose={close} />}
      {asked === "rename" && current && <NameView title={`Rename “${current.name}”`} action="Rename" before={current.name} others={others} onName={name} onClose={close} />}
      {asked === "delete" && current && (
        <FormDialog
          title={`Delete “${current.name}”`}
          action="Delete"
          kind="danger"
          busy={false}
          onSubmit={() => {
            keep(operator, others);
            close();
          }}
          onClose={close}
        >
          <p>Only the saved name is deleted. The devices and this page stay as they are.</p>
        </FormDialog>
      )}
    </nav>
  );
}

/** The address says whose devices it shows, so that the view shows the same whatever the switch is set to. */
function currentQuery(): string {
  const query = new URLSearchParams(params.value);
  query.set("source", shown.value);
  return query.toString();
}

interface NameViewProps {
  title: string;
  action: string;
  before?: string;
  others: readonly View[];
  onName: (name: string) => void;
  onClose: () => void;
}

function NameView({ title, action, before = "", others, onName, onClose }: NameViewProps) {
  const [name, setName] = useState(before);
  const [isTried, setTried] = useState(false);
  const fault = faultOf(name, others);
  const submit = () => {
    setTried(true);
    if (fault) return;
    onName(name.trim());
    onClose();
  };
  return (
    <FormDialog title={title} action={action} busy={false} onSubmit={submit} onClose={onClose}>
      <TextField label="Name" hint="It is kept in this browser, for you alone." value={name} onInput={setName} fault={isTried ? fault : undefined} autoFocus />
    </FormDialog>
  );
}

import { useId } from "preact/hooks";
import { CheckField, Notice, TextField } from "~/kit";
import { known, type Offer, offers, warning } from "./catalogue";
import { asJson, type Draft, type DraftFaults, faults, writesJson } from "./draft";
import "./command-form.css";

interface CommandFormProps {
  draft: Draft;
  onChange: (draft: Draft) => void;
  /** What the device declared; empty: it declared nothing, or there are several devices. */
  capabilities: readonly string[];
  /** Whether a run brings it. */
  isRun?: boolean;
  /** What the server said of the fields. */
  refused: DraftFaults;
}

/** What to do, with what, and in which time: for one device and for many. */
export function CommandForm({ draft, onChange, capabilities, isRun = false, refused }: CommandFormProps) {
  const fault = { ...refused, ...faults(draft) };
  const change = (part: Partial<Draft>) => onChange({ ...draft, ...part });
  const danger = warning(draft.type);
  return (
    <>
      <TypeChoice draft={draft} onChange={change} capabilities={capabilities} isRun={isRun} fault={fault.type} />
      {danger && <Notice tone="warn">{danger}</Notice>}
      {draft.type.trim() !== "" && <Payload draft={draft} onChange={onChange} fault={fault} />}
      <div class="grid">
        <TextField
          label="Starts within"
          hint="Its time to live: it never starts later than this. 1 s to 30 d."
          value={draft.timeToLive}
          fault={fault.timeToLive}
          onInput={(timeToLive) => change({ timeToLive })}
        />
        <TextField
          label="Runs for at most"
          hint="Counted from its start. 1 s to 1 d."
          value={draft.runTimeout}
          fault={fault.runTimeout}
          onInput={(runTimeout) => change({ runTimeout })}
        />
      </div>
    </>
  );
}

interface TypeChoiceProps {
  draft: Draft;
  onChange: (part: Partial<Draft>) => void;
  capabilities: readonly string[];
  isRun: boolean;
  fault: string | undefined;
}

function TypeChoice({ draft, onChange, capabilities, isRun, fault }: TypeChoiceProps) {
  const hasDeclared = capabilities.length > 0;
  return (
    <fieldset class="type-choice">
      <legend>What to do</legend>
      {offers(capabilities, isRun).map((offer) => (
        <OneType key={offer.name} offer={offer} isChosen={!draft.isOther && draft.type === offer.name} onChoose={() => onChange({ type: offer.name, isOther: false, isJson: false })} />
      ))}
      {!hasDeclared && (
        <OneType
          offer={{ name: "Another type", about: "A type that HOMEPOT does not know, such as one of an application." }}
          isType={false}
          isChosen={draft.isOther}
          onChoose={() => onChange({ type: "", isOther: true, isJson: false })}
        />
      )}
      {draft.isOther && <TextField label="Type" hint="As the device knows it, such as UPDATE_POS." value={draft.type} fault={fault} onInput={(type) => onChange({ type })} autoFocus />}
      {!draft.isOther && fault && (
        <div class="fault" role="alert">
          {fault}
        </div>
      )}
    </fieldset>
  );
}

interface OneTypeProps {
  offer: Offer;
  /** Whether its name is that of a type, to be read letter by letter. */
  isType?: boolean;
  isChosen: boolean;
  onChoose: () => void;
}

function OneType({ offer, isType = true, isChosen, onChoose }: OneTypeProps) {
  const id = useId();
  return (
    <div class="check">
      <input id={id} type="radio" name="command-type" checked={isChosen} disabled={offer.whyNot !== undefined} aria-describedby={`${id}-about`} onChange={onChoose} />
      <div>
        <label for={id} class={isType ? "mono" : undefined}>
          {offer.name}
        </label>
        <div id={`${id}-about`} class="quiet small">
          {offer.whyNot ? `${offer.about} ${offer.whyNot}` : [offer.about, known(offer.name)?.note].filter(Boolean).join(" ")}
        </div>
      </div>
    </div>
  );
}

interface PayloadProps {
  draft: Draft;
  onChange: (draft: Draft) => void;
  fault: DraftFaults;
}

/** The form that the catalogue has for the type, or JSON; for a type that HOMEPOT does not know, JSON alone. */
function Payload({ draft, onChange, fault }: PayloadProps) {
  const type = known(draft.type);
  const isJson = writesJson(draft);
  return (
    <>
      {isJson ? (
        <TextField label="Payload" hint={type?.json ?? "A JSON object. Empty: none."} lines={5} placeholder="{}" value={draft.json} fault={fault.json} onInput={(json) => onChange({ ...draft, json })} />
      ) : (
        type?.fields.map((field) => (
          <TextField
            key={field.name}
            label={field.label}
            hint={field.hint}
            value={draft.values[field.name] ?? ""}
            fault={fault[`value ${field.name}`] ?? fault.json}
            onInput={(value) => onChange({ ...draft, values: { ...draft.values, [field.name]: value } })}
          />
        ))
      )}
      {type && type.json === undefined && (
        <CheckField
          label="Write the payload as JSON"
          hint={type.fields.length > 0 ? undefined : "This type needs no payload."}
          value={isJson}
          onChange={(wanted) => onChange(asJson(draft, wanted))}
        />
      )}
    </>
  );
}

import { useEffect, useId, useState } from "preact/hooks";
import { registry } from "~/api/clients/registry";
import { useRead } from "~/api/query";
import { sourceFilter } from "~/app/source";
import { Button, SourceBadge } from "~/kit";

interface DevicePickerProps {
  chosen: readonly string[];
  most: number;
  onChange: (deviceIds: string[]) => void;
}

const SUGGESTIONS = 8;
const PAUSE_MS = 200;

/** A field that suggests devices as one types, and beneath it those that are chosen. */
export function DevicePicker({ chosen, most, onChange }: DevicePickerProps) {
  const isFull = chosen.length >= most;
  return (
    <div class="device-picker">
      <Finder chosen={chosen} isFull={isFull} most={most} add={(id) => onChange([...chosen, id])} />
      {chosen.length > 0 && (
        <ul aria-label="Chosen devices">
          {chosen.map((id) => (
            <li key={id}>
              {id}
              <Button kind="quiet" label={`Leave out ${id}`} onPress={() => onChange(chosen.filter((one) => one !== id))}>
                ✕
              </Button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function useSuggestions(text: string, chosen: readonly string[], isAsked: boolean) {
  const [search, setSearch] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSearch(text.trim()), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text]);
  const source = sourceFilter();
  const found = useRead(["devices", "suggestions", search, source], (signal) => registry.listDevices({ search, source, pageSize: SUGGESTIONS + chosen.length }, { signal }), { enabled: isAsked });
  return (found.data?.devices ?? []).filter(({ deviceId }) => !chosen.includes(deviceId)).slice(0, SUGGESTIONS);
}

function Finder({ chosen, isFull, most, add }: { chosen: readonly string[]; isFull: boolean; most: number; add: (id: string) => void }) {
  const id = useId();
  const [text, setText] = useState("");
  const [isOpen, setOpen] = useState(false);
  const [at, setAt] = useState(-1);
  const found = useSuggestions(text, chosen, isOpen);
  const take = (deviceId: string) => {
    add(deviceId);
    setText("");
    setAt(-1);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      setOpen(true);
      setAt(Math.max(-1, Math.min(found.length - 1, at + step)));
    }
    if (event.key === "Escape") setOpen(false);
    const picked = found[at]?.deviceId ?? text.trim();
    if (event.key === "Enter" && picked !== "" && !chosen.includes(picked)) {
      event.preventDefault();
      take(picked);
    }
  };
  const list = isOpen && !isFull && found.length > 0;
  return (
    <div class="field">
      <label for={id}>Devices</label>
      <input
        id={id}
        role="combobox"
        autocomplete="off"
        spellcheck={false}
        value={text}
        disabled={isFull}
        placeholder={isFull ? `${most} are the most` : "Type to find a device"}
        aria-expanded={list}
        aria-controls={`${id}-list`}
        aria-autocomplete="list"
        aria-activedescendant={list && at >= 0 ? `${id}-${at}` : undefined}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setOpen(true);
          setAt(-1);
        }}
        onFocus={() => setOpen(true)}
        onBlur={() => setOpen(false)}
        onKeyDown={onKeyDown}
      />
      <ul id={`${id}-list`} role="listbox" aria-label="Devices found" hidden={!list}>
        {found.map(({ deviceId, siteId, source }, index) => (
          // The field keeps the focus, so that the list stays until the click is done.
          <li key={deviceId} id={`${id}-${index}`} role="option" aria-selected={index === at} onMouseDown={(event) => event.preventDefault()} onClick={() => take(deviceId)}>
            <span>
              {deviceId} <span class="quiet small">{siteId}</span>
            </span>
            <SourceBadge source={source} />
          </li>
        ))}
      </ul>
    </div>
  );
}

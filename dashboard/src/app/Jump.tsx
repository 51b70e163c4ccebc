import { signal } from "@preact/signals";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { problem } from "~/api/errors";
import { useRead } from "~/api/query";
import { registry } from "~/api/clients/registry";
import { Dialog } from "~/kit";
import { useSettled } from "~/kit/settled";
import { isMeant, type Place, placesFor } from "./places";

const isOpen = signal(false);
const DEVICES = 8;
const isApple = /mac|iphone|ipad/i.test(navigator.userAgent);

export function JumpButton() {
  return (
    <button type="button" class="button" title={`Go to a page, a site or a device (${isApple ? "⌘" : "Ctrl-"}K)`} aria-keyshortcuts={isApple ? "Meta+K" : "Control+K"} onClick={() => (isOpen.value = true)}>
      <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round">
        <circle cx="7" cy="7" r="4.5" />
        <path d="m10.5 10.5 3.5 3.5" />
      </svg>
      <span class="hidden-visually">Search</span>
      <span class="jump-words" aria-hidden="true">
        Search <kbd>{isApple ? "⌘" : "Ctrl"} K</kbd>
      </span>
    </button>
  );
}

/** Ctrl-K: to any page, site, device or action by what its name holds. */
export function Jump() {
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (!(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey || event.key.toLowerCase() !== "k") return;
      event.preventDefault();
      // Not over another window: going elsewhere would lose what is typed there.
      if (!document.querySelector("dialog[open]")) isOpen.value = true;
    };
    window.addEventListener("keydown", listen);
    return () => window.removeEventListener("keydown", listen);
  }, []);
  return isOpen.value ? <Finder /> : null;
}

function Finder() {
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState(0);
  const list = useId();
  const { places, state } = useFound(text);
  const pick = Math.min(chosen, places.length - 1);
  const close = () => (isOpen.value = false);
  const goTo = (place: Place | undefined) => {
    if (!place) return;
    close();
    location.hash = place.address;
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined && places.length > 0) {
      event.preventDefault();
      setChosen((pick + step + places.length) % places.length);
    }
    if (event.key === "Enter" && !event.isComposing) goTo(places[pick]);
  };
  const onInput = (event: { currentTarget: HTMLInputElement }) => {
    setText(event.currentTarget.value);
    setChosen(0);
  };
  return (
    <Dialog title="Go to" onClose={close}>
      <div class="jump stack">
        <input
          class="input"
          type="text"
          role="combobox"
          autofocus
          autocomplete="off"
          spellcheck={false}
          placeholder="A page, a site, a device or an action"
          aria-label="Where to"
          aria-autocomplete="list"
          aria-expanded={places.length > 0}
          aria-controls={list}
          aria-activedescendant={places[pick] && `${list}-${pick}`}
          value={text}
          onInput={onInput}
          onKeyDown={onKeyDown}
        />
        <div id={list} role="listbox" aria-label="Places">
          {places.map((place, index) => (
            <Option key={place.address} id={`${list}-${index}`} place={place} isPicked={index === pick} onPick={() => goTo(place)} />
          ))}
        </div>
        <p class="quiet small" role="status">
          {state}
        </p>
      </div>
    </Dialog>
  );
}

function Option({ id, place, isPicked, onPick }: { id: string; place: Place; isPicked: boolean; onPick: () => void }) {
  const option = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (isPicked) option.current?.scrollIntoView({ block: "nearest" });
  }, [isPicked]);
  return (
    <div ref={option} id={id} role="option" aria-selected={isPicked} onClick={onPick}>
      <span>{place.name}</span>
      <span class="quiet">{place.kind}</span>
    </div>
  );
}

/** What matches, and one sentence on how far the search is. */
function useFound(text: string): { places: Place[]; state: string } {
  const typed = useSettled(text.trim());
  const sites = useRead(["sites", "jump"], (signal) => registry.listSites({ pageSize: 1000 }, { signal }));
  const devices = useRead(["devices", "jump", typed], (signal) => registry.listDevices({ search: typed, pageSize: DEVICES }, { signal }), { enabled: typed !== "" });
  const found = (devices.data?.devices ?? []).filter((device) => isMeant(device, text));
  const places = placesFor(text, sites.data?.sites ?? [], text.trim() === "" ? [] : found);
  const error = devices.error ?? sites.error;
  if (error) return { places, state: problem(error).message };
  if (text.trim() !== "" && (typed !== text.trim() || devices.isPending)) return { places, state: "Searching the devices…" };
  return { places, state: `${places.length} ${places.length === 1 ? "place" : "places"}. Arrow keys choose, Enter goes there.` };
}

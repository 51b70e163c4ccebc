import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { useRead } from "~/api/query";
import { registry } from "~/api/clients";
import { may } from "~/api/session";
import { Dialog } from "~/kit";
import { PAGES } from "./pages";
import { href } from "./route";

const isOpen = signal(false);

export function openJump(): void {
  isOpen.value = true;
}

interface Place {
  name: string;
  kind: string;
  address: string;
}

/** Ctrl-K: to any page, device or site by what its name holds. */
export function Jump() {
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        openJump();
      }
    };
    window.addEventListener("keydown", listen);
    return () => window.removeEventListener("keydown", listen);
  }, []);
  return isOpen.value ? <Finder /> : null;
}

function Finder() {
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState(0);
  const sites = useRead(["sites", "jump"], (signal) => registry.listSites({ pageSize: 1000 }, { signal }));
  const exact = useRead(["devices", "jump", text], (signal) => registry.getDevice({ deviceId: text }, { signal }), { enabled: /^[A-Za-z0-9][\w.:-]*$/.test(text) });
  const close = () => (isOpen.value = false);
  const found = places(text, sites.data?.sites ?? [], exact.data?.device?.deviceId);
  const pick = Math.min(chosen, found.length - 1);
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      setChosen(Math.max(0, Math.min(found.length - 1, pick + step)));
    }
    const place = found[pick];
    if (event.key === "Enter" && place) {
      location.hash = place.address;
      close();
    }
  };
  return (
    <Dialog title="Go to" onClose={close}>
      <div class="jump stack" onKeyDown={onKeyDown}>
        <input class="input" type="search" autofocus placeholder="A page, a site, or the id of a device" aria-label="Where to" value={text} onInput={(event) => setText(event.currentTarget.value)} />
        <ul role="listbox" aria-label="Places">
          {found.map((place, index) => (
            <li key={place.address} role="option" aria-selected={index === pick}>
              <a href={place.address} tabIndex={-1} onClick={close}>
                {place.name} <span class="quiet">{place.kind}</span>
              </a>
            </li>
          ))}
        </ul>
      </div>
    </Dialog>
  );
}

function places(text: string, sites: readonly { siteId: string; name: string }[], deviceId: string | undefined): Place[] {
  const all: Place[] = [
    ...(deviceId ? [{ name: deviceId, kind: "Device", address: href(`/devices/${encodeURIComponent(deviceId)}`) }] : []),
    ...PAGES.filter((page) => page.menu && may(page.who)).map((page) => ({ name: page.menu?.name ?? "", kind: "Page", address: href(page.at) })),
    ...sites.map((site) => ({ name: site.name || site.siteId, kind: `Site ${site.siteId}`, address: href(`/sites/${encodeURIComponent(site.siteId)}`) })),
    ...(text ? [{ name: `Devices that match “${text}”`, kind: "Search", address: href("/devices", { search: text }) }] : []),
  ];
  const wanted = text.toLowerCase();
  return all.filter((place) => `${place.name} ${place.kind}`.toLowerCase().includes(wanted)).slice(0, 30);
}

import { useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import { Account } from "./Account";
import { useBusy } from "./busy";
import { Connection } from "./Connection";
import { Jump, JumpButton } from "./Jump";
import { Menu, MenuButton } from "./Menu";
import { Outlet } from "./Outlet";
import { href } from "./route";
import { nameSource } from "./source";
import { SourceSwitch } from "./SourceSwitch";
import "./frame.css";

/** What stands around each page: the menu, who looks, whether what is shown is live. */
export function Frame() {
  useSignalEffect(nameSource);
  const main = useRef<HTMLElement>(null);
  useBusy(main);
  return (
    <div class="frame">
      <a class="skip" href="#main" onClick={skip}>
        Skip to the page
      </a>
      <header class="bar">
        <MenuButton />
        <a class="brand" href={href("/")} aria-label="HOMEPOT, overview">
          <img src="/icon.svg" alt="" width="24" height="24" /> <span>HOMEPOT</span>
        </a>
        <Connection />
        <span class="fill" />
        <JumpButton />
        <SourceSwitch />
        <Account />
      </header>
      <Menu />
      <main ref={main} id="main" class="main" tabIndex={-1}>
        <Outlet />
      </main>
      <Jump />
    </div>
  );
}

/** The address's `#` is the page's own, so an ordinary link to a place within it can't be used. */
function skip(event: Event): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

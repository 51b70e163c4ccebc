import { signal } from "@preact/signals";
import { me, may, signOut } from "~/api/session";
import { Button } from "~/kit";
import { Connection } from "./Connection";
import { Jump, openJump } from "./Jump";
import { Outlet } from "./Outlet";
import { PAGES } from "./pages";
import { href, path } from "./route";
import { SourceSwitch } from "./SourceSwitch";
import "./frame.css";

const isMenuOpen = signal(false);
const GROUPS = ["Look", "Act", "Manage"] as const;

/** What stands around each page: the menu, who looks, whether what is shown is live. */
export function Frame() {
  return (
    <div class="frame">
      <a class="skip" href="#main" onClick={skip}>
        Skip to the page
      </a>
      <header class="bar">
        <Button kind="quiet" label="Menu" onPress={() => (isMenuOpen.value = !isMenuOpen.value)}>
          ☰
        </Button>
        <a class="brand" href={href("/")}>
          <img src="/icon.svg" alt="" width="24" height="24" /> HOMEPOT
        </a>
        <Connection />
        <span class="fill" />
        <Button onPress={openJump} label="Go to a page, a device or a site (Ctrl-K)">
          Search <kbd>Ctrl K</kbd>
        </Button>
        <SourceSwitch />
        <a href={href("/me")}>{me.value?.operator?.name}</a>
        <Button kind="quiet" onPress={() => void signOut()}>
          Sign out
        </Button>
      </header>
      <nav class="menu" data-open={isMenuOpen.value || undefined} aria-label="Pages" onClick={() => (isMenuOpen.value = false)}>
        {GROUPS.map((group) => (
          <MenuGroup key={group} group={group} />
        ))}
      </nav>
      <main id="main" class="main" tabIndex={-1}>
        <Outlet />
      </main>
      <Jump />
    </div>
  );
}

function MenuGroup({ group }: { group: (typeof GROUPS)[number] }) {
  const pages = PAGES.filter((page) => page.menu?.group === group && may(page.who));
  if (pages.length === 0) return null;
  return (
    <section>
      <h2>{group}</h2>
      {pages.map((page) => (
        <a key={page.at} href={href(page.at)} aria-current={isUnder(page.at, path.value) ? "page" : undefined}>
          {page.menu?.name}
        </a>
      ))}
    </section>
  );
}

function isUnder(at: string, now: string): boolean {
  return at === "/" ? now === "/" : now === at || now.startsWith(`${at}/`);
}

/** The address's `#` is the page's own, so an ordinary link to a place within it can't be used. */
function skip(event: Event): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

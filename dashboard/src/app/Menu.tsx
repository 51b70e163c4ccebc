import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { may } from "~/api/session";
import { Account } from "./Account";
import { isUnder, PAGES, type PageEntry } from "./pages";
import { href, path } from "./route";

/** Where the screen is narrow, the menu is a drawer; elsewhere it always stands beside the page. */
const isOpen = signal(false);
const GROUPS = ["Look", "Act", "Manage"] as const;
const ID = "menu";

export function MenuButton() {
  return (
    <button type="button" class="button menu-button" data-kind="quiet" aria-label="Menu" aria-expanded={isOpen.value} aria-controls={ID} onClick={() => (isOpen.value = !isOpen.value)}>
      <svg viewBox="0 0 16 16" width="18" height="18" aria-hidden="true" stroke="currentColor" stroke-width="1.75" stroke-linecap="round">
        <path d="M2 4h12M2 8h12M2 12h12" />
      </svg>
    </button>
  );
}

export function Menu() {
  const nav = useRef<HTMLElement>(null);
  useDrawer(nav, isOpen.value);
  return (
    <>
      {isOpen.value && <div class="menu-shade" onClick={() => (isOpen.value = false)} />}
      <nav ref={nav} id={ID} class="menu" data-open={isOpen.value || undefined} aria-label="Pages">
        {GROUPS.map((group) => (
          <MenuGroup key={group} group={group} />
        ))}
        <Account />
      </nav>
    </>
  );
}

/** An open drawer takes the focus, and gives it back when Escape closes it; a link within, or going elsewhere, closes it too. */
function useDrawer(nav: { current: HTMLElement | null }, isShown: boolean): void {
  useEffect(() => {
    if (!isShown) return;
    const links = nav.current;
    (links?.querySelector<HTMLElement>("[aria-current]") ?? links?.querySelector("a"))?.focus();
    const close = () => (isOpen.value = false);
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.key !== "Escape") return;
      close();
      document.querySelector<HTMLElement>(`[aria-controls=${ID}]`)?.focus();
    };
    const onFocusOut = (event: FocusEvent) => {
      if (event.relatedTarget instanceof Node && !links?.contains(event.relatedTarget)) close();
    };
    const onClick = (event: MouseEvent) => {
      if (event.target instanceof Element && event.target.closest("a")) close();
    };
    document.addEventListener("keydown", onKeyDown);
    links?.addEventListener("focusout", onFocusOut);
    links?.addEventListener("click", onClick);
    window.addEventListener("hashchange", close);
    return () => {
      document.removeEventListener("keydown", onKeyDown);
      links?.removeEventListener("focusout", onFocusOut);
      links?.removeEventListener("click", onClick);
      window.removeEventListener("hashchange", close);
    };
  }, [isShown]);
}

function MenuGroup({ group }: { group: (typeof GROUPS)[number] }) {
  const pages = PAGES.filter((page) => page.menu?.group === group && may(page.who));
  if (pages.length === 0) return null;
  return (
    <section aria-labelledby={`${ID}-${group}`}>
      <h2 id={`${ID}-${group}`}>{group}</h2>
      {pages.map((page) => (
        <MenuLink key={page.at} page={page} />
      ))}
    </section>
  );
}

function MenuLink({ page }: { page: PageEntry }) {
  return (
    <a href={href(page.at)} aria-current={isUnder(page.at, path.value) ? "page" : undefined}>
      {page.menu?.name}
    </a>
  );
}

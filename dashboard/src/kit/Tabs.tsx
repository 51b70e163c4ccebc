import { useEffect, useRef } from "preact/hooks";

/** The views of one thing. Each has an address. The one that is shown is in sight, also where not all have room. */
export function Tabs({ label, tabs, current }: { label: string; tabs: readonly { name: string; href: string; key: string }[]; current: string }) {
  const strip = useRef<HTMLElement>(null);
  useEffect(() => {
    const shown = strip.current?.querySelector<HTMLElement>("[aria-current]");
    if (strip.current && shown) strip.current.scrollLeft = shown.offsetLeft - strip.current.offsetLeft - strip.current.clientWidth / 3;
  }, [current]);
  return (
    <nav ref={strip} class="tabs" aria-label={label}>
      {tabs.map((tab) => (
        <a key={tab.key} href={tab.href} aria-current={tab.key === current ? "page" : undefined}>
          {tab.name}
        </a>
      ))}
    </nav>
  );
}

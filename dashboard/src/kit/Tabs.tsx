/** The views of one thing. Each has an address. */
export function Tabs({ label, tabs, current }: { label: string; tabs: readonly { name: string; href: string; key: string }[]; current: string }) {
  return (
    <nav class="tabs" aria-label={label}>
      {tabs.map((tab) => (
        <a key={tab.key} href={tab.href} aria-current={tab.key === current ? "page" : undefined}>
          {tab.name}
        </a>
      ))}
    </nav>
  );
}

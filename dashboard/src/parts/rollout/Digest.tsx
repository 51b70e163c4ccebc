/** The beginning of a SHA-256, which is enough to tell two apart; the whole of it on hover and for screen readers. */
export function Digest({ sha256, none = "nothing" }: { sha256: string; none?: string }) {
  if (sha256 === "") return <span class="quiet">{none}</span>;
  return (
    <abbr class="mono" title={sha256}>
      {sha256.slice(0, 8)}
    </abbr>
  );
}

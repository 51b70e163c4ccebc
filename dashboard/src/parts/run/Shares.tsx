import { figure, type Part } from "./progress";
import { ShareMark } from "./RunBar";

interface SharesProps {
  parts: readonly (Part & { href: string })[];
  total: number;
  totalHref: string;
}

/** The numbers of a bar, each with its pattern and a link to the devices that it counts. */
export function Shares({ parts, total, totalHref }: SharesProps) {
  return (
    <ul class="shares">
      {parts.map(({ share, word, count, href }) => (
        <li key={share}>
          <ShareMark share={share} />
          <strong>{figure(count)}</strong>
          {count > 0 ? <a href={href}>{word}</a> : <span class="quiet">{word}</span>}
        </li>
      ))}
      <li>
        <strong>{figure(total)}</strong>
        <a href={totalHref}>devices in all</a>
      </li>
    </ul>
  );
}

import { useState } from "preact/hooks";
import type { SummarizeFleetResponse } from "~/gen/homepot/registry/v1/registry_pb";
import { Button } from "~/kit";
import { link } from "./address";
import { type Choice, choices, choiceWord, type Facet, FACETS, facetWord, figure, type Filter, sourceWord } from "./filter";

const SHOWN_AT_FIRST = 8;

/** What can be chosen, with how many devices there are of each; `isPrevious`: of another filter, until this one's are counted. A facet that is chosen stands among the chips instead. */
export function Facets({ filter, summaries, isPrevious }: { filter: Filter; summaries: readonly SummarizeFleetResponse[]; isPrevious: boolean }) {
  const open = FACETS.filter((facet) => filter[facet] === "");
  if (open.length === 0) return null;
  return (
    <div class="facets" data-previous={isPrevious || undefined}>
      {open.map((facet) => (
        <FacetRow key={facet} facet={facet} summaries={summaries} />
      ))}
    </div>
  );
}

function FacetRow({ facet, summaries }: { facet: Facet; summaries: readonly SummarizeFleetResponse[] }) {
  const [isWhole, setWhole] = useState(false);
  const all = choices(facet, summaries);
  const rest = all.length - SHOWN_AT_FIRST;
  const untold = Math.max(0, ...summaries.map((summary) => ({ status: 0, type: summary.deviceTypesLeftOut, site: summary.sitesLeftOut, access: 0 })[facet]));
  if (all.length === 0) return null;
  return (
    <div class="facet" role="group" aria-label={facetWord(facet)}>
      <span class="quiet small">{facetWord(facet)}</span>
      <div class="row">
        {(isWhole ? all : all.slice(0, SHOWN_AT_FIRST)).map((choice) => (
          <FacetLink key={choice.value} facet={facet} choice={choice} isOneSource={summaries.length === 1} />
        ))}
        {rest > 0 && (
          <Button kind="quiet" onPress={() => setWhole(!isWhole)}>
            {isWhole ? "Fewer" : `${rest} more`}
          </Button>
        )}
        {isWhole && untold > 0 && <span class="quiet small">{figure(untold)} more have fewer devices each; search for them.</span>}
      </div>
    </div>
  );
}

function FacetLink({ facet, choice, isOneSource }: { facet: Facet; choice: Choice; isOneSource: boolean }) {
  const told = choice.counts.map(({ source, devices }) => (isOneSource ? figure(devices) : `${figure(devices)} ${sourceWord(source)}`));
  const isNone = choice.counts.every(({ devices }) => devices === 0n);
  const content = (
    <>
      {choiceWord(facet, choice.value)} <span class="count">{told.join(" · ")}</span>
    </>
  );
  return isNone ? (
    <span class="facet-choice" data-none>
      {content}
    </span>
  ) : (
    <a class="facet-choice" href={link({ [facet]: choice.value })}>
      {content}
    </a>
  );
}

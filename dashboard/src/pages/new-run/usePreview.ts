import { commands } from "~/api/clients/commands";
import { usePages } from "~/api/query";
import type { PreviewRunResponse } from "~/gen/homepot/command/v1/command_pb";
import { useSettled } from "~/kit/settled";
import type { TargetInit } from "~/parts/target/target";

/** Who is reached now, by the server; asked once one pauses with typing. */
export function usePreview(target: TargetInit | undefined, commandType: string) {
  const asked = useSettled(JSON.stringify({ target, commandType }), 400);
  const isCurrent = asked === JSON.stringify({ target, commandType });
  const pages = usePages<PreviewRunResponse>(
    ["run-preview", asked],
    async (pageToken, signal) => {
      const answer = await commands.previewRun({ target, commandType, pageToken, pageSize: 100 }, { signal });
      return { rows: [answer], nextPageToken: answer.nextPageToken };
    },
    { enabled: target !== undefined && isCurrent },
  );
  // The newest page has the newest numbers.
  const numbers = isCurrent && !pages.error ? pages.rows.at(-1) : undefined;
  return { ...pages, numbers, devices: pages.rows.flatMap((page) => page.devices), isCurrent };
}

export type Preview = ReturnType<typeof usePreview>;

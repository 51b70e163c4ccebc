import type { Problem } from "~/api/errors";
import { Button, LinkButton, Notice, TextField } from "~/kit";
import { devicesWord, figure } from "~/parts/run/progress";

interface StartFormProps {
  /** What the button says once it can be pressed, such as "Start PING for 2 devices". */
  action: string;
  /** Why it can't be pressed yet. */
  missing: string;
  total: number | undefined;
  /** How many the target had when the start was refused because it has others by now. */
  countBefore: number | undefined;
  isHarmful?: boolean;
  isReady: boolean;
  /** What has to be typed; empty: nothing. */
  phrase: string;
  hint: string;
  typed: string;
  onType: (typed: string) => void;
  isBusy: boolean;
  refusal: Problem | undefined;
  onStart: () => void;
  /** Where it is left to without a start. */
  leaveTo: string;
}

/** The last question, and the button that starts it. */
export function StartForm({ action, missing, total, countBefore, isHarmful = false, isReady, phrase, hint, typed, onType, isBusy, refusal, onStart, leaveTo }: StartFormProps) {
  const isMeant = phrase === "" || typed.trim() === phrase;
  const submit = (event: Event) => {
    event.preventDefault();
    if (isReady && isMeant && !isBusy) onStart();
  };
  return (
    <form class="card stack" onSubmit={submit} noValidate>
      <h2>Start</h2>
      {!isReady && <p class="quiet">{missing}</p>}
      {countBefore !== undefined && <Notice tone="warn">{changed(countBefore, total)}</Notice>}
      {isReady && phrase !== "" && <TextField label={`Type ${phrase} to go on`} hint={hint} value={typed} onInput={onType} autoComplete="off" />}
      {refusal && countBefore === undefined && <Notice tone="bad">{refusal.message}</Notice>}
      <div class="row">
        <Button type="submit" kind={isHarmful ? "danger" : "primary"} busy={isBusy} disabled={!isReady || !isMeant}>
          {isReady ? action : "Start"}
        </Button>
        <LinkButton href={leaveTo}>Leave</LinkButton>
      </div>
    </form>
  );
}

function changed(before: number, total: number | undefined): string {
  const now = total === undefined || total === before ? "" : ` Now it is ${figure(total)}.`;
  return `Nothing was started: the target had ${devicesWord(before)} when you looked, and has other devices by now.${now} Check the list again, and type the number again.`;
}

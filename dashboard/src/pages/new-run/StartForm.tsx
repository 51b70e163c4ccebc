import type { Problem } from "~/api/errors";
import { href } from "~/app/route";
import { Button, LinkButton, Notice, TextField } from "~/kit";
import { devicesWord, figure } from "~/parts/run/progress";

interface StartFormProps {
  total: number | undefined;
  /** How many the target had when the start was refused because it has others by now. */
  countBefore: number | undefined;
  commandType: string | undefined;
  isHarmful: boolean;
  isReady: boolean;
  /** What has to be typed; empty: nothing. */
  phrase: string;
  typed: string;
  onType: (typed: string) => void;
  isBusy: boolean;
  refusal: Problem | undefined;
  onStart: () => void;
}

/** The last question, and the button that starts it. */
export function StartForm({ total, countBefore, commandType, isHarmful, isReady, phrase, typed, onType, isBusy, refusal, onStart }: StartFormProps) {
  const isMeant = phrase === "" || typed.trim() === phrase;
  const submit = (event: Event) => {
    event.preventDefault();
    if (isReady && isMeant && !isBusy) onStart();
  };
  return (
    <form class="card stack" onSubmit={submit} noValidate>
      <h2>Start</h2>
      {!isReady && <p class="quiet">{missing(total, commandType)}</p>}
      {countBefore !== undefined && <Notice tone="warn">{changed(countBefore, total)}</Notice>}
      {isReady && phrase !== "" && <TextField label={`Type ${phrase} to go on`} hint={hint(phrase, isHarmful)} value={typed} onInput={onType} autoComplete="off" />}
      {refusal && countBefore === undefined && <Notice tone="bad">{refusal.message}</Notice>}
      <div class="row">
        <Button type="submit" kind={isHarmful ? "danger" : "primary"} busy={isBusy} disabled={!isReady || !isMeant}>
          {isReady ? `Start ${commandType} for ${devicesWord(total ?? 0)}` : "Start"}
        </Button>
        <LinkButton href={href("/runs")}>Leave</LinkButton>
      </div>
    </form>
  );
}

function missing(total: number | undefined, commandType: string | undefined): string {
  if (total === 0) return "It would reach no device.";
  if (total === undefined) return "It can be started once its devices are listed.";
  return commandType === undefined ? "Choose a command." : "Correct the fields that are marked above.";
}

function changed(before: number, total: number | undefined): string {
  const now = total === undefined || total === before ? "" : ` Now it is ${figure(total)}.`;
  return `Nothing was started: the target had ${devicesWord(before)} when you looked, and has other devices by now.${now} Check the list again, and type the number again.`;
}

function hint(phrase: string, isHarmful: boolean): string {
  if (!isHarmful) return "How many devices it reaches, those that would be skipped included.";
  return /\s/.test(phrase) ? "The command and how many devices it reaches, because it can't be undone." : "The device that it reaches, because it can't be undone.";
}

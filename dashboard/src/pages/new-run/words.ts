/** What the start of a run says and asks. */

/** What has to be typed before the start, so that it is meant; empty: nothing. */
export function phrase(devices: number, commandType: string, isHarmful: boolean, only: string | undefined): string {
  if (devices === 1) return isHarmful ? (only ?? commandType) : "";
  return isHarmful ? `${commandType} ${devices}` : String(devices);
}

/** Why the phrase has to be typed. */
export function phraseHint(phrase: string, isHarmful: boolean): string {
  if (!isHarmful) return "How many devices it reaches, those that would be skipped included.";
  return /\s/.test(phrase) ? "The command and how many devices it reaches, because it can't be undone." : "The device that it reaches, because it can't be undone.";
}

/** Why it can't be started yet. */
export function missing(total: number | undefined, commandType: string | undefined): string {
  if (total === 0) return "It would reach no device.";
  if (total === undefined) return "It can be started once its devices are listed.";
  return commandType === undefined ? "Choose a command." : "Correct the fields that are marked above.";
}

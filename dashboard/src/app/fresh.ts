/** Step-up: what reaches the whole fleet, or makes tokens, wants a sign-in that is not older than some minutes. */
import { signal } from "@preact/signals";

interface Asked {
  why: string;
  answer: (isSignedIn: boolean) => void;
}

export const asked = signal<Asked | undefined>(undefined);

/**
 * Shows the sign-in over the page, which stays as it is; answers whether there was one. For calls that were refused with the reason
 * SIGN_IN_AGAIN, which pass afterwards.
 */
export function askFreshSignIn(why = "This reaches the whole fleet: sign in again to go on."): Promise<boolean> {
  asked.value?.answer(false);
  return new Promise((answer) => {
    asked.value = { why, answer };
  });
}

export function answerFresh(isSignedIn: boolean): void {
  asked.value?.answer(isSignedIn);
  asked.value = undefined;
}

import { useEffect, useState } from "preact/hooks";
import { begin, failureWords, hear, keepAddress, providerName, readOptions } from "~/api/provider";
import { Button } from "~/kit";

interface ProviderSignInProps {
  /** The page stays open below, with all that was typed: a window of its own signs in. */
  over: boolean;
  /** The person has to show who it is, although the provider may know it still. */
  fresh: boolean;
  onSignedIn: () => void;
  onFault: (fault: string) => void;
}

/** The button of the identity provider, where the server has one. */
export function ProviderSignIn({ over, fresh, onSignedIn, onFault }: ProviderSignInProps) {
  const [busy, setBusy] = useState(false);
  useEffect(() => void readOptions(), []);
  useEffect(() => (over ? hear((failed) => (failed ? onFault(failureWords(failed)) : onSignedIn())) : undefined), [over]);
  const go = async () => {
    onFault("");
    // Opened by the press itself, or browsers take it for an advertisement. Its address is known a moment later.
    const opened = over ? window.open("", "homepot-sign-in", "popup,width=520,height=720") : undefined;
    if (over && !opened) {
      onFault("The browser did not let the window for the sign-in open. Allow it for this page, and try again.");
      return;
    }
    setBusy(true);
    try {
      const url = await begin({ fresh, window: over });
      if (opened) opened.location.href = url;
      else {
        keepAddress();
        location.assign(url);
      }
    } catch (error) {
      opened?.close();
      onFault(error instanceof Error ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  };
  if (providerName.value === "") return null;
  return (
    <div class="row">
      <Button kind="primary" busy={busy} onPress={() => void go()}>
        Sign in with {providerName.value}
      </Button>
    </div>
  );
}

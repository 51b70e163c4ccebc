import { problem } from "~/api/errors";
import { me, signOut } from "~/api/session";
import { Button, toast } from "~/kit";
import { href, path } from "./route";

/** Who looks, and the way out. */
export function Account() {
  const leave = () => signOut().catch((error: unknown) => toast(problem(error).message, "bad"));
  return (
    <div class="account">
      <a href={href("/me")} aria-current={path.value === "/me" ? "page" : undefined} aria-label={`${me.value?.operator?.name ?? ""}, your page`}>
        {me.value?.operator?.name}
      </a>
      <Button kind="quiet" onPress={() => void leave()}>
        Sign out
      </Button>
    </div>
  );
}

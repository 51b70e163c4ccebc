/**
 * Which other tabs of this browser are there to be told news, so that nothing is packed for nobody: a stream begins with every device
 * there is, and to pack ten thousand of them takes half a second.
 */

/** As it goes between tabs. */
export type Presence = { tab: string; is: "here" | "gone" } | { is: "asked" };

/** For so long it may take until a tab that has begun to read is heard of. What was told meanwhile is told to it again. */
const LATE_MS = 5_000;

export class Tabs<T> {
  readonly own = crypto.getRandomValues(new Uint32Array(2)).join("-");
  private readonly others = new Set<string>();
  private recent: { what: T; at: number }[] = [];

  constructor(
    private readonly say: (presence: Presence) => void,
    private readonly clock: () => number = Date.now,
  ) {}

  /** Says that this tab is there, and when it goes. */
  enter(page: Pick<Window, "addEventListener">): void {
    page.addEventListener("pagehide", () => this.say({ tab: this.own, is: "gone" }));
    // A tab that comes back from the browser's history was only put aside.
    page.addEventListener("pageshow", ({ persisted }) => persisted && this.say({ tab: this.own, is: "here" }));
    this.say({ tab: this.own, is: "here" });
  }

  /** The tab that begins to lead asks who is there. */
  ask(): void {
    this.say({ is: "asked" });
  }

  /** Answers what a tab that is new here may have missed. */
  hear(presence: Presence): { to: string; missed: T[] } | undefined {
    if (presence.is === "asked") {
      this.say({ tab: this.own, is: "here" });
      return undefined;
    }
    const { tab, is } = presence;
    if (is === "gone") this.others.delete(tab);
    if (is === "gone" || this.others.has(tab)) return undefined;
    this.others.add(tab);
    this.forget();
    return { to: tab, missed: this.recent.map(({ what }) => what) };
  }

  /** Keeps what is told now, and answers whether somebody is there to be told. */
  tell(what: T): boolean {
    this.forget();
    this.recent.push({ what, at: this.clock() });
    return this.others.size > 0;
  }

  /** Lets go of what everybody has been told. */
  forget(): void {
    const begin = this.clock() - LATE_MS;
    const first = this.recent.findIndex(({ at }) => at >= begin);
    this.recent = first < 0 ? [] : this.recent.slice(first);
  }
}

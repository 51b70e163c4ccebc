import { Component, type ComponentChildren, type ComponentType } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { problem } from "~/api/errors";
import { may } from "~/api/session";
import { Button, Empty, Failed, LinkButton, Loading, Page } from "~/kit";
import { type PageEntry, type PageProps, pageAt, pageKey } from "./pages";
import { href, path } from "./route";
import { arrive } from "./scroll";

/** The page of the address. A tab of a page is not another page: what is typed and where the focus is stay as they are. */
export function Outlet() {
  const found = pageAt(path.value);
  const key = found ? pageKey(found.page, found.parts) : path.value;
  useArrival(key);
  if (!found) return <Nothing title="There is no such page">The address may be incomplete, or what it names was removed.</Nothing>;
  if (!may(found.page.who)) return <Nothing title="Your role has no access to this page">It needs the role {found.page.who}.</Nothing>;
  return (
    <Fence key={key}>
      <Shown page={found.page} parts={found.parts} />
    </Fence>
  );
}

function Nothing({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <Page title={title} lead={children}>
      <div>
        <LinkButton href={href("/")}>Overview</LinkButton>
      </div>
    </Page>
  );
}

/** Who goes to another page begins at its top, also with the keyboard and a screen reader; who comes back is where they were. */
function useArrival(key: string): void {
  const before = useRef(key);
  useLayoutEffect(() => {
    if (before.current === key) return;
    before.current = key;
    arrive();
    document.getElementById("main")?.focus({ preventScroll: true });
  }, [key]);
}

/** Loads a page's code when it is first shown. */
function Shown({ page, parts }: { page: PageEntry; parts: Record<string, string> }) {
  const [loaded, setLoaded] = useState<{ of: PageEntry; View: ComponentType<PageProps> }>();
  const [error, setError] = useState<unknown>();
  const load = () => {
    setError(undefined);
    page.load().then((module) => setLoaded({ of: page, View: module.default }), setError);
  };
  useEffect(load, [page]);
  if (error) return <Failed error={error} again={load} />;
  return loaded?.of === page ? <loaded.View parts={parts} /> : <Loading />;
}

/** A page that breaks takes nothing else along. */
class Fence extends Component<{ children: unknown }, { error?: unknown }> {
  override state: { error?: unknown } = {};

  static override getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override render() {
    if (this.state.error === undefined) return this.props.children as never;
    return (
      <Empty title="This page stopped with an error">
        <p>{problem(this.state.error).message}</p>
        <Button onPress={() => this.setState({ error: undefined })}>Show it again</Button>
      </Empty>
    );
  }
}

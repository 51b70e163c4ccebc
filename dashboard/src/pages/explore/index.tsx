import { Page } from "~/kit";

export default function ExplorePage() {
  return <Page title="Explore">{null}</Page>;
}

import { Page } from "~/kit";

export default function SitePage() {
  return <Page title="Site">{null}</Page>;
}

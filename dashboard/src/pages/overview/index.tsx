import { Page } from "~/kit";

export default function OverviewPage() {
  return <Page title="Overview">{null}</Page>;
}

import { Page } from "~/kit";

export default function RunsPage() {
  return <Page title="Runs">{null}</Page>;
}

import { Page } from "~/kit";

export default function RunPage() {
  return <Page title="Run">{null}</Page>;
}

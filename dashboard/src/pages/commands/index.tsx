import { Page } from "~/kit";

export default function CommandsPage() {
  return <Page title="Commands">{null}</Page>;
}

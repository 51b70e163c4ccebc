import { Page } from "~/kit";

export default function SystemPage() {
  return <Page title="System">{null}</Page>;
}

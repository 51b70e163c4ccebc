import { Page } from "~/kit";

export default function NewRunPage() {
  return <Page title="New Run">{null}</Page>;
}

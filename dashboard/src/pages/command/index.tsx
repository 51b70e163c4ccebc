import { Page } from "~/kit";

export default function CommandPage() {
  return <Page title="Command">{null}</Page>;
}

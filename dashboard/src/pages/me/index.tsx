import { Page } from "~/kit";

export default function MePage() {
  return <Page title="Me">{null}</Page>;
}

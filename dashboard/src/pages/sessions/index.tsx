import { Page } from "~/kit";

export default function SessionsPage() {
  return <Page title="Sessions">{null}</Page>;
}

import { Page } from "~/kit";

export default function ActivityPage() {
  return <Page title="Activity">{null}</Page>;
}

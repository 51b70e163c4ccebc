import { Page } from "~/kit";

export default function SitesPage() {
  return <Page title="Sites">{null}</Page>;
}

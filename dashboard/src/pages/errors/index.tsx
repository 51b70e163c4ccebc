import { Page } from "~/kit";

export default function ErrorsPage() {
  return <Page title="Errors">{null}</Page>;
}

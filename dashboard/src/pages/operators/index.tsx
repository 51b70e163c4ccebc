import { Page } from "~/kit";

export default function OperatorsPage() {
  return <Page title="Operators">{null}</Page>;
}

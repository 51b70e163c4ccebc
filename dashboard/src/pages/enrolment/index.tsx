import { Page } from "~/kit";

export default function EnrolmentPage() {
  return <Page title="Enrolment">{null}</Page>;
}

import { Page } from "~/kit";

export default function DevicePage() {
  return <Page title="Device">{null}</Page>;
}

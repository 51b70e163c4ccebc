import { Page } from "~/kit";

export default function SimulationPage() {
  return <Page title="Simulation">{null}</Page>;
}

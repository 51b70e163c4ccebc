import { render } from "preact";
import { App } from "./App";

export function draw(root: HTMLElement): void {
  render(<App />, root);
}

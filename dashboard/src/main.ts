/**
 * The page's beginning. Its code is run in parts, each in a task of its own, so that the browser draws and answers between them. All of
 * them are fetched at once: the build names them in index.html.
 */
import { nextTask } from "~/api/slices";
import "~/style/tokens.css";
import "~/style/base.css";

// What is generated from the contract is a third of the work, and needs nothing of the rest: the smallest first, which brings the library.
await import("~/gen/homepot/common/v1/source_pb");
await nextTask();
await import("~/gen/homepot/session/v1/session_pb");
await nextTask();
await import("~/gen/homepot/registry/v1/registry_pb");
await nextTask();
await import("~/gen/homepot/command/v1/command_pb");
await nextTask();
await import("~/api/start");
await nextTask();
const { draw } = await import("~/app/draw");
await nextTask();
const root = document.getElementById("app");
if (root) draw(root);

// What writes times takes a browser long to make the first time. It is made while the first answer is awaited, not with the first rows.
await nextTask();
const { absolute } = await import("~/kit/time");
absolute(0);
await nextTask();
// What measures the clock after the sign-in.
await import("~/api/clock");

export {};

import { createServer } from "node:http";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { world } from "../browser/world";
import { changes, insert } from "./fleet";
import { observe, during, summed, taken } from "./observed";
import { look, signIn } from "./visitor";
import { readAll } from "./list";
import { analyse } from "./zz_prof";
export async function main() {
  const its = await world();
  await insert(its, 0, 10000);
  await its.fleet(1, ["--name", "meter", "--sites", "1", "--history", "24h", "--history-interval", "30s"]);
  const person = async (folder: string, options: object = {}) => {
    const context = await its.browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
    await context.route(`${its.url}/`, async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, path: join(folder, "index.html") });
    });
    await context.route(`${its.url}/assets/**`, async (route) => {
      const path = join(folder, new URL(route.request().url()).pathname);
      await (existsSync(path) ? route.fulfill({ path }) : route.abort());
    });
    await observe(context);
    return context;
  };
  createServer(async (request, answer) => {
    let body = "";
    for await (const part of request) body += part;
    const lines: string[] = [];
    const log = console.log;
    console.log = (...all: unknown[]) => { answer.write(all.map((one) => (typeof one === "string" ? one : JSON.stringify(one))).join(" ") + "\n"); };
    try {
      const act = new Function("x", `return (async () => { ${body} })()`);
      await act({ its, person, changes: (n: number) => changes(its, 10000, n), during, summed, taken, look, signIn, readAll, analyse });
    } catch (error) { lines.push(String((error as Error).stack)); }
    console.log = log;
    answer.end(lines.join("\n") + "\n");
  }).listen(7999, "127.0.0.1", () => console.log("ready", its.url));
  await new Promise(() => undefined);
}

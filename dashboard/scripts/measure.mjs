// Runs the benchmark of the page: TypeScript, translated by the bundler that also builds the page.
import { createServer } from "vite";

const vite = await createServer({ root: new URL("..", import.meta.url).pathname, appType: "custom", logLevel: "warn", server: { middlewareMode: true, watch: null, hmr: false, ws: false } });
try {
  const { main } = await vite.ssrLoadModule("/bench/main.ts");
  await main(process.argv.slice(2));
} finally {
  await vite.close();
}

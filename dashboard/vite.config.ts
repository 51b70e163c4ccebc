import { fileURLToPath } from "node:url";
import preact from "@preact/preset-vite";
import type { HtmlTagDescriptor, Plugin } from "vite";
import { defineConfig } from "vitest/config";

// `npm run dev` shows the page with the data of a server that runs already: HOMEPOT_URL, and in HOMEPOT_TOKEN an operator's token
// to call it with. Neither is used by a build.
const server = process.env.HOMEPOT_URL ?? "http://127.0.0.1:8000";
const token = process.env.HOMEPOT_TOKEN;
const headers = token ? { authorization: `Bearer ${token}` } : undefined;
const proxy = { target: server, changeOrigin: true, headers };

/** Names in index.html what the beginning of the page loads part by part, so that all of it is fetched at once. */
function fetchedAtOnce(): Plugin {
  return {
    name: "fetched-at-once",
    transformIndexHtml: {
      order: "post",
      handler: (html, { bundle, chunk }) => {
        const found = new Set<string>();
        const follow = (name: string): void => {
          const part = bundle?.[name];
          if (found.has(name) || part?.type !== "chunk") return;
          found.add(name);
          part.imports.forEach(follow);
          part.viteMetadata?.importedCss.forEach((css) => found.add(css));
        };
        chunk?.dynamicImports.forEach(follow);
        return [...found].flatMap((name): HtmlTagDescriptor[] => {
          if (html.includes(name)) return [];
          const href = `/${name}`;
          return [{ tag: "link", attrs: name.endsWith(".css") ? { rel: "stylesheet", crossorigin: true, href } : { rel: "modulepreload", crossorigin: true, href }, injectTo: "head" }];
        });
      },
    },
  };
}

export default defineConfig({
  plugins: [preact(), fetchedAtOnce()],
  resolve: { alias: { "~": fileURLToPath(new URL("src", import.meta.url)) } },
  build: {
    target: "es2022",
    // The policy of the page allows nothing inline, so nothing is made inline.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 400,
  },
  // What is awaited by `expect.poll` may take its time where the machine has other things to do.
  test: { expect: { poll: { timeout: 10_000 } } },
  server: { proxy: { "/homepot.": proxy, "/api": proxy, "/session": proxy, "/docs": proxy } },
});

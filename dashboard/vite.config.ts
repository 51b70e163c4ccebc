import { fileURLToPath } from "node:url";
import preact from "@preact/preset-vite";
import { defineConfig } from "vitest/config";

// `npm run dev` shows the page with the data of a server that runs already: HOMEPOT_URL, and in HOMEPOT_TOKEN an operator's token
// to call it with. Neither is used by a build.
const server = process.env.HOMEPOT_URL ?? "http://127.0.0.1:8000";
const token = process.env.HOMEPOT_TOKEN;
const headers = token ? { authorization: `Bearer ${token}` } : undefined;
const proxy = { target: server, changeOrigin: true, headers };

export default defineConfig({
  plugins: [preact()],
  resolve: { alias: { "~": fileURLToPath(new URL("src", import.meta.url)) } },
  build: {
    target: "es2022",
    // The policy of the page allows nothing inline, so nothing is made inline.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 400,
  },
  server: { proxy: { "/homepot.": proxy, "/api": proxy, "/session": proxy, "/docs": proxy } },
});

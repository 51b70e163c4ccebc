/** Somebody who makes releases, with a key of their own, by the commands of docs/ota.md. */
import { mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { World } from "./world";

export interface Publisher {
  /** The first trust root, as devices get it. */
  root: string;
  /** Uploads the next release of `name`, which brings `content` to `target`; answers its id and what the page calls it. */
  publish: (name: string, target: string, content: string) => Promise<{ id: string; title: string }>;
}

/** Makes a key and gives the server the trust root. */
export async function publisher(its: World): Promise<Publisher> {
  const home = await mkdtemp(join(its.home, "publisher-"));
  const key = join(home, "release-key.pem");
  const line = (await its.homepot("release", "key", key)).trim();
  const id = line.split(" ")[1];
  const root = join(home, "root.signed");
  const signs = `threshold = 1\nkeys = ["${id}"]\n`;
  await writeFile(join(home, "root.toml"), `version = 1\nexpires = 2999-01-01T00:00:00Z\nkeys = ["${line}"]\n[root]\n${signs}[release]\n${signs}`);
  await its.homepot("release", "root", join(home, "root.toml"), "--out", root);
  await its.homepot("sign", root, "--key", key);
  await its.homepot("ctl", "releases", "trust", root);
  let counter = 0;
  return {
    root,
    publish: async (name, target, content) => {
      counter += 1;
      const folder = await mkdtemp(join(home, "release-"));
      await writeFile(join(folder, "content"), content);
      await writeFile(join(folder, "release.toml"), `name = "${name}"\nversion = "v${counter}"\ncounter = ${counter}\nexpires = 2999-01-01T00:00:00Z\n[targets.${target}]\nfile = "content"\n`);
      const release = join(folder, `${name}-${counter}.release`);
      await its.homepot("release", "build", folder);
      await its.homepot("sign", release, "--key", key);
      await its.homepot("ctl", "releases", "upload", release);
      const { releases } = await its.rest<{ releases: { release_id: string; version: string }[] }>("GET", `/api/v2/releases?name=${name}`);
      const made = releases.find(({ version }) => version === `v${counter}`);
      if (!made) throw new Error(`release ${counter} of ${name} is not listed`);
      return { id: made.release_id, title: `${name} v${counter}` };
    },
  };
}

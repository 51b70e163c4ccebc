// Checks custom resources against their operators' definitions: `node check.mjs DIRECTORY`, where DIRECTORY holds the packages. It
// reads [{package, object}] and prints a list of what is wrong.
//
// Twice, because neither sees all: the packages' own check finds missing fields and wrong values, and the compiler of
// TypeScript finds fields that there are not.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const directory = process.argv[2];
const requests = JSON.parse(readFileSync(0, "utf8"));
const faults = [];

const called = ({ kind, metadata }) => `${kind} ${metadata?.name}`;
const file = ({ package: name, object }) => {
  const path = join(directory, "node_modules/@kubernetes-models", name, object.apiVersion, `${object.kind}.js`);
  if (!existsSync(path)) throw new Error(`the package ${name} has no ${object.kind} of ${object.apiVersion}`);
  return path;
};

for (const request of requests) {
  const { [request.object.kind]: Model } = await import(pathToFileURL(file(request)).href);
  try {
    new Model(request.object).validate();
  } catch (error) {
    faults.push(`${called(request.object)}: ${error.message}`);
  }
}

const scratch = mkdtempSync(join(directory, "check-"));
try {
  const lines = requests.map((request, number) => {
    const { kind } = request.object;
    return `import type { I${kind} as T${number} } from ${JSON.stringify(file(request))};
export const o${number}: T${number} = ${JSON.stringify(request.object)};`;
  });
  const source = join(scratch, "objects.ts");
  writeFileSync(source, lines.join("\n"));
  const compiler = join(directory, "node_modules/typescript/bin/tsc");
  const flags = ["--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "--pretty", "false", source];
  try {
    execFileSync(process.execPath, [compiler, ...flags], { encoding: "utf8" });
  } catch (error) {
    if (!error.stdout) throw error;
    for (const [, line, text] of error.stdout.matchAll(/objects\.ts\((\d+),\d+\): error TS\d+: (.*)/g)) {
      faults.push(`${called(requests[Math.floor((line - 1) / 2)].object)}: ${text}`);
    }
  }
} finally {
  rmSync(scratch, { recursive: true });
}
console.log(JSON.stringify(faults));

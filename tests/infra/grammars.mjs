// Reads [language, query] pairs as JSON from standard input and prints, for each, where its grammar finds the first error (or null).
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const web = createRequire(new URL("../../web/package.json", import.meta.url));
const load = async (name) => (await import(pathToFileURL(web.resolve(name)))).parser;
const parsers = {
  prometheus: await load("@prometheus-io/lezer-promql"),
  loki: await load("@grafana/lezer-logql"),
  tempo: await load("@grafana/lezer-traceql"),
};

function firstError(language, query) {
  let found = null;
  parsers[language].parse(query).iterate({
    enter(node) {
      if (node.type.isError && found === null) found = node.from;
    },
  });
  return found;
}

const pairs = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(pairs.map(([language, query]) => firstError(language, query))));

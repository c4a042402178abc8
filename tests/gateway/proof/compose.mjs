// Composes the subgraphs as a federation router would, and holds the composed schema against the merged one.
// node compose.mjs FOLDER MERGED: FOLDER holds <subgraph>.graphql of each. Prints figures as JSON; status 1 when they differ.
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { composeServices } from '@apollo/composition';
import { ROUTER_SUPPORTED_SUPERGRAPH_FEATURES, Supergraph } from '@apollo/federation-internals';
import { buildSchema, lexicographicSortSchema, parse, printSchema } from 'graphql';

const [folder, merged] = process.argv.slice(2);
const subgraphs = readdirSync(folder)
  .filter((file) => file.endsWith('.graphql'))
  .map((file) => ({
    name: basename(file, '.graphql'),
    url: `http://${basename(file, '.graphql')}.invalid/graphql`,
    typeDefs: parse(readFileSync(join(folder, file), 'utf8')),
  }));
const composed = composeServices(subgraphs);
for (const error of composed.errors ?? []) console.error(`error ${error.extensions?.code}: ${error.message}`);
for (const hint of composed.hints ?? []) console.error(`hint ${hint.definition?.code}: ${hint.message}`);
if (composed.errors?.length) process.exit(1);

// Descriptions are prose: which subgraph's a router shows is its own choice.
const plain = (schema) => printSchema(lexicographicSortSchema(schema)).replace(/^\s*"""[\s\S]*?"""\n/gm, '').replace(/\n{2,}/g, '\n\n');
const api = plain(Supergraph.build(composed.supergraphSdl, { supportedFeatures: ROUTER_SUPPORTED_SUPERGRAPH_FEATURES }).apiSchema().toGraphQLJSSchema());
const ours = plain(buildSchema(readFileSync(merged, 'utf8')));
const lines = new Set(api.split('\n'));
const different = ours.split('\n').filter((line) => !lines.has(line));
for (const line of different) console.error(`only in the merged schema: ${line}`);
if (api !== ours && different.length === 0) console.error('the composed schema holds what the merged one does not');
console.log(JSON.stringify({ subgraphs: subgraphs.length, errors: 0, hints: composed.hints?.length ?? 0, same_as_merged: api === ours }));
process.exit(api === ours ? 0 : 1);

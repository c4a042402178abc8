// A federation router before the gateway's subgraphs, and /graphql of the same process: node federate.mjs SUBGRAPHS FRONT.
// The SDL is asked of the listener and composed; the router answers each operation for each viewer; `data`, and so every
// null, must be the same. Of @requiresScopes and @authenticated this router knows nothing and refuses to start with it: it is taken out, and
// what a viewer may see is decided where it always is, in the services. ROUTER_SECRET, or ROUTER_CA, ROUTER_CERT and ROUTER_KEY (files), prove who it is; VIEWERS is
// JSON, name -> token. Prints figures as JSON; status 1 when an answer differs.
import { readFileSync } from 'node:fs';
import { composeServices } from '@apollo/composition';
import { ApolloGateway, RemoteGraphQLDataSource } from '@apollo/gateway';
import { ApolloServer } from '@apollo/server';
import { parse, visit } from 'graphql';
import fetcher from 'make-fetch-happen';
import { operations } from './operations.mjs';

const RIGHTS = ['requiresScopes', 'authenticated'];

const [listener, front] = process.argv.slice(2);
const { ROUTER_SECRET, ROUTER_CA, ROUTER_CERT, ROUTER_KEY } = process.env;
const viewers = JSON.parse(process.env.VIEWERS);
const names = ['customers', 'feedback', 'metrics', 'node'];
const everybody = Object.values(viewers)[0];
let fetches = 0;

const certified = ROUTER_CERT && { ca: readFileSync(ROUTER_CA, 'utf8'), cert: readFileSync(ROUTER_CERT, 'utf8'), key: readFileSync(ROUTER_KEY, 'utf8') };
const fetchAsRouter = fetcher.defaults({ retry: false, ...certified });
const identity = ROUTER_SECRET ? { 'router-secret': ROUTER_SECRET } : {};
class Subgraph extends RemoteGraphQLDataSource {
  willSendRequest({ request, context }) {
    fetches += 1;
    // At the start it asks who is there, for nobody.
    for (const [name, value] of Object.entries({ ...identity, authorization: `Bearer ${context?.token ?? everybody}` })) request.http.headers.set(name, value);
  }
}

const subgraph = async (name) => {
  const url = `${listener}/subgraphs/${name}`;
  const headers = { 'content-type': 'application/json', ...identity, authorization: `Bearer ${everybody}` };
  const answer = await (await fetchAsRouter(url, { method: 'POST', headers, body: JSON.stringify({ query: '{ _service { sdl } }' }) })).json();
  const typeDefs = visit(parse(answer.data._service.sdl), {
    Directive: (node) => (RIGHTS.includes(node.name.value) ? null : undefined),
    StringValue: (node) => (RIGHTS.includes(node.value.slice(1)) ? null : undefined),
  });
  return { name, url, typeDefs };
};
const composed = composeServices(await Promise.all(names.map(subgraph)));
if (composed.errors?.length) throw new Error(composed.errors.join('\n'));
const gateway = new ApolloGateway({
  supergraphSdl: composed.supergraphSdl,
  buildService: ({ url }) => new Subgraph({ url, fetcher: fetchAsRouter }),
  logger: { debug() {}, info() {}, warn: console.error, error: console.error },
});
const server = new ApolloServer({ gateway, includeStacktraceInErrorResponses: false, introspection: false });
await server.start();

const merged = async (query, variables, token) => {
  const answer = await fetch(`${front}/graphql`, { method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` }, body: JSON.stringify({ query, variables }) });
  return answer.json();
};
const federated = async (query, variables, token) => {
  const { body } = await server.executeOperation({ query, variables }, { contextValue: { token } });
  return JSON.parse(JSON.stringify(body.singleResult));
};
const nulls = (value) => (value === null ? 1 : typeof value === 'object' ? Object.values(value).reduce((sum, one) => sum + nulls(one), 0) : 0);

const first = await merged(`{ customers(first: 1) { edges { node { id externalIds { source id } } } } enquiries(first: 1) { edges { node { id } } }
  touchpoints(first: 1) { edges { node { id key } } } kpi(key: "enquiries") { id } }`, {}, everybody);
const only = (connection) => connection.edges[0].node;
const { customers, enquiries, touchpoints, kpi } = first.data;
const known = {
  customer: only(customers).id, externalId: only(customers).externalIds[0], enquiry: only(enquiries).id, kpi: kpi.id,
  touchpoint: only(touchpoints).id, touchpointKey: only(touchpoints).key, unknown: 'cus_01J8Z3K7QZ0000000000000000',
  period: { start: '2013-01-01T00:00:00Z', end: '2018-01-01T00:00:00Z' },
};

const figures = { operations: 0, answers: 0, same_data: 0, without_data: 0, nulls: 0, with_errors: 0, errors_of_one_alone: 0 };
const times = { merged: [], federated: [] };
const timed = async (kind, ask, ...rest) => {
  const began = performance.now();
  const answer = await ask(...rest);
  times[kind].push(performance.now() - began);
  return answer;
};
fetches = 0;
for (const [name, query, variables] of operations(known)) {
  figures.operations += 1;
  for (const [viewer, token] of Object.entries(viewers)) {
    const ours = await timed('merged', merged, query, variables, token);
    const theirs = await timed('federated', federated, query, variables, token);
    figures.answers += 1;
    // A request that is refused as a whole has no data: for one a missing key, for the other null.
    const [here, there] = [ours.data ?? null, theirs.data ?? null];
    if (JSON.stringify(here) === JSON.stringify(there)) figures.same_data += 1;
    else console.error(`different: ${name}, as ${viewer}\n  /graphql ${JSON.stringify(ours).slice(0, 1500)}\n  router   ${JSON.stringify(theirs).slice(0, 1500)}`);
    if (here === null) figures.without_data += 1;
    figures.nulls += nulls(here);
    if (ours.errors) figures.with_errors += 1;
    if (Boolean(ours.errors) !== Boolean(theirs.errors)) figures.errors_of_one_alone += 1;
  }
}
figures.fetches_of_the_router = fetches;
const median = (all) => Number(all.sort((a, b) => a - b)[Math.floor(all.length / 2)].toFixed(1));
figures.median_ms = { merged: median(times.merged), federated: median(times.federated) };
console.log(JSON.stringify({ viewers: Object.keys(viewers).length, ...figures }));
await server.stop();
process.exit(figures.same_data === figures.answers ? 0 : 1);

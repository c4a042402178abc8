// The audits of graphql-http against a running gateway: node audit.mjs URL. Prints figures as JSON; status 1 when a MUST
// or a SHOULD fails.
import { serverAudits } from 'graphql-http';

const figures = {};
for (const audit of serverAudits({ url: process.argv[2], fetchFn: fetch })) {
  const level = audit.name.split(' ')[0];
  const result = await audit.fn();
  figures[level] ??= { ok: 0, of: 0 };
  figures[level].of += 1;
  if (result.status === 'ok') figures[level].ok += 1;
  else console.error(`${result.status} ${audit.id} ${audit.name}: ${result.reason}`);
}
console.log(JSON.stringify(figures));
process.exit(['MUST', 'SHOULD'].some((level) => figures[level].ok < figures[level].of) ? 1 : 0);

// The operations that a router and /graphql must answer alike. `known` holds ids and keys of what was imported.
export const operations = (known) => [
  ['a page of customers with their owners', '{ customers(first: 5) { edges { cursor node { id kind displayName version owner { displayName } externalIds { source id } } } pageInfo { hasNextPage endCursor } } }'],
  ['a customer by the id of another system', 'query($id: ExternalIdInput!) { customer(externalId: $id) { id displayName sourceRecords { source externalId } } }', { id: known.externalId }],
  ['a customer who does not exist', 'query($id: ID!) { customer(id: $id) { displayName enquiries(first: 1) { edges { node { id } } } } }', { id: known.unknown }],
  ['personal fields', '{ customers(first: 3) { edges { node { displayName emails phones addresses { city } } } } }'],
  ['journeys and what their steps are about', '{ customers(first: 4) { edges { node { displayName interactions(first: 5) { edges { node { kind direction occurredAt touchpoint { name channel } subject { __typename ... on Enquiry { subject status } } } } } } } } }'],
  ['customers, their enquiries and messages', '{ customers(first: 5) { edges { node { displayName enquiries(first: 3) { edges { node { subject openedAt touchpoint { name } customer { displayName } team { name } messages(first: 2) { edges { node { body authorKind } } } } } } } } } }'],
  ['figures of customers', '{ customers(first: 5) { edges { node { displayName kpis(keys: ["enquiries", "first_response_time"]) { n value kpi { key name unit } } } } } }'],
  ['everything of a customer at once', `{ customers(first: 10) { edges { node {
      id displayName
      interactions(first: 2) { edges { node { id touchpoint { id key } } } }
      enquiries(first: 2) { edges { node { id subject touchpoint { key kpis(keys: ["enquiries"]) { n } } waits { kind startedAt endedAt } } } }
      kpis(keys: ["enquiries"]) { n kpi { name } } } } } }`],
  ['enquiries and whom they refer to', '{ enquiries(first: 8) { edges { node { subject status priority customer { id displayName kind } touchpoint { name nature } assignee { displayName } team { key name } } } } }'],
  ['references by their ids alone', '{ enquiries(first: 8) { edges { node { customer { id } touchpoint { id } team { id } } } } }'],
  ['an object by its id', 'query($id: ID!) { node(id: $id) { __typename id ... on Customer { displayName enquiries(first: 1) { edges { node { subject } } } } } }', { id: known.customer }],
  ['objects of several kinds, one unknown, one no id', `query($ids: [ID!]!) { nodes(ids: $ids) { __typename id
      ... on Customer { displayName } ... on Enquiry { subject customer { displayName } } ... on Touchpoint { name kpis(keys: ["enquiries"]) { n } } ... on Kpi { key unit } } }`,
    { ids: [known.enquiry, known.unknown, known.customer, 'no id', known.touchpoint, known.kpi, known.customer] }],
  ['a KPI with its figures', 'query($p: PeriodInput!) { kpi(key: "first_response_time") { key unit direction definition { version aggregation } result(period: $p) { n value quantiles(p: [0.5, 0.9]) { p value } } breakdown(period: $p, by: ["touchpoint"], first: 3) { key { dimension value } result { n } } } }', { p: known.period }],
  ['all KPIs and their owners', '{ kpis { id key name owner { displayName } target { value } } }'],
  ['touchpoints with their figures', '{ touchpoints(first: 10) { edges { node { key channel control kpis(keys: ["enquiries"]) { n value } } } } }'],
  ['employees with their figures', '{ employees(first: 5) { edges { node { displayName team { name } kpis(keys: ["enquiries"]) { n } } } } }'],
  ['jobs, changes, alerts, events', '{ jobs(first: 2) { edges { node { kind state } } } changes(first: 2) { edges { node { name } } } kpiAlerts(first: 2) { edges { node { id } } } eventTypes { name } }'],
  ['fragments, aliases, variables, directives', `query($n: Int!, $yes: Boolean!) {
      newest: enquiries(first: $n) { edges { node { ...of } } } oldest: enquiries(first: $n, orderBy: OPENED_AT_ASC) { edges { node { ...of version @skip(if: $yes) } } } }
      fragment of on Enquiry { subject by: customer { ...who } at: touchpoint @include(if: $yes) { name } } fragment who on Customer { name: displayName }`, { n: 3, yes: true }],
  ['who asks', '{ viewer { subject scopes sources } }'],
  ['a write', 'mutation($input: CreateCustomerInput!) { createCustomer(input: $input) { customer { id displayName version enquiries(first: 1) { edges { node { id } } } } userErrors { code path message } } }', { input: { kind: 'ORGANISATION', displayName: 'A customer of the proof', idempotencyKey: 'proof-1' } }],
  ['a write with a mistake', 'mutation($input: CreateTouchpointInput!) { createTouchpoint(input: $input) { touchpoint { id } userErrors { code path message } } }', { input: { key: known.touchpointKey, name: 'Again', channel: 'PHONE', nature: 'DIGITAL', control: 'OWNED' } }],
  ['a field that does not exist', '{ customers(first: 1) { edges { node { nothing } } } }'],
  ['a page that is too long', '{ customers(first: 5000) { edges { node { displayName } } } }'],
];

"""How a report's page looks: on a phone as on a desk, by day and by night."""

STYLE = """
:root {
  color-scheme: light dark;
  --text: #1c1e21; --soft: #5c6066; --page: #ffffff; --card: #f6f7f9; --rule: #dfe2e6;
  --line: #1f5fa8; --better: #00695c; --worse: #b3320b; --conflict: #7a3fa0; --grey: #767b82;
  --then: #d5dde7; --now: #f3dfa8; --target: #9c2f6b;
}
@media (prefers-color-scheme: dark) {
  :root {
    --text: #e7e9ec; --soft: #a5abb3; --page: #15171a; --card: #1e2125; --rule: #363b42;
    --line: #7db4f0; --better: #4fc3ae; --worse: #ff9268; --conflict: #cf9df0; --grey: #8d939b;
    --then: #313b48; --now: #574a20; --target: #f08fc0;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; max-width: 64rem; padding: 1rem;
  font: 16px/1.45 system-ui, sans-serif; color: var(--text); background: var(--page);
}
h1 { font-size: 1.6rem; line-height: 1.2; margin: .5rem 0; }
h2 { font-size: 1.2rem; margin: 0 0 .25rem; }
a { color: inherit; }
p { margin: .3rem 0; overflow-wrap: anywhere; }
.soft, figcaption, footer { color: var(--soft); font-size: .875rem; }
section { background: var(--card); border-radius: .5rem; padding: 1rem; margin: 1rem 0; }
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: 1rem; }
figure { margin: .5rem 0; min-width: 0; max-width: 36rem; }
svg { display: block; width: 100%; height: auto; }
svg text { font: 10.5px system-ui, sans-serif; fill: var(--soft); }
svg .label, svg .said, svg text.now { fill: var(--text); }
svg text.now { font-weight: 600; }
svg .span { fill: var(--then); }
svg .span.now { fill: var(--now); }
svg .grid { stroke: var(--rule); }
svg .axis { stroke: var(--soft); }
svg .line { fill: none; stroke: var(--line); stroke-width: 1.6; stroke-linejoin: round; }
svg .point { fill: var(--line); }
svg .level { stroke: var(--text); stroke-width: 2.5; }
svg .target { stroke: var(--target); stroke-width: 1.4; stroke-dasharray: 5 3; }
svg .target-label { fill: var(--target); }
svg .whisker { stroke: var(--grey); stroke-width: 1.6; }
svg .mark { stroke: var(--grey); stroke-width: 1.6; fill: var(--card); }
svg .improved .mark, svg .improved .whisker { stroke: var(--better); }
svg .improved .mark { fill: var(--better); }
svg .worsened .mark, svg .worsened .whisker { stroke: var(--worse); }
svg .worsened .mark { fill: var(--worse); }
svg .conflicting .mark, svg .conflicting .whisker { stroke: var(--conflict); }
svg .conflicting .mark { fill: var(--conflict); }
table { border-collapse: collapse; width: 100%; font-size: .875rem; }
th, td {
  text-align: left; vertical-align: top; padding: .35rem .75rem .35rem 0;
  border-top: 1px solid var(--rule); overflow-wrap: break-word;
}
summary { cursor: pointer; margin: .5rem 0; color: var(--soft); font-size: .875rem; }
thead th { border-top: 0; color: var(--soft); font-weight: 500; }
tbody th { font-weight: 600; }
.figure { white-space: nowrap; }
.badge { white-space: nowrap; color: var(--soft); }
.badge.improved, .badge.worsened, .badge.conflicting { font-weight: 600; }
.badge.improved { color: var(--better); }
.badge.worsened { color: var(--worse); }
.badge.conflicting { color: var(--conflict); }
@media (max-width: 44rem) {
  body { padding: .5rem; }
  section { padding: .75rem; }
  table, tbody { display: block; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  tr { display: block; padding: .4rem 0; border-top: 1px solid var(--rule); }
  th, td { display: block; border: 0; padding: .1rem 0; }
  td { padding-left: 9rem; min-height: 1.45em; position: relative; }
  td::before { content: attr(data-name); position: absolute; left: 0; width: 8.5rem; color: var(--soft); }
  .figure { white-space: normal; }
}
"""

"""The style sheet of every page: light and dark by the reader's own setting, and for print."""

CSS = """\
:root {
  color-scheme: light dark;
  --paper: #ffffff; --ink: #1b1f24; --muted: #5b6570; --line: #d9dee3; --panel: #f4f6f8; --accent: #0072b2;
  --series-1: #0072b2; --series-2: #d55e00; --series-3: #009e73;
  --series-4: #cc79a7; --series-5: #e69f00; --series-6: #56b4e9; --on-series: #ffffff;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --paper: #14181c; --ink: #e8ebee; --muted: #a0aab4; --line: #343c44; --panel: #1d2329; --accent: #56b4e9;
    --series-1: #56b4e9; --series-2: #f08a3c; --series-3: #2fc79a;
    --series-4: #e09cc3; --series-5: #f0c04a; --series-6: #f0e442; --on-series: #0d1114;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 68rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.55 system-ui, sans-serif; overflow-wrap: anywhere;
}
h1 { margin: 0.25rem 0 0.5rem; font-size: clamp(1.6rem, 4.5vw, 2.4rem); line-height: 1.2; overflow-wrap: normal; }
h2 { margin: 3rem 0 0.75rem; padding-top: 1rem; border-top: 1px solid var(--line); font-size: 1.35rem; }
h3 { margin: 1.5rem 0 0.5rem; font-size: 1.05rem; }
p, ul { margin: 0 0 0.9rem; max-width: 44rem; }
ul { padding-left: 1.2rem; }
li { margin-bottom: 0.35rem; }
a { color: var(--accent); }
code { font: 0.92em ui-monospace, monospace; }
small, .quiet, figcaption { color: var(--muted); font-size: 0.88rem; }
figure { margin: 0; }
figcaption { max-width: 44rem; margin-bottom: 0.5rem; }
svg { display: block; margin-bottom: 0.75rem; }
.scroll { max-width: 100%; overflow-x: auto; }
.scroll > svg { max-width: none !important; }
.tall { max-height: 28rem; overflow-y: auto; border-bottom: 1px solid var(--line); }
.tall thead th { position: sticky; top: 0; background: var(--paper); }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); gap: 1.5rem 2.5rem; }
.pair > * { min-width: 0; }
.notes { padding: 0.9rem 1.2rem 0.6rem 2.2rem; border-left: 4px solid var(--series-5); background: var(--panel); }
table { border-collapse: collapse; margin-bottom: 1rem; font-size: 0.92rem; font-variant-numeric: tabular-nums; }
th, td { padding: 0.4rem 1.1rem 0.4rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
thead th { color: var(--muted); font-weight: 600; white-space: nowrap; }
tbody th { font-weight: 400; min-width: 7rem; max-width: 18rem; }
.number { text-align: right; white-space: nowrap; }
.chosen > th, .chosen > .number { font-weight: 600; }
.chosen small { font-weight: 400; }
.wide { min-width: 14rem; }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 0.3rem 1.25rem; margin: 0 0 1rem; }
dt { color: var(--muted); }
dd { margin: 0; }
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(8.5rem, 1fr)); gap: 1rem; }
.gallery.small { grid-template-columns: repeat(auto-fill, minmax(5.5rem, 1fr)); gap: 0.75rem; }
.gallery.findings { grid-template-columns: repeat(auto-fill, minmax(min(100%, 15rem), 1fr)); gap: 1.25rem; }
.side { display: grid; grid-template-columns: 1fr 1fr; gap: 0.4rem; }
.gallery figcaption { margin: 0.3rem 0 0; font-size: 0.82rem; line-height: 1.35; }
.thumbnail {
  display: grid; place-items: center; width: 100%; aspect-ratio: 1; object-fit: cover; border-radius: 4px;
  background: var(--panel); color: var(--muted); font-size: 0.82rem;
}
.span { display: inline-block; position: relative; width: 7rem; height: 0.7rem; background: var(--panel); }
.span i { position: absolute; top: 0.25rem; height: 0.2rem; background: var(--muted); }
.span b { position: absolute; top: 0; width: 0.2rem; height: 100%; background: var(--series-1); }
@media print {
  :root { color-scheme: light; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  .scroll, .scroll > svg { max-width: none !important; }
.tall { overflow: visible; max-height: none; }
  figure, tr { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  .thumbnail, .span, .span *, svg { print-color-adjust: exact; }
}
"""

"""The notice as a page to be printed and put up."""

from html import escape

from fer_edge.law.notice import Notice

# No resource from elsewhere: it may be opened where there is no network.
_PAGE = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
@page {{ size: A4; margin: 20mm; }}
body {{ font: 13pt/1.4 system-ui, sans-serif; color: #000; background: #fff;
  max-width: 170mm; margin: 10mm auto; padding: 0 5mm; overflow-wrap: anywhere; }}
h1 {{ font-size: 26pt; line-height: 1.15; margin: 4mm 0 6mm; }}
svg {{ width: 24mm; height: 24mm; }}
dl {{ display: grid; grid-template-columns: max-content 1fr; gap: 2mm 6mm;
  border-top: 0.6mm solid #000; padding-top: 5mm; }}
dt {{ font-weight: 600; max-width: 60mm; }}
dd {{ margin: 0; }}
/* The sheet has its own margins: a usual notice fits on one. */
@media print {{ body {{ margin: 0 auto; padding: 0; }} }}
</style>
</head>
<body>
<svg viewBox="0 0 24 24" fill="none" stroke="#000" stroke-width="1.5"
  stroke-linecap="round" aria-hidden="true">
<rect x="1" y="6" width="22" height="15" rx="2"/><path d="M7 6l2-3h6l2 3"/>
<circle cx="12" cy="13.5" r="5"/><path d="M10 12.5v.1M14 12.5v.1M10 15q2 1.6 4 0"/>
</svg>
<h1>{title}</h1>
{paragraphs}
<dl>
{facts}
</dl>
</body>
</html>
"""


def as_html(notice: Notice) -> str:
    """Return a page of its own, on which what the configuration says is text."""
    return _PAGE.format(
        language=escape(notice.language),
        title=escape(notice.title),
        paragraphs="\n".join(f"<p>{escape(text)}</p>" for text in notice.paragraphs),
        facts="\n".join(
            f"<dt>{escape(head)}</dt><dd>{escape(value)}</dd>"
            for head, value in notice.facts
        ),
    )

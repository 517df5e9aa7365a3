"""The report as one HTML page that needs no other file."""
import base64
from html import escape

STYLE = """
body { max-width: 72rem; margin: 2rem auto; padding: 0 1rem; color: #222; font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; }
img { max-width: 100%; height: auto; }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { padding: 2px 12px 2px 0; text-align: right; border-bottom: 1px solid #e5e5e5; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; } th { vertical-align: bottom; color: #555; font-weight: 600; }
pre, code { font-size: 13px; background: #f6f6f6; } pre { padding: 0.6rem; overflow-x: auto; }
summary { cursor: pointer; color: #0b5394; } .note { color: #a33; } .scroll { overflow-x: auto; }
"""


def table(heads, rows):
    def line(tag, cells):
        return "<tr>" + "".join(f"<{tag}>{escape(str(cell))}</{tag}>" for cell in cells) + "</tr>"
    return ('<div class="scroll"><table>' + line("th", heads) + "".join(line("td", row) for row in rows) +
            "</table></div>")


def image(path, alt):
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    return f'<img alt="{escape(alt)}" src="data:image/png;base64,{data}">'


def code(*lines):
    return "<pre>" + "\n".join(escape(line) for line in lines) + "</pre>"


def paragraph(text):
    return f"<p>{escape(text)}</p>" if text else ""


def section(title, text, body):
    return f"<h2>{escape(title)}</h2>{paragraph(text)}{body}"


def folded(title, body):
    return f"<details><summary>{escape(title)}</summary>{body}</details>"


def page(title, body):
    return (f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
            f"<style>{STYLE}</style></head><body><h1>{escape(title)}</h1>{body}</body></html>\n")

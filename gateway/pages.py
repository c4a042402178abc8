"""Plain pages that links in messages lead to: no script, no cookie, and nothing that tells others of their address."""

import base64
import hashlib
import html

from starlette.responses import HTMLResponse, Response

_STYLE = (
    "body{font:1.1rem/1.5 sans-serif;max-width:40rem;margin:2rem auto;padding:0 1rem}"
    "fieldset{border:0;padding:0;margin:0 0 1.5rem}legend{font-weight:bold;margin-bottom:.5rem}"
    "label.step{display:inline-block;padding:.5rem .7rem}textarea{width:100%;font:inherit}"
    "button{font:inherit;padding:.6rem 1.2rem}[role=alert]{font-weight:bold}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
# The address is a secret: it is not handed on, not kept, not found.
_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex, nofollow",
}


def page(language: str, title: str, body: str, status: int = 200) -> Response:
    """title: a text; body: HTML, in which every text is escaped already."""
    document = (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
        f"<body><main>{body}</main></body></html>"
    )
    return HTMLResponse(document, status, headers={**_HEADERS, "vary": "accept-language"})


def sentence(language: str, text: str, below: str = "", status: int = 200) -> Response:
    """A page that says one thing."""
    return page(language, text, f"<p>{html.escape(text)}</p>{below}", status)

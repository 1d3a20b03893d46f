"""Who gets in: one token that is good once, the cookie that it gives, and the token that each form holds."""

from __future__ import annotations

import base64
import hmac
import threading

from psiselect.base.entropy import Entropy, SystemEntropy

COOKIE = "psiselect"
_BYTES = 32  # nobody guesses 256 bits


class Access:
    """The secrets of one run of the page. Thread-safe.

    Attributes:
        base: the path that all pages begin with. The browser sends the cookie to this path only, so that another
            user's server on another port does not get it.
        token: what the browser hands over to get in; None once it was used.
        form_token: what each form holds.
    """

    def __init__(self, entropy: Entropy | None = None) -> None:
        entropy = entropy or SystemEntropy()
        self.base = "/" + _text(entropy.read(_BYTES))
        self.form_token = _text(entropy.read(_BYTES))
        self.token: str | None = _text(entropy.read(_BYTES))
        self._cookie = _text(entropy.read(_BYTES))
        self._lock = threading.Lock()
        self._entered = False

    def enter(self, token: str) -> str | None:
        """The cookie for whoever brings the token first. None for a wrong token, and for one that was used."""
        with self._lock:
            if self.token is None or not _same(token, self.token):
                return None
            self.token, self._entered = None, True
            return self._cookie

    def holds(self, cookie: str | None) -> bool:
        """Whether this is the cookie that was given out."""
        return self._entered and cookie is not None and _same(cookie, self._cookie)

    def fits(self, form_token: str | None) -> bool:
        """Whether a form of this run was sent."""
        return form_token is not None and _same(form_token, self.form_token)


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def _text(secret: bytes) -> str:
    return base64.urlsafe_b64encode(secret).decode().rstrip("=")

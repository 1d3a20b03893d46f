"""Files of web servers, over TLS with checked certificates."""

from __future__ import annotations

import base64
import contextlib
import http.client
import netrc
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO
from urllib.parse import quote, urlsplit

from psi.tables import words_remote

_PIECE = 1 << 20
_SILENT_SECONDS = 60.0
_REFUSED = {401: "access denied", 403: "access denied", 404: "no such file", 410: "no such file"}
_TAKEN = "%/:@!$&'()*+,;=~?"


class _ToPlainError(Exception):
    """An answer sends the caller to an address without TLS."""


class _Redirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        if urlsplit(newurl).scheme.lower() != "https":
            raise _ToPlainError
        return super().redirect_request(req, fp, code, msg, headers, newurl)


@dataclass(frozen=True)
class Answer:
    """A file on its way. length: in bytes; None where the server sends pieces until it says that it is done."""

    body: http.client.HTTPResponse
    length: int | None


@contextlib.contextmanager
def opened(address: str, name: str) -> Iterator[Answer]:
    """Ask for a file, with the user and password that ~/.netrc has for the host. name: what errors call the file; its
    address may hold a secret.

    Raises InputError when the server cannot be reached, its certificate is not valid for it, or it does not answer with
    the file; UsageError for a password in the address.
    """
    parts = urlsplit(address)
    if "@" in parts.netloc:
        raise words_remote.password_in_address(name)
    request = urllib.request.Request(
        f"https://{parts.netloc}{quote(parts.path, safe=_TAKEN)}" + (f"?{parts.query}" if parts.query else "")
    )
    request.add_header("User-Agent", "psiselect")
    if (authorization := _authorization(parts.hostname or "")) is not None:
        request.add_unredirected_header("Authorization", authorization)
    secure = urllib.request.HTTPSHandler(context=ssl.create_default_context())
    with _reported(name):
        body = urllib.request.build_opener(secure, _Redirects).open(request, timeout=_SILENT_SECONDS)
    with body:
        if body.status != http.HTTPStatus.OK:
            raise words_remote.refused_by_server(name, words_remote.NO_ANSWER, body.status)
        if body.length is None and not body.chunked:
            raise words_remote.no_end(name)
        yield Answer(body, body.length)


def pieces(answer: Answer, name: str) -> Iterator[bytes]:
    """The file's bytes. Raises InputError when the link fails."""
    while True:
        with _reported(name):
            piece = answer.body.read(_PIECE)
        if not piece:
            return
        yield piece


def _authorization(host: str) -> str | None:
    """What ~/.netrc says for the host; its entry for all hosts is for other programs."""
    try:
        found = netrc.netrc().hosts.get(host)
    except FileNotFoundError:
        return None
    except (netrc.NetrcParseError, OSError, UnicodeDecodeError):
        raise words_remote.no_netrc() from None
    if found is None:
        return None
    return "Basic " + base64.b64encode(f"{found[0]}:{found[2]}".encode()).decode()


@contextlib.contextmanager
def _reported(name: str) -> Iterator[None]:
    """Turn what the library raises into InputError, without the address."""
    try:
        yield
    except _ToPlainError:
        raise words_remote.sent_to_plain(name) from None
    except urllib.error.HTTPError as error:
        error.close()
        what = _REFUSED.get(error.code, words_remote.NO_ANSWER)
        raise words_remote.refused_by_server(name, what, error.code) from None
    except (OSError, http.client.HTTPException) as error:
        raise words_remote.not_fetched(name, _reason(error)) from None


def _reason(error: Exception) -> str:
    cause = getattr(error, "reason", error)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return words_remote.untrusted_server(cause.verify_message)
    if isinstance(cause, http.client.IncompleteRead):
        return words_remote.ENDED_EARLY
    said = cause.strerror if isinstance(cause, OSError) else None
    return words_remote.link_failed(said)

"""What a form has sent: its texts, and its files where it has some."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.requests import Request

from psiselect.ui import words
from psiselect.ui.access import Access
from psiselect.ui.uploads import NoRoomError, Upload, is_full, keep

TOKEN = "csrf"  # noqa: S105 (the name of the field)
_MOST_FIELDS = 60
_MOST_FIELD_BYTES = 1 << 20


class OldFormError(Exception):
    """The form is not one that this run has made."""


@dataclass
class Sent:
    """What a form has sent. uploads: its files, by field. errors: what is wrong, by field, for the person to mend."""

    texts: Mapping[str, str]
    uploads: Mapping[str, Upload] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def upload(self) -> Upload | None:
        """The only file."""
        return next(iter(self.uploads.values()), None)

    def close(self) -> None:
        """Let the files go."""
        for upload in self.uploads.values():
            upload.close()

    def text(self, name: str) -> str:
        """A field without spaces around it; empty where the form has none."""
        return self.texts.get(name, "").strip()

    def one_of(self, name: str, *allowed: str) -> str:
        """A field that is one of these; the first where it is none of them."""
        found = self.text(name)
        return found if found in allowed else allowed[0]


async def sent_form(request: Request, access: Access, files: int = 1) -> Sent:
    """Read a form with at most so many files. Raises OldFormError, NoRoomError when a disk is full, and starlette's
    HTTPException for what is no form."""
    try:
        async with request.form(max_files=files, max_fields=_MOST_FIELDS, max_part_size=_MOST_FIELD_BYTES) as form:
            texts = {name: value for name, value in form.multi_items() if isinstance(value, str)}
            if not access.fits(texts.get(TOKEN)):
                raise OldFormError
            uploads: dict[str, Upload] = {}
            sent = Sent(texts, uploads)
            try:
                for name, value in form.items():
                    if isinstance(value, UploadFile) and (value.filename or value.size):
                        uploads[name] = await run_in_threadpool(keep, value.file, value.filename)
            except BaseException:
                sent.close()
                raise
            return sent
    except OSError as error:
        if is_full(error):
            raise NoRoomError from None
        raise


def whole(sent: Sent, field: str, least: int, most: int, what: str) -> int:
    """A whole number, 0 where the field is empty or wrong; what is wrong is noted."""
    text = sent.text(field).replace(",", "").replace(" ", "")
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) < 12 and least <= int(text) <= most):
        sent.errors[field] = words.whole_number(what, least, most)
        return 0
    return int(text)

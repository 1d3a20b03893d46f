"""What a form has sent: its texts, and its file where it has one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.requests import Request

from psiselect.ui.access import Access
from psiselect.ui.uploads import Upload, keep

TOKEN = "csrf"  # noqa: S105 (the name of the field)
_MOST_FIELDS = 60
_MOST_FIELD_BYTES = 1 << 20


class OldFormError(Exception):
    """The form is not one that this run has made."""


@dataclass
class Sent:
    """What a form has sent. errors: what is wrong, by field, for the person to mend."""

    texts: Mapping[str, str]
    upload: Upload | None = None
    errors: dict[str, str] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """A field without spaces around it; empty where the form has none."""
        return self.texts.get(name, "").strip()

    def one_of(self, name: str, *allowed: str) -> str:
        """A field that is one of these; the first where it is none of them."""
        found = self.text(name)
        return found if found in allowed else allowed[0]


async def sent_form(request: Request, access: Access) -> Sent:
    """Read a form. Raises OldFormError, and starlette's HTTPException for what is no form."""
    async with request.form(max_files=1, max_fields=_MOST_FIELDS, max_part_size=_MOST_FIELD_BYTES) as form:
        texts = {name: value for name, value in form.multi_items() if isinstance(value, str)}
        if not access.fits(texts.get(TOKEN)):
            raise OldFormError
        for value in form.values():
            if isinstance(value, UploadFile) and (value.filename or value.size):
                return Sent(texts, await run_in_threadpool(keep, value.file, value.filename))
        return Sent(texts)

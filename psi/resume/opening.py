"""From a session's folder to its party: the one that is kept there, or a new one with new secrets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from psi.agreement.terms import PROTOCOL_VERSION
from psi.resume import words
from psi.resume.folder import Manifest, SessionFolder
from psi.resume.journal import Mark
from psi.resume.memo import MemoBackend
from psi.resume.party import JournaledParty
from psi.resume.plan import ResumePlan
from psiselect.base.entropy import SystemEntropy
from psiselect.base.seeded import SEED_BYTES, SeededEntropy


def open_party(folder: SessionFolder, plan: ResumePlan) -> JournaledParty:
    """The party of the session that is kept in the folder. It is a new one when the folder is empty, or when the result
    of the kept one was reported and the list has changed since.

    Raises InputError when the folder is damaged, or the list has changed and the result was not reported.
    """
    manifest = folder.load()
    if manifest is None:
        return begin(folder, plan)
    if manifest.input_digest == plan.input_digest:
        return _go_on(folder, plan, manifest)
    journal = folder.journal(manifest)
    journal.close()
    if Mark.REPORTED not in journal.marks:
        raise words.other_list(folder.path)
    return begin(folder, plan)


def refuse_older(workdir: Path, plan: ResumePlan) -> None:
    """Raises InputError when the folder holds this session as an older version of the protocol began it: a new one
    beside it would answer for the same list with other secrets."""
    scope = plan.scope()
    for version in range(1, PROTOCOL_VERSION):
        older = {**scope, "terms": {**scope["terms"], "version": version}}
        if SessionFolder.exists(workdir, older):
            raise words.older_protocol(SessionFolder.place(workdir, older), version)


def begin(folder: SessionFolder, plan: ResumePlan) -> JournaledParty:
    """The party of a new session with new secrets; what the folder held is removed. Raises InputError."""
    seed = SystemEntropy().read(SEED_BYTES)
    now = plan.setup(SystemEntropy(), plan.backend).now
    return _go_on(folder, plan, folder.begin(seed, now, plan.input_digest))


def _go_on(folder: SessionFolder, plan: ResumePlan, manifest: Manifest) -> JournaledParty:
    journal = folder.journal(manifest)
    try:
        backend = MemoBackend(plan.backend, journal, manifest.seed)
        setup = replace(plan.setup(SeededEntropy(manifest.seed), backend), now=manifest.time)
        return JournaledParty(setup, journal, plan.progress)
    except BaseException:
        journal.close()
        raise

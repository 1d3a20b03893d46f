"""Dockerfile and compose.yaml: few rights, keys that are mounted, and a session between the two services."""

from __future__ import annotations

import csv
import fnmatch
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from dockerfile_parse import DockerfileParser
from support.checkout import ROOT
from support.compose import Mount, Service, services
from support.processes import Process
from test_distribution import PACKAGES

KEYS, PEERS, DATA = "/etc/psiselect/keys", "/etc/psiselect/peers", "/var/lib/psiselect"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def stages() -> list[list[tuple[str, str]]]:
    """For each stage of the Dockerfile its instructions with their arguments, FROM first; without the ARG before it."""
    found: list[list[tuple[str, str]]] = []
    for line in DockerfileParser(fileobj=(ROOT / "Dockerfile").open("rb")).structure:
        if line["instruction"] == "FROM":
            found.append([])
        if found and line["instruction"] != "COMMENT":
            found[-1].append((line["instruction"], line["value"]))
    return found


def values(stage: list[tuple[str, str]], instruction: str) -> list[str]:
    return [value for name, value in stage if name == instruction]


def deployment() -> dict[str, Any]:
    text = (ROOT / "packaging" / "kubernetes" / "deployment.yaml").read_text()
    found: dict[str, Any] = next(iter(yaml.safe_load_all(text)))["spec"]["template"]["spec"]
    return found


def test_the_image_takes_what_was_built_and_no_tools() -> None:
    build, final = stages()
    bases = [values(stage, "FROM")[0].split()[0] for stage in (build, final)]
    assert bases == ["python:${PYTHON}-slim"] * 2
    assert values(build, "FROM")[0].split()[1:] == ["AS", "build"]
    assert values(final, "COPY") == ["--from=build /opt/psiselect /opt/psiselect"]
    assert values(final, "ADD") == values(build, "ADD") == []
    (prepared,) = values(final, "RUN")
    assert prepared.startswith("python -m pip uninstall --yes ")
    assert not re.search(r"apt|gcc|pip3? install|curl|wget", prepared)
    (made,) = values(build, "RUN")
    assert "venv --without-pip /opt/psiselect" in made
    assert values(final, "HEALTHCHECK") == []  # compose and Kubernetes have theirs


def test_the_image_runs_as_nobody_in_particular() -> None:
    final = stages()[-1]
    context = deployment()["securityContext"]
    user, group = context["runAsUser"], context["runAsGroup"]
    assert values(final, "USER") == [f"{user}:{group}"] == ["10001:10001"]
    (prepared,) = values(final, "RUN")
    assert f"groupadd --gid {group} psiselect" in prepared
    assert f"useradd --uid {user} --gid {group} " in prepared
    assert f"install --directory --owner={user} --group={group} --mode=0700 {DATA} " in prepared
    order = [name for name, _ in final]
    assert order.index("USER") > order.index("RUN")
    assert [json.loads(value) for value in values(final, "ENTRYPOINT")] == [["psiselect"]]
    assert values(final, "WORKDIR") == [DATA] == [deployment()["containers"][0]["workingDir"]]


def test_the_image_holds_all_packages_and_nothing_that_lies_about() -> None:
    build = stages()[0]
    taken = {word for value in values(build, "COPY") for word in shlex.split(value)[:-1]}
    assert taken == {*PACKAGES, "pyproject.toml", "README.md", "LICENSE"}
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert {rule[1:] for rule in rules if rule.startswith("!")} == taken
    for left_out in ("psi/acme.key", "cli/__pycache__"):
        assert any(fnmatch.fnmatch(left_out, rule) for rule in rules[-2:])
    (extras,) = [value.removeprefix("EXTRAS=") for value in values(build, "ARG") if value.startswith("EXTRAS=")]
    assert set(extras.split(",")) <= PROJECT["optional-dependencies"].keys()


def test_the_image_has_one_name_and_version_everywhere() -> None:
    name = f"psiselect:{PROJECT['version']}"
    assert {service.settings["image"] for service in services().values()} == {name}
    assert deployment()["containers"][0]["image"] == name
    assert f"docker build --tag {name} ." in (ROOT / "Dockerfile").read_text()
    (label,) = values(stages()[-1], "LABEL")
    assert f'org.opencontainers.image.version="{PROJECT["version"]}"' in label


@pytest.mark.skipif(shutil.which("hadolint", path=str(Path(sys.executable).parent)) is None, reason="no hadolint")
def test_a_linter_of_dockerfiles_finds_nothing() -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "hadolint", ROOT / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


# ---- compose


@pytest.mark.parametrize("service", services().values(), ids=str)
def test_every_service_is_confined(service: Service) -> None:
    settings = service.settings
    assert settings["read_only"] is True
    assert settings["cap_drop"] == ["ALL"]
    assert settings["security_opt"] == ["no-new-privileges:true"]
    assert settings["user"] == "10001:10001"
    assert [place.split(":")[0] for place in settings["tmpfs"]] == ["/tmp"]
    assert settings["ulimits"]["core"] == 0
    forbidden = {"privileged", "cap_add", "devices", "pid", "ipc", "ports", "environment", "env_file", "secrets"}
    assert settings.keys() & forbidden == set()


@pytest.mark.parametrize(("name", "peer"), [("acme", "globex"), ("globex", "acme")])
def test_each_party_has_its_own_folders_and_may_write_to_its_data_alone(name: str, peer: str) -> None:
    service, setup = services()[name], services()[f"{name}-identity"]
    assert service.mounts == [
        Mount(f"{name}/keys", KEYS, read_only=True),
        Mount(f"{name}/peers", PEERS, read_only=True),
        Mount(f"{name}/data", DATA, read_only=False),
    ]
    assert f"--identity={KEYS}/{name}" in service.command
    assert f"--peer={PEERS}/{peer}.crt" in service.command
    assert setup.mounts == [Mount(f"{name}/keys", KEYS, read_only=False)]
    assert setup.command == ["identity", "create", name, "--out", KEYS]
    assert (setup.settings["network_mode"], setup.settings["profiles"]) == ("none", ["setup"])
    image_folders = values(stages()[-1], "RUN")[0]
    for mount in (*service.mounts, *setup.mounts):
        assert f" {mount.target}" in image_folders
    for mount in service.settings["volumes"]:
        assert (mount["type"], mount["bind"]) == ("bind", {"create_host_path": False})


def test_settings_for_systemd_have_the_same_folders() -> None:
    settings = tomllib.loads((ROOT / "packaging" / "listen.toml").read_text())
    assert settings["identity"] == [f"{KEYS}/acme"]
    assert settings["peer"] == [f"{PEERS}/globex.crt"]
    options = dict(word.split("=", 1) for word in services()["acme"].command if "=" in word)
    for name in ("identity", "peer"):
        assert [options[f"--{name}"]] == settings[name]
    for name in ("input", "memory-limit", "learn"):
        assert options[f"--{name}"] == settings[name]


def test_the_caller_waits_for_the_listener_on_a_network_without_a_way_out() -> None:
    found = services()
    assert found["globex"].settings["depends_on"] == {"acme": {"condition": "service_healthy"}}
    assert {name: found[name].settings["networks"] for name in ("acme", "globex")} == {
        "acme": ["sessions"],
        "globex": ["sessions"],
    }
    text = yaml.safe_load((ROOT / "compose.yaml").read_text())
    assert text["networks"] == {"sessions": {"internal": True}}
    assert text["name"] == "psiselect"
    assert found["acme"].settings["stop_grace_period"] == "90s"


# ---- the services' commands, for real


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture
def parties(tmp_path: Path) -> Path:
    """The folders that the head of compose.yaml makes, with lists that have two matches."""
    place = tmp_path / "parties"
    for name in ("acme", "globex"):
        for folder in ("keys", "peers", "data"):
            (place / name / folder).mkdir(parents=True)
    acme = "id,email\n1,Ann@Example.com\n2,bob@example.com\n3,eve@example.org\n"
    globex = "contact_mail,n\neve@example.org,7\nzoe@example.net,8\nann@example.com,9\n"
    (place / "acme/data/customers.csv").write_text(acme)
    (place / "globex/data/members.csv").write_text(globex)
    return place


def exchange_certificates(parties: Path) -> None:
    shutil.copy(parties / "acme/keys/acme.crt", parties / "globex/peers")
    shutil.copy(parties / "globex/keys/globex.crt", parties / "acme/peers")


def answers(port: int) -> bool:
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


def until_ready(service: Service, port: int, listener: Any) -> None:
    """Run the service's own health check until it says yes, as compose does."""
    program, *arguments = service.settings["healthcheck"]["test"][1:]
    assert program == "python"
    words = [word.replace("7080", str(port)) for word in arguments]
    assert words != arguments
    while not answers(port):
        assert listener.poll() is None, listener.communicate()
        time.sleep(0.02)
    for _ in range(20):
        checked = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
        if checked.returncode == 0:
            return
    raise AssertionError(checked.stderr)


def check_result(parties: Path, said: str) -> None:
    with (parties / "globex/data/common.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["n"] for row in rows] == ["7", "9"]
    assert "2" in said
    assert sorted(path.name for path in (parties / "acme/data").iterdir()) == ["customers.csv"]
    assert sorted(path.name for path in (parties / "globex/data").iterdir()) == ["common.csv", "members.csv"]


@contextmanager
def stopped(process: Any) -> Iterator[Any]:
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def session(parties: Path, start: Callable[[Service, dict[str, str]], Any], addresses: dict[str, str]) -> None:
    """What the head of compose.yaml says, with `start` in place of docker; then the listener is told to stop."""
    found = services()
    for name in ("acme", "globex"):
        with stopped(start(found[f"{name}-identity"], {})) as setup:
            out, err = setup.communicate(timeout=60)
            assert setup.returncode == 0, out + err
        assert (parties / name / "keys" / f"{name}.key").stat().st_mode & 0o777 == 0o600
    exchange_certificates(parties)
    with stopped(start(found["acme"], addresses)) as listener:
        until_ready(found["acme"], int(addresses["127.0.0.1:7080"].split(":")[1]), listener)
        with stopped(start(found["globex"], addresses)) as caller:
            out, err = caller.communicate(timeout=60)
            assert caller.returncode == 0, out + err
        check_result(parties, out)
        listener.send_signal(signal.SIGTERM)
        _, log = listener.communicate(timeout=60)
        assert listener.returncode == 0, log


class Sandboxed(subprocess.Popen[str]):
    """A service under bubblewrap. A signal goes to the service itself: process 1 in there, as in a container."""

    def __init__(self, words: list[str]) -> None:
        told, tells = os.pipe()
        words = [words[0], "--info-fd", str(tells), *words[1:]]
        super().__init__(words, pass_fds=[tells], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        os.close(tells)
        with os.fdopen(told) as info:
            self._inside = int(json.load(info)["child-pid"])

    def send_signal(self, sig: int) -> None:
        if self.poll() is None:
            os.kill(self._inside, sig)


def here() -> dict[str, str]:
    """Addresses of compose.yaml -> addresses that are free on this machine."""
    port, health = free_port(), free_port()
    return {
        "*:7001": f"127.0.0.1:{port}",
        "acme:7001": f"127.0.0.1:{port}",
        "127.0.0.1:7080": f"127.0.0.1:{health}",
    }


def test_the_two_services_match_their_lists(parties: Path) -> None:
    session(parties, lambda service, replaced: Process(*service.on_this_machine(parties, replaced)), here())


@pytest.mark.soak
@pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not here")
def test_they_do_so_on_a_root_that_nobody_may_write(parties: Path) -> None:
    session(parties, lambda service, replaced: Sandboxed(service.in_a_sandbox(parties, replaced)), here())

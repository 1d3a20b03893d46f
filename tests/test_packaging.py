"""What packaging/ holds: a unit that systemd accepts, manifests with few rights, settings that the command takes."""

from __future__ import annotations

import configparser
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from support.checkout import ROOT

from cli.main import root
from cli.psi.config import values_of

FOLDER = ROOT / "packaging"
UNIT = FOLDER / "systemd" / "psiselect-listen.service"


def unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=True, interpolation=None, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(UNIT.read_text())
    return parser


def listen() -> click.Context:
    """The context of `psiselect psi listen`, for which nothing was given yet."""
    context = click.Context(root, info_name="psiselect")
    for name in ("psi", "listen"):
        assert isinstance(context.command, click.Group)
        command = context.command.get_command(context, name)
        assert command is not None
        context = click.Context(command, parent=context, info_name=name)
    return context


def values(text: str, tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "listen.toml").write_text(text)
    return values_of(listen(), tmp_path / "listen.toml")


def test_the_unit_starts_again_and_waits_for_the_network() -> None:
    found = unit()
    assert found["Install"]["WantedBy"] == "multi-user.target"
    assert found["Unit"]["Wants"] == found["Unit"]["After"] == "network-online.target"
    assert found["Unit"]["StartLimitIntervalSec"] == "0"
    service = found["Service"]
    assert (service["Restart"], service["RestartSec"], service["RestartPreventExitStatus"]) == (
        "on-failure",
        "5",
        "2 6",
    )
    assert service["ExecStart"].split()[1:] == ["psi", "listen", "--config", "/etc/psiselect/listen.toml"]
    assert service["ExecReload"] == "/bin/kill -HUP $MAINPID"
    settings = tomllib.loads((FOLDER / "listen.toml").read_text())
    assert int(service["TimeoutStopSec"]) > settings["grace"]


def test_the_unit_is_hardened() -> None:
    service = unit()["Service"]
    assert service["User"] == "psiselect"
    for name in ("NoNewPrivileges", "ProtectHome", "PrivateTmp", "PrivateDevices", "RestrictNamespaces",
                 "RestrictSUIDSGID", "LockPersonality", "ProtectKernelModules", "ProtectControlGroups"):  # fmt: skip
        assert service[name] == "yes", name
    assert service["ProtectSystem"] == "strict"
    assert (service["CapabilityBoundingSet"], service["AmbientCapabilities"]) == ("", "")
    assert (service["LimitCORE"], service["UMask"]) == ("0", "0077")
    assert "MemoryDenyWriteExecute" not in service


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here")
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    """The program is not where the unit has it, so another one stands for it."""
    text = UNIT.read_text().replace("/usr/local/bin/psiselect", sys.executable).replace("/bin/kill", sys.executable)
    copy = tmp_path / UNIT.name
    for change, accepted in (("", True), ("\n[Service]\nRestart=sometimes\nNoSuchSetting=yes\n", False)):
        copy.write_text(text + change)
        done = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", copy], capture_output=True, text=True, check=False
        )
        said = [line for line in done.stderr.splitlines() if UNIT.name in line]
        if "Failed to" in done.stderr and not said:
            pytest.skip(f"systemd-analyze does not work here: {done.stderr.strip()}")
        assert (said == []) is accepted, done.stderr


def test_the_example_of_settings_is_taken(tmp_path: Path) -> None:
    found = values((FOLDER / "listen.toml").read_text(), tmp_path)
    assert found["serve"] is True
    assert found["addresses"] == ("*:7001",)
    assert str(found["health"]) == "127.0.0.1:7080"


# ---- Kubernetes


def manifests() -> dict[str, Any]:
    """By kind."""
    found: dict[str, Any] = {}
    for path in (FOLDER / "kubernetes").glob("*.yaml"):
        for manifest in yaml.safe_load_all(path.read_text()):
            assert manifest["metadata"]["name"].startswith("psiselect")
            assert manifest["kind"] not in found
            found[manifest["kind"]] = manifest
    return found


KINDS = {"ConfigMap", "Secret", "Deployment", "PersistentVolumeClaim", "Service", "NetworkPolicy"}


def test_the_deployment_has_few_rights_and_bounds() -> None:
    found = manifests()
    assert found.keys() == KINDS
    spec = found["Deployment"]["spec"]
    assert (spec["replicas"], spec["strategy"]["type"]) == (1, "Recreate")
    pod = spec["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == pod["securityContext"]["fsGroup"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    (container,) = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["resources"]["limits"]["memory"] == "2Gi"


def test_the_probes_ask_for_life_and_readiness_where_the_listener_answers(tmp_path: Path) -> None:
    found = manifests()
    settings = values(found["ConfigMap"]["data"]["listen.toml"], tmp_path)
    (container,) = found["Deployment"]["spec"]["template"]["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"sessions": 7001, "health": settings["health"].port}
    assert settings["addresses"] == (f"*:{ports['sessions']}",)
    for probe, path in (("startupProbe", "/livez"), ("livenessProbe", "/livez"), ("readinessProbe", "/readyz")):
        assert container[probe]["httpGet"] == {"path": path, "port": "health"}
    assert found["Service"]["spec"]["ports"] == [{"name": "sessions", "port": 7001, "targetPort": "sessions"}]
    labels = found["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert found["Service"]["spec"]["selector"] == labels
    assert found["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"] == labels
    assert found["Deployment"]["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] > settings["grace"]
    assert settings["memory_limit"] <= 1536 << 20


def test_what_the_settings_name_is_mounted(tmp_path: Path) -> None:
    found = manifests()
    settings = values(found["ConfigMap"]["data"]["listen.toml"], tmp_path)
    pod = found["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert mounts.keys() == volumes.keys()
    assert settings["identities"] == (Path(mounts["identity"]["mountPath"]),)
    assert mounts["identity"]["readOnly"] is mounts["settings"]["readOnly"] is True
    assert volumes["identity"]["secret"] == {"secretName": found["Secret"]["metadata"]["name"], "defaultMode": 0o440}
    assert found["Secret"]["stringData"].keys() == {"acme.key", "acme.crt"}
    assert mounts["scratch"]["mountPath"] == "/tmp"
    assert "emptyDir" in volumes["scratch"]
    assert volumes["state"]["persistentVolumeClaim"]["claimName"] == found["PersistentVolumeClaim"]["metadata"]["name"]
    kept = found["ConfigMap"]["data"]
    assert {path.parent for path in settings["peers"]} == {Path(mounts["settings"]["mountPath"])}
    assert {path.name for path in (*settings["peers"], settings["policy"])} <= kept.keys()
    state = tomllib.loads(kept["policy.toml"])["state"]
    for path in (settings["source"], settings["audit"], Path(state)):
        assert path.parent == Path(mounts["state"]["mountPath"])
    assert f"--config {container['args'][3]}" == f"--config {mounts['settings']['mountPath']}/listen.toml"


def test_the_policy_of_the_settings_is_one(tmp_path: Path) -> None:
    from psi.accounts.policy import Policy

    (tmp_path / "policy.toml").write_text(manifests()["ConfigMap"]["data"]["policy.toml"])
    assert len(Policy.load(tmp_path / "policy.toml").peers) == 1

"""What the manifests' tests share: rendering with kustomize, and reading what comes out."""

import functools
import re
import shutil

import pytest
import yaml

from engine import PARTNERS, ROOT, SERVICES, run

DEPLOY = ROOT / "deploy"
def format_of(partner):
    """The file that is its format, if that is in jq."""
    return DEPLOY / "components" / f"partner-{partner}" / "format.jq"


def adapter_of(partner):
    return "adapter-jq" if PARTNERS[partner] == "jq" else f"adapter-{partner}"


def _partners_of(folder):
    """Whose component is in the kustomization, or in one that it is made of."""
    if not (folder / "kustomization.yaml").exists():
        return set()
    read = yaml.safe_load((folder / "kustomization.yaml").read_text())
    parts = [(folder / p).resolve() for p in read.get("resources", []) + read.get("components", [])]
    own = {p.name.removeprefix("partner-") for p in parts if p.name.startswith("partner-")}
    return own.union(*(_partners_of(part) for part in parts))


# Each overlay, and whose pods it has.
OVERLAYS = {
    file.parent.name: sorted(_partners_of(file.parent))
    for file in sorted((DEPLOY / "overlays").glob("*/kustomization.yaml"))
}
# Where they keep what is booked: on a claim, or in a database, as all others do.
ON_A_SHARED_CLAIM = ("all-one-node",)
ON_A_CLAIM_EACH = ("kayak-one-claim",)
ON_A_DATABASE = tuple(name for name in OVERLAYS if name not in ON_A_SHARED_CLAIM + ON_A_CLAIM_EACH)

NAME = "app.kubernetes.io/name"
INSTANCE = "app.kubernetes.io/instance"
ENGINE = {NAME: "booking-app"}


@functools.lru_cache
def renderer():
    """kustomize, or a kubectl that has one as new as native sidecars are."""
    if shutil.which("kustomize"):
        return ["kustomize", "build"]
    if shutil.which("kubectl"):
        version = run("kubectl", "version", "--client", "--output=yaml", check=False).stdout
        minor = re.search(r'minor: "?(\d+)', version)
        if minor and int(minor[1]) >= 29:
            return ["kubectl", "kustomize"]
    return None


@functools.lru_cache
def render(folder):
    if not renderer():
        pytest.skip("needs kustomize, or kubectl 1.29 or later")
    return list(yaml.safe_load_all(run(*renderer(), str(folder)).stdout))


def overlay(name):
    return render(DEPLOY / "overlays" / name)


def of_kind(documents, kind):
    return [d for d in documents if d["kind"] == kind]


def engines(documents):
    """The engines' Deployments."""
    return [d for d in of_kind(documents, "Deployment") if ENGINE.items() <= labels(d).items()]


def labels(document):
    return document["metadata"].get("labels", {})


def plain_pods():
    return [
        document
        for partner in PARTNERS
        for document in yaml.safe_load_all(
            (DEPLOY / "pods" / f"booking-app-{partner}.yaml").read_text()
        )
        if document["kind"] == "Pod"
    ]


def pod_templates(documents):
    """Every pod that comes of the documents: its metadata and spec."""
    found = []
    for document in documents:
        if document["kind"] == "Pod":
            found.append(document)
        elif document["kind"] == "CronJob":
            found.append(document["spec"]["jobTemplate"]["spec"]["template"])
        elif document["kind"] in ("Deployment", "StatefulSet", "DaemonSet", "Job"):
            found.append(document["spec"]["template"])
    return found


def containers(spec):
    return spec.get("initContainers", []) + spec["containers"]


# -- the Pod Security Standard


# https://kubernetes.io/docs/concepts/security/pod-security-standards/
SAFE_SYSCTLS = {
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_syncookies",
}
RESTRICTED_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}


def violations(spec):
    """What of a pod the `restricted` standard forbids; empty if nothing."""
    found = []
    pod = spec.get("securityContext", {})
    found += [key for key in ("hostNetwork", "hostPID", "hostIPC") if spec.get(key)]
    found += [f"sysctl {s['name']}" for s in pod.get("sysctls", []) if s["name"] not in SAFE_SYSCTLS]
    for volume in spec.get("volumes", []):
        found += [f"volume {kind}" for kind in volume.keys() - RESTRICTED_VOLUMES - {"name"}]
    for container in containers(spec) + spec.get("ephemeralContainers", []):
        name, own = container["name"], container.get("securityContext", {})
        capabilities = own.get("capabilities", {})
        seccomp = own.get("seccompProfile", pod.get("seccompProfile", {}))
        probes = [container.get(f"{p}Probe", {}) for p in ("liveness", "readiness", "startup")]
        bad = {
            "privileged": own.get("privileged"),
            "escalation": own.get("allowPrivilegeEscalation") is not False,
            "drops not all": "ALL" not in capabilities.get("drop", []),
            "adds": set(capabilities.get("add", [])) - {"NET_BIND_SERVICE"},
            "seccomp": seccomp.get("type") not in ("RuntimeDefault", "Localhost"),
            "root": own.get("runAsNonRoot", pod.get("runAsNonRoot")) is not True,
            "user 0": own.get("runAsUser", pod.get("runAsUser")) == 0,
            "procMount": own.get("procMount", "Default") != "Default",
            "hostPort": any(p.get("hostPort") for p in container.get("ports", [])),
            "probe's host": any(p.get("httpGet", {}).get("host") for p in probes),
        }
        found += [f"{name}: {what}" for what, is_bad in bad.items() if is_bad]
    return found


def hardening_gaps(spec):
    """What our own rules ask for beyond that."""
    found = []
    if spec.get("automountServiceAccountToken") is not False:
        found.append("a token of the service account")
    if spec.get("enableServiceLinks") is not False:
        found.append("service links")
    for volume in spec.get("volumes", []):
        if "emptyDir" in volume and "sizeLimit" not in volume["emptyDir"]:
            found.append(f"volume {volume['name']} without a limit")
    for container in containers(spec):
        own, resources = container["securityContext"], container["resources"]
        bad = {
            "a user below 10000": own.get("runAsUser", 0) < 10000,
            "a root filesystem to write to": own.get("readOnlyRootFilesystem") is not True,
            "capabilities": own.get("capabilities") != {"drop": ["ALL"]},
            "no requests": set(resources.get("requests", {})) != {"cpu", "memory"},
            "no memory limit": "memory" not in resources.get("limits", {}),
            "pull policy": container.get("imagePullPolicy") != "IfNotPresent",
        }
        found += [f"{container['name']}: {what}" for what, is_bad in bad.items() if is_bad]
    return found


def is_pinned(image, version):
    """Ours with the version, from any registry, or another's with a version in numbers."""
    name, _, tag = image.rpartition(":")
    if name.rsplit("/", 1)[-1] in SERVICES:
        return tag == version
    return bool(name and re.fullmatch(r"\d+(\.\d+)+", tag))


# -- network policies


def selects(selector, found):
    assert not selector.keys() - {"matchLabels"}, "the only kind used here"
    return selector.get("matchLabels", {}).items() <= found.items()


class Place:
    """A pod, or what else traffic comes from and goes to: labels, and its namespace's name. Pods of
    the documents have none; without both it is an address outside the cluster."""

    def __init__(self, pod_labels=None, namespace=None):
        self.labels, self.namespace = pod_labels, namespace


def _peer_matches(peer, place):
    assert not peer.keys() - {"podSelector", "namespaceSelector"}, "the only kinds used here"
    if "namespaceSelector" in peer:
        found = {"kubernetes.io/metadata.name": place.namespace}
        if place.namespace is None or not selects(peer["namespaceSelector"], found):
            return False
    elif place.namespace is not None:
        return False
    if "podSelector" in peer:
        return place.labels is not None and selects(peer["podSelector"], place.labels)
    return True


def _direction_allows(policies, direction, own, other, port, protocol):
    """Whether the policies that select `own` let it, as policyTypes says: `Ingress` or `Egress`."""
    if own.labels is None or own.namespace is not None:
        return True  # not one of the documents' pods: none of their policies selects it
    mine = [
        p["spec"]
        for p in policies
        if direction in p["spec"]["policyTypes"] and selects(p["spec"]["podSelector"], own.labels)
    ]
    side = "from" if direction == "Ingress" else "to"
    return not mine or any(
        ("ports" not in rule or {"port": port, "protocol": protocol} in rule["ports"])
        and (side not in rule or any(_peer_matches(peer, other) for peer in rule[side]))
        for spec in mine
        for rule in spec.get(direction.lower(), [])
    )


def network_allows(documents, source, target, port, protocol="TCP"):
    """Whether traffic may leave its source and enter its target."""
    policies = of_kind(documents, "NetworkPolicy")
    return _direction_allows(policies, "Egress", source, target, port, protocol) and (
        _direction_allows(policies, "Ingress", target, source, port, protocol)
    )


def pod_named(documents, name):
    """The first pod whose name label is this."""
    for template in pod_templates(documents):
        if labels(template).get(NAME) == name:
            return Place(labels(template))
    raise AssertionError(f"no pod {name}")

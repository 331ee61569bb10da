"""Every combination of components that the pages show, and what each component promises."""

import re
import shutil
import subprocess

import pytest
import yaml

from engine import PARTNERS, ROOT, run
from manifests import (
    DEPLOY,
    INSTANCE,
    NAME,
    OVERLAYS,
    Place,
    containers,
    engines,
    hardening_gaps,
    is_pinned,
    labels,
    network_allows,
    of_kind,
    overlay,
    pod_named,
    pod_templates,
    render,
    violations,
)

PAGES = [DEPLOY / "README.md", ROOT / "docs" / "kubernetes.md"]
COMPONENTS = {folder.name for folder in (DEPLOY / "components").iterdir()}
DNS = Place(namespace="kube-system")
OUTSIDE = Place()


def documented():
    """The kustomizations in the pages' yaml blocks, each to be a file beside deploy/."""
    pages = "\n".join(page.read_text() for page in PAGES)
    blocks = re.findall(r"^```yaml\n(.*?)^```$", pages, re.M | re.S)
    return [b for b in blocks if "\nkind: Kustomization\n" in b]


def parts(text):
    """The last names of what a kustomization is made of: `all`, `fleet`, ..."""
    read = yaml.safe_load(text)
    return [p.rsplit("/", 1)[-1] for p in read.get("resources", []) + read.get("components", [])]


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """Builds a kustomization that stands in a folder beside deploy/; the same text once."""
    root = tmp_path_factory.mktemp("site")
    shutil.copytree(DEPLOY, root / "deploy")
    built = {}

    def build_text(text):
        if text not in built:
            folder = root / f"site-{len(built)}"
            folder.mkdir()
            (folder / "kustomization.yaml").write_text(text)
            built[text] = render(folder)
        return built[text]

    return build_text


@pytest.fixture
def combine(build):
    """Builds a resource with components, all named by their folder under deploy/."""

    def combined(resource, *components):
        text = yaml.safe_dump(
            {
                "apiVersion": "kustomize.config.k8s.io/v1beta1",
                "kind": "Kustomization",
                "resources": [f"../deploy/{resource}"] if resource else [],
                "components": [f"../deploy/components/{c}" for c in components],
            }
        )
        return build(text)

    return combined


@pytest.fixture(params=documented(), ids=lambda text: "+".join(parts(text)))
def example(request, build):
    return build(request.param)


# -- what the pages show


def test_pages_show_every_component():
    """In a table, and in use: in an example or in an overlay. Partners come and go: all are one row."""
    rows = re.findall(r"^\| (`[^|]*`) \| ", PAGES[0].read_text().split("## Components")[1], re.M)
    table = re.findall(r"`([a-z-]+)`", " ".join(rows))
    assert COMPONENTS <= {*table, *(f"partner-{partner}" for partner in PARTNERS)}
    assert "`partner-NAME`" in rows
    used = {part for text in documented() for part in parts(text)}
    for file in DEPLOY.glob("**/kustomization.yaml"):
        used.update(parts(file.read_text()))
    assert COMPONENTS <= used


def test_paths_on_the_pages_exist():
    for page in PAGES:
        text = page.read_text()
        for path in re.findall(r"\bdeploy/[\w./-]*\w", text):
            assert (ROOT / path).exists(), path
        for path in re.findall(r"`((?:components|overlays|pods|base|patterns)/[\w./-]*)`", text):
            assert (DEPLOY / path).exists(), path
        for path in re.findall(r"\]\(([^)#:]+)[)#]", text):
            assert (page.parent / path).exists(), path


def test_examples_are_hardened(example, version):
    assert pod_templates(example)
    for template in pod_templates(example):
        assert not violations(template["spec"])
        assert not hardening_gaps(template["spec"])
        for container in containers(template["spec"]):
            assert is_pinned(container["image"], version), container["image"]


def test_examples_mount_what_there_is(example):
    """Each mount has its volume, each claim is one of the documents'."""
    claims = {c["metadata"]["name"] for c in of_kind(example, "PersistentVolumeClaim")}
    for template in pod_templates(example):
        volumes = {v["name"]: v for v in template["spec"].get("volumes", [])}
        for container in containers(template["spec"]):
            for mount in container.get("volumeMounts", []):
                assert mount["name"] in volumes
        for volume in volumes.values():
            if "persistentVolumeClaim" in volume:
                assert volume["persistentVolumeClaim"]["claimName"] in claims


def test_examples_have_cars_of_the_operator_only(example):
    for deployment in engines(example):
        main = deployment["spec"]["template"]["spec"]["containers"][0]
        assert {"name": "BOOKING_FLEET", "value": "demo"} not in main["env"]


def test_no_url_or_password_is_in_a_manifest():
    for file in DEPLOY.glob("**/*.yaml"):
        for line in file.read_text().splitlines():
            assert "postgresql://" not in line, file
            assert not re.search(r"PASSWORD\s*[:=]\s*\S", line), file
    for name in ("all", "try"):
        for template in pod_templates(overlay(name)):
            for container in containers(template["spec"]):
                line = container.get("command", []) + container.get("args", [])
                assert not any("$(" in word or "--database" in word for word in line)


def test_forms_for_the_cluster_test(version):
    """tests/e2e/k8s-try and k8s-all, for make e2e-k8s."""
    documents = {name: render(ROOT / "tests" / "e2e" / name) for name in ("k8s-try", "k8s-all")}
    for rendered in documents.values():
        for template in pod_templates(rendered):
            assert not hardening_gaps(template["spec"])
            for container in containers(template["spec"]):
                assert is_pinned(container["image"], version)
        formats = [d for d in rendered if d["kind"] == "ConfigMap"]
        assert formats  # k8s.sh edits one
    # Nothing in this one is newer than Kubernetes 1.20.
    old = documents["k8s-all"]
    kinds = {"ConfigMap", "Deployment", "NetworkPolicy", "Service", "ServiceAccount", "StatefulSet"}
    assert {d["kind"] for d in old} == kinds
    for template in pod_templates(old):
        assert not violations(template["spec"])
        assert "initContainers" not in template["spec"]
    names = [{d["metadata"]["name"] for d in engines(r)} for r in documents.values()]
    assert names[0] == names[1] > {d["metadata"]["name"] for d in engines(overlay("try"))}


# -- each component


def test_fleet(combine):
    for resource in ("overlays/all", "overlays/all-one-node", "overlays/kayak-one-claim"):
        deployments = engines(combine(resource, "fleet"))
        assert deployments
        for deployment in deployments:
            spec = deployment["spec"]["template"]["spec"]
            main = spec["containers"][0]
            assert {"name": "BOOKING_FLEET", "value": "/fleet/fleet.csv"} in main["env"]
            assert {"name": "fleet", "mountPath": "/fleet", "readOnly": True} in main["volumeMounts"]
            assert {"name": "fleet", "configMap": {"name": "booking-fleet"}} in spec["volumes"]


def test_api_keys(combine):
    for resource in ("overlays/all", "overlays/all-one-node", "overlays/kayak-one-claim"):
        for deployment in engines(combine(resource, "api-keys")):
            partner = deployment["metadata"]["name"].removeprefix("booking-app-")
            spec = deployment["spec"]["template"]["spec"]
            main = spec["containers"][0]
            assert {"name": "BOOKING_API_KEYS", "value": "/api-keys/keys"} in main["env"]
            (keys,) = [v["secret"] for v in spec["volumes"] if v["name"] == "api-keys"]
            # The partner's own, and without them no pod: it would be open.
            assert keys["secretName"] == f"booking-api-keys-{partner}"
            assert keys["optional"] is False
            assert keys["defaultMode"] == 0o440


def test_without_api_keys_no_partner_has_anothers():
    for partner in PARTNERS:
        (deployment,) = engines(overlay(partner))
        spec = deployment["spec"]["template"]["spec"]
        secrets = [v["secret"]["secretName"] for v in spec["volumes"] if "secret" in v]
        assert sorted(secrets) == [f"booking-api-keys-{partner}", "booking-database-ca"]
        mounted = {m["name"] for c in containers(spec) for m in c.get("volumeMounts", [])}
        assert "api-keys" not in mounted


def test_fleet_job_on_a_database(combine):
    documents = combine("overlays/try", "fleet-job", "images")
    (job,) = of_kind(documents, "Job")
    spec = job["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    assert container["args"][:2] == ["import", "/fleet/fleet.csv"]
    assert container["env"] == [
        {
            "name": "BOOKING_DATABASE",
            "valueFrom": {"secretKeyRef": {"name": "booking-database", "key": "uri"}},
        }
    ]
    pod = pod_named(documents, "booking-fleet")
    assert network_allows(documents, pod, pod_named(documents, "booking-postgresql"), 5432)
    assert network_allows(documents, pod, DNS, 53, "UDP")
    assert not network_allows(documents, pod, OUTSIDE, 443)
    for port in (33, 9033):
        assert not network_allows(documents, Place(namespace="ingress"), pod, port)


def data_claim(spec):
    (claim,) = [v["persistentVolumeClaim"] for v in spec["volumes"] if v["name"] == "data"]
    return claim["claimName"]


def beside(spec):
    """The labels of the pods that it has to run beside."""
    (term,) = spec["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert term["topologyKey"] == "kubernetes.io/hostname"
    return term["labelSelector"]["matchLabels"]


def check_mounts_the_engines_claim(documents, name):
    """A Job's pod has the engines' claim, runs where one of them runs, and has no network."""
    (template,) = [t for t in pod_templates(documents) if labels(t)[NAME] == name]
    spec = template["spec"]
    deployments = engines(documents)
    for deployment in deployments:
        engine = deployment["spec"]["template"]
        assert data_claim(spec) == data_claim(engine["spec"])
        assert beside(spec).items() <= labels(engine).items()
    databases = [
        e["value"]
        for c in containers(spec)
        for e in c.get("env", [])
        if e["name"] == "BOOKING_DATABASE"
    ]
    assert databases == ["sqlite:/data/booking.db"]
    pod = Place(labels(template))
    assert not network_allows(documents, pod, DNS, 53, "UDP")
    assert not network_allows(documents, pod, OUTSIDE, 5432)


def test_fleet_job_on_a_claim(combine):
    shared = combine("overlays/all-one-node", "fleet-job-claim", "images")
    check_mounts_the_engines_claim(shared, "booking-fleet")
    for partner in PARTNERS:
        own = combine(
            "base", "one-claim-each", "fleet-job-claim", f"partner-{partner}", "images", "cluster"
        )
        check_mounts_the_engines_claim(own, "booking-fleet")
        (job,) = of_kind(own, "Job")
        pod = job["spec"]["template"]["spec"]
        assert beside(pod)[INSTANCE] == f"booking-app-{partner}"
        assert {v["name"] for v in pod["volumes"]} == {"data", "fleet"}


def test_backup_of_a_claim(combine):
    for documents in (overlay("all-one-node"), overlay("kayak-one-claim")):
        check_mounts_the_engines_claim(documents, "booking-backup")
        (cronjob,) = of_kind(documents, "CronJob")
        assert cronjob["apiVersion"] == "batch/v1"
        assert cronjob["spec"]["concurrencyPolicy"] == "Forbid"
    own = combine("base", "one-claim-each", "backup", "partner-airbnb", "images")
    (cronjob,) = of_kind(own, "CronJob")
    pod = cronjob["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert beside(pod)[INSTANCE] == "booking-app-airbnb"


def test_backup_keeps_the_last_fourteen(tmp_path):
    """The CronJob's second container, its commands run here on a folder."""
    (cronjob,) = of_kind(overlay("all-one-node"), "CronJob")
    (keep,) = cronjob["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    shell, options, script = keep["command"]
    script = script.replace("/backup", str(tmp_path))
    values = {e["name"]: e.get("value", "booking-backup-1-x") for e in keep["env"]}

    def run_once():
        (tmp_path / "booking-backup-1-x.part").write_text("new")
        done = subprocess.run(
            [shell, options, script], env={"PATH": "/usr/bin:/bin", **values}, capture_output=True,
            text=True, check=False,
        )
        assert done.returncode == 0, done.stderr
        return sorted(f.name for f in tmp_path.iterdir())

    (first,) = run_once()
    assert re.fullmatch(r"booking-\d{4}-\d\d-\d\dT\d{6}Z\.db", first)
    assert (tmp_path / first).read_text() == "new"
    old = [f"booking-2020-01-{day:02}T030000Z.db" for day in range(1, 15)]
    for name in old:
        (tmp_path / name).write_text("old")
    (tmp_path / "booking-backup-0-y.part").write_text("half")
    left = run_once()
    assert len(left) == 14
    assert not [name for name in left if name.endswith(".part")]
    assert "booking-2020-01-01T030000Z.db" not in left
    assert old[-1] in left and first in left

    # Without a copy there is nothing to keep, and nothing to delete.
    done = subprocess.run(
        [shell, options, script], env={"PATH": "/usr/bin:/bin", **values}, capture_output=True,
        check=False,
    )
    assert done.returncode != 0
    assert sorted(f.name for f in tmp_path.iterdir()) == left


def test_postgresql_is_one_and_has_its_password_from_the_secret():
    documents = overlay("try")
    (database,) = of_kind(documents, "StatefulSet")
    assert database["spec"]["replicas"] == 1
    spec = database["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    assert container["image"].startswith("postgres:")
    values = {e["name"]: e["value"] for e in container["env"]}
    assert "POSTGRES_PASSWORD" not in values
    assert values["POSTGRES_PASSWORD_FILE"] == "/password/password"
    (secret,) = [v["secret"] for v in spec["volumes"] if "secret" in v]
    assert secret["secretName"] == "booking-database"
    # All that the image writes to: the root filesystem is read-only.
    mounts = {m["mountPath"] for m in container["volumeMounts"] if not m.get("readOnly")}
    assert mounts == {"/var/lib/postgresql", "/var/run/postgresql", "/tmp"}
    (service,) = [s for s in of_kind(documents, "Service") if "postgresql" in s["metadata"]["name"]]
    assert service["spec"]["selector"].items() <= labels(database["spec"]["template"]).items()
    component = (DEPLOY / "components" / "postgresql" / "kustomization.yaml").read_text()
    assert "NOT FOR PRODUCTION" in component
    for operator in ("CloudNativePG", "Zalando", "Crunchy"):
        assert operator in component


# -- monitoring


def metrics_in(expression):
    names = set(re.findall(r"\b(?:booking|adapter|http|log|process)_[a-z_]+\b", expression))
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in names}


@pytest.fixture
def monitored(combine):
    return combine("overlays/all", "monitoring", "images")


def test_prometheus_finds_the_engines(monitored):
    (monitor,) = of_kind(monitored, "PodMonitor")
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    deployments = engines(monitored)
    assert len(deployments) == len(OVERLAYS["all"])
    for deployment in deployments:
        template = deployment["spec"]["template"]
        assert monitor["spec"]["selector"]["matchLabels"].items() <= labels(template).items()
        ports = {p["name"]: p["containerPort"] for p in template["spec"]["containers"][0]["ports"]}
        assert ports[endpoint["port"]] == 9033
        pod = Place(labels(template))
        assert network_allows(monitored, Place(namespace="monitoring"), pod, 9033)


def test_five_alerts_on_metrics_that_exist(monitored):
    (rule,) = of_kind(monitored, "PrometheusRule")
    alerts = [r for g in rule["spec"]["groups"] for r in g["rules"]]
    assert len(alerts) == 5
    sources = "".join(
        f.read_text() for room in ("booking-main", "lib") for f in (ROOT / room).glob("**/*.c")
    )
    for alert in alerts:
        names = metrics_in(alert["expr"])
        assert names, alert["alert"]
        for name in names:
            assert f'"{name}"' in sources, f"{alert['alert']}: the engine has no {name}"
        assert alert["labels"]["severity"] in ("critical", "warning")
        assert alert["annotations"].keys() == {"summary", "description"}


def test_prometheus_reads_the_rules(monitored, tmp_path):
    if not shutil.which("promtool"):
        pytest.skip("needs promtool")
    (rule,) = of_kind(monitored, "PrometheusRule")
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump(rule["spec"]))
    run("promtool", "check", "rules", str(file))


# -- the version


def test_version_is_written_from_one_place(tmp_path):
    """After tools/set-version nothing has the old one but what was measured with it."""
    old = (ROOT / "VERSION").read_text().strip()
    places = ["VERSION", "README.md", "deploy", "docker", "docs", "tests/e2e", "tools/set-version"]
    for place in places:
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / place).is_dir():
            shutil.copytree(ROOT / place, tmp_path / place, ignore=shutil.ignore_patterns("*.pyc"))
        else:
            shutil.copy(ROOT / place, tmp_path / place)
    run(str(tmp_path / "tools" / "set-version"), "9.8.7")
    assert (tmp_path / "VERSION").read_text() == "9.8.7\n"
    whole = re.compile(rf"(?<![\d.]){re.escape(old)}(?![\d.])")
    for file in tmp_path.glob("**/*"):
        if file.is_file() and file.name != "performance.md":
            assert not whole.search(file.read_text()), file
    for pod in (tmp_path / "deploy" / "pods").iterdir():
        assert set(re.findall(r"image: .*:(.*)", pod.read_text())) == {"9.8.7"}
    refused = subprocess.run(
        [tmp_path / "tools" / "set-version", "1.0"], capture_output=True, check=False
    )
    assert refused.returncode == 2

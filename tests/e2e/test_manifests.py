"""What the pods and overlays promise, read from what kustomize makes of them: no cluster needed."""

import re
import shutil

import pytest
import yaml

from engine import PARTNERS
from manifests import (
    DEPLOY,
    ENGINE,
    INSTANCE,
    NAME,
    ON_A_CLAIM_EACH,
    ON_A_DATABASE,
    ON_A_SHARED_CLAIM,
    OVERLAYS,
    Place,
    adapter_of,
    containers,
    engines,
    format_of,
    hardening_gaps,
    is_pinned,
    labels,
    network_allows,
    of_kind,
    overlay,
    plain_pods,
    pod_named,
    pod_templates,
    render,
    violations,
)

LABELS = {"name", "instance", "version", "component", "part-of", "managed-by"}
FROM_THE_INGRESS = Place(namespace="ingress")
FROM_PROMETHEUS = Place(namespace="monitoring")
FROM_ELSEWHERE = Place({}, namespace="elsewhere")
DNS = Place(namespace="kube-system")
OUTSIDE = Place()


@pytest.fixture(params=[f"pod-{p}" for p in PARTNERS] + ["base"] + list(OVERLAYS))
def engine_specs(request):
    """The engines' pod specs in every form there is: the plain pods, the base, each overlay."""
    if request.param.startswith("pod-"):
        partner = request.param[4:]
        return [p["spec"] for p in plain_pods() if p["metadata"]["name"].endswith(partner)]
    folder = DEPLOY / "base" if request.param == "base" else DEPLOY / "overlays" / request.param
    return [d["spec"]["template"]["spec"] for d in engines(render(folder))]


@pytest.fixture(params=OVERLAYS)
def name(request):
    return request.param


def environment(spec):
    return {e["name"]: e.get("value") for e in spec["containers"][0]["env"]}


def test_every_partner_has_an_overlay_of_its_own():
    for partner in PARTNERS:
        assert OVERLAYS[partner] == [partner]


def test_the_overlays_of_several_partners_have_the_same():
    assert len(OVERLAYS["all"]) > 1
    for name in ("all-gateway-api", "try"):
        assert OVERLAYS[name] == OVERLAYS["all"]


def test_engines_are_hardened(engine_specs):
    assert engine_specs
    for spec in engine_specs:
        assert not violations(spec)
        if spec["containers"][0]["image"] != "booking-main":  # the base has no tags
            assert not hardening_gaps(spec)
        assert spec["securityContext"]["sysctls"] == [
            {"name": "net.ipv4.ip_unprivileged_port_start", "value": "33"}
        ]
        # Drain delay, requests in flight, the adapter's turn.
        assert spec["terminationGracePeriodSeconds"] >= 5 + 3 + 10
        assert sorted(c["name"] for c in containers(spec)) == ["adapter", "booking-main"]


def test_all_pods_are_hardened(name, version):
    for template in pod_templates(overlay(name)):
        assert not violations(template["spec"])
        assert not hardening_gaps(template["spec"])
        for container in containers(template["spec"]):
            assert is_pinned(container["image"], version)


def test_plain_pods_name_the_version(version):
    for pod in plain_pods():
        for container in containers(pod["spec"]):
            assert is_pinned(container["image"], version)


def test_ports(engine_specs):
    """The partners' and the operator's. The adapter's is for nobody outside the pod."""
    for spec in engine_specs:
        ports = [
            (p["name"], p["containerPort"]) for c in containers(spec) for p in c.get("ports", [])
        ]
        assert ports == [("http", 33), ("operator", 9033)]


def test_probes(engine_specs):
    for spec in engine_specs:
        by_name = {c["name"]: c for c in containers(spec)}
        main, adapter = by_name["booking-main"], by_name["adapter"]
        assert main["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": 9033}
        assert main["startupProbe"]["httpGet"] == {"path": "/healthz", "port": 9033}
        # On 127.0.0.1 alone, in an image without a shell: only its own binary can ask it.
        for probe in ("livenessProbe", "startupProbe"):
            assert adapter[probe]["exec"]["command"] == ["/usr/bin/adapter", "--healthcheck"]
        # Both every second, and none of them with a program to start.
        for container in (main, adapter):
            ready = container["readinessProbe"]
            assert ready["httpGet"] == {"path": "/readyz", "port": 9033}
            assert ready["periodSeconds"] == 1
            assert ready["failureThreshold"] == 1
        assert not any("lifecycle" in c for c in containers(spec)), "the engine delays by itself"


@pytest.mark.parametrize("pod", plain_pods(), ids=lambda pod: pod["metadata"]["name"])
def test_plain_pods(pod):
    partner = pod["metadata"]["name"].removeprefix("booking-app-")
    assert pod["metadata"]["labels"]["app"] == pod["metadata"]["name"]
    assert pod["spec"]["restartPolicy"] == "Never"
    assert "initContainers" not in pod["spec"]
    main, adapter = pod["spec"]["containers"]
    assert main["image"].startswith("booking-main:")
    assert adapter["image"].startswith(f"{adapter_of(partner)}:")
    assert environment(pod["spec"]) == {"BOOKING_CHANNEL": partner, "BOOKING_FLEET": "demo"}


@pytest.mark.parametrize("partner", [p for p, kind in PARTNERS.items() if kind == "jq"])
def test_a_format_is_the_same_file_everywhere(partner):
    """In the plain pod it stands in the manifest; in the overlay kustomize puts it there."""
    text = (DEPLOY / "pods" / f"booking-app-{partner}.yaml").read_text()
    for documents in (list(yaml.safe_load_all(text)), overlay(partner)):
        (config,) = of_kind(documents, "ConfigMap")
        assert config["data"] == {"format.jq": format_of(partner).read_text()}, (
            f"tools/pod-format {partner} brings it into the plain pod"
        )
        assert config["metadata"]["name"] == f"booking-format-{partner}"
        for template in pod_templates(documents):
            (adapter,) = [c for c in containers(template["spec"]) if c["name"] == "adapter"]
            assert {"name": "ADAPTER_FILTER", "value": "/etc/booking/format.jq"} in adapter["env"]
            (mount,) = [m for m in adapter["volumeMounts"] if m["name"] == "format"]
            # A file that is mounted by a subPath never changes.
            assert mount == {"name": "format", "mountPath": "/etc/booking", "readOnly": True}
            volumes = {v["name"]: v for v in template["spec"]["volumes"]}
            assert volumes["format"]["configMap"] == {"name": config["metadata"]["name"]}


def test_overlay_has_its_partners(name):
    deployments = engines(overlay(name))
    assert sorted(d["metadata"]["name"] for d in deployments) == [
        f"booking-app-{partner}" for partner in OVERLAYS[name]
    ]
    for deployment in deployments:
        partner = deployment["metadata"]["name"].removeprefix("booking-app-")
        spec = deployment["spec"]["template"]["spec"]
        expected = {
            "BOOKING_CHANNEL": partner,
            "BOOKING_PREFIX": f"/{partner}",
            "BOOKING_CONNECTIONS_PER_ADDRESS": "0",
            "BOOKING_FLEET": "none",
        }
        if name in ON_A_DATABASE:
            expected["BOOKING_DATABASE"] = None  # from the Secret
        if name == "try":  # and nowhere else: production has no cars but the operator's
            expected["BOOKING_FLEET"] = "demo"
        assert environment(spec) == expected
        (adapter,) = spec["initContainers"]
        assert adapter["image"].startswith(f"{adapter_of(partner)}:")


def test_adapter_is_a_native_sidecar(name):
    for deployment in engines(overlay(name)):
        spec = deployment["spec"]["template"]["spec"]
        assert [c["name"] for c in spec["containers"]] == ["booking-main"]
        (adapter,) = spec["initContainers"]
        assert adapter["restartPolicy"] == "Always"
        # Without it the engine starts as soon as the adapter's process runs.
        assert adapter["startupProbe"]["exec"]["command"] == ["/usr/bin/adapter", "--healthcheck"]


def test_base_has_plain_containers():
    """What Kubernetes before 1.29 takes."""
    (deployment,) = engines(render(DEPLOY / "base"))
    spec = deployment["spec"]["template"]["spec"]
    assert [c["name"] for c in spec["containers"]] == ["booking-main", "adapter"]
    assert "initContainers" not in spec


# -- one fleet


def test_base_alone_is_refused():
    """It mounts a volume that only a component has: no cluster takes it, so nobody scales it."""
    (deployment,) = engines(render(DEPLOY / "base"))
    spec = deployment["spec"]["template"]["spec"]
    assert {m["name"] for m in spec["containers"][0]["volumeMounts"]} == {"data"}
    assert "volumes" not in spec


def test_scaling_makes_no_private_fleets(name):
    """No pod of production keeps bookings to itself: they are in the database that the Secret
    names, or on a claim, whose pods all start on one node or not at all."""
    documents = overlay(name)
    claims = {claim["metadata"]["name"] for claim in of_kind(documents, "PersistentVolumeClaim")}
    for deployment in engines(documents):
        spec = deployment["spec"]["template"]["spec"]
        main = spec["containers"][0]
        volumes = {v["name"]: v for v in spec["volumes"]}
        assert not any("emptyDir" in v for v in volumes.values())
        if name in ON_A_DATABASE:
            assert {m["name"] for m in main["volumeMounts"]} == {"database-ca"}
            (database,) = [e for e in main["env"] if e["name"] == "BOOKING_DATABASE"]
            assert database["valueFrom"] == {
                "secretKeyRef": {"name": "booking-database", "key": "uri"}
            }
            continue
        assert volumes["data"]["persistentVolumeClaim"]["claimName"] in claims
        (term,) = spec["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        assert term["topologyKey"] == "kubernetes.io/hostname"
        assert term["labelSelector"]["matchLabels"][NAME] == "booking-app"


def test_all_partners_share_one_database():
    for name in OVERLAYS:
        stores = {
            str(
                [e for e in spec["containers"][0]["env"] if e["name"] == "BOOKING_DATABASE"]
                or [v["persistentVolumeClaim"] for v in spec["volumes"] if v["name"] == "data"]
            )
            for spec in (d["spec"]["template"]["spec"] for d in engines(overlay(name)))
        }
        assert len(stores) == 1, name


@pytest.mark.parametrize("name", ON_A_DATABASE + ON_A_SHARED_CLAIM)
def test_an_update_is_no_outage(name):
    documents = overlay(name)
    for deployment in engines(documents):
        assert deployment["spec"]["strategy"] == {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1},
        }
        scaled_by = [
            s
            for s in of_kind(documents, "HorizontalPodAutoscaler")
            if s["spec"]["scaleTargetRef"]["name"] == deployment["metadata"]["name"]
        ]
        if name in ON_A_DATABASE:
            (autoscaler,) = scaled_by
            assert autoscaler["spec"]["minReplicas"] >= 2
            assert "replicas" not in deployment["spec"], "each apply would set it again"
        else:
            assert not scaled_by
            assert deployment["spec"]["replicas"] == 2


@pytest.mark.parametrize("name", ON_A_CLAIM_EACH)
def test_one_claim_has_one_pod(name):
    for deployment in engines(overlay(name)):
        own_name = deployment["metadata"]["name"]
        assert deployment["spec"]["replicas"] == 1
        assert deployment["spec"]["strategy"] == {"type": "Recreate"}
        spec = deployment["spec"]["template"]["spec"]
        (data,) = [v for v in spec["volumes"] if v["name"] == "data"]
        assert data["persistentVolumeClaim"]["claimName"] == own_name
        # Another partner's pods are elsewhere, with another claim.
        (term,) = spec["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        assert term["labelSelector"]["matchLabels"][INSTANCE] == own_name


def test_autoscaler_watches_the_engine_alone():
    for autoscaler in of_kind(overlay("all"), "HorizontalPodAutoscaler"):
        assert autoscaler["apiVersion"] == "autoscaling/v2"
        (metric,) = autoscaler["spec"]["metrics"]
        assert metric["type"] == "ContainerResource"
        assert metric["containerResource"]["container"] == "booking-main"
        assert metric["containerResource"]["name"] == "cpu"


# -- labels and names


def test_spread(name):
    for deployment in engines(overlay(name)):
        spec = deployment["spec"]
        (spread,) = spec["template"]["spec"]["topologySpreadConstraints"]
        assert spread["whenUnsatisfiable"] == "ScheduleAnyway"
        assert spread["labelSelector"] == spec["selector"]
        annotations = spec["template"]["metadata"]["annotations"]
        assert annotations["kubectl.kubernetes.io/default-container"] == "booking-main"


def test_labels(name, version):
    for document in overlay(name):
        found = labels(document)
        assert set(found) == {f"app.kubernetes.io/{label}" for label in LABELS}
        if found["app.kubernetes.io/component"] != "database":
            assert found["app.kubernetes.io/version"] == version


def test_selectors_are_stable_and_meet_their_pods(name):
    documents = overlay(name)
    for deployment in engines(documents):
        instance = deployment["metadata"]["name"]
        stable = {**ENGINE, INSTANCE: instance}
        assert deployment["spec"]["selector"]["matchLabels"] == stable
        assert stable.items() <= deployment["spec"]["template"]["metadata"]["labels"].items()
        named = {d["kind"]: d for d in documents if d["metadata"]["name"] == instance}
        assert named["Service"]["spec"]["selector"] == stable
        assert named["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"] == stable
        spec = deployment["spec"]["template"]["spec"]
        assert named["ServiceAccount"]["metadata"]["name"] == spec["serviceAccountName"]
        assert named["ServiceAccount"]["automountServiceAccountToken"] is False
        if name in ON_A_DATABASE:
            budget = named["PodDisruptionBudget"]["spec"]
            assert budget["selector"]["matchLabels"] == stable
            assert budget["maxUnavailable"] == 1
        else:
            # Pods that may only run together can only leave a node together: a budget that let one
            # go at a time would keep the node from ever being drained.
            assert not of_kind(documents, "PodDisruptionBudget")


# -- the network


def test_service_has_port_33_and_no_other(name):
    documents = overlay(name)
    for deployment in engines(documents):
        (service,) = [
            s
            for s in of_kind(documents, "Service")
            if s["metadata"]["name"] == deployment["metadata"]["name"]
        ]
        assert service["spec"]["ports"] == [{"name": "http", "port": 80, "targetPort": "http"}]


def test_who_may_come_in(name):
    documents = overlay(name)
    for deployment in engines(documents):
        pod = Place(labels(deployment["spec"]["template"]))
        assert network_allows(documents, FROM_THE_INGRESS, pod, 33)
        assert network_allows(documents, FROM_PROMETHEUS, pod, 9033)
        for source in (FROM_ELSEWHERE, FROM_PROMETHEUS, OUTSIDE, pod):
            assert not network_allows(documents, source, pod, 33)
        for source in (FROM_ELSEWHERE, FROM_THE_INGRESS, OUTSIDE, pod):
            assert not network_allows(documents, source, pod, 9033)
        for source in (FROM_ELSEWHERE, FROM_THE_INGRESS, FROM_PROMETHEUS, OUTSIDE, pod):
            assert not network_allows(documents, source, pod, 9096)


def test_where_engines_may_go(name):
    documents = overlay(name)
    for deployment in engines(documents):
        pod = Place(labels(deployment["spec"]["template"]))
        on_a_database = name in ON_A_DATABASE
        # A name is looked up where there is one to look up.
        assert network_allows(documents, pod, DNS, 53, "UDP") == on_a_database
        assert network_allows(documents, pod, DNS, 53, "TCP") == on_a_database
        # The one to try with is in the cluster, and known; others may be anywhere.
        assert network_allows(documents, pod, OUTSIDE, 5432) == (on_a_database and name != "try")
        if name == "try":
            assert network_allows(documents, pod, pod_named(documents, "booking-postgresql"), 5432)
        for target in (OUTSIDE, FROM_ELSEWHERE, DNS):
            assert not network_allows(documents, pod, target, 443)
            assert not network_allows(documents, pod, target, 53, "SCTP")


def test_who_may_come_to_the_database():
    documents = overlay("try")
    database = pod_named(documents, "booking-postgresql")
    for source in (FROM_ELSEWHERE, FROM_THE_INGRESS, FROM_PROMETHEUS, OUTSIDE, Place({})):
        assert not network_allows(documents, source, database, 5432)
    assert not network_allows(documents, database, OUTSIDE, 443)
    assert not network_allows(documents, database, DNS, 53, "UDP")


@pytest.mark.parametrize("name", [n for n in OVERLAYS if not n.endswith("gateway-api")])
def test_one_ingress_routes_to_every_partner(name):
    (ingress,) = of_kind(overlay(name), "Ingress")
    assert ingress["apiVersion"] == "networking.k8s.io/v1"
    assert "annotations" not in ingress["metadata"], "controller-neutral"
    (rule,) = ingress["spec"]["rules"]
    routes = {p["path"]: p["backend"]["service"] for p in rule["http"]["paths"]}
    assert routes == {
        f"/{partner}": {"name": f"booking-app-{partner}", "port": {"name": "http"}}
        for partner in OVERLAYS[name]
    }
    assert {p["pathType"] for p in rule["http"]["paths"]} == {"Prefix"}


def test_gateway_api_route_in_place_of_the_ingress():
    documents = overlay("all-gateway-api")
    assert not of_kind(documents, "Ingress")
    (route,) = of_kind(documents, "HTTPRoute")
    routes = {r["matches"][0]["path"]["value"]: r["backendRefs"][0] for r in route["spec"]["rules"]}
    assert routes == {
        f"/{partner}": {"name": f"booking-app-{partner}", "port": 80}
        for partner in OVERLAYS["all-gateway-api"]
    }


# -- what is set in one place


@pytest.fixture
def copy(tmp_path):
    shutil.copytree(DEPLOY, tmp_path / "deploy")
    return tmp_path / "deploy"


def test_images_are_set_in_one_place(name, copy):
    """A registry and a tag written into the images component reach every container of ours."""
    component = copy / "components" / "images" / "kustomization.yaml"
    changed = re.sub(r"newName: ", "newName: registry.example.com/team/", component.read_text())
    changed = re.sub(r"newTag: .*", "newTag: 9.8.7", changed)
    component.write_text(re.sub(r"version: [\d.]+", "version: 9.8.7", changed))
    documents = render(copy / "overlays" / name)
    images = [c["image"] for t in pod_templates(documents) for c in containers(t["spec"])]
    ours = [i for i in images if re.fullmatch(r"registry\.example\.com/team/[a-z0-9-]+:9\.8\.7", i)]
    assert len(ours) >= 2 * len(OVERLAYS[name])
    assert not [i for i in set(images) - set(ours) if re.search("booking|adapter", i)]
    for document in documents:
        if labels(document)["app.kubernetes.io/component"] != "database":
            assert labels(document)["app.kubernetes.io/version"] == "9.8.7"


def test_namespaces_are_set_in_one_place(name, copy):
    component = copy / "components" / "cluster" / "kustomization.yaml"
    changed = component.read_text().replace("value: ingress", "value: edge")
    component.write_text(changed.replace("value: monitoring", "value: prometheus"))
    documents = render(copy / "overlays" / name)
    for deployment in engines(documents):
        pod = Place(labels(deployment["spec"]["template"]))
        assert network_allows(documents, Place(namespace="edge"), pod, 33)
        assert network_allows(documents, Place(namespace="prometheus"), pod, 9033)
        assert not network_allows(documents, FROM_THE_INGRESS, pod, 33)
        assert not network_allows(documents, FROM_PROMETHEUS, pod, 9033)

"""What the manifests promise, read from what kustomize makes of them: no cluster needed."""

import functools
import re
import shutil

import pytest
import yaml

from engine import ROOT, run

DEPLOY = ROOT / "deploy"
PARTNERS = ("airbnb", "kayak")
OVERLAYS = {
    "kayak": ["kayak"],
    "airbnb": ["airbnb"],
    "all": ["airbnb", "kayak"],
    "all-gateway-api": ["airbnb", "kayak"],
}
LABELS = {"name", "instance", "version", "component", "part-of", "managed-by"}


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


def of_kind(documents, kind):
    return [d for d in documents if d["kind"] == kind]


def overlay(name):
    return render(DEPLOY / "overlays" / name)


def plain_pods():
    return [
        yaml.safe_load((DEPLOY / "pods" / f"booking-app-{partner}.yaml").read_text())
        for partner in PARTNERS
    ]


def containers(spec):
    return spec.get("initContainers", []) + spec["containers"]


@pytest.fixture(params=[f"pod-{p}" for p in PARTNERS] + ["base"] + list(OVERLAYS))
def pod_specs(request):
    """The pod specs of every form there is: the plain pods, the base, each overlay."""
    if request.param.startswith("pod-"):
        partner = request.param[4:]
        return [p["spec"] for p in plain_pods() if p["metadata"]["name"].endswith(partner)]
    folder = DEPLOY / "base" if request.param == "base" else DEPLOY / "overlays" / request.param
    return [d["spec"]["template"]["spec"] for d in of_kind(render(folder), "Deployment")]


@pytest.fixture(params=OVERLAYS)
def name(request):
    return request.param


def test_pods_are_restricted(pod_specs):
    assert pod_specs
    for spec in pod_specs:
        context = spec["securityContext"]
        assert context["runAsNonRoot"] is True
        assert context["runAsUser"] >= 10000
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
        assert context["sysctls"] == [
            {"name": "net.ipv4.ip_unprivileged_port_start", "value": "33"}
        ]
        assert spec["automountServiceAccountToken"] is False
        assert spec["enableServiceLinks"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()
        # Drain delay, requests in flight, the adapter's turn.
        assert spec["terminationGracePeriodSeconds"] >= 5 + 3 + 10


def test_containers_are_restricted(pod_specs):
    for spec in pod_specs:
        assert sorted(c["name"] for c in containers(spec)) == ["adapter", "booking-main"]
        for container in containers(spec):
            context = container["securityContext"]
            assert context["runAsNonRoot"] is True
            assert context["runAsUser"] >= 10000
            assert context["allowPrivilegeEscalation"] is False
            assert context["readOnlyRootFilesystem"] is True
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert context["seccompProfile"] == {"type": "RuntimeDefault"}
            assert "privileged" not in context
            resources = container["resources"]
            assert set(resources["requests"]) == {"cpu", "memory"}
            assert "memory" in resources["limits"]


def test_images_are_pinned(pod_specs, version):
    for spec in pod_specs:
        for container in containers(spec):
            assert container["image"].endswith(f":{version}")
            assert container["imagePullPolicy"] == "IfNotPresent"


def test_port_33_is_the_only_one_declared(pod_specs):
    for spec in pod_specs:
        ports = [p["containerPort"] for c in containers(spec) for p in c.get("ports", [])]
        assert ports == [33]


def test_probes(pod_specs):
    for spec in pod_specs:
        by_name = {c["name"]: c for c in containers(spec)}
        main, adapter = by_name["booking-main"], by_name["adapter"]
        assert main["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": 9033}
        assert main["startupProbe"]["httpGet"] == {"path": "/healthz", "port": 9033}
        assert main["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": 9033}
        # On 127.0.0.1 alone, in an image without a shell: only its own binary can ask it.
        for probe in ("livenessProbe", "readinessProbe"):
            binary, option = adapter[probe]["exec"]["command"]
            assert binary.startswith("/usr/bin/adapter")
            assert option == "--healthcheck"
        assert not any("lifecycle" in c for c in containers(spec)), "the engine delays by itself"


@pytest.mark.parametrize("pod", plain_pods(), ids=lambda pod: pod["metadata"]["name"])
def test_plain_pods(pod):
    partner = pod["metadata"]["name"].removeprefix("booking-app-")
    assert pod["metadata"]["labels"]["app"] == pod["metadata"]["name"]
    assert pod["spec"]["restartPolicy"] == "Never"
    assert "initContainers" not in pod["spec"]
    main, adapter = pod["spec"]["containers"]
    assert main["image"].startswith("booking-main:")
    assert adapter["image"].startswith(f"adapter-{partner}:")
    assert adapter["livenessProbe"]["exec"]["command"][0] == f"/usr/bin/adapter-{partner}"
    assert {"name": "BOOKING_CHANNEL", "value": partner} in main["env"]


def test_overlay_has_its_partners(name):
    deployments = of_kind(overlay(name), "Deployment")
    assert sorted(d["metadata"]["name"] for d in deployments) == [
        f"booking-app-{partner}" for partner in OVERLAYS[name]
    ]
    for deployment in deployments:
        partner = deployment["metadata"]["name"].removeprefix("booking-app-")
        spec = deployment["spec"]["template"]["spec"]
        environment = {e["name"]: e["value"] for e in spec["containers"][0]["env"]}
        assert environment == {"BOOKING_CHANNEL": partner, "BOOKING_PREFIX": f"/{partner}",
                               "BOOKING_CONNECTIONS_PER_ADDRESS": "0"}
        (adapter,) = spec["initContainers"]
        assert adapter["image"].startswith(f"adapter-{partner}:")


def test_adapter_is_a_native_sidecar(name):
    for deployment in of_kind(overlay(name), "Deployment"):
        spec = deployment["spec"]["template"]["spec"]
        assert [c["name"] for c in spec["containers"]] == ["booking-main"]
        (adapter,) = spec["initContainers"]
        assert adapter["restartPolicy"] == "Always"
        # Without it the engine starts as soon as the adapter's process runs.
        assert adapter["startupProbe"]["exec"]["command"] == ["/usr/bin/adapter", "--healthcheck"]


def test_base_has_plain_containers():
    """What Kubernetes before 1.29 takes."""
    (deployment,) = of_kind(render(DEPLOY / "base"), "Deployment")
    spec = deployment["spec"]["template"]["spec"]
    assert [c["name"] for c in spec["containers"]] == ["booking-main", "adapter"]
    assert "initContainers" not in spec


def test_base_rolls_out_without_a_gap():
    (deployment,) = of_kind(render(DEPLOY / "base"), "Deployment")
    assert deployment["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


def test_bookings_are_kept(name):
    """One pod a partner on a volume of its own, which two pods must not write at once."""
    claims = {claim["metadata"]["name"] for claim in of_kind(overlay(name), "PersistentVolumeClaim")}
    for deployment in of_kind(overlay(name), "Deployment"):
        spec = deployment["spec"]
        assert spec["replicas"] == 1
        assert spec["strategy"] == {"type": "Recreate"}
        (data,) = spec["template"]["spec"]["volumes"]
        assert data["persistentVolumeClaim"]["claimName"] == deployment["metadata"]["name"]
        assert deployment["metadata"]["name"] in claims
        assert "emptyDir" not in data


def test_spread(name):
    for deployment in of_kind(overlay(name), "Deployment"):
        spec = deployment["spec"]
        (spread,) = spec["template"]["spec"]["topologySpreadConstraints"]
        assert spread["whenUnsatisfiable"] == "ScheduleAnyway"
        assert spread["labelSelector"] == spec["selector"]
        annotations = spec["template"]["metadata"]["annotations"]
        assert annotations["kubectl.kubernetes.io/default-container"] == "booking-main"


def test_labels(name, version):
    for document in overlay(name):
        labels = document["metadata"]["labels"]
        assert set(labels) == {f"app.kubernetes.io/{label}" for label in LABELS}
        assert labels["app.kubernetes.io/version"] == version


def test_selectors_are_stable_and_meet_their_pods(name):
    documents = overlay(name)
    for deployment in of_kind(documents, "Deployment"):
        instance = deployment["metadata"]["name"]
        stable = {
            "app.kubernetes.io/name": "booking-app",
            "app.kubernetes.io/instance": instance,
        }
        assert deployment["spec"]["selector"]["matchLabels"] == stable
        assert stable.items() <= deployment["spec"]["template"]["metadata"]["labels"].items()
        named = {d["kind"]: d for d in documents if d["metadata"]["name"] == instance}
        assert named["Service"]["spec"]["selector"] == stable
        assert named["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == stable
        assert named["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"] == stable
        spec = deployment["spec"]["template"]["spec"]
        assert named["ServiceAccount"]["metadata"]["name"] == spec["serviceAccountName"]
        assert named["ServiceAccount"]["automountServiceAccountToken"] is False
        assert named["PodDisruptionBudget"]["spec"]["maxUnavailable"] == 1


def test_service_has_port_33_and_no_other(name):
    for service in of_kind(overlay(name), "Service"):
        assert service["spec"]["ports"] == [{"name": "http", "port": 80, "targetPort": "http"}]


def test_network_policy(name):
    for policy in of_kind(overlay(name), "NetworkPolicy"):
        assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
        partners, operators = policy["spec"]["ingress"]
        assert partners == {"ports": [{"port": 33, "protocol": "TCP"}]}
        assert operators["ports"] == [{"port": 9033, "protocol": "TCP"}]
        assert operators["from"]
        (names,) = policy["spec"]["egress"]
        assert {p["port"] for p in names["ports"]} == {53}


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
        f"/{partner}": {"name": f"booking-app-{partner}", "port": 80} for partner in PARTNERS
    }


def test_images_are_set_in_one_place(name, tmp_path):
    """A registry and a tag written into the images component reach every container."""
    copy = tmp_path / "deploy"
    shutil.copytree(DEPLOY, copy)
    component = copy / "components" / "images" / "kustomization.yaml"
    changed = re.sub(r"newName: ", "newName: registry.example.com/team/", component.read_text())
    component.write_text(re.sub(r"newTag: .*", "newTag: 9.8.7", changed))
    deployments = of_kind(render(copy / "overlays" / name), "Deployment")
    images = [c["image"] for d in deployments for c in containers(d["spec"]["template"]["spec"])]
    assert len(images) == 2 * len(OVERLAYS[name])
    for image in images:
        assert re.fullmatch(r"registry\.example\.com/team/[a-z-]+:9\.8\.7", image)

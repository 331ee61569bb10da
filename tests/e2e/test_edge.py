"""The Ingress and the HTTPRoute, followed by a real reverse proxy.

No ingress controller and no gateway is to be had here, so this does their part: an nginx is
configured from the objects of the overlay alone, as those would do it. A route names a Service, the
Service's selector finds pods by their labels, and those that are ready get the traffic. The pods are
the overlay's own, but for what podman 4.3 cannot do (PODMAN_CANNOT), and with one SQLite file for a
database.
"""

import http.client
import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest
import yaml

from engine import NETWORK, ROOT, fetch, wait_for
from manifests import engines, labels, of_kind, overlay

PARTNERS = ("kayak", "airbnb")
SEED = {p: (ROOT / "tests" / "e2e" / "seed" / f"{p}.json").read_bytes() for p in PARTNERS}

NGINX_CONF = """\
worker_processes 1;
pid /tmp/nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    # A request that fails is to be seen, and not tried elsewhere.
    proxy_next_upstream off;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
{upstreams}
    server {{
        listen 80;
        location / {{ return 404; }}
        location = /generation {{ return 200 "{generation}"; }}
{locations}
    }}
}}
"""


# -- the controller's part


def routes(documents):
    """Path prefix -> (Service, port) of the Ingress or the HTTPRoute, whichever there is."""
    found = {}
    for ingress in of_kind(documents, "Ingress"):
        for rule in ingress["spec"]["rules"]:
            assert "host" not in rule
            for path in rule["http"]["paths"]:
                assert path["pathType"] == "Prefix"
                service = path["backend"]["service"]
                found[path["path"]] = (service["name"], service["port"]["name"])
    for route in of_kind(documents, "HTTPRoute"):
        for rule in route["spec"]["rules"]:
            (match,), (backend,) = rule["matches"], rule["backendRefs"]
            assert match["path"]["type"] == "PathPrefix"
            found[match["path"]["value"]] = (backend["name"], backend["port"])
    return found


def service_port(documents, name, port):
    """The Service's selector, and the port of its pods as they name it."""
    (service,) = [s for s in of_kind(documents, "Service") if s["metadata"]["name"] == name]
    (target,) = [p["targetPort"] for p in service["spec"]["ports"] if port in (p["name"], p["port"])]
    return service["spec"]["selector"], target


def is_ready(pod):
    """What the kubelet asks: the readiness probe of the engine. On a machine that is busy one "no" may
    only mean that it was slow; one that stops says it each time."""
    probe = pod.template["spec"]["containers"][0]["readinessProbe"]["httpGet"]
    for _ in range(3):
        try:
            if fetch(f"http://{pod.address}:{probe['port']}{probe['path']}").status == 200:
                return True
        except (OSError, http.client.HTTPException):
            pass
    return False


class Edge:
    """nginx in front of the pods, configured from the documents."""

    def __init__(self, engine, documents, image):
        self.engine, self.documents = engine, documents
        self.folder = Path(engine.state) / f"edge-{time.monotonic_ns()}"
        self.folder.mkdir()
        self.pods = []
        self.followed, self.generation = None, 0
        self.write([])
        self.container = engine.podman(
            "run", "--detach", "--network", NETWORK, "--volume", f"{self.folder}:/edge:ro",
            image, "nginx", "-c", "/edge/nginx.conf", "-g", "daemon off;",
        ).stdout.strip()
        inspected = engine.inspect(self.container)
        networks = inspected["NetworkSettings"]["Networks"]
        self.ip = next(n["IPAddress"] for n in networks.values() if n["IPAddress"])
        self.process = inspected["State"]["Pid"]
        self.wait_for_nginx()

    def endpoints(self, service, port):
        """The addresses of the Service's ready pods."""
        selector, target = service_port(self.documents, service, port)
        found = []
        for pod in self.pods:
            if selector.items() <= labels(pod.template).items() and is_ready(pod):
                ports = pod.template["spec"]["containers"][0]["ports"]
                (number,) = [p["containerPort"] for p in ports if p["name"] == target]
                found.append(f"{pod.address}:{number}")
        return found

    def write(self, found):
        self.followed, self.generation = found, self.generation + 1
        upstreams, locations = "", ""
        for prefix, service, addresses in found:
            if addresses:
                servers = "".join(f"server {address}; " for address in addresses)
                upstreams += f"    upstream {service} {{ {servers} keepalive 16; }}\n"
                to = f"{{ proxy_pass http://{service}; }}"
            else:
                to = "{ return 503; }"
            # A prefix is one of whole segments, and the path goes on as it came.
            locations += f"        location = {prefix} {to}\n        location {prefix}/ {to}\n"
        config = NGINX_CONF.format(
            upstreams=upstreams, locations=locations, generation=self.generation
        )
        (self.folder / "new").write_text(config)
        os.replace(self.folder / "new", self.folder / "nginx.conf")

    def workers(self):
        """nginx's processes that take connections."""
        children = Path(f"/proc/{self.process}/task/{self.process}/children").read_text().split()
        titles = {child: Path(f"/proc/{child}/cmdline").read_text() for child in children}
        return {child for child, title in titles.items() if "shutting down" not in title}

    def wait_for_nginx(self, old=frozenset()):
        """Until it answers as it was told last. The old workers take connections for a while."""
        wanted = str(self.generation).encode()
        wait_for(lambda: not old & self.workers(), what="the end of nginx's old workers")
        wait_for(lambda: fetch(self.url("/generation")).body == wanted, what="nginx")

    def follow(self):
        """Looks once at the pods, and has nginx know what has changed."""
        found = [
            (prefix, service, self.endpoints(service, port))
            for prefix, (service, port) in routes(self.documents).items()
        ]
        if found != self.followed:
            old = self.workers()
            self.write(found)
            os.kill(self.process, signal.SIGHUP)
            self.wait_for_nginx(old)

    def url(self, path):
        return f"http://{self.ip}:80{path}"

    def remove(self):
        self.engine.podman("rm", "--force", "--time", "0", self.container, check=False)


# -- the pods


def as_podman_takes_it(template, name, folder):
    """The Deployment's pod as a plain one: the adapter beside the engine, not a native sidecar; no
    ports, which podman 4.3 takes of the machine's; the demo's cars in a SQLite file."""
    spec = json.loads(json.dumps(template["spec"]))
    main, (adapter,) = spec["containers"][0], spec.pop("initContainers")
    del adapter["restartPolicy"]
    for container in (main, adapter):
        container.pop("ports", None)
    spec["containers"] = [main, adapter]
    main["env"] = [e for e in main["env"] if e["name"] != "BOOKING_DATABASE"] + [
        {"name": "BOOKING_FLEET", "value": "demo"}
    ]
    main["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
    spec["volumes"] = [{"name": "data", "hostPath": {"path": str(folder), "type": "Directory"}}]
    for key in ("serviceAccountName", "topologySpreadConstraints", "affinity"):
        spec.pop(key, None)
    metadata = {"name": name, "labels": labels(template)}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


class Cluster:
    """Pods of the overlay's Deployments, and the edge in front of them."""

    def __init__(self, engine, name, image):
        self.engine, self.documents = engine, overlay(name)
        self.folder = Path(engine.state) / f"data-{time.monotonic_ns()}"
        self.folder.mkdir()
        self.folder.chmod(0o777)
        self.count = 0
        self.edge = Edge(engine, self.documents, image)

    def start(self, deployment):
        self.count += 1
        template = deployment["spec"]["template"]
        name = f"{deployment['metadata']['name']}-{self.count}"
        document = as_podman_takes_it(template, name, self.folder)
        pod = self.engine.play(yaml.safe_dump(document))
        pod.template, pod.address = template, pod.ip
        self.edge.pods.append(pod)
        wait_for(lambda: is_ready(pod), what=f"{name}'s readiness")
        self.edge.follow()
        return pod

    def stop(self, pod):
        """SIGTERM; the edge follows the pod's readiness until it is gone. Not `podman pod stop`, which
        takes the pod's network away at once, while its containers still finish."""
        stop = ("stop", "--time", "30", *pod.containers.values())
        stopping = threading.Thread(target=self.engine.podman, args=stop)
        stopping.start()
        while stopping.is_alive():
            self.edge.follow()
            time.sleep(0.2)
        self.edge.pods.remove(pod)
        self.edge.follow()
        assert {pod.exit_code(c) for c in pod.containers} == {0}
        pod.remove()

    def close(self):
        for pod in self.edge.pods:
            pod.remove()
        self.edge.remove()


@pytest.fixture(params=["all", "all-gateway-api"])
def cluster(request, engine, nginx, images):
    assert images
    cluster = Cluster(engine, request.param, nginx)
    request.addfinalizer(cluster.close)
    for deployment in engines(cluster.documents):
        cluster.start(deployment)
    return cluster


class Client(threading.Thread):
    """Asks on and on, on a connection that it keeps, and notes all that is no seed answer."""

    def __init__(self, edge, partner):
        super().__init__()
        self.edge, self.partner = edge, partner
        self.going, self.asked, self.failures = True, 0, []
        self.connection = None

    def ask(self):
        """Status and body of one answer."""
        kept = self.connection is not None
        if not kept:
            self.connection = http.client.HTTPConnection(self.edge.ip, 80, timeout=30)
        try:
            self.connection.request("GET", f"/{self.partner}/bookCar")
            answer = self.connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.connection = None
            # nginx ends the kept connections when it is told of new pods, and any client may meet
            # that with its next request. For all else there is no such excuse.
            if kept and isinstance(error, (ConnectionError, http.client.RemoteDisconnected)):
                return self.ask()
            raise
        if answer.will_close:
            self.connection = None
        return answer.status, body

    def run(self):
        while self.going:
            self.asked += 1
            try:
                answer = self.ask()
                if answer != (200, SEED[self.partner]):
                    self.failures.append(answer)
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
            time.sleep(0.002)  # the machine is for others too


def test_each_partner_has_its_format(cluster):
    for partner in PARTNERS:
        for path in ("/bookCar", "/bookCar/"):
            answer = fetch(cluster.edge.url(f"/{partner}{path}"))
            assert (answer.status, answer.body) == (200, SEED[partner])
    # Only whole segments, and nothing else.
    for path in ("/bookCar", "/kayakish/bookCar", "/"):
        assert fetch(cluster.edge.url(path)).status == 404

    # One fleet: what one sells, the other does not offer.
    pickup = time.gmtime(time.time() + 7 * 86400)
    day = time.strftime("%Y-%m-%dT", pickup)
    period = {"pickup_at": f"{day}09:00:00Z", "return_at": f"{day}18:00:00Z"}
    booked = fetch(cluster.edge.url("/kayak/bookCar"), "POST", json.dumps(period))
    assert booked.status == 201
    assert booked.headers["Location"]
    car = json.loads(booked.body)["carid"]
    query = f"pickup_at={period['pickup_at']}&return_at={period['return_at']}"

    def another():
        offered = fetch(cluster.edge.url(f"/airbnb/bookCar?{query}"))
        assert offered.status == 200
        return json.loads(offered.body)["carid"] != car

    wait_for(another, 5, "the other partner's engine to know")


def test_a_rollout_fails_no_request(cluster):
    old = list(cluster.edge.pods)
    clients = [Client(cluster.edge, partner) for partner in PARTNERS for _ in range(2)]
    for client in clients:
        client.start()
    try:
        for pod, deployment in zip(old, engines(cluster.documents)):
            cluster.start(deployment)  # maxSurge 1, maxUnavailable 0
            cluster.stop(pod)
    finally:
        for client in clients:
            client.going = False
        for client in clients:
            client.join()
    asked = ", ".join(f"{client.partner} {client.asked}" for client in clients)
    print(f"requests: {asked}; failed: {sum(len(c.failures) for c in clients)}")
    for client in clients:
        assert client.asked > 100
        assert not client.failures, client.failures[:3]

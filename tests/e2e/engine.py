"""A real container engine for the tests: podman, with storage, network and registry of its own.

Nothing of the user's podman is touched: images, containers, networks and configuration live in a
temporary folder that goes away at the end. To keep it (and its build cache) between runs, name a
folder in E2E_STATE.

What a test needs is in conftest.py, as fixtures:

    engine      an Engine:
                  engine.podman("ps", "-a")        runs podman, returns a CompletedProcess (text)
                  engine.play(manifest) -> Pod     `podman play kube` of a file or of YAML text
                                                   that holds one Pod or Deployment
                  engine.build(folder, "name:tag") builds an image from a folder with a Dockerfile
    play        engine.play whose pods are removed after the test
    images      the images of the repository, built and pushed by `make`, pulled from the
                registry: {"booking-main": reference, ...}; `play` uses them for manifests that
                say "booking-main:0.1.0" and so on
    busybox     the name of a busybox image ("docker.io/library/busybox:latest", also found as
                "busybox"): Debian's static busybox, every applet linked
    nginx       the name of an nginx image ("docker.io/library/nginx:latest", also found as
                "nginx"): Debian's nginx, docroot /usr/share/nginx/html, in the foreground, and curl

    Pod         pod.ip, pod.name, pod.containers, pod.url("/path", port); pod.logs("container"),
                pod.exec("container", "ls"), pod.kill("container"), pod.start("container"),
                pod.stop(), pod.exit_code("container"), pod.remove()

    fetch(url)  one HTTP exchange: .status, .headers, .body (bytes), .seconds
    wait_for(function, seconds, what) -> the first true answer of the function

A manifest's images must be present: `imagePullPolicy: IfNotPresent`, or a tag other than latest.
"""

import http.client
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.parse
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / "build" / "e2e"
BASE_IMAGE = "docker.io/library/debian:bookworm-slim"
BASE_SUITE = "bookworm"
BUSYBOX_IMAGE = "docker.io/library/busybox:latest"
NGINX_IMAGE = "docker.io/library/nginx:latest"
# Each is an image: the engine, and every adapter whose sources are here.
SERVICES = ("booking-main", *sorted(path.parent.name for path in ROOT.glob("adapter-*/main.c")))
# The list of partners: name -> what its format is written in, `c` or `jq`; or `image`.
PARTNERS = dict(
    line.split()
    for line in (ROOT / "partners").read_text().splitlines()
    if line and not line.startswith("#")
)
# Whose image is built here.
WITH_AN_IMAGE = [partner for partner, kind in PARTNERS.items() if kind != "image"]

NETWORK = "booking-e2e"

# runc and the limits: crun and podman's default limits do not work on every machine (hybrid
# cgroups, a lower hard limit). The sysctl: podman 4.3 does not read a manifest's own
# securityContext.sysctls.
CONTAINERS_CONF = """\
[containers]
default_ulimits = ["nofile={nofile}:{nofile}", "nproc=4096:4096"]
default_sysctls = ["net.ipv4.ip_unprivileged_port_start=33"]
log_driver = "k8s-file"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
tmp_dir = "{state}/libpod"
[network]
network_backend = "netavark"
default_network = "{network}"
network_config_dir = "{state}/networks"
"""

STORAGE_CONF = """\
[storage]
driver = "{driver}"
graphroot = "{state}/storage"
runroot = "{state}/run"
"""

REGISTRIES_CONF = """\
unqualified-search-registries = ["docker.io"]
short-name-mode = "disabled"
[[registry]]
location = "{registry}"
insecure = true
"""

REGISTRY_YML = """\
version: 0.1
log: {{level: error}}
storage: {{filesystem: {{rootdirectory: {state}/registry}}}}
http: {{addr: {registry}}}
"""

NGINX_DOCKERFILE = """\
FROM debian:bookworm-slim
RUN apt-get update -qq \\
 && DEBIAN_FRONTEND=noninteractive \\
    apt-get install -y -qq --no-install-recommends nginx-light curl \\
 && rm -rf /var/lib/apt/lists/* \\
 && mkdir -p /usr/share/nginx/html \\
 && echo 'Welcome to nginx!' > /usr/share/nginx/html/index.html \\
 && sed -i 's#root /var/www/html;#root /usr/share/nginx/html;#; s#index.nginx-debian.html##' \\
        /etc/nginx/sites-available/default \\
 && ln -sf /dev/stdout /var/log/nginx/access.log \\
 && ln -sf /dev/stderr /var/log/nginx/error.log
EXPOSE 80
STOPSIGNAL SIGQUIT
CMD ["nginx", "-g", "daemon off;"]
"""


class EngineError(RuntimeError):
    """The engine, or the machine under it, cannot do what the tests need."""


def run(*command, check=True, timeout=300, text=True, **options):
    """Runs a command; a failure is raised with everything it printed."""
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=text,
        timeout=timeout,
        check=False,
        **options,
    )
    if check and done.returncode != 0:
        raise EngineError(
            f"{' '.join(map(str, command))}: exit code {done.returncode}\n"
            f"{done.stdout[-4000:]}{done.stderr[-4000:]}"
        )
    return done


def wait_for(function, seconds=20, what="condition", pause=0.1):
    """The first true answer of the function; an OSError counts as false."""
    end = time.monotonic() + seconds
    last = None
    while True:
        try:
            answer = function()
            if answer:
                return answer
            last = answer
        except (OSError, http.client.HTTPException) as error:
            last = error
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {seconds} s (last: {last!r})")
        time.sleep(pause)


class Answer:
    def __init__(self, status, headers, body, seconds):
        self.status, self.headers, self.body, self.seconds = status, headers, body, seconds

    def __repr__(self):
        return f"<{self.status} {self.body[:200]!r} in {self.seconds:.3f} s>"


def fetch(url, method="GET", body=None, headers=None, timeout=5):
    """One HTTP exchange on a connection of its own. No answer is an OSError."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=timeout)
    started = time.monotonic()
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request(method, target, body, headers or {})
        answer = connection.getresponse()
        content = answer.read()
        return Answer(answer.status, answer.headers, content, time.monotonic() - started)
    finally:
        connection.close()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Pod:
    """A pod that `podman play kube` started."""

    def __init__(self, engine, pod_id):
        self.engine = engine
        self.id = pod_id
        inspected = json.loads(engine.podman("pod", "inspect", pod_id).stdout)
        if isinstance(inspected, list):  # podman 5
            inspected = inspected[0]
        self.name = inspected["Name"]
        self.infra = inspected["InfraContainerID"]
        # Name in the manifest -> name in podman, which puts the pod's name in front.
        self.containers = {
            c["Name"][len(self.name) + 1 :]: c["Name"]
            for c in inspected["Containers"]
            if c["Id"] != self.infra
        }

    @property
    def ip(self):
        """The address of the network namespace that the containers share."""
        networks = self.engine.inspect(self.infra)["NetworkSettings"]["Networks"]
        return next(n["IPAddress"] for n in networks.values() if n["IPAddress"])

    def url(self, path="/", port=33):
        return f"http://{self.ip}:{port}{path}"

    def logs(self, container):
        done = self.engine.podman("logs", self.containers[container])
        return done.stdout + done.stderr

    def exec(self, container, *command, check=True):
        return self.engine.podman("exec", self.containers[container], *command, check=check)

    def inspect(self, container):
        return self.engine.inspect(self.containers[container])

    def kill(self, container, signal="KILL"):
        self.engine.podman("kill", "--signal", signal, self.containers[container])

    def start(self, container):
        self.engine.podman("start", self.containers[container])

    def stop(self, seconds=30):
        """SIGTERM to every container, as at a pod's deletion; SIGKILL after the given time."""
        self.engine.podman("pod", "stop", "--time", str(seconds), self.id)

    def exit_code(self, container):
        state = self.inspect(container)["State"]
        assert not state["Running"], f"{container} is still running"
        return state["ExitCode"]

    def remove(self):
        self.engine.podman("pod", "rm", "--force", "--time", "0", self.id, check=False)


class Engine:
    def __init__(self):
        for tool in ("podman", "runc", "docker-registry"):
            if not shutil.which(tool):
                raise EngineError(f"{tool} is missing: run tools/install-e2e-deps")
        if os.geteuid() != 0:
            raise EngineError(
                "the container tests need root: they reach pods by their IP (sudo make e2e)"
            )
        kept = os.environ.get("E2E_STATE")
        # A short path: podman puts Unix sockets below it.
        self.state = Path(kept or tempfile.mkdtemp(prefix="booking-e2e-")).resolve()
        self.keep = bool(kept)
        self.registry = f"127.0.0.1:{free_port()}"
        self.retag = {}  # image name in a manifest -> the image to run
        self._registry_process = None
        self._configure()

    # -- life cycle
    # ------------------------------------------------------------------------------

    def _configure(self):
        import resource

        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        nofile = 20000 if hard == resource.RLIM_INFINITY else min(hard, 20000)
        self.state.mkdir(parents=True, exist_ok=True)
        # Overlay does not stack on overlay, where the tests run in a container themselves.
        filesystem = run("stat", "-f", "-c", "%T", str(self.state)).stdout.strip()
        driver = "vfs" if filesystem == "overlayfs" else "overlay"
        values = {
            "driver": driver,
            "state": self.state,
            "registry": self.registry,
            "network": NETWORK,
            "nofile": nofile,
        }
        for folder in ("networks", "registry", "tmp"):
            (self.state / folder).mkdir(parents=True, exist_ok=True)
        for name, text in (
            ("containers.conf", CONTAINERS_CONF),
            ("storage.conf", STORAGE_CONF),
            ("registries.conf", REGISTRIES_CONF),
            ("registry.yml", REGISTRY_YML),
        ):
            (self.state / name).write_text(text.format(**values))
        (self.state / "networks" / f"{NETWORK}.json").write_text(json.dumps(self._network()))
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
        self.env.update(
            CONTAINERS_CONF=str(self.state / "containers.conf"),
            CONTAINERS_STORAGE_CONF=str(self.state / "storage.conf"),
            CONTAINERS_REGISTRIES_CONF=str(self.state / "registries.conf"),
            TMPDIR=str(self.state / "tmp"),
        )

    def _network(self):
        """A bridge of our own, on a subnet that this machine does not route anywhere yet."""
        routes = run("ip", "-o", "-4", "route", check=False).stdout
        third = (
            next(n for n in range(os.getpid() % 200, 455) if f"10.123.{n % 255}." not in routes)
            % 255
        )
        return {
            "name": NETWORK,
            "id": f"{os.getpid():064x}",
            "driver": "bridge",
            "network_interface": f"bke2e{third}",
            "created": "2024-01-01T00:00:00Z",
            "subnets": [{"subnet": f"10.123.{third}.0/24", "gateway": f"10.123.{third}.1"}],
            "ipv6_enabled": False,
            "internal": False,
            "dns_enabled": False,
            "ipam_options": {"driver": "host-local"},
        }

    def start_registry(self):
        """A registry on 127.0.0.1 for a real push and a real pull; returns its name."""
        if self._registry_process:
            return self.registry
        log = open(self.state / "registry.log", "wb")
        self._registry_process = subprocess.Popen(
            ["docker-registry", "serve", str(self.state / "registry.yml")], stdout=log, stderr=log
        )
        wait_for(
            lambda: fetch(f"http://{self.registry}/v2/").status == 200, 15, "the registry's start"
        )
        return self.registry

    def close(self):
        self.podman("pod", "rm", "--all", "--force", "--time", "0", check=False)
        self.podman("rm", "--all", "--force", "--time", "0", check=False)
        if self._registry_process:
            self._registry_process.terminate()
            self._registry_process.wait(10)
            self._registry_process = None
        # The storage driver leaves its folder mounted on itself.
        mounted = sorted(
            (line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()),
            reverse=True,
        )
        for point in mounted:
            if point.startswith(f"{self.state}/"):
                run("umount", point, check=False)
        if not self.keep:
            shutil.rmtree(self.state, ignore_errors=True)

    # -- podman
    # ----------------------------------------------------------------------------------

    def podman(self, *arguments, check=True, timeout=300, **options):
        return run(
            "podman", *map(str, arguments), check=check, timeout=timeout, env=self.env, **options
        )

    def make(self, *arguments, timeout=600):
        """`make` in the repository, with this engine: CONTAINER_ENGINE=podman."""
        return run(
            "make",
            "-C",
            str(ROOT),
            "CONTAINER_ENGINE=podman",
            *arguments,
            timeout=timeout,
            env=self.env,
        )

    def inspect(self, container):
        return json.loads(self.podman("container", "inspect", container).stdout)[0]

    def image(self, name):
        return json.loads(self.podman("image", "inspect", name).stdout)[0]

    def has_image(self, name):
        return self.podman("image", "exists", name, check=False).returncode == 0

    def play(self, manifest, expect=1, start=True):
        """Starts the Pod or Deployment of a manifest: a path, or YAML text. Kinds that podman
        does not know are left out. With expect=None: a list of however many pods there are.
        With start=False nothing runs yet: start the containers one by one, in the order wanted.
        """
        is_path = isinstance(manifest, Path) or "\n" not in manifest
        text = Path(manifest).read_text() if is_path else manifest
        known = ("Pod", "Deployment", "ConfigMap", "PersistentVolumeClaim")
        documents = [d for d in yaml.safe_load_all(text) if d and d["kind"] in known]
        for document in documents:
            spec = document.get("spec", {})
            spec = spec.get("template", {}).get("spec", spec)
            for container in spec.get("initContainers", []) + spec.get("containers", []):
                container["image"] = self.retag.get(container["image"], container["image"])
        done = self.podman(
            "play",
            "kube",
            "--network",
            NETWORK,
            f"--start={str(start).lower()}",
            "-",
            check=False,
            input=yaml.safe_dump_all(documents),
        )
        pods = []
        section = None
        for line in done.stdout.splitlines():
            if line.endswith(":"):
                section = line
            elif section == "Pod:" and line.strip():
                pods.append(line.strip())
        if done.returncode != 0:
            for pod in pods:
                self.podman("pod", "rm", "--force", "--time", "0", pod, check=False)
            raise EngineError(f"podman play kube: {done.stderr}{done.stdout}")
        handles = [Pod(self, pod) for pod in pods]
        if expect is None:
            return handles
        assert len(handles) == expect, f"{len(handles)} pods where {expect} was expected"
        return handles[0] if expect == 1 else handles

    # -- images
    # ----------------------------------------------------------------------------------

    def build(self, folder, name):
        self.podman("build", "--network", "host", "--tag", name, folder, timeout=600)
        return name

    def base_image(self):
        """debian:bookworm-slim: pulled where that is possible, else made from Debian's packages."""
        if self.has_image(BASE_IMAGE):
            return BASE_IMAGE
        if not os.environ.get("E2E_NO_PULL"):
            try:
                if (
                    self.podman("pull", "--quiet", BASE_IMAGE, check=False, timeout=60).returncode
                    == 0
                ):
                    return BASE_IMAGE
            except subprocess.TimeoutExpired:
                pass
        tarball = CACHE / f"{BASE_SUITE}.tar"
        if not tarball.exists():
            CACHE.mkdir(parents=True, exist_ok=True)
            partial = tarball.with_suffix(f".{os.getpid()}.tar")
            run("mmdebstrap", "--variant=minbase", "--quiet", BASE_SUITE, str(partial), timeout=300)
            partial.rename(tarball)
        self.podman("import", "--quiet", tarball, BASE_IMAGE)
        return BASE_IMAGE

    def busybox_image(self):
        if self.has_image(BUSYBOX_IMAGE):
            return BUSYBOX_IMAGE
        binary = shutil.which("busybox")
        if not binary:
            raise EngineError("busybox is missing: run tools/install-e2e-deps")
        with tempfile.TemporaryDirectory(dir=self.state) as folder:
            folder = Path(folder)
            applets = folder / "root" / "bin"
            applets.mkdir(parents=True)
            shutil.copy(binary, applets / "busybox")
            for applet in run(binary, "--list").stdout.split():
                if applet != "busybox":
                    (applets / applet).symlink_to("busybox")
            (folder / "root" / "tmp").mkdir(mode=0o1777)
            (folder / "root" / "tmp").chmod(0o1777)
            (folder / "root" / "etc").mkdir()
            (folder / "root" / "etc" / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
            (folder / "root" / "etc" / "group").write_text("root:x:0:\n")
            (folder / "Dockerfile").write_text('FROM scratch\nCOPY root /\nCMD ["sh"]\n')
            return self.build(folder, BUSYBOX_IMAGE)

    def nginx_image(self):
        if self.has_image(NGINX_IMAGE):
            return NGINX_IMAGE
        self.base_image()
        with tempfile.TemporaryDirectory(dir=self.state) as folder:
            (Path(folder) / "Dockerfile").write_text(NGINX_DOCKERFILE)
            return self.build(folder, NGINX_IMAGE)

    def service_images(self, tag):
        """The repository's images: built and pushed by make, removed, and pulled back."""
        registry = self.start_registry()
        self.base_image()
        arguments = (f"REGISTRY={registry}", f"TAG={tag}")
        self.make("images", *arguments)
        self.make("push", *arguments)
        references = {service: f"{registry}/{service}:{tag}" for service in SERVICES}
        for reference in references.values():
            self.podman("rmi", "--force", reference)
            assert not self.has_image(reference)
            self.podman("pull", "--quiet", reference)
        self.retag.update(
            {f"{service}:{tag}": reference for service, reference in references.items()}
        )
        return references

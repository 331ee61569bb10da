"""deploy/patterns: every manifest runs, and every README gives what it says.

A README's ```console blocks are run as they stand: each line after `$ ` is a command, the lines
below it are what it prints, but for dates and the like (VARIES); a line `...` stands for any number
of lines. With podman for an engine, a few lines of shell stand in for kubectl; what podman cannot
do is left out (see NOT_IN_PODMAN). Where there is a cluster with the images of the patterns and of
the services,

    E2E_KUBECTL=1 python3 -m pytest tests/e2e/test_patterns.py

runs the READMEs, all of each, with the kubectl and the cluster that are configured.
"""

import functools
import os
import re
import shlex
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from engine import ROOT, fetch, run, wait_for

PATTERNS = ROOT / "deploy" / "patterns"
MANIFESTS = sorted(PATTERNS.glob("*/*.yaml"))
READMES = sorted(PATTERNS.glob("*/README.md"))
KUBERNETES = bool(os.environ.get("E2E_KUBECTL"))
USER = 10001

# The metrics API, and the table of `get pod`.
NOT_IN_PODMAN = re.compile(r"kubectl (top|get pod \S+$)")

# The forms of kubectl that the READMEs use, on podman: a container there is POD-CONTAINER.
KUBECTL_ON_PODMAN = """
kubectl() {
    container=$2-$4
    case "$*" in
    "exec $2 -c $4 -- "*) shift 5; podman exec "$container" "$@" ;;
    "logs $2 -c $4") podman logs "$container" 2>&1 ;;
    "get pod $3 -o jsonpath={.status.podIP}") pod_ip "$3" ;;
    *) echo "no stand-in for: kubectl $*"; return 1 ;;
    esac
}
pod_ip() {
    infra=$(podman pod inspect --format '{{.InfraContainerID}}' "$1")
    podman inspect --format '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$infra"
}
"""


# -- manifests and READMEs


def documents(manifest):
    return [document for document in yaml.safe_load_all(manifest.read_text()) if document]


def pods(manifest):
    return [document for document in documents(manifest) if document["kind"] == "Pod"]


def named(manifest):
    return [
        (document["kind"].lower(), document["metadata"]["name"]) for document in documents(manifest)
    ]


def short(path):
    return str(path.relative_to(PATTERNS))


def steps(readme):
    """The console blocks of a README: pairs of a command and the lines it is to print."""
    found = []
    for block in re.findall(r"^```console\n(.*?)^```$", readme.read_text(), re.M | re.S):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            else:
                found[-1][1].append(line)
    return found


VARIES = {
    r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} +\d+ [\d:]{8} UTC \d{4}": "DATE",
    r"\d{4}-\d\d-\d\dT[\d:.]+Z": "DATE",
    r"(?<=mib=)\d+\.\d": "N",
    r"(?<=message )\d+": "N",
    r"\d+(?= waiting)": "N",
    r"\b\d+(?=(s|m|Mi)\b)": "N",  # ages; CPU and memory of `kubectl top`
    r"\s+": " ",
}


def plain(line):
    """A line without what differs from run to run."""
    for pattern, name in VARIES.items():
        line = re.sub(pattern, name, line)
    return line.strip()


def same(expected, printed):
    """Whether the printed lines are the expected ones, `...` standing for any."""
    pattern = "".join(
        r"(?:.*\n)*" if line == "..." else re.escape(plain(line)) + r"\n" for line in expected
    )
    return re.fullmatch(pattern, "".join(plain(line) + "\n" for line in printed.splitlines()))


@pytest.mark.parametrize("manifest", MANIFESTS, ids=short)
def test_is_hardened(manifest):
    assert pods(manifest), "no pod in it"
    for pod in pods(manifest):
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False
        assert spec["enableServiceLinks"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] == USER
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostIPC", "hostNetwork", "hostPID"} & spec.keys()
        for container in spec["containers"]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["readOnlyRootFilesystem"] is True
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert context.get("runAsUser", USER) == USER
            assert container["imagePullPolicy"] == "IfNotPresent"
            assert re.fullmatch(r"[a-z/-]+:\d[\d.]*", container["image"])
            assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
            assert "memory" in container["resources"]["limits"]


def test_every_pattern_has_its_readme():
    assert {readme.parent for readme in READMES} == {manifest.parent for manifest in MANIFESTS}
    assert len(READMES) == 6


@pytest.mark.parametrize("readme", READMES, ids=short)
def test_readme_names_only_what_exists(readme):
    manifests = [m for m in MANIFESTS if m.parent == readme.parent]
    containers = {}
    for manifest in manifests:
        for pod in pods(manifest):
            names = {container["name"] for container in pod["spec"]["containers"]}
            containers.setdefault(pod["metadata"]["name"], set()).update(names)
    text = readme.read_text()

    applied = set(re.findall(r"kubectl apply -f (\S+)", text))
    applied |= set(re.findall(r"kubectl replace --force -f (\S+)", text))
    assert applied == {str(manifest.relative_to(ROOT)) for manifest in manifests}
    for path in re.findall(r"deploy/[\w./-]+", text):
        assert (ROOT / path).exists(), path
    for path in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (readme.parent / path).exists(), path
    for pod, container in re.findall(r"kubectl (?:exec|logs) (\S+) -c (\S+)", text):
        assert container in containers[pod], f"{pod} has no container {container}"
    mentioned = set(re.findall(r"kubectl (?:get|top) pod (\S+)", text))
    mentioned |= set(re.findall(r"\bpod/([a-z0-9-]+)", text))
    assert mentioned == containers.keys()


# -- with containers


class Podman:
    """`kubectl apply` and the rest of a README's commands, on podman."""

    def __init__(self, engine):
        self.engine = engine
        self.started = {}  # manifest -> Pod

    def as_in_kubernetes(self, pod):
        """Puts right what podman 4.3 makes of a pod: an emptyDir becomes a volume that all pods
        share and not every user may write to, and a containerPort is taken of the machine's."""
        for container in pod["spec"]["containers"]:
            container.pop("ports", None)
        for volume in pod["spec"].get("volumes", []):
            if volume.pop("emptyDir", None) is not None:
                folder = Path(tempfile.mkdtemp(prefix="volume-", dir=self.engine.state))
                folder.chmod(0o777)
                volume["hostPath"] = {"path": str(folder), "type": "Directory"}

    def pod(self, manifest):
        """The manifest's pod, started if it does not run, in place of another of its name."""
        if manifest not in self.started:
            self.remove(pods(manifest)[0]["metadata"]["name"])
            self.started[manifest] = self.play(documents(manifest))
        return self.started[manifest]

    def play(self, parts):
        for part in parts:
            if part["kind"] == "Pod":
                self.as_in_kubernetes(part)
        return self.engine.play(yaml.safe_dump_all(parts))

    def remove(self, name):
        for manifest in [m for m, pod in self.started.items() if pod.name == name]:
            self.started.pop(manifest).remove()

    def remove_all(self):
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda pod: pod.remove(), self.started.values()))

    def shell(self, command):
        """What a command of a README prints, or None when podman cannot do it."""
        if NOT_IN_PODMAN.search(command):
            return None
        logs = re.search(r"kubectl logs (\S+) -c (\S+)", command)
        if logs and self.engine.inspect("-".join(logs.groups()))["RestartCount"]:
            return None  # one log for all lives
        _, verb, *words = shlex.split(command)
        manifest = ROOT / (words or [verb])[-1]
        if verb == "apply":
            self.pod(manifest)
            return "".join(f"{kind}/{name} created\n" for kind, name in named(manifest))
        if verb == "delete":  # not yet: other tests look at the pod too
            what = named(manifest) if words[0] == "-f" else [word.split("/") for word in words]
            return "".join(f'{kind} "{name}" deleted\n' for kind, name in what)
        if verb == "replace":
            ((_, name),) = named(manifest)
            self.remove(name)
            self.pod(manifest)
            return f'pod "{name}" deleted\npod/{name} replaced\n'
        if verb == "wait":
            return f"{words[-1]} condition met\n"
        with_kubectl = KUBECTL_ON_PODMAN + command
        return run("sh", "-c", with_kubectl, check=False, timeout=60, env=self.engine.env).stdout


class Kubernetes:
    def shell(self, command):
        with tempfile.TemporaryDirectory() as folder:  # for what is written to a file
            (Path(folder) / "deploy").symlink_to(ROOT / "deploy")
            return run("sh", "-c", command, check=False, timeout=120, cwd=folder).stdout


@pytest.fixture(scope="module")
def cluster(request):
    if KUBERNETES:
        return Kubernetes()
    engine = request.getfixturevalue("engine")
    engine.retag["busybox:1.38"] = request.getfixturevalue("busybox")
    engine.retag["nginx:1.30"] = request.getfixturevalue("nginx")
    request.getfixturevalue("images")
    engine.build(PATTERNS / "5-shared-queue", "queue-demo:1.0.0")
    podman = Podman(engine)
    # All at once, so that one works while another is looked at. The exception is a pod of the same
    # name as another.
    for manifest in MANIFESTS:
        if manifest.name != "restarting.yaml":
            podman.pod(manifest)
    request.addfinalizer(podman.remove_all)
    return podman


@pytest.mark.parametrize("readme", READMES, ids=short)
def test_readme_gives_what_it_says(cluster, readme):
    assert steps(readme)
    for command, expected in steps(readme):
        changing = re.match(r"kubectl (apply|delete|replace)", command)
        end = time.monotonic() + (0 if changing else 90)
        while True:
            printed = cluster.shell(command)
            if printed is None or same(expected, printed):
                break
            wanted = "\n".join(expected)
            assert time.monotonic() < end, f"$ {command}\n{printed}\n-- expected:\n{wanted}"
            time.sleep(0.5)


@pytest.fixture
def pod(cluster):
    if KUBERNETES:
        pytest.skip("looks into podman's containers")
    return lambda name: cluster.pod(PATTERNS / name)


def numbers(text, word):
    return [int(number) for number in re.findall(rf"^{word} (\d+)", text, re.M)]


@pytest.mark.parametrize("manifest", MANIFESTS, ids=short)
def test_runs_without_root_and_writes_to_volumes_only(pod, manifest):
    started = pod(manifest)
    for spec in pods(manifest)[0]["spec"]["containers"]:
        if not spec["image"].startswith(("busybox:", "nginx:")):
            continue  # no shell in it
        assert started.exec(spec["name"], "id", "-u").stdout == f"{USER}\n"
        denied = started.exec(spec["name"], "touch", "/etc/x", check=False)
        assert "Read-only file system" in denied.stderr


def test_content_sidecar_changes_the_page(pod):
    sidecar1 = pod("1-content-sidecar/pod.yaml")
    first = fetch(sidecar1.url(port=80))
    assert first.status == 200
    assert first.headers.get_content_type() == "text/html"
    wait_for(lambda: len(fetch(sidecar1.url(port=80)).body) > len(first.body), 5, "a line more")
    # nginx cannot write there.
    denied = sidecar1.exec("mynginx", "touch", "/usr/share/nginx/html/x", check=False)
    assert "Read-only file system" in denied.stderr


def test_log_server_serves_the_file_as_it_grows(pod):
    served = pod("2-log-server/pod.yaml")

    def lines():
        return fetch(served.url("/app.txt", 80)).body.splitlines()

    before = wait_for(lines, 10, "the first line")
    wait_for(lambda: len(lines()) > len(before), 10, "a line five seconds later")
    assert lines()[: len(before)] == before


def test_log_sidecars_have_every_line_from_the_first(pod):
    maincont = pod("3-two-log-sidecars/pod.yaml")
    for number in (1, 2):
        written = maincont.exec("maincont", "cat", f"/var/log/{number}.log").stdout.splitlines()
        assert len(written) > 1
        followed = functools.partial(maincont.logs, f"sidecar-log-{number}")
        wait_for(lambda: followed().splitlines()[: len(written)] == written, 5, "every line")
    assert maincont.logs("maincont") == ""


def test_restarted_container_says_both(cluster, pod):
    # Replaces the other pod of its name, as its README has it.
    cluster.shell("kubectl replace --force -f deploy/patterns/4-exam-drills/restarting.yaml")
    busybox = pod("4-exam-drills/restarting.yaml")
    said = ["Hello World", "the database does not answer: giving up", "Hello World, once more"]
    wait_for(lambda: busybox.logs("busybox2").splitlines() == said, 30, "the restart")
    assert busybox.logs("busybox1").splitlines().count("bin") == 1


def test_queue_outlives_its_consumer(pod):
    queue = pod("5-shared-queue/pod.yaml")

    def sent():
        return numbers(queue.logs("producer"), "sent message")

    def received():
        return numbers(queue.logs("consumer"), "received message")

    before = wait_for(received, 10, "a message")
    queue.engine.podman("stop", "--time", "5", queue.containers["consumer"])
    assert queue.exit_code("consumer") == 0
    wait_for(lambda: "10 waiting" in queue.logs("producer"), 30, "a full queue")
    # The producer now waits, with one message more.
    last = sent()[-1]
    time.sleep(2)
    assert sent()[-1] == last
    queue.start("consumer")
    wait_for(lambda: received()[-1] > last + 1, 20, "the messages that waited")
    # In order, and none missing since the consumer was stopped.
    after = received()
    assert after[: len(before)] == before
    since = after[len(before) - 1 :]
    assert since == list(range(before[-1], after[-1] + 1))


@pytest.mark.parametrize(
    "command, problem",
    [
        (["/producer"], "producer: the name of the queue is missing"),
        (["/consumer"], "consumer: the name of the queue is missing"),
        (["/producer", "bookings"], "producer: a queue's name is a slash and"),
        (["/consumer", "/book/ings"], "consumer: a queue's name is a slash and"),
        (["/producer", "/bookings", "0"], "producer: SECONDS is a whole number from 1 to 3600"),
        (["/producer", "/bookings", "1h"], "producer: SECONDS is a whole number from 1 to 3600"),
        (["/consumer", "/bookings", "-1"], "consumer: COUNT is a whole number from 1 on"),
        (["/consumer", "/bookings", "1", "2"], "consumer: too many arguments"),
    ],
)
def test_queue_programs_explain_bad_usage(pod, command, problem):
    done = pod("5-shared-queue/pod.yaml").exec("producer", *command, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(problem)
    assert "\nusage: " in done.stderr


@pytest.mark.parametrize("name", ["log-sidecar", "monitoring-sidecar"])
def test_booking_pod_is_the_plain_one_besides(name):
    plain_pod = pods(ROOT / "deploy" / "pods" / "booking-app-kayak.yaml")[0]["spec"]
    with_sidecar = pods(PATTERNS / "6-booking-sidecars" / f"{name}.yaml")[0]["spec"]
    engine, adapter, _ = with_sidecar["containers"]
    engine["env"] = [e for e in engine["env"] if e["name"] != "BOOKING_ACCESS_LOG"]
    engine["volumeMounts"] = [m for m in engine["volumeMounts"] if m["name"] != "log"]
    assert [engine, adapter] == plain_pod["containers"]
    for part in with_sidecar.keys() - {"containers", "volumes"}:
        assert with_sidecar[part] == plain_pod[part], part


@pytest.fixture
def short_log(cluster):
    """The pod with the log sidecar, under another name and with a lower limit: 20 kB."""
    if KUBERNETES:
        pytest.skip("looks into podman's containers")
    (document,) = documents(PATTERNS / "6-booking-sidecars" / "log-sidecar.yaml")
    document["metadata"]["name"] = "short-log"
    sidecar = document["spec"]["containers"][2]
    (limit,) = [variable for variable in sidecar["env"] if variable["name"] == "LOG_BYTES"]
    limit["value"] = "20000"
    short_log = cluster.play([document])
    wait_for(lambda: fetch(short_log.url("/readyz", 9033)).status == 200, what="readiness")
    yield short_log
    short_log.remove()


def ask(pod, numbers):
    """Requests that the log can be searched for."""
    url = pod.url("/bookCar")
    for number in numbers:
        answer = fetch(url, headers={"X-Request-Id": f"number-{number}"})
        assert answer.status == 200


def logged(pod):
    found = re.findall(r'"request_id":"number-(\d+)"', pod.logs("access-log"))
    return [int(number) for number in found]


def file_size(pod):
    return int(pod.exec("access-log", "stat", "-c", "%s", "/var/log/booking/access.log").stdout)


def test_log_sidecar_loses_nothing_and_keeps_the_file_short(short_log):
    for start in (0, 100, 200):
        ask(short_log, range(start, start + 100))  # some 32 kB
        wait_for(lambda: file_size(short_log) == 0, 10, "the emptying of the file")
        assert logged(short_log) == list(range(start + 100))

    # Never quiet: the file is emptied all the same, at four times the limit.
    sent, sizes = 300, []
    end = time.monotonic() + 5
    while time.monotonic() < end:
        ask(short_log, range(sent, sent + 100))
        sent += 100
        sizes.append(file_size(short_log))
    assert sizes != sorted(sizes), "it only grew"
    wait_for(lambda: logged(short_log)[-1] > sent - 5, 10, "the last lines")
    lines = logged(short_log)
    assert lines == sorted(set(lines))
    assert len(lines) > 0.95 * sent

    # All are told to stop; what the engine answers while it drains is in the log too.
    stop = ("stop", "--time", "30", *short_log.containers.values())
    stopping = threading.Thread(target=short_log.engine.podman, args=stop)
    stopping.start()
    wait_for(lambda: fetch(short_log.url("/readyz", 9033)).status == 503, 5, "the draining")
    time.sleep(1)
    ask(short_log, [sent])
    stopping.join()
    assert logged(short_log)[-1] == sent
    for container in short_log.containers:
        assert short_log.exit_code(container) == 0


def test_monitoring_sidecar_sees_engine_and_adapter(pod):
    booking = pod("6-booking-sidecars/monitoring-sidecar.yaml")

    def figures():
        line = booking.logs("monitor").splitlines()[-1]
        return dict(pair.split("=") for pair in line.split()[1:])

    wait_for(lambda: "engine=up" in booking.logs("monitor"), 30, "the engine's figures")
    before = int(figures()["requests"])
    ask(booking, range(10))
    wait_for(lambda: int(figures()["requests"]) == before + 10, 15, "ten requests more")
    now = figures()
    assert now["adapter"] == "up"
    assert now["formatted"] == now["requests"]
    assert (now["errors"], now["adapter_failures"]) == ("0", "0")
    assert 0 < float(now["adapter_mib"]) < float(now["engine_mib"]) < 64

    booking.kill("adapter", "STOP")
    try:
        wait_for(lambda: figures()["adapter"] == "down", 15, "a hanging adapter to be noticed")
        assert figures()["engine"] == "up"
    finally:
        booking.kill("adapter", "CONT")
    wait_for(lambda: figures()["adapter"] == "up", 15, "the adapter's return")

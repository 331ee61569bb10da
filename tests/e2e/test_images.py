"""The images, as pulled from a registry: small, unprivileged, without a shell, labelled."""

import io
import subprocess
import tarfile

import pytest

from engine import ROOT, SERVICES, wait_for

MEGABYTE = 1000 * 1000
ENGINE_SIZE, ADAPTER_SIZE = 40 * MEGABYTE, 15 * MEGABYTE
ENGINE_PORTS, ADAPTER_PORTS = {"33/tcp", "9033/tcp"}, {"9096/tcp"}


# What make tells the build; nothing where there is no git.
COMMIT = subprocess.run(
    ["git", "rev-parse", "--short=7", "HEAD"], cwd=ROOT, capture_output=True, text=True
).stdout.strip() if (ROOT / ".git").exists() else ""


@pytest.fixture(params=SERVICES)
def service(request):
    return request.param


@pytest.fixture
def image(service, engine, images):
    return engine.image(images[service])


def test_size(service, image):
    print(f"{service}: {image['Size'] / MEGABYTE:.1f} MB")
    assert image["Size"] <= (ENGINE_SIZE if service == "booking-main" else ADAPTER_SIZE)


def test_user_is_numeric_and_not_root(image):
    assert image["Config"]["User"] == "10001:10001"


def test_labels(service, image, version):
    prefix = "org.opencontainers.image."
    labels = {k[len(prefix) :]: v for k, v in image["Labels"].items() if k.startswith(prefix)}
    assert labels.pop("description")
    assert labels.pop("revision") == COMMIT
    assert labels == {"title": service, "version": version, "licenses": "Apache-2.0"}


def test_default_version_of_a_plain_docker_build(version):
    assert f"ARG VERSION={version}\n" in (ROOT / "docker" / "Dockerfile").read_text()


def entry(service):
    """An adapter's image has its binary under a name that all of them share, too."""
    return "/usr/bin/booking-main" if service == "booking-main" else "/usr/bin/adapter"


def test_entrypoint_and_ports(service, image):
    config = image["Config"]
    assert config["Entrypoint"] == [entry(service)]
    assert not config.get("Cmd")
    ports = ENGINE_PORTS if service == "booking-main" else ADAPTER_PORTS
    assert set(config["ExposedPorts"]) == ports


def test_healthcheck_is_the_binary_itself(service, image):
    assert image["Healthcheck"]["Test"] == ["CMD", entry(service), "--healthcheck"]


def test_version_option(service, engine, images, version):
    done = engine.podman("run", "--rm", images[service], "--version")
    assert done.stdout == f"{service} {version}{f' ({COMMIT})' if COMMIT else ''}\n"


def test_holds_nothing_but_the_binary_and_its_libraries(service, engine, images):
    container = engine.podman("create", images[service]).stdout.strip()
    try:
        exported = engine.podman("export", container, text=False).stdout
    finally:
        engine.podman("rm", container)
    with tarfile.open(fileobj=io.BytesIO(exported)) as archive:
        files = {m.name for m in archive if m.isfile() or m.issym()}
        data = [m for m in archive if m.name.rstrip("/") == "data"]
    libraries = {name for name in files if name.startswith(("lib/", "lib64/", "usr/lib/"))}
    assert all(".so" in name for name in libraries), "more than libraries in the library folders"
    programs = {f"usr/bin/{service}"}
    if service != "booking-main":
        programs.add("usr/bin/adapter")
        assert not any("libcurl" in name for name in libraries), "an adapter calls nobody"
    # What the engine itself puts into every container.
    mounted = {"etc/hosts", "etc/hostname", "etc/resolv.conf", "etc/mtab", "run/.containerenv"}
    if service == "booking-main":
        programs.add("etc/ssl/certs/ca-certificates.crt")
    assert files - libraries - mounted == programs | {"etc/passwd", "etc/group"}
    if service == "booking-main":
        assert [(m.uid, m.gid) for m in data] == [(10001, 10001)]


def test_healthcheck_of_a_running_container(service, engine, images):
    needed = []
    if service == "adapter-jq":
        format_file = ROOT / "deploy" / "components" / "partner-bookingcom" / "format.jq"
        needed = ["--volume", f"{format_file}:/format.jq:ro", "--env", "ADAPTER_FILTER=/format.jq"]
    container = engine.podman(
        "run", "--detach", "--read-only", *needed, images[service]
    ).stdout.strip()
    binary = f"/usr/bin/{service}"
    try:
        wait_for(
            lambda: engine.podman(
                "exec", container, binary, "--healthcheck", check=False
            ).returncode
            == 0,
            what=f"{service}'s health",
        )
    finally:
        engine.podman("rm", "--force", "--time", "0", container)


def test_healthcheck_fails_where_nothing_runs(service, engine, images):
    done = engine.podman("run", "--rm", images[service], "--healthcheck", check=False)
    assert done.returncode == 1

"""A PostgreSQL server of the tests' own: in a folder, on a free port of 127.0.0.1 and a socket.

It keeps what it was told on the disk as a real one does (fsync is on), since what is lost in a kill
is what some tests are about. Programs connect by TCP with the password of BOOKING, who owns the
databases and is no superuser; the tests themselves by the socket, as the superuser. The socket's
folder is for us alone, so nobody else gets in that way.

PostgreSQL refuses to run as root. If the tests do, the server runs as another user, who must be
able to reach the folder; else it is put below /tmp.
"""
import ctypes
import json
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

PATIENCE = 120  # seconds, of what must come; a slow disk makes a cluster in half a minute
BOOKING, PASSWORD = "booking", "pass:word/of@tests"
QUOTED_PASSWORD = "pass%3Aword%2Fof%40tests"
# Its superuser; "postgres" as everywhere, whoever runs it.
SUPERUSER = "postgres"

# What the tests write behind initdb's own settings. A standby and a primary have the same.
SETTINGS = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = '{sockets}'
max_connections = 300
dynamic_shared_memory_type = mmap
shared_buffers = 64MB
wal_level = replica
max_wal_senders = 8
wal_keep_size = 256MB
timezone = 'UTC'
log_line_prefix = '%m [%p] %d '
"""
ACCESS = f"""
local all {SUPERUSER} trust
local replication {SUPERUSER} trust
host all all 127.0.0.1/32 scram-sha-256
"""


class Missing(Exception):
    """There is no PostgreSQL server on this machine."""


def programs():
    """The folder of initdb, postgres and so on: Debian has them by version, the newest counts."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("[0-9]*/bin/initdb"),
                   key=lambda path: float(path.parts[-3]))
    initdb = found[-1] if found else shutil.which("initdb")
    if not initdb:
        raise Missing("no PostgreSQL server here: 'tools/install-deps test' installs it")
    return pathlib.Path(initdb).resolve().parent


def quoted(value):
    """A value as SQL writes it."""
    if value is None:
        return "NULL"
    if isinstance(value, (int, float)):
        return repr(value)
    return "'" + str(value).replace("'", "''") + "'"


def _server_user():
    """Arguments of subprocess for a user that PostgreSQL accepts."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    raise Missing("PostgreSQL does not run as root, and there is no user 'postgres' or 'nobody'")


def _ends_with_us():
    """In the server, before it is one: it is stopped when what started it has ended."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGQUIT)


def _free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def _alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _children(pid):
    try:
        return [int(child) for child in
                pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


class Server:
    """One server. `with Server(folder) as server:` makes, starts, stops and removes it."""

    def __init__(self, folder, stays=False):
        """`stays`: it runs on when this process has ended."""
        self.programs, self.user, self.stays = programs(), _server_user(), stays
        self.folder = pathlib.Path(folder).resolve()
        self.process = self.standby_of = None

    # --- making it --------------------------------------------------------------------------------

    def make(self):
        """A new, empty cluster."""
        self._make_folder()
        secret = self.place / "password"
        secret.write_text(PASSWORD)
        self._give(secret)
        self._run("initdb", "--pgdata", self.data, "--username", SUPERUSER, "--pwfile", secret,
                  "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-sync")
        self._configure()
        return self

    def _make_folder(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        # A socket's path has at most 107 bytes.
        sockets = pathlib.Path(tempfile.mkdtemp(prefix="booking-pg-", dir="/tmp"))
        self._give(sockets)
        (self.folder / "sockets").write_text(str(sockets))
        self._give(self.folder)
        # What a root's build folder does not show to others is kept beside the socket.
        reached = subprocess.run(["test", "-w", self.folder], check=False, **self.user)
        self.place = self.folder if reached.returncode == 0 else sockets
        (self.folder / "place").write_text(str(self.place))

    def _give(self, path):
        if self.user:
            os.chown(path, self.user["user"], self.user["group"])

    @property
    def data(self):
        return self.place / "data"

    def open(self):
        """What another process made and started."""
        self.place = pathlib.Path((self.folder / "place").read_text())
        return self

    @property
    def sockets(self):
        return pathlib.Path((self.folder / "sockets").read_text())

    @property
    def port(self):
        return int((self.folder / "port").read_text())

    def _configure(self, more="", port=None):
        (self.folder / "port").write_text(str(port or _free_port()))
        settings = SETTINGS.format(port=self.port, sockets=self.sockets) + more
        (self.data / "tests.conf").write_text(settings)
        self._give(self.data / "tests.conf")
        included = "\ninclude = 'tests.conf'\n"
        main = self.data / "postgresql.conf"
        if included not in main.read_text():
            with main.open("a") as file:
                file.write(included)
        (self.data / "pg_hba.conf").write_text(ACCESS)

    def _run(self, program, *arguments, check=True, **more):
        done = subprocess.run([self.programs / program, *map(str, arguments)], cwd="/", text=True,
                              capture_output=True, timeout=PATIENCE, check=False,
                              env={"PATH": os.environ["PATH"], "LC_ALL": "C", **more}, **self.user)
        if check and done.returncode != 0:
            raise RuntimeError(f"{program}: {done.stdout}{done.stderr}")
        return done

    # --- its life ---------------------------------------------------------------------------------

    def start(self):
        """Until it takes connections. A port that another took meanwhile is exchanged, but only the
        first time: later, clients know it."""
        for attempt in range(5):
            with open(self.folder / "log", "ab") as log:
                self.process = subprocess.Popen(
                    [self.programs / "postgres", "-D", self.data], cwd="/", stdin=subprocess.DEVNULL,
                    stdout=log, stderr=log, start_new_session=True,
                    preexec_fn=None if self.stays else _ends_with_us,
                    env={"PATH": os.environ["PATH"], "LC_ALL": "C"}, **self.user)
            (self.folder / "pid").write_text(str(self.process.pid))
            if self._wait_ready():
                break
            if "Address already in use" not in self.log() or attempt == 4 or self._has_clients():
                raise RuntimeError(f"PostgreSQL did not start: {self.log()[-2000:]}")
            text = (self.data / "tests.conf").read_text()
            (self.folder / "port").write_text(str(_free_port()))
            (self.data / "tests.conf").write_text(re.sub(r"(?m)^port = \d+", f"port = {self.port}",
                                                         text))
        if not self.standby_of and not self._has_clients():
            self.run_sql(f"CREATE ROLE {BOOKING} LOGIN CREATEDB PASSWORD {quoted(PASSWORD)}")
            self.run_sql(f"CREATE DATABASE {BOOKING} OWNER {BOOKING}")
            (self.folder / "ready").touch()
        return self

    def _has_clients(self):
        return (self.folder / "ready").exists()

    def _wait_ready(self):
        end = time.monotonic() + PATIENCE
        while self.process.poll() is None:
            done = self._run("pg_isready", "-q", "-h", self.sockets, "-p", self.port, check=False)
            if done.returncode == 0:
                return True
            if time.monotonic() > end:
                raise RuntimeError(f"PostgreSQL is not ready: {self.log()[-2000:]}")
            time.sleep(0.02)
        return False

    def log(self):
        return (self.folder / "log").read_text(errors="replace")

    @property
    def pid(self):
        return int((self.folder / "pid").read_text())

    def _wait_gone(self, pids):
        end = time.monotonic() + PATIENCE
        while any(_alive(pid) for pid in pids):
            if self.process:
                self.process.poll()
            if time.monotonic() > end:
                raise RuntimeError("PostgreSQL does not end")
            time.sleep(0.01)
        if self.process:
            self.process.wait()

    def kill(self):
        """SIGKILL to all of it at once, as when a machine loses its power, less the disk's part."""
        postmaster = self.pid
        os.kill(postmaster, signal.SIGSTOP)  # so that it starts no child while we look
        processes = [postmaster, *_children(postmaster)]
        for pid in processes[::-1]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self._wait_gone(processes)
        self._remove_shared_memory()
        # Where nobody collects the dead, the next start would take this one for alive.
        for left in (self.data / "postmaster.pid", *self.sockets.glob(".s.PGSQL.*")):
            left.unlink(missing_ok=True)

    def _remove_shared_memory(self):
        """A killed server leaves a segment behind, which only its next start would remove."""
        lines = (self.data / "postmaster.pid").read_text().splitlines()
        if len(lines) > 6:
            subprocess.run(["ipcrm", "--shmem-id", lines[6].split()[1]], check=False,
                           stderr=subprocess.DEVNULL, **self.user)

    def stop(self, number=signal.SIGINT):
        """SIGINT: connections are ended, what was committed is written. SIGQUIT: at once."""
        if _alive(self.pid):
            os.kill(self.pid, number)
            self._wait_gone([self.pid])

    def restart(self):
        self.stop()
        return self.start()

    def remove(self):
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.sockets, ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        try:
            return self.make().start()
        except BaseException:
            if (self.folder / "pid").exists():
                self.remove()
            raise

    def __exit__(self, *_):
        self.remove()

    # --- a standby --------------------------------------------------------------------------------

    def standby(self, folder, name="standby", port=None):
        """Another server that follows this one, and that each commit here waits for from now on.
        `port` is one that is free for certain. The caller removes it."""
        other = Server(folder)
        other.standby_of = self
        other._make_folder()
        other._run("pg_basebackup", "-h", self.sockets, "-p", self.port, "-U", SUPERUSER,
                   "-D", other.data, "--wal-method", "stream", "--checkpoint", "fast")
        other._configure(
            f"primary_conninfo = 'host={self.sockets} port={self.port} user={SUPERUSER} "
            f"application_name={name}'\nhot_standby = on\n", port)
        (other.data / "standby.signal").touch()
        other._give(other.data / "standby.signal")
        other.start()
        self.set("synchronous_standby_names", name)
        self._wait_sql("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
                       f" AND application_name = {quoted(name)}", "1")
        return other

    def promote(self):
        """From a standby to a server of its own, which waits for no other."""
        self._run("pg_ctl", "promote", "-w", "-t", PATIENCE, "-D", self.data)
        self.standby_of = None
        self._wait_sql("SELECT pg_is_in_recovery()", "f")
        self.set("synchronous_standby_names", "")
        (self.folder / "ready").touch()

    def _wait_sql(self, sql, wanted):
        end = time.monotonic() + PATIENCE
        while (found := self.run_sql(sql).strip()) != wanted:
            if time.monotonic() > end:
                raise RuntimeError(f"{sql}: {found}, not {wanted}")
            time.sleep(0.02)

    def set(self, name, value):
        """A setting that counts from now on; in a file that a copy of this server takes along."""
        self.run_sql(f"ALTER SYSTEM SET {name} = {quoted(value)}")
        self.run_sql("SELECT pg_reload_conf()")

    # --- databases --------------------------------------------------------------------------------

    def url(self, database=BOOKING, user=BOOKING, password=QUOTED_PASSWORD, others=(), more=""):
        """As the engine gets it; with several servers, the one that takes changes."""
        secret = f":{password}" if password else ""
        hosts = ",".join(f"127.0.0.1:{server.port}" for server in (self, *others))
        options = [more] if more else []
        if others:
            options.append("target_session_attrs=read-write")
        query = "?" + "&".join(options) if options else ""
        return f"postgresql://{user}{secret}@{hosts}/{database}{query}"

    def socket_url(self, database="postgres"):
        """As the superuser, for the tests themselves."""
        return f"postgresql://{SUPERUSER}@/{database}?host={self.sockets}&port={self.port}"

    def create(self, name, template="template1"):
        """A database of BOOKING's."""
        self.run_sql(f'CREATE DATABASE "{name}" OWNER {BOOKING} TEMPLATE "{template}"')

    def drop(self, name):
        self.run_sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def run_sql(self, sql, database="postgres"):
        return run_sql(self.socket_url(database), sql)


def run_sql(url, sql):
    """What psql prints: a line for each row, columns with | between. Raises SqlError with what the
    server says."""
    done = subprocess.run([programs() / "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1",
                           "-d", url, "-f", "-"], input=sql, text=True, capture_output=True,
                          timeout=PATIENCE, check=False,
                          env={"PATH": os.environ["PATH"], "PGCONNECT_TIMEOUT": "30"})
    if done.returncode != 0:
        raise SqlError(done.stderr)
    return done.stdout


class SqlError(Exception):
    pass


class Session:
    """A connection that stays open from one run() to the next, and with it its transaction."""

    def __init__(self, url):
        self.psql = subprocess.Popen(
            [programs() / "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", url],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
            env={"PATH": os.environ["PATH"]})

    def run(self, sql):
        """Returns the lines it prints when it has been carried out."""
        self.psql.stdin.write(f"{sql};\n\\echo done\n")
        lines = []
        while (line := self.psql.stdout.readline()) != "done\n":
            if not line:
                raise SqlError(f"{sql}: see above")
            lines.append(line.rstrip("\n"))
        return lines

    def close(self):
        self.psql.stdin.close()
        self.psql.wait(PATIENCE)
        self.psql.stdout.close()


def with_values(sql, parameters):
    """The statement with its parameters, each of which `?` stands for as with SQLite, in it."""
    parts = sql.split("?")
    assert len(parts) == len(parameters) + 1
    return parts[0] + "".join(quoted(value) + part for value, part in zip(parameters, parts[1:]))


def read_rows(url, sql, *parameters):
    """The rows of a query, as tuples."""
    # As JSON, so that numbers are numbers, and a text may be anything.
    printed = run_sql(url, "SELECT row_to_json(result) FROM (\n"
                      f"{with_values(sql, parameters)}\n) AS result")
    return [tuple(value for _, value in json.loads(line, object_pairs_hook=list))
            for line in printed.splitlines()]

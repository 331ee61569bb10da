"""The load generator (load.c) at work on a service, with what the service used meanwhile."""
import dataclasses
import json
import subprocess

import process_usage
from services import BUILD


@dataclasses.dataclass
class Sample:
    """One measurement. Times in microseconds, CPU of all the service's processes a request."""
    requests: int
    rate: float
    p50: float
    p99: float
    user: float
    system: float
    cpu: float
    load_cpu: float


class Load:
    """Connections to one service; see load.c for the plans."""

    def __init__(self, service, connections, paths=("/bookCar",)):
        self.service = service
        self.pids = process_usage.with_descendants([p.pid for p in service.processes])
        self.process = subprocess.Popen(
            [BUILD / "bench" / "load", str(connections), service.address, str(service.port),
             *paths], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def run(self, plan):
        """Has a plan carried out without looking at the service."""
        try:
            self.process.stdin.write(plan + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # it ended, and says why
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.service.folder.name}: {self.process.stderr.read()}")
        return json.loads(line)

    def measure(self, plan):
        calls = self.service.adapter_calls() if self.service.counts_calls else 0
        before = process_usage.cpu(self.pids)
        result = self.run(plan)
        used = process_usage.cpu(self.pids).since(before)
        requests = result["requests"]
        if self.service.counts_calls and self.service.adapter_calls() - calls != requests:
            raise RuntimeError("not every request called its adapter")
        self.service.empty_access_log()
        return Sample(requests, result["rate"], result["p50_us"], result["p99_us"],
                      used.user * 1e6 / requests, used.system * 1e6 / requests,
                      used.total * 1e6 / requests, result["load_cpu_us"])

    def memory_mebibytes(self):
        return process_usage.memory_mebibytes(self.pids)

"""What the comparisons share: PyTorch in processes of its own, and the description of the machine."""
import argparse
import contextlib
import json
import os
import platform
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))


class Worker:
    """PyTorch in a process of its own, so that its memory can be told; `words` are torch_worker.py's arguments."""

    def __init__(self, *words, environment={}):
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(HERE, "torch_worker.py"), *map(str, words)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, env={**os.environ, **environment})

    def run(self, seconds):
        self.process.stdin.write(f"{seconds}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit(f"PyTorch ended with code {self.process.wait()}: {' '.join(self.process.args)}")
        return json.loads(answer)

    @contextlib.contextmanager
    def paused(self):
        """Threads that spin while they wait would take a core from what is measured meanwhile."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def machine(threads):
    import torch
    model = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo") as file:
            model = next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return {
        "processor": model, "processors": os.cpu_count(), "threads": threads, "system": platform.platform(),
        "load": os.getloadavg()[0], "torch": torch.__version__, "time": time.strftime("%Y-%m-%d %H:%M:%S"),
    }


def parse(description, names, rounds, seconds, more=lambda parser: None):
    """The options of a comparison, checked; `more` adds to them."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rtool", default=os.path.join(HERE, "..", ".build", "release", "rtool"))
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--seconds", type=float, default=seconds, help="of each measurement")
    parser.add_argument("--only", choices=names, help="one network")
    parser.add_argument("--json", help="a file to write")
    more(parser)
    options = parser.parse_args()
    options.rtool = os.path.abspath(options.rtool)
    try:
        import torch  # noqa: F401
    except ImportError:
        sys.exit("PyTorch is missing: run `make bench-setup`, which installs it in .build-bench, then `make bench`")
    return options


def write_record(path, record):
    if path:
        with open(path, "w") as file:
            json.dump(record, file, indent=1)
            file.write("\n")

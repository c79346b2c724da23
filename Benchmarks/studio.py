"""Times the studio: from the start to a page that can be used, from a click to the first picture and to the result, beside
the command line's time for the same, as medians of several runs. `make bench-studio` runs it; nothing but Python is needed.

The photo has 12 megapixels, enlarged from a bundled one, and the hole is 300 pixels wide.
"""

import http.client
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import zlib
import struct

RTOOL = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else ".build/release/rtool")
RUNS = int(sys.argv[2]) if len(sys.argv) > 2 else 5
HOLE = (1800, 1500, 300, 300)


def png(width, height, level=255):
    """A grey PNG file of one level."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + bytes([level]) * width) * height
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(rows, 1))
        + chunk(b"IEND", b"")
    )


class Studio:
    """A started studio and a page's connection to it."""

    def __init__(self, folder):
        begin = time.perf_counter()
        self.process = subprocess.Popen(
            [RTOOL, "studio", "--no-browser", "--state", os.path.join(folder, "state")],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        address = self.process.stdout.readline().strip()
        self.port = int(address.split(":")[2].split("/")[0])
        self.token = address.split("token=")[1].split("#")[0]
        # What the page asks for before it can be used.
        for path in ["/", "/studio.css", "/main.js", "/api/studio", "/api/tasks", "/api/models", "/api/documents"]:
            self.ask("GET", path)
        self.start = time.perf_counter() - begin
        self.events = []
        self.condition = threading.Condition()
        threading.Thread(target=self.listen, daemon=True).start()

    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        connection.request(
            method, path, body, {"Cookie": f"rtool-{self.port}={self.token}", "X-Rtool": "1"})
        answer = connection.getresponse()
        data = answer.read()
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status} {data.decode()}")
        return json.loads(data) if answer.headers["Content-Type"] == "application/json" else data

    def listen(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        try:
            connection.request("GET", "/api/events", headers={"Cookie": f"rtool-{self.port}={self.token}"})
            answer = connection.getresponse()
            while line := answer.readline():
                if line.startswith(b"data: "):
                    event = json.loads(line[6:])
                    with self.condition:
                        self.events.append((time.perf_counter(), event))
                        self.condition.notify_all()
        except (OSError, ValueError, http.client.HTTPException):
            pass

    def wait(self, run, kinds):
        """The time of the first event of a run that is one of these kinds, and the event."""
        with self.condition:
            while True:
                for moment, event in self.events:
                    if event.get("run") == run and event["kind"] in kinds:
                        return moment, event
                if not self.condition.wait(300):
                    raise RuntimeError(f"no {kinds} of run {run}")

    def run(self, document, mask=True, **wanted):
        """Seconds from a click to the first picture and to the end, with the upload of the mask."""
        # Whoever clicks has looked at the last result first.
        time.sleep(1)
        begin = time.perf_counter()
        if mask:
            x, y, w, h = HOLE
            mask = self.ask("POST", f"/api/documents/{document}/masks?x={x}&y={y}&w={w}&h={h}&step=1", png(w, h))["mask"]
            wanted["masks"] = {"mask": mask}
        run = self.ask("POST", f"/api/documents/{document}/runs", json.dumps({"step": 1, **wanted}))["runs"][0]["id"]
        first, _ = self.wait(run, ["frame", "done", "failed"])
        end, event = self.wait(run, ["done", "failed"])
        if event["kind"] == "failed":
            raise RuntimeError(event["error"])
        return first - begin, end - begin, event

    def end(self):
        self.process.terminate()
        self.process.wait()


class Service:
    """A started `rtool serve`."""

    def __init__(self):
        self.process = subprocess.Popen([RTOOL, "serve"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        told = json.loads(self.process.stdout.readline())
        self.port = int(told["address"].split(":")[2])
        self.token = told["token"]

    def do(self, task, name, image, parameters):
        """The image that a task makes of one."""
        boundary = "boundary-of-parts"
        parts = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'.encode()
            for name, text in parameters.items()]
        parts.append(
            f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="{name}"\r\n\r\n'.encode()
            + image + b"\r\n")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        connection.request("POST", f"/v1/tasks/{task}", b"".join(parts) + f"--{boundary}--\r\n".encode(), {
            "Authorization": f"Bearer {self.token}", "Content-Type": f"multipart/form-data; boundary={boundary}"})
        answer = connection.getresponse()
        data = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{task}: {answer.status} {data.decode()}")
        return data

    def memory(self):
        """MiB of the server and its workers."""
        parents = {}
        for process in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{process}/stat") as stat, open(f"/proc/{process}/statm") as statm:
                    fields = stat.read().rpartition(")")[2].split()
                    parents[int(process)] = int(fields[1]), int(statm.read().split()[1])
            except OSError:
                pass
        own = self.process.pid
        pages = sum(size for process, (parent, size) in parents.items() if own in (process, parent))
        return pages * os.sysconf("SC_PAGESIZE") / 2**20

    def end(self):
        self.process.terminate()
        self.process.wait()


def throughput(folder):
    """Twenty requests at once, and the same work by a batch, which is one process."""
    os.makedirs(os.path.join(folder, "batch"))
    # Pictures of their own, so that none is done twice.
    for index in range(20):
        subprocess.run(
            [RTOOL, "generate", "--class", "forest", "--seed", str(index), "--width", "320", "--height", "240",
             "--steps", "1", "--quiet", "-o", f"batch/{index}.jpg"], cwd=folder, check=True)
    names = [f"batch/{index}.jpg" for index in range(20)]
    begin = time.perf_counter()
    subprocess.run([RTOOL, "translate", *names, "--to", "glacier", "--output-dir", "done", "--quiet"],
                   cwd=folder, check=True)
    batch = time.perf_counter() - begin
    service = Service()
    images = [open(os.path.join(folder, name), "rb").read() for name in names]
    service.do("translate", "0.jpg", images[0], {"to": "glacier", "seed": "1"})
    answers = [None] * 20

    def ask(index):
        answers[index] = service.do("translate", f"{index}.jpg", images[index], {"to": "glacier"})

    begin = time.perf_counter()
    threads = [threading.Thread(target=ask, args=(index,)) for index in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    served = time.perf_counter() - begin
    memory = service.memory()
    service.end()
    if any(answer is None for answer in answers):
        raise RuntimeError("a request failed")
    for index, answer in enumerate(answers):
        with open(os.path.join(folder, "done", f"{index}.jpg"), "rb") as file:
            if file.read() != answer:
                raise RuntimeError("a batch makes other bytes")
    return batch, served, memory


def command(words, folder):
    begin = time.perf_counter()
    subprocess.run([RTOOL, *words, "--quiet"], cwd=folder, check=True)
    return time.perf_counter() - begin


def row(what, values, goal=""):
    print(f"{what:<58}{statistics.median(values):8.3f} s   least {min(values):.3f}   {goal}")


def main():
    folder = tempfile.mkdtemp(prefix="rtool-bench-studio-")
    try:
        photo = os.path.join(folder, "photo.jpg")
        subprocess.run(
            [RTOOL, "superres", "Examples/lake.jpg", "--width", "4000", "--height", "3000", "--preset", "fast",
             "--quiet", "-o", photo],
            check=True)
        starts = []
        for _ in range(RUNS):
            studio = Studio(folder)
            starts.append(studio.start)
            studio.end()
        row("start to a page that can be used", starts, "goal 0.5")
        studio = Studio(folder)
        with open(photo, "rb") as file:
            document = studio.ask("POST", "/api/documents?name=photo.jpg", file.read())["id"]
        firsts, ends, lines, ratios = [], [], [], []
        for _ in range(RUNS):
            first, end, event = studio.run(document, task="inpaint")
            step = event["step"]
            words = step["command"].split()[1:]
            words[words.index("-o") + 1] = "command.jpg"
            line = command(words, step["folder"])
            made = [open(os.path.join(step["folder"], name), "rb").read()
                    for name in ("command.jpg", step["command"].split()[-1])]
            if made[0] != made[1]:
                raise RuntimeError("the copied command makes other bytes")
            firsts.append(first)
            ends.append(end)
            lines.append(line)
            ratios.append(end / line)
        row("inpaint, 300 px hole in 12 megapixels: first picture", firsts, "goal 0.4")
        row("  result, the mask's upload included", ends)
        row("  the command line", lines)
        print(f"  result / command line: median {statistics.median(ratios):.2f} (goal 1.1)")
        previews = [studio.run(document, mask=False, task="translate", preview=True,
                               parameters={"to": ["forest"], "radius": [str(10 + index)]}) for index in range(RUNS)]
        row("translate, preview of 12 megapixels: first picture", [each[0] for each in previews], "goal 0.2")
        row("  its end", [each[1] for each in previews])
        strokes = [studio.run(document, task="paint", parameters={"class": ["forest"]}) for _ in range(RUNS)]
        row("paint, a stroke on 12 megapixels: first picture", [each[0] for each in strokes], "goal 0.15")
        row("  its end", [each[1] for each in strokes])
        studio.end()
        batch, served, memory = throughput(folder)
        print(f"twenty requests at once {served:.2f} s, one process {batch:.2f} s: throughput {batch / served:.2f} "
              f"(goal 0.9); server and workers {memory:.0f} MiB")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


main()

#!/usr/bin/env python3
"""Simulates a batch of a million photos on a hundred nodes: what a shared file system's operations, lost nodes and uneven
photos cost, for the ways in which `rtool` divides a batch. Standard library alone; seeds are fixed, so that it prints the
same numbers everywhere.

    python3 Benchmarks/cluster.py [--inputs N] [--nodes N] [--rate OPERATIONS] ...

Operations of the file system are served one after the other, at the rate that its metadata server has as a whole. Each of
a node's jobs does one photo after the other; a node is one process. Photos take log-normal times, nodes are a little faster
or slower, and some are lost in the middle.
"""

import argparse
import heapq
import math
import random


class Server:
    """A queue of operations that are served at a rate, in the order in which they come."""

    def __init__(self, rate, latency):
        self.rate, self.latency = rate, latency
        self.free = 0.0
        self.count = 0

    def serve(self, now, operations):
        """The time at which so many operations of one process, one after the other, are done."""
        self.count += operations
        begin = max(now, self.free)
        self.free = begin + operations / self.rate
        return max(self.free, now + operations * self.latency)


class Part:
    """The inputs that some processes share."""

    def __init__(self, inputs):
        self.open = inputs  # those that nobody is at, in no order
        self.taken = 0  # how often one was taken
        self.files = 0  # results in the folder
        self.idle = []  # jobs that wait for what others have


class Node:
    """One process on one node."""

    def __init__(self, part, speed, lost_at):
        self.part, self.speed, self.lost_at = part, speed, lost_at
        self.listed_at = 0.0  # when it read the folder of results, and how long that took
        self.listing_seconds = 0.0
        self.known = 0  # inputs that it knows to be taken: by itself, by its listing, and by having met them


def simulate(options, count):
    """Runs one batch in as many parts, each of which nodes / count processes share. Returns the figures."""
    generator = random.Random(1)
    mu = math.log(options.seconds) - options.sigma**2 / 2
    times = [generator.lognormvariate(mu, options.sigma) for _ in range(options.inputs)]
    ideal = sum(times) / (options.nodes * options.jobs)
    order = list(range(options.inputs))
    generator.shuffle(order)  # as the hash of names does
    parts = [Part(order[k::count]) for k in range(count)]
    lost = set(generator.sample(range(options.nodes), options.lost))
    nodes = [
        Node(
            parts[k % count],
            generator.uniform(0.85, 1.15),
            generator.uniform(0.2, 0.8) * ideal if k in lost else math.inf,
        )
        for k in range(options.nodes)
    ]
    server = Server(options.rate, options.latency / 1000)
    events = []
    serial = 0

    def push(time, what, node, index=None):
        nonlocal serial
        serial += 1
        heapq.heappush(events, (time, serial, what, node, index))

    def listing(now, node):
        """Reads the folder of results, in which those of all parts are."""
        ready = server.serve(now, 1 + sum(part.files for part in parts) // options.names)
        node.listed_at, node.listing_seconds, node.known = ready, ready - now, node.part.taken
        return ready

    for node in nodes:
        # The folders of inputs and of results are read before the work.
        ready = server.serve(0.0, 2 + 2 * options.inputs // options.names)
        for _ in range(options.jobs):
            push(ready, "look", node)
    ends = []
    while events:
        now, _, what, node, index = heapq.heappop(events)
        part = node.part
        if what == "stale":
            # Its claim is taken over once it was not renewed for a while.
            part.open.append(index)
            if part.idle:
                push(now, "look", part.idle.pop())
            continue
        if now >= node.lost_at:
            if what == "done":
                push(node.lost_at + options.claim_seconds, "stale", node, index)
            continue
        if what == "done":
            ends.append(now)
            part.files += 1
            push(server.serve(now, options.after), "look", node)
            continue
        # It begins with any input that it does not know to be taken. Some of these are.
        unknown = part.taken - node.known
        if not part.open:
            part.idle.append(node)
            continue
        if unknown and generator.random() < unknown / (unknown + len(part.open)):
            node.known += 1
            pause = max(5, 20 * node.listing_seconds, node.listed_at / 20)
            is_due = now >= node.listed_at + pause
            push(listing(now, node) if is_due else server.serve(now, options.look), "look", node)
            continue
        place = generator.randrange(len(part.open))
        part.open[place], part.open[-1] = part.open[-1], part.open[place]
        index = part.open.pop()
        part.taken += 1
        node.known += 1
        push(server.serve(now, options.before) + times[index] / node.speed, "done", node, index)
    # At the end each process reads the folder until all is there.
    wall = max(ends)
    for node in nodes:
        if node.lost_at == math.inf:
            listing(wall, node)
    return {
        "minutes": wall / 60,
        "ideal": ideal / 60,
        "operations": server.count / options.inputs,
        "use": server.count / options.rate / wall,
        "last": wall - sorted(ends)[int(len(ends) * 0.99)],
        "missing": options.inputs - len(ends),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    add = parser.add_argument
    add("--inputs", type=int, default=1_000_000)
    add("--nodes", type=int, default=100)
    add("--jobs", type=int, default=16, help="photos at once on each node")
    add("--seconds", type=float, default=2.0, help="mean of what a photo takes on one processor")
    add("--sigma", type=float, default=1.0, help="of the logarithm of that")
    add("--lost", type=int, default=3, help="nodes that are lost in the middle")
    add("--rate", type=float, default=20_000, help="operations a second of the file system as a whole")
    add("--latency", type=float, default=0.5, help="milliseconds of one operation")
    add("--claim-seconds", type=float, default=60)
    add("--names", type=int, default=500, help="names that one operation reads of a folder")
    add("--look", type=int, default=2, help="operations to see that another process has an input")
    add("--before", type=int, default=8, help="operations from the choice of an input to its pixels")
    add("--after", type=int, default=8, help="operations to write its result and give back its claim")
    options = parser.parse_args()
    print(f"{'':24}{'minutes':>8} {'at best':>8} {'operations/photo':>17} {'server':>7} {'last 1 %':>9} {'missing':>8}")
    for name, parts in [
        (f"--shard I/{options.nodes}", options.nodes),
        (f"--shard I/{max(1, options.nodes // 4)} --share", max(1, options.nodes // 4)),
        (f"--shard I/{max(1, options.nodes // 10)} --share", max(1, options.nodes // 10)),
        ("--share", 1),
    ]:
        found = simulate(options, parts)
        print(
            f"{name:24}{found['minutes']:8.1f} {found['ideal']:8.1f} {found['operations']:17.1f} "
            f"{found['use']:6.0%} {found['last']:7.0f} s {found['missing']:8d}",
            flush=True,
        )


if __name__ == "__main__":
    main()

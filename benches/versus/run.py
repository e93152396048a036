#!/usr/bin/env python3
"""longhaul's load engine beside other generators, against nginx, as one Markdown table.

nginx (one worker, 150-byte body) is pinned to one core and every generator to another. The tools take turns, round by
round; each figure is the median of the rounds. CPU is the kernel's own account of the generator's process, its memory is
read every 50 ms. The engine is `benches/rate.rs` as a generator: what `longhaul run` puts a load on with, and nothing else.

    python3 benches/versus/run.py            # all of it: 5 rounds of 10 s
    python3 benches/versus/run.py --quick    # 5 rounds of 3 s, under 8 minutes

Debian has nginx-light, wrk, apache2-utils (ab) and hey; `cargo install oha --locked` brings oha. wrk2, k6 and vegeta
take part when they are on PATH. What is missing is said below the table.
"""

import argparse
import json
import os
import platform
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CONNECTIONS = 64
RATES = ["flat", 50, 1000, 5000, 20000]
PAGE = os.sysconf("SC_PAGE_SIZE")
MIB = 1 << 20
UNITS = {"us": 1.0, "ms": 1e3, "s": 1e6, "m": 60e6}


class Reading:
    """What a tool says of one run: requests answered, p50 and p99 in microseconds."""

    def __init__(self, requests, p50, p99):
        self.requests, self.p50, self.p99 = requests, p50, p99


def microseconds(text):
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()
    return float(number) * UNITS[unit]


def wanted(pattern, text):
    found = re.search(pattern, text, re.MULTILINE)
    if not found:
        raise ValueError(f"no {pattern!r} in: {text[-600:]}")
    return found.group(1)


class Longhaul:
    """longhaul's engine: as it is when nothing is said, and with `pacing: eco`, which sends what is due once a millisecond."""

    def __init__(self, pacing=None):
        self.name = f"longhaul {pacing}" if pacing else "longhaul"
        self.pacing = [pacing] if pacing else []
        self.program = None

    def version(self):
        with open(os.path.join(ROOT, "Cargo.toml"), encoding="utf-8") as file:
            return wanted(r'^version = "(.*)"', file.read())

    def can(self, rate):
        return rate != "flat" or not self.pacing

    def command(self, url, rate, seconds, _dir):
        return [self.program, "generate", url, str(rate), str(seconds), str(CONNECTIONS), *self.pacing]

    def read(self, out, _dir):
        said = json.loads(out)
        return Reading(said["ok"], said["p50_us"], said["p99_us"])


class Wrk:
    """wrk, flat out, and wrk2, at a rate."""

    def __init__(self, name):
        self.name = self.program = name

    def version(self):
        said = subprocess.run([self.program, "-v"], capture_output=True, text=True, check=False)
        return wanted(r"^wrk2? (\S+)", said.stdout + said.stderr)

    def can(self, rate):
        return (rate == "flat") == (self.name == "wrk")

    def command(self, url, rate, seconds, _dir):
        pace = [] if rate == "flat" else [f"-R{rate}"]
        return [self.program, "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", *pace, url]

    def read(self, out, _dir):
        requests = int(wanted(r"(\d+) requests in", out))
        p50 = microseconds(wanted(r"^\s+50(?:\.000)?%\s+(\S+)", out))
        return Reading(requests, p50, microseconds(wanted(r"^\s+99(?:\.000)?%\s+(\S+)", out)))


class Ab:
    name = program = "ab"

    def version(self):
        said = subprocess.run(["ab", "-V"], capture_output=True, text=True, check=False).stdout
        return wanted(r"Version (\S+)", said)

    def can(self, rate):
        return rate == "flat"

    def command(self, url, _rate, seconds, _dir):
        # -t sets a small -n, so -n comes after it.
        most = str(200_000 * seconds)
        return ["ab", "-k", "-q", "-r", "-c", str(CONNECTIONS), "-t", str(seconds), "-n", most, url]

    def read(self, out, _dir):
        requests = int(wanted(r"^Complete requests:\s+(\d+)", out))
        at = lambda share: float(wanted(rf"^\s+{share}%\s+(\d+)", out)) * 1e3
        return Reading(requests, at(50), at(99))


class Oha:
    name = program = "oha"

    def version(self):
        return wanted(r"(\d\S*)", subprocess.check_output(["oha", "--version"], text=True))

    def can(self, rate):
        return True

    def command(self, url, rate, seconds, _dir):
        pace = [] if rate == "flat" else ["-q", str(rate), "--latency-correction"]
        shape = ["--no-tui", "--output-format", "json", "-z", f"{seconds}s", "-c", str(CONNECTIONS)]
        return ["oha", *shape, *pace, url]

    def read(self, out, _dir):
        said = json.loads(out)
        at = lambda share: (said["latencyPercentiles"][share] or 0) * 1e6
        return Reading(sum(said["statusCodeDistribution"].values()), at("p50"), at("p99"))


class Hey:
    name = program = "hey"

    def version(self):
        package = subprocess.run(
            ["dpkg-query", "-W", "-f", "${Version}", "hey"], capture_output=True, text=True, check=False
        )
        return package.stdout.strip() or "unknown"

    def can(self, rate):
        return True

    def command(self, url, rate, seconds, _dir):
        # Its rate is for each of its workers.
        pace = [] if rate == "flat" else ["-q", f"{rate / CONNECTIONS:.6f}"]
        return ["hey", "-z", f"{seconds}s", "-c", str(CONNECTIONS), *pace, url]

    def read(self, out, _dir):
        requests = int(wanted(r"\[200\]\s+(\d+) responses", out))
        at = lambda share: float(wanted(rf"{share}%+ in ([\d.]+) secs", out)) * 1e6
        return Reading(requests, at(50), at(99))


class Vegeta:
    name = program = "vegeta"

    def version(self):
        return wanted(r"(\S+)$", subprocess.check_output(["vegeta", "-version"], text=True).split("\n")[0])

    def can(self, rate):
        return True

    def command(self, url, rate, seconds, folder):
        targets = os.path.join(folder, "targets")
        with open(targets, "w", encoding="utf-8") as file:
            file.write(f"GET {url}\n")
        pace = ["-rate=0", f"-max-workers={CONNECTIONS}"] if rate == "flat" else [f"-rate={rate}/1s"]
        shape = [f"-duration={seconds}s", f"-targets={targets}", f"-workers={CONNECTIONS}"]
        return ["vegeta", "attack", *shape, *pace, f"-output={folder}/results"]

    def read(self, _out, folder):
        report = ["vegeta", "report", "-type=json", f"{folder}/results"]
        said = json.loads(subprocess.check_output(report, text=True))
        at = lambda share: said["latencies"][share] / 1e3
        return Reading(said["status_codes"].get("200", 0), at("50th"), at("99th"))


class K6:
    name = program = "k6"

    def version(self):
        return wanted(r"v(\S+)", subprocess.check_output(["k6", "version"], text=True))

    def can(self, rate):
        return True

    def command(self, url, rate, seconds, folder):
        users = {"executor": "constant-vus", "vus": CONNECTIONS, "duration": f"{seconds}s"}
        arrivals = {
            "executor": "constant-arrival-rate",
            "rate": rate,
            "timeUnit": "1s",
            "duration": f"{seconds}s",
            "preAllocatedVUs": 200,
        }
        options = {
            "scenarios": {"all": users if rate == "flat" else arrivals},
            "summaryTrendStats": ["p(50)", "p(99)"],
            "discardResponseBodies": True,
        }
        script = os.path.join(folder, "script.js")
        with open(script, "w", encoding="utf-8") as file:
            file.write("import http from 'k6/http';\n")
            file.write(f"export const options = {json.dumps(options)};\n")
            file.write(f"export default () => {{ http.get({json.dumps(url)}); }};\n")
        return ["k6", "run", "-q", f"--summary-export={folder}/summary.json", script]

    def read(self, _out, folder):
        with open(f"{folder}/summary.json", encoding="utf-8") as file:
            said = json.load(file)["metrics"]
        took = said["http_req_duration"]
        return Reading(said["http_reqs"]["count"], took["p(50)"] * 1e3, took["p(99)"] * 1e3)


class Nginx:
    """One worker on one core."""

    def __init__(self, folder, core):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/"
        temporary = "".join(
            f"{kind}_temp_path {folder}/{kind};" for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        )
        conf = os.path.join(folder, "nginx.conf")
        with open(conf, "w", encoding="utf-8") as file:
            file.write(
                f"worker_processes 1; daemon off; pid {folder}/pid; error_log {folder}/error.log;"
                " events { worker_connections 4096; }"
                f" http {{ access_log off; keepalive_requests 1000000000; {temporary}"
                f' server {{ listen 127.0.0.1:{port}; return 200 "{"x" * 150}"; }} }}\n'
            )
        program = shutil.which("nginx") or "/usr/sbin/nginx"
        said = subprocess.run([program, "-v"], capture_output=True, text=True, check=True).stderr
        self.version = wanted(r"nginx/(\S+)", said)
        self.process = pinned([program, "-p", folder, "-c", conf], core)
        for _ in range(500):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                return
            except OSError:
                time.sleep(0.01)
        raise RuntimeError("nginx did not start")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


def pinned(command, core, **more):
    return subprocess.Popen(command, preexec_fn=lambda: os.sched_setaffinity(0, {core}), **more)


def slope(points):
    """Growth by least squares, MiB an hour, of (seconds, bytes) after the first third."""
    if not points:
        return 0.0
    last = points[-1][0]
    points = [(t, b / MIB) for t, b in points if t >= last / 3]
    if len(points) < 5:
        return 0.0
    mean_t, mean_b = (statistics.fmean(side) for side in zip(*points))
    spread = sum((t - mean_t) ** 2 for t, _ in points)
    return sum((t - mean_t) * (b - mean_b) for t, b in points) / spread * 3600


def watch(pid, points, over):
    began = time.monotonic()
    while not over.wait(0.05):
        try:
            with open(f"/proc/{pid}/statm", encoding="ascii") as file:
                points.append((time.monotonic() - began, int(file.read().split()[1]) * PAGE))
        except (OSError, IndexError):
            return


def one(tool, nginx, rate, seconds, core):
    """One run: what the tool says, and what the kernel says of the tool."""
    with tempfile.TemporaryDirectory() as folder:
        command = tool.command(nginx.url, rate, seconds, folder)
        with open(f"{folder}/out", "w+", encoding="utf-8") as out:
            process = pinned(command, core, stdout=out, stderr=subprocess.DEVNULL)
            points, over = [], threading.Event()
            watcher = threading.Thread(target=watch, args=(process.pid, points, over))
            watcher.start()
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            over.set()
            watcher.join()
            out.seek(0)
            reading = tool.read(out.read(), folder)
    target = seconds * rate if rate != "flat" else None
    return {
        "achieved": reading.requests / target if target else reading.requests / seconds,
        "cpu": (used.ru_utime + used.ru_stime) * 1e6 / max(reading.requests, 1),
        "p50": reading.p50,
        "p99": reading.p99,
        # Not the kernel's own peak: that counts what the process was before it became the tool.
        "peak": max((b for _, b in points), default=0) / MIB,
        "slope": slope(points),
    }


def generator(given):
    """The engine's program, built if none is given."""
    if given:
        return given
    build = ["cargo", "build", "--release", "--bench", "rate", "--message-format", "json"]
    said = subprocess.run(build, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    for line in said.splitlines():
        made = json.loads(line)
        if made.get("executable") and made["target"]["name"] == "rate":
            return made["executable"]
    raise RuntimeError("cargo built no generator")


def duration(us):
    return f"{us:.0f} us" if us < 10_000 else f"{us / 1e3:.1f} ms"


def table(rows):
    print("| load | tool | achieved | CPU us/request | p50 | p99 | peak RSS | RSS slope |")
    print("|---|---|--:|--:|--:|--:|--:|--:|")
    for (rate, name), r in rows.items():
        load = "flat out" if rate == "flat" else f"{rate}/s"
        achieved = f"{r['achieved']:.0f}/s" if rate == "flat" else f"{r['achieved']:.4f}"
        figures = [achieved, f"{r['cpu']:.1f}", duration(r["p50"]), duration(r["p99"])]
        memory = [f"{r['peak']:.1f} MiB", f"{r['slope']:+.1f} MiB/h"]
        print(f"| {load} | {name} | {' | '.join(figures + memory)} |")


def ratios(rows, ours):
    """Our CPU and p50 at a rate, and requests flat out, as shares of each other tool's."""
    print("\n| ratio | requests flat out | CPU at 5000/s | CPU at 20000/s | p50 at 5000/s |")
    print("|---|--:|--:|--:|--:|")
    others = dict.fromkeys(name for _, name in rows if name not in ours)
    for pair in [(name, other) for other in others for name in ours]:
        cells = []
        for rate, figure in [("flat", "achieved"), (5000, "cpu"), (20000, "cpu"), (5000, "p50")]:
            mine, theirs = (rows.get((rate, name)) for name in pair)
            both = mine and theirs and theirs[figure]
            cells.append(f"{mine[figure] / theirs[figure]:.2f}" if both else "")
        if any(cells):
            print(f"| {' / '.join(pair)} | {' | '.join(cells)} |")


def main():
    ask = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ask.add_argument("--quick", action="store_true", help="3 s a run instead of 10")
    ask.add_argument("--seconds", type=int, help="seconds a run")
    ask.add_argument("--rounds", type=int, default=5)
    ask.add_argument("--rates", help="comma-separated: flat,50,1000")
    ask.add_argument("--tools", help="comma-separated: longhaul,wrk")
    ask.add_argument("--server-core", type=int, default=0)
    ask.add_argument("--client-core", type=int, default=1)
    ask.add_argument("--generator", help="a built `rate` benchmark; built when not given")
    told = ask.parse_args()
    seconds = told.seconds or (3 if told.quick else 10)
    rates = [r if r == "flat" else int(r) for r in told.rates.split(",")] if told.rates else RATES
    known = [Longhaul(), Longhaul("eco"), Wrk("wrk"), Ab(), Oha(), Hey(), Wrk("wrk2"), Vegeta(), K6()]
    if told.tools:
        known = [tool for tool in known if tool.name in told.tools.split(",")]
    missing = [t.name for t in known if not isinstance(t, Longhaul) and not shutil.which(t.program)]
    tools = [tool for tool in known if tool.name not in missing]
    ours = [tool for tool in tools if isinstance(tool, Longhaul)]
    program = os.path.abspath(generator(told.generator)) if ours else None
    for tool in ours:
        tool.program = program
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        nginx = Nginx(folder, told.server_core)
        try:
            runs = {(rate, t.name): [] for rate in rates for t in tools if t.can(rate)}
            for round_number in range(told.rounds):
                for rate in rates:
                    for tool in (t for t in tools if t.can(rate)):
                        print(f"round {round_number + 1}: {tool.name} at {rate}", file=sys.stderr)
                        runs[rate, tool.name].append(one(tool, nginx, rate, seconds, told.client_core))
        finally:
            nginx.stop()
    median = lambda all: {key: statistics.median(run[key] for run in all) for key in all[0]}
    rows = {key: median(all) for key, all in runs.items()}
    told_twice = ours[1:]
    versions = ", ".join(f"{t.name} {t.version()}" for t in tools if t not in told_twice)
    print(
        f"nginx {nginx.version} on core {told.server_core} (1 worker, 150-byte body), generators on core"
        f" {told.client_core}, {CONNECTIONS} connections, {seconds} s a run, median of {told.rounds} interleaved rounds."
    )
    print(f"{versions}; {platform.system()} {platform.release()}, {os.cpu_count()} cores.\n")
    table(rows)
    ratios(rows, [tool.name for tool in ours])
    if seconds < 60:
        print("\nThe slope of so short a run shows who grows, and not by how much.")
    if missing:
        print(f"\nNot on PATH, left out: {', '.join(missing)}.")


if __name__ == "__main__":
    main()

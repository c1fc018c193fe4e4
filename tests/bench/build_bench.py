"""case build: what builds cost beside podman (buildah) and docker, from the busybox of the tests."""
import os
import re
import shutil
import subprocess
import time

STEPS = """FROM bench AS one
WORKDIR /src
COPY few/ ./
RUN echo 1 > /1
RUN echo 2 > /2
FROM bench AS two
RUN echo 3 > /3
RUN echo 4 > /4
FROM bench
COPY --from=one /1 /2 /out/
COPY --from=two /3 /4 /out/
RUN cat /out/* > /all
"""
COPY_ALL = "FROM bench\nCOPY . /ctx\nRUN true\n"
# The step depends on all of the context, and says when it has begun.
STEP = "FROM bench\nRUN --mount=type=bind,target=/ctx cat /ctx/7/7 /proc/uptime\n"


def make_files(directory, count, size):
    for i in range(count):
        below = f"{directory}/{i // 500}"
        if i % 500 == 0:
            os.makedirs(below)
        with open(f"{below}/{i % 500}", "wb") as out:
            out.write(b"%08d" % i * (size // 8))


def contexts(work, quick):
    made = {name: f"{work}/build-{name}" for name in ("steps", "many", "small", "large")}
    make_files(made["steps"] + "/few", 20, 4096)
    make_files(made["many"], 10_000, 256)
    make_files(made["small"], 5_000 if quick else 50_000, 1024)
    os.makedirs(made["large"])
    size = (256 if quick else 2048) << 20
    with open(made["large"] + "/big", "wb") as out:
        block = os.urandom(1 << 20)
        for i in range(size >> 20):
            out.write(i.to_bytes(8, "little") + block[8:])
    for name, path in made.items():
        with open(path + "/Dockerfile", "w", encoding="utf-8") as out:
            out.write(STEPS if name == "steps" else COPY_ALL)
    return made


def case_build(bench):
    made = contexts(bench.work, bench.o.quick)
    counter = [0]

    def build(engine, context, *options):
        layers = ["--layers"] if engine.name == "podman" else []
        return engine.time("build", "-q", "--network", "host", *layers, *options, context)

    def anew(engine, context):
        return build(engine, context, "--no-cache")

    def changed(engine):
        counter[0] += 1
        with open(made["many"] + "/7/7", "w", encoding="utf-8") as out:
            out.write(f"{counter[0]} {time.time()}")
        return build(engine, made["many"])

    def to_step(engine):
        """Seconds from the start of the command to that of the step that sees the changed file."""
        if engine.name == "docker":
            raise RuntimeError("the classic builder has no mounts")
        if engine.name == "podman":
            raise RuntimeError("its cache does not see what a mount shows")
        counter[0] += 1
        with open(made["many"] + "/7/7", "w", encoding="utf-8") as out:
            out.write(f"{counter[0]}\n")
        layers = ["--layers"] if engine.name == "podman" else []
        started = time.clock_gettime(time.CLOCK_BOOTTIME)
        done = subprocess.run(engine.cmd("build", "--network", "host", *layers, "-f", made["many"] + ".step", made["many"]),
                              env=engine.env, capture_output=True, text=True, check=True)
        said = re.findall(r"(\d+\.\d\d) \d+\.\d\d\s*$", done.stdout + done.stderr, re.M)
        return max(0.001, float(said[-1]) - started)

    def find(context):
        started = time.perf_counter()
        subprocess.run(["find", context, "-printf", "%s %T@\n"], stdout=subprocess.DEVNULL, check=True)
        return time.perf_counter() - started

    def copy(context):
        target = f"{bench.work}/build-copy"
        shutil.rmtree(target, ignore_errors=True)
        started = time.perf_counter()
        subprocess.run(["sh", "-c", f"cp -r {context} {target} && sync -f {target}"], check=True)
        return time.perf_counter() - started

    def row(case, floor, function, rounds, warm, note):
        contenders = {"floor": floor} if floor else {}
        contenders.update({e.name: lambda e=e: function(e) for e in bench.engines.values()})
        bench.interleave(case, "s", contenders, rounds, scale=1.0, warm=warm)
        bench.results[case]["note"] = note

    with open(made["many"] + ".step", "w", encoding="utf-8") as out:
        out.write(STEP)
    few = 2 if bench.o.quick else 3
    row("build-cold", None, lambda e: anew(e, made["steps"]), few, 1, "10 steps in 3 stages, --no-cache")
    row("build-cached", None, lambda e: build(e, made["steps"]), few, 1, "the same from the cache")
    row("build-10000", lambda: find(made["many"]), lambda e: build(e, made["many"]), few, 1, "10,000 files, cached; floor: find")
    row("build-changed", lambda: find(made["many"]), changed, few, 0, "one of 10,000 files changed; floor: find")
    row("build-step", lambda: find(made["many"]), to_step, 5, 1,
        "one of 10,000 files changed: until the step that sees it runs, in hundredths; floor: find")
    row("build-small", lambda: copy(made["small"]), lambda e: anew(e, made["small"]), 1 if bench.o.quick else 2, 0,
        "COPY of small files; floor: cp -r and sync")
    row("build-large", lambda: copy(made["large"]), lambda e: anew(e, made["large"]), 1 if bench.o.quick else 2, 0,
        "COPY of one large file; floor: cp and sync")
    for engine in bench.engines.values():
        quiet = subprocess.DEVNULL
        prune = ["builder", "prune", "-af"] if engine.name != "podman" else ["image", "prune", "-f"]
        subprocess.run(engine.cmd(*prune), env=engine.env, stdout=quiet, stderr=quiet, check=False)
    os.unlink(made["many"] + ".step")
    for path in [*made.values(), f"{bench.work}/build-copy"]:
        shutil.rmtree(path, ignore_errors=True)

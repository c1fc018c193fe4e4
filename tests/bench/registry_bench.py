"""A large image and a registry on loopback, for the cases pull and push of `run`."""
import hashlib
import json
import os
import shutil
import socket
import subprocess
import tarfile
import time
import urllib.request

LAYERS = 5


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Registry:
    """Debian's docker-registry, without TLS, with its data and log below `work`."""

    def __init__(self, work):
        program = shutil.which("docker-registry") or shutil.which("registry")
        if program is None:
            raise RuntimeError("docker-registry: not installed")
        self.port = free_port()
        self.host = f"localhost:{self.port}"
        config = work / "registry.yml"
        config.write_text(f"""version: 0.1
log: {{level: warn, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: {work}/registry}}, delete: {{enabled: true}}}}
http: {{addr: "127.0.0.1:{self.port}"}}
""")
        self.log = open(work / "registry.log", "wb")
        self.process = subprocess.Popen([program, "serve", str(config)], stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log)
        deadline = time.monotonic() + 15
        while True:
            try:
                urllib.request.urlopen(f"http://{self.host}/v2/", timeout=1).close()
                return
            except OSError:
                if time.monotonic() > deadline:
                    raise RuntimeError("docker-registry does not answer") from None
                time.sleep(0.05)

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.log.close()


def put(directory, data):
    digest = hashlib.sha256(data).hexdigest()
    (directory / "blobs" / "sha256" / digest).write_bytes(data)
    return {"digest": f"sha256:{digest}", "size": len(data)}


def make_layer(plain, packed, compression):
    """The diff id of `plain`; `packed` is written by the programs that people use."""
    digest = hashlib.sha256()
    with open(plain, "rb") as f:
        while block := f.read(1 << 20):
            digest.update(block)
    program = ["gzip", "-6nc"] if compression == "gzip" else ["zstd", "-3", "-q", "-c"]
    with open(packed, "wb") as out:
        subprocess.run([*program, str(plain)], stdout=out, check=True)
    return "sha256:" + digest.hexdigest()


def split(megabytes):
    """Files of this host, real ones, as LAYERS lists of about the same size; tens of thousands of them."""
    groups, sizes, total = [[] for _ in range(LAYERS)], [0] * LAYERS, 0
    for top in ("/usr/share", "/usr/lib", "/usr/include"):
        for directory, subdirectories, names in os.walk(top):
            subdirectories.sort()
            for name in sorted(names):
                path = os.path.join(directory, name)
                if os.path.islink(path) or not os.path.isfile(path):
                    continue
                size = os.path.getsize(path)
                if size > 4 << 20:
                    continue
                group = sizes.index(min(sizes))
                groups[group].append(path)
                sizes[group] += size
                total += size
                if total >= megabytes << 20:
                    return groups
    return groups


def make_image(work, groups, compression):
    """An OCI layout with one image of these files; its directory."""
    layout = work / f"layout-{compression}"
    (layout / "blobs" / "sha256").mkdir(parents=True)
    (layout / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    layers, diff_ids = [], []
    for number, paths in enumerate(groups):
        plain, packed = work / "layer.tar", work / "layer.packed"
        with tarfile.open(plain, "w", format=tarfile.PAX_FORMAT) as tar:
            for path in paths:
                tar.add(path, arcname=f"layer{number}{path}", recursive=False)
        diff_ids.append(make_layer(plain, packed, compression))
        layers.append({"mediaType": f"application/vnd.oci.image.layer.v1.tar+{compression}",
                       **put(layout, packed.read_bytes())})
        plain.unlink()
        packed.unlink()
    config = put(layout, json.dumps({
        "architecture": "amd64", "os": "linux", "config": {"Cmd": ["true"]},
        "rootfs": {"type": "layers", "diff_ids": diff_ids}}).encode())
    manifest = put(layout, json.dumps({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **config}, "layers": layers}).encode())
    (layout / "index.json").write_text(json.dumps({
        "schemaVersion": 2, "manifests": [{"mediaType": "application/vnd.oci.image.manifest.v1+json", **manifest}]}))
    return layout


def upload(layout, host, name):
    subprocess.run(["skopeo", "--insecure-policy", "copy", "-q", "--preserve-digests", "--dest-tls-verify=false",
                    f"oci:{layout}", f"docker://{host}/{name}"], check=True, stdin=subprocess.DEVNULL)


def blobs_of(layout):
    """Paths of the layers."""
    index = json.loads((layout / "index.json").read_text())
    blob = lambda digest: layout / "blobs" / "sha256" / digest.partition(":")[2]
    manifest = json.loads(blob(index["manifests"][0]["digest"]).read_text())
    return [blob(layer["digest"]) for layer in manifest["layers"]]

# build: RUN with package managers of distributions: apt-get from a server on this host, npm ci from files.
# run-bats gives this file an uplink (needs_uplink: tests/e2e/isolated), by which an ordinary user's steps reach this host.
load helpers

# A repository with one package, served at the port $port of all addresses.
serve_packages() {
  local root=$T/deb port_file=$T/port
  mkdir -p "$root/DEBIAN" "$root/usr/bin" "$T/repo"
  printf 'Package: greeter\nVersion: 1.0\nArchitecture: all\nMaintainer: x <x@example.org>\nDescription: says hello\n' > "$root/DEBIAN/control"
  printf '#!/bin/sh\necho hello from a package\n' > "$root/usr/bin/greeter"
  chmod 755 "$root/usr/bin/greeter"
  dpkg-deb --root-owner-group --build "$root" "$T/repo/greeter.deb" > "$T/dpkg.log"
  {
    cat "$root/DEBIAN/control"
    printf 'Filename: ./greeter.deb\nSize: %s\nSHA256: %s\n\n' "$(stat -c %s "$T/repo/greeter.deb")" \
      "$(sha256sum < "$T/repo/greeter.deb" | cut -d ' ' -f 1)"
  } > "$T/repo/Packages"
  python3 -c '
import functools, http.server, sys
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[1])
server = http.server.ThreadingHTTPServer(("", 0), handler)
open(sys.argv[2], "w").write(str(server.server_port))
server.serve_forever()' "$T/repo" "$port_file" > "$T/http.log" 2>&1 3>&- 4>&- &
  server=$!
  eventually 10 test -s "$port_file"
  port=$(< "$port_file")
}

@test "apt-get update and install in the network that steps have by default" {
  require python3 dpkg-deb
  import_debian
  serve_packages
  mkdir "$T/c"
  cd "$T/c"
  cat > Dockerfile << END
FROM debian
RUN echo 'deb [trusted=yes] http://host.containers.internal:$port/ ./' > /etc/apt/sources.list && rm -rf /etc/apt/sources.list.d
RUN apt-get update && apt-get install -y --no-install-recommends greeter && rm -rf /var/lib/apt/lists/*
RUN --network=none ! apt-get update -o APT::Update::Error-Mode=any
CMD ["greeter"]
END
  run_ok build -t greet .
  contains "Setting up greeter" "$stderr"
  run_ok run --rm --network none greet
  equals "hello from a package"
  kill "$server"
  wait "$server" || true
}

@test "npm ci with a lock file, in two stages" {
  require npm node
  import_debian
  local usr
  usr=$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")
  [ -e "$usr/bin/npm-cli.js" ] || usr=$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")
  mkdir -p "$T/c/pkg/package" "$T/host/bin"
  cd "$T/c"
  ln "$(command -v node)" "$T/host/bin/node" 2> /dev/null || cp "$(command -v node)" "$T/host/bin/node"
  cp -r "$usr" "$T/host/npm"
  echo '{"name": "pad", "version": "1.0.0", "main": "index.js"}' > pkg/package/package.json
  echo 'module.exports = () => "padded"' > pkg/package/index.js
  tar -czf pad-1.0.0.tgz -C pkg package
  rm -r pkg
  echo '{"name": "app", "version": "1.0.0", "dependencies": {"pad": "file:pad-1.0.0.tgz"}}' > package.json
  cat > package-lock.json << END
{"name": "app", "version": "1.0.0", "lockfileVersion": 3, "packages": {
  "": {"name": "app", "version": "1.0.0", "dependencies": {"pad": "file:pad-1.0.0.tgz"}},
  "node_modules/pad": {"version": "1.0.0", "resolved": "file:pad-1.0.0.tgz",
    "integrity": "sha512-$(openssl dgst -sha512 -binary pad-1.0.0.tgz | base64 -w 0)"}}}
END
  echo 'console.log(require("pad")())' > server.js
  cat > Dockerfile << 'END'
FROM debian AS node
COPY --from=host bin/node /usr/local/bin/
COPY --from=host npm /usr/local/lib/npm
RUN ln -s ../lib/npm/bin/npm-cli.js /usr/local/bin/npm && node --version
FROM node AS deps
WORKDIR /app
COPY package.json package-lock.json *.tgz ./
RUN --mount=type=cache,target=/var/cache/npm npm ci --no-audit --no-fund --cache /var/cache/npm
FROM node
WORKDIR /app
ENV NODE_ENV=production
COPY --from=deps /app/node_modules ./node_modules
COPY server.js .
CMD ["node", "server.js"]
END
  run_ok build -t app --build-context "host=$T/host" .
  run_ok run --rm --network none app
  equals padded
}

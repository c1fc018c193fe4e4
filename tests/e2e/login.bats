# Credentials and names of registries: login, logout, search, registries.conf.
load helpers
load registry

setup() {
  coracle_setup
  require docker-registry htpasswd openssl
  export HOME=$T/home XDG_RUNTIME_DIR=$T/xdg
  unset XDG_CONFIG_HOME XDG_CACHE_HOME REGISTRY_AUTH_FILE DOCKER_CONFIG
  # Without the machine's own settings: no search registries, no aliases of the distribution.
  export CONTAINERS_REGISTRIES_CONF=$T/registries.conf
  : > "$CONTAINERS_REGISTRIES_CONF"
  mkdir -m 700 "$HOME" "$XDG_RUNTIME_DIR"
  auth=$XDG_RUNTIME_DIR/containers/auth.json
}

teardown() {
  registries_stop
  coracle_teardown
}

ann=(-u ann -p 'open sesame')

# tiny_image FILE: a docker-archive with one layer of one file, for other programs to push.
tiny_image() {
  local dir=$T/tiny layer
  mkdir -p "$dir/root"
  echo hello > "$dir/root/hello"
  tar -C "$dir/root" --owner 0 --group 0 -cf "$dir/layer.tar" hello
  layer=$(sha256sum "$dir/layer.tar" | cut -d ' ' -f 1)
  printf '{"architecture":"amd64","os":"linux","config":{"Cmd":["/hello"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' "$layer" > "$dir/config.json"
  printf '[{"Config":"config.json","RepoTags":["tiny:latest"],"Layers":["layer.tar"]}]' > "$dir/manifest.json"
  tar -C "$dir" -cf "$1" manifest.json config.json layer.tar
}

@test "login stores what the registry takes, for its owner only; get-login and logout" {
  registry_start --auth 'ann:open sesame'
  run_fails 125 login --get-login "$registry"
  contains "not logged into $registry" "$stderr"
  run_ok login "${ann[@]}" "$registry"
  equals "Login Succeeded!"
  equals "600 700" "$(stat -c %a "$auth") $(stat -c %a "$(dirname "$auth")")"
  equals "ann:open sesame" "$(jq -r ".auths[\"$registry\"].auth" "$auth" | base64 -d)"
  run_ok login --get-login "$registry"
  equals ann
  run_ok login "$registry"
  contains "Already logged in to $registry"
  run_ok login "http://$registry/v2/"
  contains "Existing credentials are valid"
  run_ok logout "$registry"
  equals "Removed login credentials for $registry"
  run_fails 125 login --get-login "$registry"
  run_fails 125 logout "$registry"
  contains "not logged into $registry" "$stderr"
  run_ok login "${ann[@]}" "$registry"
  run_ok login "${ann[@]}" "$registry/team"
  run_ok logout --all
  equals '{"auths":{}}' "$(jq -c . "$auth")"
}

@test "login: a wrong password, no password, or no registry stores nothing" {
  registry_start --auth 'ann:open sesame'
  run_fails 125 login -u ann -p wrong "$registry"
  contains "log in to $registry: invalid username/password" "$stderr"
  lacks wrong "$(sed '/^Warning/d' <<< "$stderr")"
  run_fails 125 login -u ann --password-stdin "$registry" < /dev/null
  contains "has no password" "$stderr"
  run_fails 125 login -u ann "$registry" < /dev/null
  contains "--password-stdin" "$stderr"
  run_fails 125 login --password-stdin "$registry" < /dev/null
  run_fails 125 login -u ann -p x --password-stdin "$registry"
  run_fails 125 login "${ann[@]}" localhost:1
  run_fails 125 login "${ann[@]}" "not a registry"
  [ ! -e "$auth" ]
  # What was there before stays.
  run_ok login "${ann[@]}" "$registry"
  before=$(< "$auth")
  run_fails 125 login -u bob -p wrong "$registry"
  equals "$before" "$(< "$auth")"
}

@test "login --password-stdin takes the password as it stands, but for a line end" {
  registry_start --auth 'ann:open sesame'
  printf 'open sesame\r\n' > "$T/password"
  run_ok login -u ann --password-stdin -v "$registry" < "$T/password"
  equals "Used: $auth
Login Succeeded!"
  printf 'open sesame' > "$T/password"
  run_ok login -u ann --password-stdin --authfile "$T/mine.json" "$registry" < "$T/password"
  equals ann "$(coracle login --get-login --authfile "$T/mine.json" "$registry")"
  run_ok logout --authfile "$T/mine.json" "$registry"
  run_ok login --get-login "$registry"
}

@test "login asks at a terminal, without showing the password" {
  require expect
  registry_start --auth 'ann:open sesame'
  cat > "$T/ask" << END
set timeout 60
spawn $CORACLE login $registry
expect "Username: " { send "ann\r" }
expect "Password: " { send "open sesame\r" }
expect "Login Succeeded!"
expect eof
lassign [wait] pid id os code
exit \$code
END
  run_terminal "$T/ask"
  contains "Login Succeeded!"
  lacks sesame
  coracle logout "$registry"
  # Interrupted in the middle: the terminal shows again what is typed.
  cat > "$T/interrupt" << END
set timeout 60
spawn sh -c "trap : INT; $CORACLE login -u ann $registry; stty -a | grep -o -w -e -echo -e echo; echo done"
expect "Password: " { send "\003" }
expect "done"
expect eof
END
  run_terminal "$T/interrupt"
  contains $'\necho\r'
  [ ! -s "$auth" ] || equals '{}' "$(jq -c .auths "$auth")"
}

run_terminal() {
  output=$(expect -f "$1" 2>&1 3>&- 4>&-) || fail "expect: $output"
}

@test "the variables REGISTRY_AUTH_FILE and DOCKER_CONFIG and --config choose the file" {
  registry_start --auth 'ann:open sesame'
  REGISTRY_AUTH_FILE=$T/a.json run_ok login "${ann[@]}" "$registry"
  DOCKER_CONFIG=$T/docker run_ok login "${ann[@]}" "$registry"
  run_ok --config "$T/other" login "${ann[@]}" "$registry"
  [ ! -e "$auth" ]
  for file in a.json docker/config.json other/config.json; do
    equals "$registry" "$(jq -r '.auths | keys[0]' "$T/$file")"
  done
  REGISTRY_AUTH_FILE=$T/missing.json run_fails 125 search "$registry/"
  contains "missing.json: No such file" "$stderr"
}

@test "what login writes is read by skopeo and podman, and what they write by us" {
  require skopeo podman
  # podman of an ordinary user leaves a process of its own behind.
  local peer=podman
  is_root || peer=skopeo
  registry_start --auth 'ann:open sesame'
  tiny_image "$T/tiny.tar"
  run_ok login "${ann[@]}" --authfile "$T/ours.json" "$registry"
  skopeo copy -q --dest-tls-verify=false --dest-authfile "$T/ours.json" "docker-archive:$T/tiny.tar" "docker://$registry/team/tiny:1"
  equals "$registry/team/tiny" "$(skopeo inspect --tls-verify=false --authfile "$T/ours.json" --format '{{.Name}}' "docker://$registry/team/tiny:1")"
  skopeo copy -q --dest-tls-verify=false "docker-archive:$T/tiny.tar" "docker://$registry/none" 2> /dev/null && fail "no credentials were needed"
  equals ann "$(skopeo login --get-login --authfile "$T/ours.json" "$registry")"
  equals ann "$("$peer" login --get-login --authfile "$T/ours.json" "$registry")"
  # Keys of a part of the registry.
  htpasswd -Bbn -C 4 bob builder >> "$registry_dir/htpasswd"
  skopeo login --tls-verify=false --authfile "$T/theirs.json" -u bob -p builder "$registry/team" > /dev/null
  "$peer" login --tls-verify=false --authfile "$T/theirs.json" "${ann[@]}" "$registry" > /dev/null
  equals bob "$(coracle login --get-login --authfile "$T/theirs.json" "$registry/team")"
  equals ann "$(coracle login --get-login --authfile "$T/theirs.json" "$registry")"
  run_ok search --list-tags --authfile "$T/theirs.json" "$registry/team/tiny" --format '{{.Tag}}'
  equals 1
  run_ok logout --authfile "$T/theirs.json" "$registry/team"
  equals ann "$("$peer" login --get-login --authfile "$T/theirs.json" "$registry")"
}

@test "a credential helper keeps what login is told, and no file or argument has the secret" {
  registry_start --auth 'ann:open sesame'
  mkdir -p "$T/bin" "$T/kept" "$HOME/.docker"
  cat > "$T/bin/docker-credential-test" << END
#!/bin/sh
echo "\$@" >> "$T/calls"
case \$1 in
  store) cat > "$T/kept/secret" ;;
  get) cat "$T/kept/secret" 2> /dev/null || { echo 'credentials not found in native keychain'; exit 1; } ;;
  erase) rm "$T/kept/secret" ;;
  list) echo '{"$registry":"ann"}' ;;
esac
END
  chmod +x "$T/bin/docker-credential-test"
  PATH=$T/bin:$PATH
  printf '{"credHelpers":{"%s":"test"},"HttpHeaders":{"X":"y"}}' "$registry" > "$HOME/.docker/config.json"
  run_ok login "${ann[@]}" -v "$registry"
  contains "Used: docker-credential-test"
  equals "open sesame" "$(jq -r .Secret "$T/kept/secret")"
  run grep -rl sesame "$HOME" "$XDG_RUNTIME_DIR" "$T/calls"
  equals ""
  equals ann "$(coracle login --get-login "$registry")"
  run_ok search "$registry/"
  run_ok logout "$registry"
  [ ! -e "$T/kept/secret" ]
  run_fails 125 search "$registry/"
  # As docker's own file has it, with a store for all.
  printf '{"credsStore":"test","HttpHeaders":{"X":"y"}}' > "$HOME/.docker/config.json"
  run_ok --config "$HOME/.docker" login "${ann[@]}" "$registry"
  equals "{\"credsStore\":\"test\",\"HttpHeaders\":{\"X\":\"y\"},\"auths\":{\"$registry\":{}}}" "$(jq -c . "$HOME/.docker/config.json")"
  run_ok --config "$HOME/.docker" logout --all
  [ ! -e "$T/kept/secret" ]
}

@test "TLS: an unknown certificate is refused, one of a CA in certs.d or --cert-dir is taken" {
  registry_start --tls --auth 'ann:open sesame'
  run_fails 125 login --tls-verify "${ann[@]}" "$registry"
  contains certificate "$stderr"
  [ ! -e "$auth" ]
  mkdir -p "$T/certs"
  cp "$registry_certs/ca.crt" "$T/certs/my.crt"
  run_ok login --tls-verify --cert-dir "$T/certs" "${ann[@]}" "$registry"
  run_ok logout "$registry"
  mkdir -p "$HOME/.config/containers/certs.d/$registry"
  cp "$registry_certs/ca.crt" "$HOME/.config/containers/certs.d/$registry/"
  run_ok login --tls-verify "${ann[@]}" "$registry"
  run_ok login --tls-verify=false "${ann[@]}" "$registry"
  run_fails 125 login --cert-dir "$T/no-such-dir" "${ann[@]}" "$registry"
  # A registry without TLS is refused where it is required.
  registry_start
  run_fails 125 search --tls-verify "$registry/"
  run_ok search "$registry/"
}

@test "search: the catalog of a registry, limits, tags, and what they look like" {
  require skopeo
  registry_start
  tiny_image "$T/tiny.tar"
  for name in web team/web other; do
    skopeo copy -q --dest-tls-verify=false "docker-archive:$T/tiny.tar" "docker://$registry/$name:1.0"
  done
  skopeo copy -q --dest-tls-verify=false "docker-archive:$T/tiny.tar" "docker://$registry/web:2.0"
  run_ok search "$registry/web"
  equals "NAME" "${lines[0]%% *}"
  equals "$registry/web $registry/team/web" "$(xargs <<< "${lines[1]} ${lines[2]}")"
  equals 3 "${#lines[@]}"
  run_ok search --limit 1 --format '{{.Index}} {{.Name}}' "$registry/"
  equals 1 "${#lines[@]}"
  run_ok search --format json "$registry/other"
  equals "$registry/other" "$(jq -r '.[0].Name' <<< "$output")"
  run_ok search --list-tags "$registry/web"
  contains "$registry/web"
  equals "1.0 2.0" "$(coracle search --list-tags --format '{{.Tag}}' "$registry/web" | sort | xargs)"
  run_ok search --list-tags --format json "$registry/web"
  equals 2 "$(jq '.[0].Tags | length' <<< "$output")"
  run_ok search --filter stars=1 --format '{{.Name}}' "$registry/web"
  equals ""
  run_fails 125 search --filter nonsense=1 "$registry/web"
  run_fails 125 search --limit 1000 "$registry/web"
  run_fails 125 search --list-tags "$registry/no-such-image"
}

@test "registries.conf: search registries, a rewritten location, a blocked and an insecure registry" {
  require skopeo
  registry_start --tls
  tiny_image "$T/tiny.tar"
  skopeo copy -q --dest-tls-verify=false "docker-archive:$T/tiny.tar" "docker://$registry/moved/web:7"
  cat > "$CONTAINERS_REGISTRIES_CONF" << END
unqualified-search-registries = ["$registry"]
[[registry]]
location = "$registry"
insecure = true
[[registry]]
prefix = "example.invalid/team"
location = "$registry/moved"
insecure = true
[[registry]]
location = "blocked.invalid"
blocked = true
[aliases]
"short" = "example.invalid/team/web"
END
  run_ok search --format '{{.Name}}' web
  equals "$registry/moved/web"
  run_ok search --list-tags --format '{{.Name}} {{.Tag}}' example.invalid/team/web
  equals "example.invalid/team/web 7"
  run_ok search --list-tags --format '{{.Tag}}' short
  equals 7
  run_fails 125 search --list-tags blocked.invalid/x
  contains "registry blocked.invalid is blocked in $CONTAINERS_REGISTRIES_CONF" "$stderr"
  echo 'x = [' > "$CONTAINERS_REGISTRIES_CONF"
  run_fails 125 search web
  contains "registries.conf: malformed TOML in line" "$stderr"
  # What does not need it does not read it.
  run_ok images
}

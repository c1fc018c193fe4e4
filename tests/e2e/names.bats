# What short names of images mean: aliases, several registries, questions at a terminal, and that what was pulled is found.
load helpers
load registry
setup() {
  coracle_setup
  export CONTAINERS_REGISTRIES_CONF=$T/registries.conf HOME=$T/home XDG_CACHE_HOME=$T/home/.cache
  mkdir "$T/home"
  : > "$CONTAINERS_REGISTRIES_CONF"
}
teardown() { registries_stop; coracle_teardown; }

# published NAME...: an image of these names in $registry, and nowhere else; its id in $id.
published() {
  import_busybox made:1
  id=$(coracle images -q --no-trunc made:1)
  local name
  for name in "$@"; do run_ok push -q --tls-verify=false made:1 "$registry/$name"; done
  run_ok rmi -f made:1
}

@test "an image pulled by an alias is found, run, tagged and removed by its short name" {
  registry_start
  published team/tool:1
  echo "[aliases]
\"tool\" = \"$registry/team/tool\"" > "$CONTAINERS_REGISTRIES_CONF"
  run_ok pull -q --tls-verify=false tool:1
  run_ok images --format '{{.Repository}}:{{.Tag}}'
  equals "$registry/team/tool:1"
  run_ok run --rm --network none tool:1 echo works
  equals works
  run_ok pull -q --policy never tool:1
  equals "${id#sha256:}"
  run_ok tag tool:1 other:1
  run_ok image inspect -f '{{.Id}}' tool:1
  run_ok rmi tool:1
  contains "Untagged: $registry/team/tool:1"
  # What was made here goes before.
  run_ok pull -q --tls-verify=false tool:1
  run_ok import -q "$(fixture busybox)" tool:1
  run_ok image inspect -f '{{index .RepoTags 0}}' tool:1
  equals localhost/tool:1
}

@test "several registries: each is tried, unless the mode is enforcing" {
  registry_start
  published tool:1 both:1
  local first=$registry
  registry_start
  echo "unqualified-search-registries = [\"$registry\", \"$first\"]" > "$CONTAINERS_REGISTRIES_CONF"
  run_ok pull -q --tls-verify=false tool:1
  run_ok run --rm --network none tool:1 true
  run_ok images --format '{{.Repository}}'
  equals "$first/tool"
  echo 'short-name-mode = "enforcing"' >> "$CONTAINERS_REGISTRIES_CONF"
  run_fails 125 pull -q --tls-verify=false both:1
  contains "may be any of $registry/both:1, $first/both:1" "$stderr"
  # Nobody has to be asked for what is here, or has a full name.
  run_ok run --rm --network none tool:1 true
  run_ok pull -q --tls-verify=false "$first/both:1"
}

@test "at a terminal the user is asked once, and the answer is kept" {
  require expect
  registry_start
  published tool:1
  local first=$registry
  registry_start
  printf 'unqualified-search-registries = ["%s", "%s"]\nshort-name-mode = "enforcing"\n' "$registry" "$first" > "$CONTAINERS_REGISTRIES_CONF"
  cat > "$T/ask.exp" << 'SCRIPT'
set timeout 20
spawn {*}$::env(PROGRAM) pull --tls-verify=false tool:1
expect "Which one?"
send "7\r"
expect "A number from 1 to 2"
send "2\r"
expect eof
exit [lindex [wait] 3]
SCRIPT
  if is_root; then skip_recorded; fi
  PROGRAM="$CORACLE --root $CORACLE_ROOT --runroot $CORACLE_RUNROOT" expect "$T/ask.exp" < /dev/null 3>&- 4>&-
  grep -qF "\"tool\" = \"$first/tool\"" "$XDG_CACHE_HOME/containers/short-name-aliases.conf"
  # Nobody to ask, and nobody has to be.
  run_ok rmi tool:1
  run_ok pull -q --tls-verify=false tool:1
  equals "${id#sha256:}"
}
# root's choices lie outside of any test's directory.
skip_recorded() { skip "root's choices are recorded in /var/cache/containers"; }

@test "errors name the image once, and a pull is only suggested where it can help" {
  run_fails 125 pull -q no-such-registry.invalid/x:1
  equals 1 "$(grep -o 'no-such-registry.invalid/x' <<< "$stderr" | wc -l)"
  run_fails 125 run --pull never debian:12
  contains "try 'coracle pull debian:12'" "$stderr"
  run_fails 125 run --pull never localhost/mine:1
  lacks "coracle pull" "$stderr"
  run_fails 125 run --pull never 0123456789ab
  lacks "coracle pull" "$stderr"
}

@test "a push adds the digest that the image has there" {
  registry_start
  import_busybox made:1
  run_ok push -q --tls-verify=false --digestfile "$T/digest" made:1 "$registry/a/b:1"
  run_ok image inspect -f '{{.RepoDigests}}' made:1
  contains "$registry/a/b@$(< "$T/digest")"
  run_ok run --rm --network none "$registry/a/b@$(< "$T/digest")" true
  # Plain layers are compressed the second time as well.
  run_ok push -q --tls-verify=false --digestfile "$T/again" made:1 "$registry/c:1"
  equals "$(< "$T/digest")" "$(< "$T/again")"
}

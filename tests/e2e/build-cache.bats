# build: the cache of steps: what decides, where it may come from, and that it has a bound.
load helpers
load registry
teardown() { registries_stop; coracle_teardown; }

context() { mkdir -p "$T/$1" && cd "$T/$1" || exit; }
build_ok() {
  run_ok build "$@"
  id=$output
}
# cached INSTRUCTION, not_cached INSTRUCTION: what the last build says of it.
cached() { grep -A1 " $1" <<< "$stderr" | grep -q CACHED || fail "$1 is not from the cache: $stderr"; }
not_cached() { ! grep -A1 " $1" <<< "$stderr" | grep -q CACHED || fail "$1 is from the cache: $stderr"; }
other() { "$CORACLE" --root "$T/root2" --runroot "$T/run2" "$@" 3>&- 4>&-; }

@test "a cache goes to a registry and comes from there; also by a directory" {
  import_busybox
  registry_start
  context c
  echo f > f
  printf 'FROM busybox AS a\nRUN --network=none cat /proc/sys/kernel/random/uuid > /id\nFROM busybox\nCOPY f /\nCOPY --from=a /id /\n' > Dockerfile
  build_ok --tls-verify=false --cache-to "type=registry,ref=$registry/cache:1,mode=max" --cache-to "type=local,dest=$T/cache" .
  run_ok run --rm --network none "$id" cat /id
  local want=$output place
  for place in "type=registry,ref=$registry/cache:1" "$registry/cache:1" "type=local,src=$T/cache"; do
    rm -rf "$T/root2" "$T/run2"
    other import -q "$(fixture busybox)" busybox > /dev/null
    other build --tls-verify=false --cache-from "$place" . > "$T/id" 2> "$T/said" || fail "$(cat "$T/said")"
    equals 3 "$(grep -c '^#[0-9]* CACHED' "$T/said" | awk '{ print $1 - 2 }')"
    equals "$want" "$(other run --rm --network none "$(< "$T/id")" cat /id)"
    # Only the steps came, no image of theirs.
    equals 2 "$(other images -aq --no-trunc | sort -u | wc -l)"
  done
  build_ok --tls-verify=false --cache-from "$registry/none" .
  contains "--cache-from $registry/none" "$stderr"
  run_fails 125 build --cache-to type=gha .
  contains "is not supported yet" "$stderr"
}

@test "extended attributes decide, times do not" {
  require setfattr
  import_busybox
  context c
  echo f > f
  printf 'FROM busybox\nCOPY f /f\n' > Dockerfile
  setfattr -n user.a -v 1 f 2> /dev/null || skip "no extended attributes in $PWD"
  sleep 0.3
  build_ok .
  local first=$id
  touch f
  build_ok .
  equals "$first" "$id"
  setfattr -n user.a -v 2 f
  build_ok .
  not_cached COPY
}

@test "--no-cache-filter runs one stage anew; COPY --link outlives another base" {
  import_busybox
  context c
  echo f > f
  printf 'FROM busybox AS one\nRUN --network=none echo 1\nFROM busybox AS two\nRUN --network=none echo 2\nCOPY --from=one /etc/group /g\n' > Dockerfile
  build_ok .
  build_ok --no-cache-filter one .
  not_cached "RUN --network=none echo 1"
  cached "RUN --network=none echo 2"
  printf 'ARG B=x\nFROM busybox\nENV B=$B\nRUN --network=none echo base\nCOPY --link f /l/f\n' > Dockerfile
  build_ok .
  sed -i 's/echo base/echo another/' Dockerfile
  build_ok .
  not_cached "RUN --network=none echo another"
  cached "COPY --link"
  run_ok run --rm --network none "$id" cat /l/f
  equals f
}

@test "the cache has a bound: what was not used for longest goes" {
  import_busybox
  context c
  local i
  for i in 1 2 3 4; do
    printf 'FROM busybox\nRUN --network=none head -c 3000000 /dev/urandom > /%s\n' "$i" > Dockerfile
    CORACLE_BUILD_CACHE_SIZE=7m build_ok .
    run_ok rmi "$id"
    CORACLE_BUILD_CACHE_SIZE=7m run_ok build -q - <<< 'FROM busybox'
  done
  CORACLE_BUILD_CACHE_SIZE=7m build_ok .
  cached RUN
  run_ok rmi "$id"
  printf 'FROM busybox\nRUN --network=none head -c 3000000 /dev/urandom > /1\n' > Dockerfile
  build_ok .
  not_cached RUN
}

@test "a cache mount may begin with files of a stage or context" {
  import_busybox
  context c
  mkdir seed
  echo seeded > seed/f
  cat > Dockerfile << 'END'
FROM busybox AS seed
RUN --network=none mkdir /s && echo stage > /s/f
FROM busybox
RUN --network=none --mount=type=cache,target=/a,from=seed,source=/s cat /a/f > /1 && echo more >> /a/f
RUN --network=none --mount=type=cache,target=/a,from=seed,source=/s cat /a/f > /2
RUN --network=none --mount=type=cache,target=/b,id=b,from=dir cat /b/f > /3
END
  build_ok --build-context dir=seed .
  run_ok run --rm --network none "$id" cat /1 /2 /3
  equals $'stage\nstage\nmore\nseeded'
}

@test "large files: copied while they are read the first time, and afterwards as any other" {
  import_busybox
  mkdir "$T/c"
  cd "$T/c" || exit
  head -c 40000000 /dev/urandom > big
  cat > Dockerfile << 'END'
FROM busybox
COPY --chown=7:8 --chmod=640 big /big
END
  local sums=() n
  for n in 1 2 3; do
    # Changed and back: the step is known then, but not with this content.
    [ "$n" != 2 ] || echo >> big
    [ "$n" != 3 ] || truncate -s -1 big
    [ "$n" != 3 ] || run_ok builder prune -af
    build_ok -t big --timestamp 0 .
    run_ok run --rm big sh -c 'stat -c "%u:%g %a" /big && sha256sum < /big'
    equals "7:8 640"$'\n'"$(sha256sum < big)"
    sums+=("$(coracle image inspect -f '{{join .RootFS.Layers " "}}' big)")
  done
  [ "${sums[0]}" = "${sums[2]}" ] && [ "${sums[0]}" != "${sums[1]}" ]
  # What was written ahead and not needed is gone.
  touch big
  build_ok .
  [ -z "$(find "$CORACLE_ROOT/tmp" -name '*ahead*')" ]
}

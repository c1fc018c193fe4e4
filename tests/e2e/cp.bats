# cp: files in and out of containers.
load helpers

# The table: what is copied where, and what is then there, for both directions. Each row starts from the same state:
#   here:    f (a file), d/x and d/sub/y (directories), lf -> f, ld -> d, full/ with a file f in it
#   inside:  /w with the same
# HOST stands for the directory of the host, CTR for "container:/w". The fourth column is a shell command whose output,
# run where the destination is, must be the fifth. "error": the command fails and changes nothing. The last column
# says whether podman does the same; where it does not, the rule is docker's.
#
# docker cp, "Description": a file onto a file, into a directory, to what does not exist; a directory onto nothing,
# into a directory, with "/." its content; trailing slashes ask for a directory.
table() {
  cat << 'END'
HOST/f|CTR/new|cat new|file|same
HOST/f|CTR/new/||error|same
HOST/f|CTR/full|cat full/f|file|same
HOST/f|CTR/full/|cat full/f|file|same
HOST/f|CTR/full/.|cat full/f|file|same
HOST/f|CTR/full/f|cat full/f|file|same
HOST/f|CTR/full/f/||error|same
HOST/f|CTR/none/new||error|same
HOST/f/|CTR/new||error|same
HOST/d|CTR/new|find new|new new/sub new/sub/y new/x|same
HOST/d/|CTR/new|find new|new new/sub new/sub/y new/x|same
HOST/d/.|CTR/new|find new|new new/sub new/sub/y new/x|same
HOST/d|CTR/new/|find new|new new/sub new/sub/y new/x|docker
HOST/d|CTR/full|find full|full full/d full/d/sub full/d/sub/y full/d/x full/f|same
HOST/d/|CTR/full|find full|full full/d full/d/sub full/d/sub/y full/d/x full/f|same
HOST/d/.|CTR/full|find full|full full/f full/sub full/sub/y full/x|same
HOST/d/.|CTR/full/.|find full|full full/f full/sub full/sub/y full/x|same
HOST/d|CTR/f||error|same
HOST/d/.|CTR/f||error|same
HOST/d|CTR/none/new||error|same
HOST/none|CTR/new||error|same
HOST/lf|CTR/new|readlink new|f|docker
HOST/ld|CTR/new|readlink new|d|docker
HOST/ld/|CTR/new|find new|new new/sub new/sub/y new/x|same
HOST/ld/.|CTR/new|find new|new new/sub new/sub/y new/x|same
HOST/f|CTR/lf|cat f; readlink lf|file f|same
HOST/f|CTR/ld|find d; readlink ld|d d/f d/sub d/sub/y d/x d|same
HOST/f|CTR/dangling|cat nowhere; readlink dangling|file nowhere|same
CTR/f|HOST/new|cat new|inner|same
CTR/f|HOST/new/||error|same
CTR/f|HOST/full|cat full/f|inner|same
CTR/f|HOST/full/|cat full/f|inner|same
CTR/f|HOST/full/f|cat full/f|inner|same
CTR/f|HOST/full/f/||error|same
CTR/f|HOST/none/new||error|same
CTR/f/|HOST/new||error|docker
CTR/d|HOST/new|find new|new new/sub new/sub/y new/x|same
CTR/d/.|HOST/new|find new|new new/sub new/sub/y new/x|same
CTR/d|HOST/new/|find new|new new/sub new/sub/y new/x|docker
CTR/d|HOST/full|find full|full full/d full/d/sub full/d/sub/y full/d/x full/f|same
CTR/d/.|HOST/full|find full|full full/f full/sub full/sub/y full/x|same
CTR/d|HOST/f||error|same
CTR/d|HOST/none/new||error|same
CTR/none|HOST/new||error|same
CTR/lf|HOST/new|readlink new|f|docker
CTR/ld|HOST/new|readlink new|d|docker
CTR/ld/.|HOST/new|find new|new new/sub new/sub/y new/x|same
CTR/f|HOST/lf|cat f|inner|docker
END
}

make_state='rm -rf f d lf ld full new none nowhere dangling; mkdir -p d/sub full; echo x > d/x; echo y > d/sub/y; echo old > full/f; ln -s f lf; ln -s d ld; ln -s nowhere dangling'

# run_table ENGINE ROWS: ENGINE is a function; it has a running container "c".
run_table() {
  local engine=$1 rows=$2 source destination check want podman where got status
  mkdir -p "$T/here"
  while IFS='|' read -r source destination check want podman; do
    [ "$engine" = coracle ] || [ "$podman" = same ] || continue
    (cd "$T/here" && sh -c "$make_state; echo file > f")
    "$engine" exec c sh -c "mkdir -p /w; cd /w; $make_state; echo inner > f"
    where=${destination%%/*}
    source=${source/HOST/$T/here} source=${source/CTR/c:/w}
    status=0
    "$engine" cp "$source" "${destination/#HOST/$T/here}" > "$T/said" 2>&1 || status=$?
    echo "$engine cp $source $destination: $status $(head -c 300 "$T/said")"
    if [ "$want" = error ]; then
      [ "$status" != 0 ] || fail "it worked"
      check="find new none full"
      want="full full/f"
    elif [ "$status" != 0 ]; then
      fail "it failed"
    fi
    # shellcheck disable=SC2001  # a group
    check=$(sed 's/find \([a-z ]*\)/find \1 | LC_ALL=C sort/' <<< "$check")
    if [ "$where" = HOST ]; then
      got=$(cd "$T/here" && sh -c "$check" 2> /dev/null | tr '\n' ' ')
    else
      got=$("$engine" exec c sh -c "cd /w; $check" 2> /dev/null | tr '\n' ' ')
    fi
    equals "$want" "${got% }"
  done <<< "$rows"
}

@test "docker's rules, in a running container" {
  import_busybox
  run_ok run -d --name c busybox sleep 1000
  # Destinations are resolved: CTR is a name with a path.
  run_table coracle "$(table | sed 's,|CTR/,|c:/w/,')"
}

@test "podman follows the same rules where the table says so" {
  require root podman
  export CONTAINERS_CONF=$T/containers.conf
  podman_conf "$CONTAINERS_CONF"
  pod() {
    podman --root "$T/pod" --runroot "$T/podrun" --tmpdir "$T/podtmp" --runtime "$(dirname "$CORACLE")/coracle-oci" "$@" 3>&- 4>&-
  }
  pod import -q "$(fixture busybox)" busybox > /dev/null 2>&1
  pod run -d --name c --network none busybox sleep 1000 > /dev/null
  local status=0
  run_table pod "$(table | sed 's,|CTR/,|c:/w/,')" || status=$?
  pod rm -af -t 0 > /dev/null 2>&1
  umount "$T/pod/overlay" 2> /dev/null || true  # podman's own, kept on purpose
  return "$status"
}

@test "a container that does not run: into it, and out of it again" {
  import_busybox
  run_ok create --name c -v data:/vol -v "$T:/host:ro" busybox sh -c 'cat /srv/f /vol/f'
  echo stopped > "$T/f"
  run_ok cp "$T/f" c:/srv
  run_ok cp "$T/f" c:/vol/f
  equals stopped "$(cat "$CORACLE_ROOT/volumes/data/_data/f")"
  run_ok start -a c
  equals $'stopped\nstopped'
  run_ok cp c:/srv/f "$T/back"
  cmp "$T/f" "$T/back"
  run_ok cp c:/vol "$T/vol"
  cmp "$T/f" "$T/vol/f"
  run_ok cp c:/host/f "$T/back2"
  run_fails 125 cp "$T/f" c:/host/g
  contains "Read-only" "$stderr"
  [ ! -e "$T/g" ]
  # Nothing of it shows to others.
  lacks "$T/run/containers" "$(cat /proc/self/mountinfo)"
}

@test "a running container's volumes and tmpfs are seen, and a read-only root is one" {
  import_busybox
  run_ok run -d --name c --read-only -v data:/vol --tmpfs /mem busybox sleep 1000
  echo text > "$T/f"
  run_ok cp "$T/f" c:/vol
  run_ok cp "$T/f" c:/mem/g
  run_ok exec c cat /vol/f /mem/g
  equals $'text\ntext'
  run_fails 125 cp "$T/f" c:/srv/f
  run_ok exec c sh -c 'mkdir /mem/top; mount | wc -l; echo in > /mem/top/h'
  run_ok cp c:/mem/top "$T/top"
  equals in "$(cat "$T/top/h")"
  # A directory comes with what is mounted below it.
  run_ok cp c:/vol/. "$T/vol"
  equals text "$(cat "$T/vol/f")"
  run_ok cp c:/proc/version "$T/version"
  cmp "$T/version" /proc/version
}

@test "links inside lead nowhere but inside" {
  import_busybox
  echo secret > "$T/secret"
  mkdir "$T/target"
  run_ok run -d --name c busybox sleep 1000
  run_ok exec c sh -c "ln -s '$T/secret' /abs; ln -s '../../../../../../../../$T/secret' /up; ln -s '$T/target' /dir; ln -s /proc/1/root/tmp /magic
    ln -s / /rootlink; mkdir -p '/x'; ln -s '$T' /x/t"
  run_fails 125 cp -L c:/abs "$T/out"
  run_fails 125 cp -L c:/up "$T/out"
  run_fails 125 cp c:/x/t/secret "$T/out"
  [ ! -e "$T/out" ]
  echo in > "$T/f"
  coracle cp "$T/f" c:/dir || true
  coracle cp "$T/f" c:/dir/g || true
  coracle cp "$T/f" c:/x/t/h || true
  coracle cp "$T/f" c:/abs || true
  coracle cp "$T/f" c:/magic/escaped || true
  equals "" "$(ls -A "$T/target")"
  equals secret "$(cat "$T/secret")"
  [ ! -e "$T/h" ] && [ ! -e /tmp/escaped ]
  run_ok cp "$T/f" c:/../../../srv/f
  run_ok exec c cat /srv/f
  equals in
  run_ok cp -L c:/rootlink/etc/passwd "$T/passwd"
  contains root "$(< "$T/passwd")"
  # A whole tree with links comes out as it is.
  run_ok cp c:/x "$T/x"
  equals "$T" "$(readlink "$T/x/t")"
}

@test "tar streams: in, out, compressed, a file" {
  import_busybox
  run_ok run -d --name c busybox sleep 1000
  mkdir -p "$T/d/sub"
  echo one > "$T/d/one"
  echo two > "$T/d/sub/two"
  run_ok exec c mkdir /in /gz
  tar -C "$T" -cf - d | coracle cp - c:/in
  tar -C "$T" -czf - d | coracle cp - c:/gz
  run_ok exec c cat /in/d/one /gz/d/sub/two
  equals $'one\ntwo'
  equals $'d/\nd/one\nd/sub/\nd/sub/two' "$(coracle cp c:/in/d - | tar -tf -)"
  equals $'./\none\nsub/\nsub/two' "$(coracle cp c:/in/d/. - | tar -tf -)"
  equals one "$(coracle cp c:/in/d/one - | tar -xOf - one)"
  equals "$(cat /proc/version)" "$(coracle cp c:/proc/version - | tar -xOf - version)"
  run_fails 125 cp - - < /dev/null
  tar -C "$T" -cf "$T/d.tar" d
  status=0
  coracle cp - c:/etc/passwd < "$T/d.tar" 2> "$T/said" || status=$?
  equals 125 "$status"
  contains "must be a directory" "$(< "$T/said")"
  status=0
  coracle cp - c:/none < "$T/d.tar" 2> /dev/null || status=$?
  equals 125 "$status"
}

@test "owners: the container's user, one's own, or with -a the source's; times and modes stay" {
  import_busybox
  run_ok run -d --name c -u 1000:50 busybox sleep 1000
  echo x > "$T/f"
  chmod 640 "$T/f"
  touch -d @1000000000 "$T/f"
  run_ok cp "$T/f" c:/srv/f
  run_ok exec c stat -c '%u:%g %a %Y' /srv/f
  equals "1000:50 640 1000000000"
  run_ok cp -a "$T/f" c:/srv/a
  run_ok exec -u 0 c stat -c '%u:%g %a %Y' /srv/a
  equals "0:0 640 1000000000"
  run_ok exec -u 0 c sh -c 'echo y > /srv/o; chown 77:78 /srv/o; chmod 4755 /srv/o'
  run_ok cp c:/srv/o "$T/o"
  equals "$(id -u):$(id -g) 755" "$(stat -c '%u:%g %a' "$T/o")"
  if is_root; then
    run_ok cp -a c:/srv/o "$T/oa"
    equals "77:78 4755" "$(stat -c '%u:%g %a' "$T/oa")"
  fi
  tar -C "$T" --owner=5 --group=6 --numeric-owner -cf "$T/f.tar" f
  run_ok exec -u 0 c mkdir /tar /tara
  coracle cp - c:/tar < "$T/f.tar"
  coracle cp -a - c:/tara < "$T/f.tar"
  run_ok exec -u 0 c stat -c %u:%g /tar/f /tara/f
  equals $'1000:50\n5:6'
}

@test "a directory and a file take each other's place only with --overwrite" {
  import_busybox
  run_ok run -d --name c busybox sh -c 'mkdir -p /w/x; touch /w/y; exec sleep 1000'
  mkdir -p "$T/d/y"
  echo file > "$T/d/x"
  eventually 5 coracle exec c test -e /w/y
  run_fails 125 cp "$T/d/." c:/w
  contains "--overwrite" "$stderr"
  run_ok cp --overwrite "$T/d/." c:/w
  run_ok exec c sh -c 'cat /w/x; ls -d /w/y/'
  equals $'file\n/w/y/'
}

@test "between containers, running or not, and within one" {
  import_busybox
  run_ok run -d --name a busybox sh -c 'mkdir -p /s/t; echo a > /s/f; exec sleep 1000'
  run_ok create --name b busybox cat /srv/s/f
  run_ok create --name e busybox cat /srv/s/f
  eventually 5 coracle exec a test -s /s/f
  run_ok cp a:/s b:/srv
  run_ok cp b:/srv/s e:/srv
  run_ok start -a e
  equals a
  run_ok cp a:/s a:/copy
  run_ok exec a cat /copy/f
  equals a
  # Into itself: once.
  run_ok cp a:/s a:/s/t
  run_ok exec a find /s
  lacks /s/t/s/t/s
  run_fails 125 cp "$T" "$T/x"
  contains CONTAINER:PATH "$stderr"
  run_fails 125 cp nosuch:/x "$T/x"
  contains nosuch "$stderr"
}

@test "special files and names: fifos are not read, sockets left out, odd names kept" {
  import_busybox
  run_ok run -d --name c busybox sleep 1000
  mkdir "$T/d"
  mkfifo "$T/d/fifo"
  touch "$T/d/new
line" "$T/d/ -x"
  ln "$T/d/ -x" "$T/d/hard"
  truncate -s 100M "$T/d/sparse"
  python3 -c 'import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$T/d/sock"
  run_ok cp "$T/d" c:/d
  run_ok exec c sh -c 'ls /d | wc -l; test -p /d/fifo; ls -s /d/sparse; test ! -e /d/sock'
  run_ok cp c:/d "$T/back"
  [ -p "$T/back/fifo" ]
  cmp "$T/d/sparse" "$T/back/sparse"
  run_fails 125 cp c:/etc/passwd /dev/null
}

@test "a start waits for a copy, and a killed copy leaves nothing mounted" {
  import_busybox
  run_ok create --name c busybox true
  head -c 50000000 /dev/zero > "$T/big"
  local i
  for i in 0 1 2 3 4 5 6 7 8 9; do
    "$CORACLE" --root "$CORACLE_ROOT" --runroot "$CORACLE_RUNROOT" cp "$T/big" c:/srv/big > /dev/null 2>&1 3>&- 4>&- &
    sleep "0.00$i"
    kill -KILL $! 2> /dev/null || true
    wait $! 2> /dev/null || true
  done
  run_ok cp "$T/big" c:/srv/big
  run_ok start -a c
  run_ok cp c:/srv/big "$T/back"
  cmp "$T/big" "$T/back"
}

# run: the first thing a person does.
load helpers

@test "the embedded image says hello and leaves nothing" {
  run_ok run --rm hello
  contains coracle
  run_ok ps -aq
  equals ""
}

@test "stdout, stderr and the exit code are the command's" {
  import_busybox
  run_status 7 run --rm busybox sh -c 'echo out; echo err >&2; exit 7'
  equals out
  equals err "$stderr"
  run_status 137 run --rm busybox sh -c '(exec sh -c "kill -9 \$\$"); exit $?'
}

@test "stdin reaches the command with -i and only then" {
  import_busybox
  output=$(printf 'a\nb\n' | coracle run --rm -i busybox cat)
  equals $'a\nb'
  output=$(printf 'a\nb\n' | coracle run --rm busybox cat)
  equals ""
}

@test "a megabyte goes in and comes out whole" {
  import_busybox
  head -c 3000000 /dev/urandom > "$T/in"
  coracle run --rm -i busybox cat < "$T/in" > "$T/out"
  cmp "$T/in" "$T/out"
}

@test "environment: image, file, option, own, unset" {
  run_ok import -q -c 'ENV A=image' -c 'ENV B=image' "$(fixture busybox)" img
  printf '# comment\nC=file\nA=file\n' > "$T/env"
  export OWN=mine
  run_ok run --rm --env-file "$T/env" -e D=option -e OWN -e NOT_SET img env
  contains A=file
  contains B=image
  contains C=file
  contains D=option
  contains OWN=mine
  lacks NOT_SET
  contains PATH=
  run_ok run --rm --unsetenv B img env
  lacks B=image
}

@test "an environment that can be read only once, and one that is too long" {
  import_busybox img
  local option
  # The second makes it start itself again before it enters a container.
  for option in --rm --security-opt=seccomp=unconfined; do
    run_ok run --rm "$option" --network none --env-file <(echo ONCE=read) img sh -c 'echo "$ONCE"'
    equals read
    run_fails 126 run --rm "$option" --network none --env-file <(printf 'LONG=%0200000d\n' 0) img true
    contains "exec true: Argument list too long" "$stderr"
  done
}

@test "workdir, user, group, umask and hostname" {
  import_busybox
  run_ok run --rm -w /tmp busybox pwd
  equals /tmp
  run_ok run --rm -u 12:34 busybox id
  contains "uid=12"
  contains "gid=34"
  run_ok run --rm --umask 077 busybox sh -c umask
  equals 0077
  run_ok run --rm -h box busybox hostname
  equals box
  run_ok run --rm --group-add 77 busybox id -G
  contains 77
}

@test "entry point: the image's, replaced by a word and by JSON" {
  run_ok import -q -c 'ENTRYPOINT ["echo","ep"]' -c 'CMD ["cmd"]' "$(fixture busybox)" img
  run_ok run --rm img
  equals "ep cmd"
  run_ok run --rm img arg
  equals "ep arg"
  run_ok run --rm --entrypoint cat img /etc/hostname
  run_ok run --rm --entrypoint '["sh","-c"]' img 'echo "$0"' x
  equals x
}

@test "127 for no such command, 126 for one that can't be executed, nothing left with --rm" {
  import_busybox
  run_fails 127 run --rm busybox no-such-command
  contains no-such-command "$stderr"
  run_fails 126 run --rm busybox /etc
  run_ok ps -aq
  equals ""
}

@test "125 for what the engine refuses" {
  import_busybox
  run_fails 125 run --rm --pull never no-such-image true
  contains "no such image: no-such-image" "$stderr"
  run_fails 125 run --no-such-option busybox true
  run_fails 125 run --rm -u nobody-here busybox true
  contains nobody-here "$stderr"
  run_fails 125 run --rm -w relative busybox true
  run_fails 125 run --rm --stop-signal NOPE busybox true
  run_fails 125 run --rm -v /no/such/source:/x busybox true
  contains /no/such/source "$stderr"
  run_fails 125 run --rm --device /dev/no-such busybox true
  run_fails 125 run --rm --expose 80x busybox true
  run_fails 125 run --rm --publish 80x busybox true
  contains 80x "$stderr"
  run_fails 125 run --rm --gpus all busybox true
  contains "not supported yet" "$stderr"
  run_ok ps -aq
  equals ""
}

@test "a name is given once" {
  import_busybox
  run_ok run -d --name one busybox sleep 100
  run_fails 125 run --rm --name one busybox true
  contains 'one' "$stderr"
  run_ok run --rm --replace --name one busybox echo again
  equals again
}

@test "-d prints the id; logs show what it printed" {
  import_busybox
  run_ok run -d --name d busybox sh -c 'echo hello; echo oops >&2'
  [[ $output =~ ^[0-9a-f]{64}$ ]]
  run_ok wait d
  equals 0
  run_ok logs d
  equals hello
  equals oops "$stderr"
}

@test "--cidfile holds the id and is never overwritten" {
  import_busybox
  run_ok run -d --cidfile "$T/cid" busybox true
  equals "$output" "$(cat "$T/cid")"
  run_fails 125 run --rm --cidfile "$T/cid" busybox true
  contains "$T/cid" "$stderr"
}

@test "bind mounts: read-write, read-only, tmpfs, read-only root" {
  import_busybox
  mkdir "$T/data"
  chmod 777 "$T/data"
  run_ok run --rm -v "$T/data:/data" busybox sh -c 'echo x > /data/f'
  equals x "$(cat "$T/data/f")"
  run_status 1 run --rm -v "$T/data:/data:ro" busybox touch /data/g
  run_ok run --rm --mount "type=bind,src=$T/data,dst=/data,ro" busybox cat /data/f
  equals x
  run_ok run --rm --tmpfs /t:size=1m busybox sh -c 'touch /t/x && grep " /t " /proc/mounts'
  contains tmpfs
  run_status 1 run --rm --read-only busybox touch /x
  run_ok run --rm --read-only busybox touch /tmp/x
}

@test "--init reaps and --rootfs runs a directory" {
  import_busybox
  run_ok run --rm --init busybox sh -c 'cat /proc/1/comm'
  lacks sh
  busybox_rootfs "$T/tree"
  run_ok run --rm --rootfs "$T/tree" echo from-a-directory
  equals from-a-directory
}

@test "namespaces: hostname, processes, network are its own; host shares" {
  import_busybox
  run_ok run --rm busybox sh -c 'ls /proc | grep -c "^[0-9]"'
  [ "$output" -lt 6 ]
  run_ok run --rm --network none busybox ip -o link
  [ "${#lines[@]}" = 1 ]
  contains "lo"
  contains "UP"
  run_ok run --rm --network host busybox readlink /proc/self/ns/net
  equals "$(readlink /proc/self/ns/net)"
  run_ok run --rm --pid host busybox readlink /proc/self/ns/pid
  equals "$(readlink /proc/self/ns/pid)"
  run_ok run -d --name a busybox sleep 100
  run_ok run --rm --network container:a busybox readlink /proc/self/ns/net
  local net=$output
  run_ok exec a readlink /proc/self/ns/net
  equals "$net"
}

@test "the defaults confine: capabilities, seccomp, masked paths, no leaked descriptors" {
  import_busybox
  run_ok run --rm busybox grep CapEff /proc/self/status
  contains 00000000800405fb
  run_ok run --rm busybox grep Seccomp: /proc/self/status
  contains 2
  run_ok run --rm --privileged busybox grep Seccomp: /proc/self/status
  contains 0
  run_ok run --rm --cap-drop ALL --cap-add CHOWN busybox grep CapEff /proc/self/status
  contains 0000000000000001
  run_ok run --rm busybox sh -c 'cat /proc/keys /proc/timer_list 2> /dev/null | wc -c'
  equals 0
  run_status 1 run --rm busybox sh -c 'echo 1 > /proc/sys/kernel/panic'
  exec 7< /etc/passwd
  run_ok run --rm busybox ls /proc/self/fd
  exec 7<&-
  equals $'0\n1\n2\n3'
  run_ok run --rm --security-opt no-new-privileges busybox grep NoNewPrivs /proc/self/status
  contains 1
}

@test "limits: ulimits; one above our own is refused with the reason" {
  import_busybox
  run_ok run --rm --ulimit nofile=100:200 busybox sh -c 'ulimit -n; ulimit -Hn'
  equals $'100\n200'
  # shellcheck disable=SC2016
  (ulimit -n 500 && coracle run --rm busybox sh -c 'ulimit -n') > "$T/n"
  equals 500 "$(cat "$T/n")"
}

@test "the terminal: a tty, its size, its exit code" {
  require script
  import_busybox
  output=$(script -qec "stty rows 33 cols 99; '$CORACLE' --root '$CORACLE_ROOT' --runroot '$CORACLE_RUNROOT' run --rm -it busybox sh -c 'tty; stty size; exit 3'" /dev/null < /dev/null) && status=0 || status=$?
  contains /dev/pts/0
  contains "33 99"
  [ "$status" = 3 ]
}

@test "attached signals reach the container" {
  import_busybox
  "$CORACLE" --root "$CORACLE_ROOT" --runroot "$CORACLE_RUNROOT" run --rm --name s busybox sh -c 'trap "echo got; exit 9" TERM; echo up; while :; do sleep 0.1; done' > "$T/log" 3>&- 4>&- &
  local pid=$!
  eventually 10 grep -q up "$T/log"
  kill -TERM "$pid"
  status=0
  wait "$pid" || status=$?
  [ "$status" = 9 ]
  contains got "$(cat "$T/log")"
}

@test "--timeout kills it" {
  import_busybox
  run_status 137 run --rm --timeout 1 busybox sleep 100
}

@test "the root is a native overlay, also when info looked first" {
  import_busybox
  run_ok info -f '{{.store.graphDriverName}}'
  equals overlay
  run_ok run --rm busybox grep ' / ' /proc/mounts
  contains "/ overlay "
}

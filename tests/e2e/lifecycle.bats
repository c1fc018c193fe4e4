# What happens to a container between create and rm.
load helpers

state() { coracle inspect -f '{{.State.Status}}' "$1"; }

@test "create, start, stop, start again, remove" {
  import_busybox
  run_ok create --name c busybox sh -c 'echo run; trap "exit 5" TERM; while :; do sleep 0.1; done'
  equals created "$(state c)"
  run_ok start c
  equals c
  equals running "$(state c)"
  eventually 10 grep -q run <(coracle logs c)
  run_ok stop c
  equals c
  equals exited "$(state c)"
  run_ok inspect -f '{{.State.ExitCode}}' c
  equals 5
  run_ok start c
  equals running "$(state c)"
  run_fails 125 rm c
  contains "stop it first" "$stderr"
  run_ok rm -f -t 0 c
  run_status 1 container exists c
}

@test "stop: its signal, then SIGKILL after the timeout" {
  import_busybox
  run_ok run -d --name deaf busybox sh -c 'trap "" TERM; while :; do sleep 0.1; done'
  run_ok stop -t 1 deaf
  run_ok inspect -f '{{.State.ExitCode}}' deaf
  equals 137
  run_ok run -d --name usr --stop-signal USR1 busybox sh -c 'trap "exit 3" USR1; echo up; while :; do sleep 0.1; done'
  eventually 10 grep -q up <(coracle logs usr)
  run_ok stop usr
  run_ok wait usr
  equals 3
}

@test "kill sends any signal, and says so when nothing runs" {
  import_busybox
  run_ok run -d --name k busybox sh -c 'trap "exit 4" HUP; echo up; while :; do sleep 0.1; done'
  eventually 10 grep -q up <(coracle logs k)
  run_ok kill -s HUP k
  run_ok wait k
  equals 4
  run_fails 125 kill k
  run_fails 125 kill -s NOPE k
  run_fails 125 kill no-such
}

@test "restart keeps the id and gives a new process" {
  import_busybox
  run_ok run -d --name r busybox sleep 100
  local id=$output before
  before=$(coracle inspect -f '{{.State.Pid}}' r)
  run_ok restart -t 0 r
  [ "$(coracle inspect -f '{{.State.Pid}}' r)" != "$before" ]
  equals "$id" "$(coracle inspect -f '{{.Id}}' r)"
}

@test "files written survive a restart and go with the container" {
  import_busybox
  run_ok run --name w busybox sh -c 'echo kept > /file'
  run_ok start -a w
  run_ok create --name w2 busybox cat /file
  run_status 1 start -a w2
  run_ok rm w w2
}

@test "pause freezes, unpause goes on" {
  require root
  import_busybox
  run_ok run -d --name p busybox sh -c 'while :; do echo x; sleep 0.05; done'
  run_ok pause p
  equals paused "$(state p)"
  sleep 0.2
  local lines_before
  lines_before=$(coracle logs p | wc -l)
  sleep 0.3
  equals "$lines_before" "$(coracle logs p | wc -l)"
  run_fails 125 exec p true
  run_ok unpause p
  equals running "$(state p)"
}

@test "rename: the old name is free, the new is taken" {
  import_busybox
  run_ok create --name old busybox true
  run_ok rename old new
  run_status 1 container exists old
  run_status 0 container exists new
  run_ok create --name old busybox true
  run_fails 125 rename old new
}

@test "exec: output, exit codes, environment, user, directory, stdin" {
  import_busybox
  run_ok run -d --name e -e A=1 -w /tmp busybox sleep 100
  run_ok exec e sh -c 'echo "$A $PWD"; echo err >&2'
  equals "1 /tmp"
  equals err "$stderr"
  run_status 6 exec e sh -c 'exit 6'
  run_ok exec -e A=2 -w / -u 12:13 e sh -c 'echo "$A $PWD $(id -u):$(id -g)"'
  equals "2 / 12:13"
  output=$(echo in | coracle exec -i e cat)
  equals in
  run_fails 127 exec e no-such-command
  run_fails 126 exec e /etc
  run_fails 125 exec no-such true
  run_ok exec e sh -c 'ls /proc/self/fd | wc -l'
  equals 4
  run_ok exec -d e sh -c 'echo done > /tmp/flag'
  eventually 10 coracle exec e test -e /tmp/flag
}

@test "exec shares the container's namespaces and confinement" {
  import_busybox
  run_ok run -d --name e busybox sleep 100
  run_ok exec e sh -c 'cat /proc/1/comm'
  equals sleep
  run_ok exec e grep CapEff /proc/self/status
  contains 00000000800405fb
  run_ok exec e grep Seccomp: /proc/self/status
  contains 2
}

@test "attach shows what comes, and ends with the exit code" {
  import_busybox
  run_ok run -d -i --name a busybox sh -c 'read x; echo "got $x"; exit 8'
  status=0
  output=$(echo word | coracle attach a) || status=$?
  equals "got word"
  [ "$status" = 8 ]
}

@test "wait: codes in order, conditions" {
  import_busybox
  run_ok run -d --name one busybox sh -c 'exit 1'
  run_ok run -d --name two busybox sh -c 'sleep 0.3; exit 2'
  run_ok wait one two
  equals $'1\n2'
  run_ok create --name three busybox sleep 100
  coracle wait --condition running three > "$T/waited" &
  sleep 0.2
  run_ok start three
  wait $!
}

@test "ps: filters, formats, quiet" {
  import_busybox
  run_ok run -d --name up -l kind=a busybox sleep 100
  local up=$output
  run_status 3 run --name down -l kind=b busybox sh -c 'exit 3'
  run_ok ps --format '{{.Names}}'
  equals up
  run_ok ps -a --format '{{.Names}} {{.State}}' --sort names
  equals $'down exited\nup running'
  run_ok ps -aq --no-trunc --filter label=kind=a
  equals "$up"
  run_ok ps -a --filter status=exited --format '{{.Names}} {{.ExitCode}}'
  equals "down 3"
  run_ok ps -a --filter name=dow --format '{{.ID}}'
  [ "${#output}" = 12 ]
  run_ok ps
  contains "CONTAINER ID"
  run_ok ps -a --format json
  jq -e 'length == 2' <<< "$output"
  run_fails 125 ps --filter nope=1
}

@test "inspect: templates, json, several, what is not there" {
  import_busybox
  run_ok create --name i -e A=1 busybox sleep 5
  run_ok inspect i
  jq -e '.[0].Name == "i" and (.[0].Config.Env | index("A=1") != null)' <<< "$output"
  run_ok inspect -f '{{range .Config.Env}}{{println .}}{{end}}' i
  contains A=1
  run_ok inspect -f '{{json .Config.Cmd}}' i
  equals '["sleep","5"]'
  run_ok inspect busybox
  jq -e '.[0].Os == "linux"' <<< "$output"
  run_fails 125 inspect no-such-thing
}

@test "logs of several: names in colour on a terminal that wants it, else plain" {
  require script
  import_busybox
  local name
  for name in a b; do run_ok run --name "$name" busybox echo "said by $name"; done
  run_ok logs --color --names a b
  equals $'a said by a\nb said by b'
  script -qec "'$CORACLE' --root '$CORACLE_ROOT' --runroot '$CORACLE_RUNROOT' logs --color --names a b" "$T/typescript" < /dev/null > "$T/shown" 2> "$T/err" 3>&- 4>&-
  contains $'\x1b[31ma\x1b[0m said by a' "$(< "$T/shown")"
  contains $'\x1b[32mb\x1b[0m said by b' "$(< "$T/shown")"
  NO_COLOR=1 script -qec "'$CORACLE' --root '$CORACLE_ROOT' --runroot '$CORACLE_RUNROOT' logs --color --names a b" "$T/typescript" < /dev/null > "$T/shown" 2> "$T/err" 3>&- 4>&-
  lacks $'\x1b[3' "$(< "$T/shown")"
}

@test "logs: tail, timestamps, since, follow" {
  import_busybox
  run_ok run --name l busybox sh -c 'for i in 1 2 3 4 5; do echo line $i; done; printf partial'
  run_ok logs --tail 2 l
  equals $'line 5\npartial'
  run_ok logs -t --tail 1 l
  [[ $output =~ ^20[0-9][0-9]-.*partial$ ]]
  run_ok logs --since 1h l
  contains "line 1"
  run_ok logs --until 2001-01-01 l
  equals ""
  run_ok run -d --name f busybox sh -c 'for i in 1 2 3; do echo $i; sleep 0.1; done'
  run_ok logs -f f
  equals $'1\n2\n3'
  run_ok run --name none --log-driver none busybox echo shown
  equals shown
  run_fails 125 logs none
}

@test "init prepares, start goes on" {
  import_busybox
  run_ok create --name n busybox echo ran
  run_ok init n
  equals initialized "$(state n)"
  run_ok start -a n
  equals ran
}

@test "prune removes what has ended, only that" {
  import_busybox
  run_ok run -d --name up busybox sleep 100
  run_ok run --name down busybox true
  run_ok container prune -f
  [ "${#lines[@]}" = 1 ]
  run_ok ps -a --format '{{.Names}}'
  equals up
}

@test "top shows the container's processes" {
  import_busybox
  run_ok run -d --name t busybox sleep 100
  run_ok top t pid args
  contains "sleep 100"
  contains PID
}

@test "a restart policy brings it back, and stop ends that" {
  import_busybox
  run_ok run -d --name again --restart always busybox sh -c 'echo tick; sleep 0.1'
  eventually 10 test "$(coracle logs again | wc -l)" -ge 1
  sleep 1
  [ "$(coracle logs again | grep -c tick)" -ge 2 ]
  run_ok stop -t 0 again
  equals exited "$(state again)"
}

@test "relative paths while another container runs" {
  import_busybox
  run_ok run -d --name first busybox sleep 1000
  mkdir -p "$T/here/sub"
  echo content > "$T/here/sub/file"
  cd "$T/here"
  run_ok run --rm --cidfile id -v ./sub:/sub busybox cat /sub/file
  equals content
  [ -s "$T/here/id" ]
  run_ok cp sub/file first:/copied
  run_ok exec first cat /copied
  equals content
}

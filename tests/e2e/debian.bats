#!/usr/bin/env bats
# A Debian as people use it: a shell in a real terminal, and services from packages on the host's network.
load helpers

# terminal SCRIPT: what expect does with it. `coracle ARGS...` spawns the program under test, `want REGEX` waits,
# `code N` waits for the end and for that exit code.
terminal() {
  cat > "$T/terminal.exp" << 'PRELUDE'
set timeout 20
set stty_init "rows 33 cols 101"
proc want {regex} {
  expect {
    -re $regex {}
    timeout { puts "\nNOT SEEN: $regex"; exit 1 }
    eof { puts "\nENDED BEFORE: $regex"; exit 1 }
  }
}
proc coracle {args} {
  global spawn_id spawn_out
  spawn {*}$::env(PROGRAM) {*}$args
}
proc code {n} {
  expect {
    eof {}
    timeout { puts "\nSTILL THERE"; exit 1 }
  }
  set result [wait]
  if {[lindex $result 3] != $n} { puts "\nWANTED $n, GOT $result"; exit 1 }
}
PRELUDE
  cat >> "$T/terminal.exp"
  PROGRAM="$CORACLE --root $CORACLE_ROOT --runroot $CORACLE_RUNROOT" TERM=xterm \
    expect "$T/terminal.exp" < /dev/null 3>&- 4>&-
}

# job_control: the lines that stop a job, go on with it and interrupt it.
job_control='
  send "sleep 1234\r"; want "sleep 1234\r"; after 500; send "\032"; want "Stopped"; want "# $"
  send "fg\r"; want "sleep 1234\r"; after 300; send "\003"; want "# $"
  send "echo interrupted-\$?\r"; want "interrupted-130"; want "# $"
'

free_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 10000))
    ! (: < "/dev/tcp/127.0.0.1/$port") 2> /dev/null || continue
    echo "$port"
    return
  done
}

answers() { (: < "/dev/tcp/127.0.0.1/$1") 2> /dev/null; }

@test "a shell in a terminal: size, jobs, Ctrl-C, colours, resize, detach, attach, exit code" {
  require expect
  import_debian
  terminal << SCRIPT
    coracle run --rm -it --name shell debian bash
    want "# $"
    send "stty size\r"; want "33 101"; want "# $"
    $job_control
    send "ls --color=auto -d /bin\r"; want "\033\\\\\[01;3"; want "# $"
    stty rows 44 columns 88 < \$spawn_out(slave,name)
    after 500
    send "stty size\r"; want "44 88"; want "# $"
    send "\020\021"
    code 0
    coracle attach shell
    after 300
    send "echo back-\\\$((40 + 2))\r"; want "back-42"; want "# $"
    send "exit 7\r"
    code 7
SCRIPT
  run_ok ps -aq
  equals ""
}

@test "exec gives a second terminal with its own size, jobs and exit code" {
  require expect
  import_debian
  run_ok run -d --name host debian sleep 1000
  terminal << SCRIPT
    coracle exec -it host bash
    want "# $"
    send "stty size\r"; want "33 101"; want "# $"
    $job_control
    stty rows 44 columns 88 < \$spawn_out(slave,name)
    after 500
    send "stty size\r"; want "44 88"; want "# $"
    send "exit 9\r"
    code 9
SCRIPT
}

@test "nginx serves on the host's network, its log is followed, SIGQUIT stops it" {
  require curl
  import_debian
  local port
  port=$(free_port)
  run_ok run -d --name web --network host --stop-signal SIGQUIT debian sh -c "
    echo 'server { listen 127.0.0.1:$port; root /var/www/html; }' > /etc/nginx/sites-enabled/default
    ln -sf /dev/stdout /var/log/nginx/access.log
    exec nginx -g 'daemon off;'"
  eventually 10 answers "$port"
  coracle logs -f web > "$T/followed" &
  equals 200 "$(curl -s -o "$T/page" -w '%{http_code}' "http://127.0.0.1:$port/index.nginx-debian.html")"
  contains "Welcome to nginx" "$(< "$T/page")"
  eventually 5 grep -q 'GET /index.nginx-debian.html' "$T/followed"
  run_ok logs web
  contains "GET /index.nginx-debian.html"
  run_ok stop web
  wait $!
  run_ok inspect --format '{{.State.ExitCode}}' web
  equals 0
}

@test "redis answers on the host's network and saves when it is stopped" {
  import_debian
  local port answer
  port=$(free_port)
  run_ok run -d --name red --network host debian redis-server --bind 127.0.0.1 --port "$port"
  eventually 10 answers "$port"
  exec {redis}<> "/dev/tcp/127.0.0.1/$port"
  printf 'SET boat coracle\r\nGET boat\r\n' >&"$redis"
  read -r -t 5 answer <&"$redis"
  contains +OK "$answer"
  read -r -t 5 answer <&"$redis"
  read -r -t 5 answer <&"$redis"
  contains coracle "$answer"
  exec {redis}>&-
  run_ok stop red
  run_ok logs red
  contains "Redis is now ready to exit"
  run_ok inspect --format '{{.State.ExitCode}}' red
  equals 0
}

@test "options that are not there yet say so" {
  import_busybox
  local option
  for option in --passwd --systemd=always --systemd=true --shm-size-systemd=1m; do
    run_fails 125 run --rm "$option" busybox true
    contains "is not supported yet" "$stderr"
  done
  run_fails 125 run -d --rmi busybox true
  contains "--rmi with --detach is not supported yet" "$stderr"
  run_fails 125 logs --details x
  contains "--details is not supported yet" "$stderr"
  run_ok run --rm --systemd=false --passwd=false --image-volume=ignore busybox true
}

@test "--rmi removes the container, too" {
  import_busybox
  run_ok run --rmi busybox true
  run_ok ps -aq
  equals ""
  run_ok images -q
  equals ""
}

#!/usr/bin/env bats
# Health checks: options and images' HEALTHCHECK, the monitor's timer, what is told of them, what they set off.
load helpers

setup() {
  coracle_setup
  import_busybox
}

health() { coracle inspect --format '{{.State.Health.Status}}' "$1"; }
health_is() { [ "$(health "$1")" = "$2" ]; }

@test "a check that passes makes a container healthy" {
  run_ok run -d --name c --health-cmd 'test -e /ok' --health-interval 200ms --health-retries 1000 busybox sh -c 'sleep 600'
  health_is c starting
  run_ok ps --format '{{.Status}}'
  [[ $output == "Up "*" (starting)" ]] || fail "$output"
  run_ok exec c touch /ok
  eventually 20 health_is c healthy
  run_ok ps --format '{{.Status}}'
  [[ $output == "Up "*" (healthy)" ]] || fail "$output"
  run_ok ps -q --filter health=healthy
  [ -n "$output" ] || fail "not listed"
  run_ok ps -q --filter health=unhealthy
  [ -z "$output" ] || fail "listed: $output"
  run_ok inspect --format '{{.State.Health.FailingStreak}} {{.Config.Healthcheck.Test}} {{.Config.Healthcheck.Interval}}' c
  [ "$output" = '0 [CMD-SHELL test -e /ok] 200000000' ] || fail "$output"
}

@test "failures in a row make it unhealthy, with what the check said" {
  run_ok run -d --name c --health-cmd '["CMD", "sh", "-c", "echo broken >&2; exit 3"]' --health-interval 100ms --health-retries 2 busybox sleep 600
  eventually 20 health_is c unhealthy
  run_ok inspect --format '{{with index .State.Health.Log 0}}{{.ExitCode}} {{.Output}}{{end}}' c
  [[ $output == "3 broken"* ]] || fail "$output"
  streak=$(coracle inspect --format '{{.State.Health.FailingStreak}}' c)
  [ "$streak" -ge 2 ] || fail "streak $streak"
  # No more than the last five are kept.
  eventually 20 sh -c '[ "$("$0" --root "$1" --runroot "$2" inspect --format "{{.State.Health.FailingStreak}}" c)" -gt 6 ]' "$CORACLE" "$CORACLE_ROOT" "$CORACLE_RUNROOT"
  run_ok inspect --format '{{len .State.Health.Log}}' c
  [ "$output" = 5 ]
  run_ok ps --filter health=unhealthy --format '{{.Names}} {{.Status}}'
  [[ $output == "c Up "*"(unhealthy)" ]] || fail "$output"
}

@test "healthcheck run does it now and tells by its exit code" {
  run_ok run -d --name c --health-cmd 'test ! -e /bad' --health-interval disable busybox sleep 600
  run_ok healthcheck run c
  health_is c healthy
  run_ok exec c touch /bad
  run_status 1 healthcheck run c
  [ "$output" = unhealthy ] || fail "$output"
  health_is c healthy  # one failure of three
  run_status 1 healthcheck run c
  run_status 1 healthcheck run c
  health_is c unhealthy
  run_ok exec c rm /bad
  run_ok healthcheck run c
  health_is c healthy
  run_ok events --stream=false --filter event=health_status --format '{{.Name}} {{.Attributes.health_status}}'
  [ "$output" = $'c healthy\nc unhealthy\nc healthy' ] || fail "$output"
  # Without a timer nobody else has checked.
  run_ok inspect --format '{{len .State.Health.Log}}' c
  [ "$output" = 5 ]
}

@test "a check that takes too long has failed, and is killed" {
  run_ok run -d --name c --health-cmd 'sleep 4711' --health-interval disable --health-timeout 300ms --health-retries 1 busybox sleep 600
  run_status 1 healthcheck run c
  run_ok inspect --format '{{with index .State.Health.Log 0}}{{.ExitCode}} {{.Output}}{{end}}' c
  [[ $output == "-1 "*"300ms"* ]] || fail "$output"
  run_ok exec c ps
  [[ $output != *4711* ]] || fail "it goes on: $output"
  health_is c unhealthy
}

@test "failures in the start period do not count, until one check has passed" {
  run_ok run -d --name c --health-cmd 'test -e /ok' --health-interval disable --health-start-period 1h --health-retries 1 busybox sleep 600
  run_status 1 healthcheck run c
  run_status 1 healthcheck run c
  health_is c starting
  run_ok exec c touch /ok
  run_ok healthcheck run c
  health_is c healthy
  run_ok exec c rm /ok
  run_status 1 healthcheck run c
  health_is c unhealthy
}

@test "the start interval is used while it starts" {
  run_ok run -d --name c --health-cmd true --health-interval 1h --health-start-period 1h --health-start-interval 100ms busybox sleep 600
  eventually 20 health_is c healthy
  run_ok inspect --format '{{len .State.Health.Log}}' c
  [ "$output" = 1 ]
}

@test "a startup check comes before the other" {
  run_ok run -d --name c --health-startup-cmd 'test -e /started' --health-cmd 'echo checked' --health-interval disable busybox sleep 600
  run_status 1 healthcheck run c
  health_is c starting
  run_ok exec c touch /started
  run_ok healthcheck run c
  health_is c starting
  run_ok healthcheck run c
  health_is c healthy
}

@test "wait for healthy and unhealthy" {
  run_ok run -d --name c --health-cmd 'test -e /ok' --health-interval 100ms --health-retries 1 busybox sh -c 'sleep 1; touch /ok; sleep 600'
  run_ok wait --condition unhealthy c
  run_ok wait --condition healthy c
  health_is c healthy
}

@test "an unhealthy container is killed, stopped or started again" {
  for action in kill stop; do
    run_ok run -d --name "$action" --health-cmd false --health-interval 100ms --health-retries 1 --health-on-failure "$action" --stop-timeout 1 busybox sh -c 'trap "exit 9" TERM; while :; do sleep 0.1; done'
    run_ok wait "$action"
    [ "$action:$output" = kill:137 ] || [ "$action:$output" = stop:9 ] || fail "$action: $output"
  done
  run_ok run -d --name again --health-cmd 'test ! -e /bad' --health-interval 100ms --health-retries 1 --health-on-failure restart --stop-timeout 1 busybox sh -c 'echo run; rm -f /bad; sleep 0.5; touch /bad; sleep 600'
  restarted() { [ "$(coracle logs again | grep -c run)" -ge 2 ]; }
  eventually 20 restarted
  run_ok rm -f -t 0 again
}

@test "each run starts anew" {
  run_ok run -d --name c --health-cmd true --health-interval disable busybox sleep 600
  run_ok healthcheck run c
  health_is c healthy
  run_ok restart -t 0 c
  health_is c starting
}

@test "a paused container is not checked" {
  require root
  run_ok run -d --name c --health-cmd true --health-interval disable busybox sleep 600
  run_ok pause c
  run_fails 125 healthcheck run c
  contains paused "$stderr"
  run_ok unpause c
  run_ok inspect --format '{{len .State.Health.Log}}' c
  equals 0
}

@test "an image's check is the default, in parts too" {
  printf 'FROM busybox\nHEALTHCHECK --interval=300ms --retries=7 CMD test -e /ok\nCMD ["sleep", "600"]\n' > "$T/Dockerfile"
  run_ok build -q -t checked -f "$T/Dockerfile" "$T"
  run_ok run -d --name c --health-retries 9 checked
  run_ok inspect --format '{{.Config.Healthcheck.Test}} {{.Config.Healthcheck.Retries}}' c
  [ "$output" = '[CMD-SHELL test -e /ok] 9' ] || fail "$output"
  run_ok exec c touch /ok
  eventually 20 health_is c healthy
  run_ok run -d --name none --no-healthcheck checked
  run_ok inspect --format '{{if .State.Health}}{{.State.Health.Status}}{{end}}|{{.Config.Healthcheck}}' none
  [[ $output == "|"* && $output != *ok* ]] || fail "$output"
  run_ok ps --filter name=none --format '{{.Status}}'
  [[ $output != *"("* ]] || fail "$output"
  run_ok ps -q --filter health=none
  [ "${#lines[@]}" = 1 ]
}

@test "what can't be" {
  run_fails 125 run --rm --health-cmd true --no-healthcheck busybox true
  run_fails 125 run --rm --health-cmd true --health-interval soon busybox true
  run_fails 125 run --rm --health-cmd true --health-interval -1s busybox true
  run_fails 125 run --rm --health-cmd '["CMD"]' busybox true
  run_fails 125 run --rm --health-cmd true --health-on-failure explode busybox true
  run_fails 125 run --rm --health-startup-cmd true busybox true
  run_ok run -d --name c busybox sleep 600
  run_fails 125 healthcheck run c
  [[ $stderr == *"no health check"* ]] || fail "$stderr"
  run_fails 125 wait --condition healthy c
  run_ok create --name d --health-cmd true busybox sleep 600
  run_fails 125 healthcheck run d
  run_fails 125 healthcheck run nobody
}

@test "a check whose container ends leaves nothing" {
  run_ok run -d --rm --name c --health-cmd 'sleep 600' --health-interval 50ms busybox sleep 600
  running() { coracle top c args 2> /dev/null | grep -c 'sleep 600' | grep -q '^[2-9]'; }
  eventually 20 running
  run_ok rm -f -t 0 c
}

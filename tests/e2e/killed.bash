# Commands that are killed at each of their steps (base/fault.h).
# shellcheck shell=bash

# killed COMMAND...: once for each step, the Nth time killed at the Nth (the monitor counts on where it was forked).
# Before each the function `before` is called; `after COMMAND...` after each, which has to succeed. There must be at
# least $MIN_STEPS steps.
killed() {
  local n steps=0
  for ((n = 1; n <= 200; n++)); do
    before
    : > "$T/fault"
    CORACLE_FAULT="*:$n" CORACLE_FAULT_LOG=$T/fault \
      "$CORACLE" --root "$CORACLE_ROOT" --runroot "$CORACLE_RUNROOT" "$@" > "$T/out" 2>&1 < /dev/null 3>&- 4>&- || true
    after "$@" || fail "killed at step $n ($(< "$T/fault")) of $*"
    # A monitor may live on past its command, but is ended with its container.
    [ -s "$T/fault" ] || break
    steps=$n
  done
  echo "$steps steps: $*"
  [ "$steps" -ge "$MIN_STEPS" ] || fail "only $steps steps of '$*' were met"
  [ "$steps" -lt 200 ] || fail "no end of steps"
}

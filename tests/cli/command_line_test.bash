# What the program says and how it ends, for command lines that need no store. Argument: the binary.
set -u
binary=$(realpath "$1")
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
export HOME=$work XDG_DATA_HOME=$work XDG_RUNTIME_DIR=$work NO_COLOR=1
failed=0
complain() {
  echo "FAILED: $*"
  failed=1
}
# expect CODE STDOUT-PATTERN STDERR-PATTERN WORD...
expect() {
  local code=$1 out_pattern=$2 err_pattern=$3
  shift 3
  "$binary" "$@" >"$work/out" 2>"$work/err" </dev/null
  local got=$?
  [ $got = "$code" ] || complain "coracle $*: exit code $got, expected $code"
  # shellcheck disable=SC2053
  [[ $(cat "$work/out") == $out_pattern ]] || complain "coracle $*: printed '$(head -3 "$work/out")'"
  # shellcheck disable=SC2053
  [[ $(cat "$work/err") == $err_pattern ]] || complain "coracle $*: complained '$(cat "$work/err")'"
}
nl=$'\n'
expect 0 'coracle version *' '' --version
expect 0 'coracle version *' '' -v
expect 0 'coracle version *spec: 1.*' '' oci --version
expect 0 '*Usage:*Command groups:*' ''
expect 0 '*Usage:*coracle run*' '' run --help
expect 0 '*Usage:*coracle run*' '' help run
expect 0 '*Usage:*coracle container prune*' '' help container prune
expect 0 'Client:*' '' version
expect 0 '[0-9]*.[0-9]*.[0-9]*' '' version --format '{{.Server.Version}}'
expect 0 '{*"Client"*}' '' version --format json
expect 125 '' "Error: --format: template: 1:3: can't evaluate field Nope" version -f '{{.Nope}}'
expect 125 '' "Error: unknown command 'rnu' for 'coracle': did you mean 'run'?${nl}See 'coracle --help'" rnu
expect 125 '' "Error: unknown flag: --foo${nl}See 'coracle run --help'" run --foo x
expect 125 '' "Error: unknown shorthand flag: 'x' in -x${nl}See 'coracle container ls --help'" container ls -x
expect 125 '' "Error: flag needs an argument: --name${nl}See 'coracle run --help'" run --name
expect 125 '' "Error: 'coracle rename' needs exactly 2 arguments*" rename a
expect 125 '' "Error: --gpus is not supported yet" run --gpus all x
expect 125 '' "Error: missing command: 'coracle container COMMAND'*" container
expect 125 '' "Error: unknown command 'x' for 'coracle'" help x
expect 125 '' "Error: completion for 'csh': *" completion csh
expect 125 '' "Error: --log-level loud: use *" --log-level loud __complete running
for kind in containers running images; do
  expect 0 '' '' --root "$work/root" --runroot "$work/run" __complete $kind
done
ln -s "$binary" "$work/coracle-oci"
[[ $("$work/coracle-oci" --version) == *spec:* ]] || complain "a link named coracle-oci is no OCI runtime"
# A reader that has gone is no error; a disk that is full is one.
"$binary" run --help | true
[ "${PIPESTATUS[0]}" = 0 ] || complain "a closed pipe fails"
"$binary" run --help >/dev/full 2>"$work/err"
[ $? = 125 ] || complain "a full disk does not fail"
[[ $(cat "$work/err") == "Error: standard output: "*"No space left on device" ]] || complain "$(cat "$work/err")"
exit $failed

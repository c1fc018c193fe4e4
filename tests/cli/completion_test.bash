# What the bash completion offers for some command lines. Arguments: the script, the binary.
set -u
script=$1
PATH=$(dirname "$(realpath "$2")"):$PATH
HOME=$(mktemp -d) || exit 1
export HOME XDG_DATA_HOME="$HOME" XDG_RUNTIME_DIR="$HOME"
trap 'rm -rf "$HOME"' EXIT
# The builtin works only inside a completion.
# shellcheck disable=SC2317
compopt() { :; }
# shellcheck disable=SC1090
source "$script"
failed=0
# offers EXPECTED WORD...: the last word is the one under the cursor
offers() {
  local expected=$1
  shift
  COMP_WORDS=(coracle "$@")
  COMP_CWORD=$#
  COMPREPLY=()
  _coracle
  if [ "${COMPREPLY[*]}" != "$expected" ]; then
    echo "coracle $*: offers '${COMPREPLY[*]}', expected '$expected'"
    failed=1
  fi
}
offers 'rename restart rm rmi run' r
offers 'init inspect' container in
offers '--privileged' run --pri
offers '' run --name x img --r          # the container's own options
offers '' run --name ''                 # a value
offers '--no-trunc --noheading' --root /x ps --no
offers '--digests' image ls --d
offers 'bash zsh fish' completion ''
offers 'create' oci --root /r cr
offers 'start stats stop' help st
offers '--publish --publish-all' run --publi
offers '' run --gpu                     # not supported yet
offers '' __m                           # hidden
[ -z "$(bash -n "$script" 2>&1)" ] || failed=1
exit $failed

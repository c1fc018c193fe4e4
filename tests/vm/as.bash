# Who runs a script in the machine, and where.
# shellcheck shell=bash

# as WHO SCRIPT, its exit status being the script's:
#   root    as it is: in the cgroup of a system service
#   user    coracletest, in a service of his systemd: a cgroup with controllers that is his
#   login   coracletest, in a login session, as after ssh: a cgroup that is not his
#   plain   coracleplain, in a login session: neither subordinate ids nor a manager that stays
as() {
  local who=$1 script=$2
  case $who in
    root) (cd / && bash -c "$script") ;;
    # systemd expands variables in commands.
    user) systemd-run --user -M coracletest@ --quiet --collect --wait --pipe bash -c "${script//\$/\$\$}" ;;
    login) su - coracletest -c "$script" ;;
    plain) su - coracleplain -c "$script" ;;
  esac 3>&- 4>&- < /dev/null
}

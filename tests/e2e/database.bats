# A database of Debian keeps its data in a volume, through the container's removal and a new image.
load helpers

# ask COMMAND: the answer of the redis in container "db".
ask() { coracle exec db redis-cli -s /run/redis.sock "$@"; }
# start IMAGE: redis on its volume; its socket lies in memory.
start() {
  run_ok run -d --name db --tmpfs /run:mode=1777 -v dbdata:/var/lib/redis --user redis --network none "$1" \
    redis-server --port 0 --unixsocket /run/redis.sock --dir /var/lib/redis --appendonly yes
  eventually 20 is_up
}
is_up() { [ "$(ask ping 2> /dev/null)" = PONG ]; }

@test "redis: a named volume has its owner, and keeps what was written through rm and another image" {
  run_ok import -q -c 'VOLUME /var/lib/redis' "$(fixture debian)" db:1
  run_ok run --rm db:1 stat -c %U:%G /var/lib/redis
  equals redis:redis
  start db:1
  equals OK "$(ask set boat coracle)"
  equals 1 "$(ask incr launches)"
  run_ok volume inspect -f '{{.Name}} {{.MountCount}}' dbdata
  equals "dbdata 1"
  run_ok volume ls -q
  equals dbdata
  run_ok stop db
  run_ok rm -v db
  run_ok volume ls -q
  equals dbdata

  # The same system with a changed configuration is another image.
  mkdir "$T/new"
  echo upgraded > "$T/new/marker"
  cp "$(fixture debian)" "$T/new.tar"
  tar -C "$T/new" --owner=0 --group=0 -rf "$T/new.tar" ./marker
  run_ok import -q -c 'VOLUME /var/lib/redis' "$T/new.tar" db:2
  rm "$T/new.tar"
  run_ok rmi db:1
  start db:2
  run_ok exec db cat /marker
  equals upgraded
  equals coracle "$(ask get boat)"
  equals 2 "$(ask incr launches)"

  # Power off in the middle: what was acknowledged is there.
  equals OK "$(ask config set appendfsync always)"
  equals OK "$(ask set last word)"
  kill -KILL "$(coracle inspect -f '{{.State.ConmonPid}}' db)"
  run_ok rm -f db
  start db:2
  equals word "$(ask get last)"
  run_ok volume export -o "$T/backup.tar" dbdata
  run_ok volume create restored
  run_ok volume import restored "$T/backup.tar"
  run_ok rm -f -t 1 db
  run_ok run --rm --user redis -v restored:/var/lib/redis db:2 sh -c 'ls /var/lib/redis; stat -c %U /var/lib/redis/*'
  contains redis
  lacks root
  run_ok volume rm dbdata restored
}

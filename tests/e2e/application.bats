# An application of three parts from Debian's packages, on a network of its own: nginx in front of two services in
# Python, which count in a redis. All find each other by name; only nginx is published.
load helpers

teardown() {
  local containers
  containers=$(coracle ps -aq)
  # shellcheck disable=SC2086  # one id a line
  [ -z "$containers" ] || coracle rm -f -t 0 $containers > "$T/stderr" 2>&1
  coracle network rm -f front back > "$T/stderr" 2>&1 || true
  coracle_teardown
}

service() {
  cat << 'END'
import os, socket
def redis(command):
    with socket.create_connection(("store", 6379), 5) as s:
        s.sendall(command)
        return s.recv(100).decode().strip().lstrip(":")
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("0.0.0.0", 8000))
listener.listen(64)
while True:
    client, _ = listener.accept()
    request = client.recv(4000).decode()
    forwarded = [line for line in request.splitlines() if line.lower().startswith("x-real-ip")]
    body = "%s %s %s\n" % (os.environ["NAME"], redis(b"INCR hits\r\n"), forwarded[0].split()[1] if forwarded else "-")
    client.sendall(("HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)).encode())
    client.close()
END
}

site() {
  cat << 'END'
daemon off;
error_log stderr;
pid /tmp/nginx.pid;
events {}
http {
  access_log off;
  server {
    listen 80;
    resolver 127.0.0.11 valid=1s;
    location / {
      set $upstream http://api:8000;
      proxy_set_header X-Real-IP $remote_addr;
      proxy_pass $upstream;
    }
  }
}
END
}

@test "nginx, two services and a redis by their names" {
  require curl
  is_root || require pasta subids
  is_root || [ -w /dev/net/tun ] || skip "needs /dev/net/tun"
  import_debian
  service > "$T/service.py"
  site > "$T/nginx.conf"
  run_ok network create front
  run_ok network create --internal back
  run_ok run -d --name store --network back debian redis-server --protected-mode no --save ''
  for name in one two; do
    run_ok run -d --name "$name" -e NAME="$name" --network front:alias=api --network back \
      -v "$T/service.py:/service.py:ro" debian python3 /service.py
  done
  run_ok run -d --name web --network front -p 8080:80 -v "$T/nginx.conf:/nginx.conf:ro" debian nginx -c /nginx.conf
  answers() { output=$(curl -sSf -m 5 http://127.0.0.1:8080/ 2>&1); }
  eventually 20 answers
  first=$(cut -d' ' -f2 <<< "$output")
  seen=""
  for _ in {1..20}; do
    answers
    seen+="${output%% *} "
    sleep 0.1
  done
  # Each request was counted once, and both services took their part.
  equals $((first + 20)) "$(cut -d' ' -f2 <<< "$output")"
  contains one "$seen"
  contains two "$seen"
  # nginx can't reach the store, the services can.
  run_status 1 exec web python3 -c 'import socket; socket.create_connection(("store", 6379), 2)'
  # One service goes, the other answers all; the way goes on after a restart of the front.
  run_ok rm -f -t 0 one
  sleep 2.5  # nginx counts the second for which it believes a name in whole ones
  for _ in {1..5}; do
    answers
    contains two
  done
  run_ok restart -t 1 web
  eventually 20 answers
  contains two
}

@test "-p ...,fd: the listener is the program's own, which sees its clients" {
  require curl
  is_root || require pasta subids
  is_root || [ -w /dev/net/tun ] || skip "needs /dev/net/tun"
  import_debian
  cat > "$T/served.py" << 'END'
import os, socket
assert os.environ["LISTEN_FDS"] == "2" and os.environ["LISTEN_PID"] == str(os.getpid()), os.environ
first, second = socket.socket(fileno=3), socket.socket(fileno=4)
second.listen()
while True:
    client, peer = first.accept()
    client.recv(4000)
    body = "%s %s\n" % (peer[0], second.getsockname()[1])
    client.sendall(("HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)).encode())
    client.close()
END
  run_ok network create front
  local network options
  for network in front pasta; do
    ! is_root || [ "$network" = front ] || continue
    for options in "" --init; do
      # shellcheck disable=SC2086  # none or one
      run_ok run -d --name web $options --network "$network" -p 8080:80,fd -p 127.0.0.1:8081:81,fd \
        -v "$T/served.py:/served.py:ro" debian python3 /served.py
      answers() { output=$(curl -sSf -m 5 "http://$1:8080/" 2>&1); }
      eventually 10 answers 127.0.0.1
      equals "::ffff:127.0.0.1 8081"
      answers '[::1]'
      equals "::1 8081"
      run_ok port web 80
      equals $'0.0.0.0:8080\n[::]:8080'
      # Again after a restart; taken for others.
      run_fails 125 run --rm --network front -p 8080:80 debian true
      run_ok restart -t 0 web
      eventually 10 answers 127.0.0.1
      run_ok rm -f -t 0 web
    done
  done
  run_ok network rm front
}

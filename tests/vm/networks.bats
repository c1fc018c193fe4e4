# Networks and builds beside systemd: the default ones, and in services, where SIGPIPE is ignored.
load helpers

@test "root: the default bridge, a published port, names" {
  run_as root 0 "coracle network create n > /dev/null
    coracle run -d --name web --network n -p 8080:80 busybox sh -c 'echo hello > /srv/index.html; exec httpd -f -p 80 -h /srv' > /dev/null
    sleep 1; busybox wget -qO- http://127.0.0.1:8080/; coracle run --rm --network n busybox wget -qO- http://web/
    coracle run --rm busybox ip -o -4 addr show eth0 | wc -l; coracle rm -f -t 0 web > /dev/null; coracle network rm n > /dev/null"
  equals "hello hello 1" "$(xargs <<< "$output")"
}

@test "a user: pasta in a login session and in a service, with a published port" {
  for who in login user; do
    run_as "$who" 0 "coracle run -d --name web -p 8081:80 busybox sh -c 'echo hello > /srv/index.html; exec httpd -f -p 80 -h /srv' > /dev/null
      for i in 1 2 3 4 5 6 7 8 9 10; do busybox wget -qO- http://127.0.0.1:8081/ 2> /dev/null && break; sleep 0.5; done
      coracle rm -f -t 0 web > /dev/null"
    equals hello
  done
}

@test "a user: containers on a bridge of his know each other's names" {
  run_as user 0 "coracle network create n > /dev/null
    coracle run -d --name web --network n busybox sh -c 'echo hello > /srv/index.html; exec httpd -f -p 80 -h /srv' > /dev/null
    sleep 1; coracle run --rm --network n busybox wget -qO- http://web/; coracle rm -f -t 0 web > /dev/null; coracle network rm n > /dev/null"
  equals hello
}

@test "a build, by root and by users" {
  for who in root user login plain; do
    run_as "$who" 0 "d=\$(mktemp -d); printf 'FROM busybox\nRUN echo made > /made\nCOPY Dockerfile /\n' > \$d/Dockerfile
      coracle build -q -t built \$d > /dev/null && coracle run --rm built cat /made; coracle rmi -f built > /dev/null; rm -r \$d"
    equals made
  done
}

#!/usr/bin/env bats
# build: the Dockerfiles of build-corpus.txt give what buildah gives, field by field and file by file.

load helpers

@test "the corpus gives what buildah gives" {
  require root buildah python3
  mkdir "$T/w"
  "$CORACLE_TESTS/build-corpus" "$CORACLE" "$(fixture busybox)" "$T/w" > "$T/report" 2>&1 3>&- 4>&- || {
    grep -A12 -v '^same' "$T/report"
    fail "not the same"
  }
}

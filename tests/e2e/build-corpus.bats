#!/usr/bin/env bats
# build: the Dockerfiles of build-corpus.txt and build-real.txt give what buildah gives, field by field and file by file.

load helpers

# corpus LIST BASE
corpus() {
  mkdir "$T/w"
  "$CORACLE_TESTS/build-corpus" "$CORACLE" "$CORACLE_TESTS/$1" "$(fixture "$2")" "$T/w" > "$T/report" 2>&1 3>&- 4>&- || {
    grep -A12 -v '^same' "$T/report"
    fail "not the same"
  }
}

@test "the corpus gives what buildah gives" {
  require root buildah python3
  corpus build-corpus.txt busybox
}

# Made from import_debian's tar.
@test "Dockerfiles as projects write them give what buildah gives" {
  require root buildah python3
  corpus corpus/build-real.txt debian
}

#!/bin/sh
# Have an image copied to Google now: tell a running daemon of it, or run `gcr-mirror copy` here.
#
# In:  MIRROR_NOW_INPUT_* (docs/how-to/gitlab-ci.md), and what GitLab sets.
# Out: the exit status: 0 told or copied   1 failed   2 configuration

set +x -eu # +x: a traced shell prints every secret that it touches

say() { printf '%s\n' "$*"; }

misconfigured() {
    say "error: $*"
    exit 2
}

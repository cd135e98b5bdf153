#!/bin/sh
# Build an image once, push it to GitLab and to Google, each on its own, and say what happened.
#
# In:  DUAL_PUSH_INPUT_* (docs/how-to/gitlab-ci.md has them all), and what the CI service sets.
# Out: dual-push.env (digest, images, status), dual-push.md (a summary), and the exit status:
#      0 both registries hold the image   1 failed   2 configuration   75 one of the two is missing
# POSIX sh and busybox, no more: the docker:cli image has no bash, curl or jq.

set +x -eu # +x: a traced shell prints every secret that it touches

say() { printf '%s\n' "$*"; }

# A line that GitHub shows beside the run as well.
notice() { # warning|error, words
    kind=$1
    shift
    if [ -n "${GITHUB_ACTIONS-}" ]; then say "::$kind title=dual-push::$*"; else say "$kind: $*"; fi
}

misconfigured() {
    notice error "$@"
    status=failed
    report "Configuration: $*"
    exit 2
}

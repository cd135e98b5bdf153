# outcome: what each registry has in the end, said to people, to the jobs that follow, and to the CI service.

conclude() {
    gitlab_digest=$(cat "$work/gitlab.digest" 2>/dev/null || :)
    gcp_digest=$(cat "$work/gcp.digest" 2>/dev/null || :)
    case $gitlab_digest:$gcp_digest in
        :) status=failed code=1 sentence="Neither registry has the image." ;;
        *:)
            missing "$gcp_image" "$gitlab_image@$gitlab_digest" \
                "A gcr-mirror daemon copies it there on its next pass; by hand:"
            ;;
        :*) missing "$gitlab_image" "$gcp_image@$gcp_digest" "When it answers again, repeat this job; or:" ;;
        "$gcp_digest:$gitlab_digest") status=pushed code=0 sentence="Both registries have the image." ;;
        *) status=failed code=1 sentence="The registries have different images." ;;
    esac
}

missing() { # image that is not there, image that is, how the one becomes the other
    status=partial code=1
    sentence="${1%%/*} does not have the image. $3 gcr-mirror copy $2 $1:$(say "$tags" | tail -n 1)"
    if [ "$policy" = warn ]; then
        # GitHub knows no exit status that warns; GitLab does (allow_failure: exit_codes).
        if [ -n "${GITHUB_ACTIONS-}" ]; then code=0; else code=75; fi
        notice warning "$sentence"
    else
        notice error "$sentence"
    fi
}

report() { # sentence
    gitlab_pin=${gitlab_digest:+$gitlab_image@$gitlab_digest}
    gcp_pin=${gcp_digest:+$gcp_image@$gcp_digest}
    {
        say "${prefix}_DIGEST=${gitlab_digest:-$gcp_digest}"
        say "${prefix}_GITLAB_IMAGE=$gitlab_pin"
        say "${prefix}_GCP_IMAGE=$gcp_pin"
        say "${prefix}_STATUS=$status"
    } >dual-push.env
    summary "$1" >dual-push.md
    sed 's/^/    /' dual-push.md
    [ -z "${GITHUB_STEP_SUMMARY-}" ] || cat dual-push.md >>"$GITHUB_STEP_SUMMARY"
    [ -z "${GITHUB_OUTPUT-}" ] || {
        say "digest=${gitlab_digest:-$gcp_digest}"
        say "gitlab_image=$gitlab_pin"
        say "gcp_image=$gcp_pin"
        say "status=$status"
        if [ "$status" = partial ]; then say partial=true; else say partial=false; fi
    } >>"$GITHUB_OUTPUT"
}

summary() { # sentence
    say "### dual-push: $status"
    say ""
    say "$1"
    say ""
    say "| registry | image | tags |"
    say "| --- | --- | --- |"
    row GitLab "$gitlab_pin" gitlab
    row Google "$gcp_pin" gcp
}

row() { # name, image with its digest or nothing, side
    if [ -n "$2" ]; then
        say "| $1 | \`$2\` | $(say "$tags" | tr '\n' ' ')|"
    else
        say "| $1 | not pushed: $(cat "$work/$3.reason" 2>/dev/null || say "not tried") | |"
    fi
}

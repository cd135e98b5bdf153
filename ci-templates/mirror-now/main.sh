# main: the two ways.

# Whether the daemon copies is its configuration's to say; this only saves the wait for its next pass.
tell() { # tag
    printf 'header = "X-Gitlab-Token: %s"\n' "$secret" \
        | curl --config - --silent --show-error --fail --max-time 30 --retry "$attempts" --retry-connrefused \
            --header "Content-Type: application/json" \
            --data "{\"repository\": \"$image\", \"tag\": \"$1\"}" "${url%/}/hooks/ci"
}

prepare_to_tell() {
    secret_variable=${MIRROR_NOW_INPUT_SECRET_VARIABLE:-GCR_MIRROR_HOOK_SECRET}
    case $secret_variable in
        '' | [0-9]* | *[!A-Za-z0-9_]*) misconfigured "the input secret_variable is the name of a variable" ;;
    esac
    eval "secret=\${$secret_variable-}"
    [ -n "$secret" ] || misconfigured "the variable $secret_variable is empty: it is to have the secret of the hooks"
    case $url in
        http://* | https://*) ;;
        *) misconfigured "the input url is '$url': it is the address of the daemon, https://mirror.example.com" ;;
    esac
    command -v curl >/dev/null || misconfigured "there is no curl here: take an image that has it, or mode copy"
}

prepare_to_copy() {
    key_variable=${MIRROR_NOW_INPUT_KEY_VARIABLE:-GCP_SA_KEY}
    read_key
    [ -n "$target" ] || misconfigured "the input gcp_image is empty: mode copy has to know where to"
    command -v gcr-mirror >/dev/null \
        || misconfigured "there is no gcr-mirror here: set the input image to that of gcr-mirror"
    export GCR_MIRROR_SOURCE_USERNAME="${CI_REGISTRY_USER-}" GCR_MIRROR_SOURCE_PASSWORD="${CI_REGISTRY_PASSWORD-}"
    export GCR_MIRROR_TARGET_USERNAME=_json_key GCR_MIRROR_TARGET_PASSWORD="$key"
    say "copying as ${account:-the service account}"
}

main() {
    mode=${MIRROR_NOW_INPUT_MODE:-daemon}
    url=${MIRROR_NOW_INPUT_URL-}
    attempts=${MIRROR_NOW_INPUT_ATTEMPTS:-5}
    image=${MIRROR_NOW_INPUT_GITLAB_IMAGE-}
    target=${MIRROR_NOW_INPUT_GCP_IMAGE-}
    tags=$(wanted_tags "${MIRROR_NOW_INPUT_TAGS-auto}")
    case $image in '' | \$*) misconfigured "the input gitlab_image is empty" ;; esac
    [ -n "$tags" ] || misconfigured "there is no tag: the input tags came out empty"
    case $mode in
        daemon) prepare_to_tell ;;
        copy) prepare_to_copy ;;
        *) misconfigured "the input mode is '$mode', and it can be: daemon copy" ;;
    esac
    for tag in $tags; do
        say "== $image:$tag"
        case $mode in
            daemon) tell "$tag" && say "told" ;;
            copy) gcr-mirror copy "$image:$tag" "$target:$tag" ;;
        esac
    done
}

main

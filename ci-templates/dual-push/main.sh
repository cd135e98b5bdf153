# main: the order of things.

main() {
    configure
    [ "$push" = never ] || read_credentials
    private_config
    find_builder
    for side in gitlab gcp; do # base images may come from either; a login that fails is explained at its push
        [ "$push" = never ] || sign_in_to $side >"$work/login" 2>&1 || :
    done
    build || {
        status=failed
        report "The build failed, so nothing was pushed."
        exit 1
    }
    if [ "$push" = never ]; then
        status=built
        report "Built only: this pipeline does not push."
        return
    fi
    deliver gitlab "$gitlab_image"
    deliver gcp "$gcp_image"
    conclude
    report "$sentence"
    return "$code"
}

# shellcheck disable=SC2329 # the trap calls it
clean() {
    [ -z "${built-}" ] || case $builder in
        buildah) buildah rmi --force "$built" ;;
        *) docker image rm "$built" ;;
    esac >/dev/null 2>&1 || :
    rm -rf "$work"
}

gitlab_digest='' gcp_digest=''
work=$(mktemp -d)
trap clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
main

# credentials: a client configuration of our own, and the two logins.

read_credentials() {
    [ -n "$gitlab_user" ] && [ -n "$gitlab_password" ] \
        || misconfigured "there is no user or no password for ${gitlab_image%%/*}"
    case $auth in
        json_key) read_key ;;
        wif) check_federation ;;
    esac
}

# The client's configuration is ours alone and goes with us. It begins with the logins that there are, since base
# images may need them; but not where `gcloud auth configure-docker` was run: there a login vanishes in a
# credential helper, and the push that follows finds none. Only the build has helpers.
private_config() {
    theirs=${DOCKER_CONFIG:-${HOME-}/.docker} known=''
    mkdir "$work/config"
    build_config="$work/config"
    if [ -n "${DOCKER_AUTH_CONFIG-}" ]; then
        known=$DOCKER_AUTH_CONFIG
    elif [ -f "$theirs/config.json" ]; then
        known=$(cat "$theirs/config.json")
    fi
    case $known in
        '') ;;
        *'"cred'*) [ ! -f "$theirs/config.json" ] || build_config=$theirs ;;
        *) printf '%s' "$known" >"$work/config/config.json" ;;
    esac
    for kept in contexts cli-plugins; do
        [ ! -d "$theirs/$kept" ] || ln -s "$theirs/$kept" "$work/config/$kept"
    done
    if [ -z "${DOCKER_HOST-}${DOCKER_CONTEXT-}" ] && [ -d "$theirs/contexts" ]; then
        DOCKER_CONTEXT=$(docker context show)
        export DOCKER_CONTEXT
    fi
    export BUILDX_CONFIG="${BUILDX_CONFIG:-$theirs/buildx}"
    export DOCKER_CONFIG="$work/config" REGISTRY_AUTH_FILE="$work/config/config.json"
}

sign_in_to() { # side
    case $1:$auth in
        gitlab:*) printf '%s' "$gitlab_password" | sign_in "${gitlab_image%%/*}" "$gitlab_user" ;;
        gcp:json_key) printf '%s' "$key" | sign_in "${gcp_image%%/*}" _json_key ;;
        gcp:wif) access_token >"$work/token" && sign_in "${gcp_image%%/*}" oauth2accesstoken <"$work/token" ;;
    esac
}

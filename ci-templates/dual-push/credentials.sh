# credentials: a client configuration of our own, and the two logins.

read_credentials() {
    [ -n "$gitlab_user" ] && [ -n "$gitlab_password" ] \
        || misconfigured "there is no user or no password for ${gitlab_image%%/*}"
    case $auth in
        json_key) read_key ;;
        wif) check_federation ;;
    esac
}

# The client's configuration is ours alone and goes with us. Where `gcloud auth configure-docker` was run, a login
# vanishes in a credential helper and the push that follows finds none; such a configuration is not taken over.
private_config() {
    theirs=${DOCKER_CONFIG:-${HOME-}/.docker}
    mkdir "$work/config"
    if [ -n "${DOCKER_AUTH_CONFIG-}" ]; then
        printf '%s' "$DOCKER_AUTH_CONFIG" >"$work/config/config.json"
    elif [ -f "$theirs/config.json" ] && ! grep -q '"cred' "$theirs/config.json"; then
        cat "$theirs/config.json" >"$work/config/config.json" # base images may need these logins
    fi
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

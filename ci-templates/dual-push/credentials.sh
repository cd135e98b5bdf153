# credentials: the key in any form, a client configuration of our own, and the two logins.

read_credentials() {
    [ -n "$gitlab_user" ] && [ -n "$gitlab_password" ] \
        || misconfigured "there is no user or no password for ${gitlab_image%%/*}"
    case $auth in
        json_key) read_key ;;
        wif) check_federation ;;
    esac
}

# The key as file, as text or in base64. Its form is found before any redirection: with a key that is no path,
# `< "$value"` and `cat "$value"` would print the key in the shell's own error.
read_key() {
    case $key_variable in
        '' | [0-9]* | *[!A-Za-z0-9_]*)
            misconfigured "the input key_variable is the name of a variable, never the key itself"
            ;;
    esac
    eval "key=\${$key_variable-}"
    if [ -f "$key" ]; then key=$(cat "$key"); fi
    case $key in
        '') misconfigured "the variable $key_variable is empty: $(why_empty)" ;;
        *\{*) ;;
        /*) misconfigured "the variable $key_variable looks like a path, and there is no such file" ;;
        *) key=$(printf '%s' "$key" | base64 -d 2>/dev/null) || key= ;;
    esac
    case $key in
        *'"private_key"'*) account=$(say "$key" | json_field client_email) ;;
        *external_account*)
            misconfigured "the variable $key_variable holds no key, it describes a federation:" \
                "set the input auth to wif"
            ;;
        *)
            misconfigured "the variable $key_variable is not the JSON key of a service account," \
                "as file, as text or in base64"
            ;;
    esac
}

why_empty() {
    if [ "${CI_COMMIT_REF_PROTECTED-}" = false ]; then
        say "${CI_COMMIT_REF_NAME:-this branch} is not protected, so protected variables are not given to it"
    elif [ -n "${GITHUB_ACTIONS-}" ]; then
        say "is the secret set, and handed to this job? Pull requests from forks get none"
    else
        say "is it set for this project and this environment?" \
            "A protected variable is given to protected branches only"
    fi
}

json_field() { tr -d '\n' | sed -n 's/.*"'"$1"'"[[:space:]]*:[[:space:]]*"\([^"]*\)".*/\1/p'; }

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

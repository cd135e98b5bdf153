# inputs: what is wanted, and whether it can be meant.

configure() {
    prefix=${DUAL_PUSH_INPUT_DOTENV_PREFIX:-DUAL_PUSH}
    builder=${DUAL_PUSH_INPUT_BUILDER:-docker}
    dockerfile=${DUAL_PUSH_INPUT_DOCKERFILE:-Dockerfile}
    context=${DUAL_PUSH_INPUT_CONTEXT:-.}
    platforms=${DUAL_PUSH_INPUT_PLATFORMS-}
    provenance=${DUAL_PUSH_INPUT_PROVENANCE:-none}
    cache=${DUAL_PUSH_INPUT_CACHE-}
    policy=${DUAL_PUSH_INPUT_ON_PARTIAL_FAILURE:-fail}
    attempts=${DUAL_PUSH_INPUT_PUSH_ATTEMPTS:-5}
    push_timeout=${DUAL_PUSH_INPUT_PUSH_TIMEOUT:-1800}
    first_delay=${DUAL_PUSH_INPUT_RETRY_DELAY:-2}
    auth=${DUAL_PUSH_INPUT_AUTH:-json_key}
    key_variable=${DUAL_PUSH_INPUT_KEY_VARIABLE:-GCP_SA_KEY}
    provider=${DUAL_PUSH_INPUT_WIF_PROVIDER-}
    account=${DUAL_PUSH_INPUT_WIF_SERVICE_ACCOUNT-}
    gitlab_image=${DUAL_PUSH_INPUT_GITLAB_IMAGE-}
    gitlab_user=${DUAL_PUSH_INPUT_GITLAB_USER:-${CI_REGISTRY_USER-}}
    gitlab_password=${DUAL_PUSH_INPUT_GITLAB_PASSWORD:-${CI_REGISTRY_PASSWORD-}}
    gcp_image=${DUAL_PUSH_INPUT_GCP_IMAGE-}
    push=${DUAL_PUSH_INPUT_PUSH:-auto}
    tags=$(wanted_tags "${DUAL_PUSH_INPUT_TAGS-auto}")
    check_inputs
    [ "$push" != auto ] || push=$(push_or_only_build)
}

check_inputs() {
    one_of builder "$builder" docker buildx buildah
    one_of auth "$auth" json_key wif
    one_of on_partial_failure "$policy" fail warn
    one_of provenance "$provenance" none min max
    one_of push "$push" auto always never
    number push_attempts "$attempts"
    number push_timeout "$push_timeout"
    number retry_delay "$first_delay"
    image_name gitlab_image "$gitlab_image" "is the container registry of this project switched on?"
    image_name gcp_image "$gcp_image" \
        "it is like eu.gcr.io/PROJECT/IMAGE or europe-docker.pkg.dev/PROJECT/REPOSITORY/IMAGE"
    [ -n "$tags" ] || misconfigured "there is no tag to push: the input tags came out empty"
    for tag in $tags; do
        case $tag in
            [!A-Za-z0-9_]* | *[!A-Za-z0-9_.-]*)
                misconfigured "'$tag' cannot be a tag: letters, digits, _ . and - only"
                ;;
        esac
        [ ${#tag} -le 128 ] || misconfigured "'$tag' cannot be a tag: it has more than 128 characters"
    done
    [ -f "$dockerfile" ] || misconfigured "there is no file $dockerfile in $(pwd): set the input dockerfile"
    [ "$builder" != docker ] || [ "${platforms#*,}" = "$platforms" ] \
        || misconfigured "builder docker makes one platform: take buildx or buildah for $platforms"
    [ "$builder" != docker ] || [ -z "$cache" ] \
        || misconfigured "a registry cache needs builder buildx or buildah"
    [ "$builder" = buildx ] || [ "$provenance" = none ] || misconfigured "provenance needs builder buildx"
}

one_of() { # input, value, allowed...
    input=$1 value=$2
    shift 2
    for allowed; do [ "$value" != "$allowed" ] || return 0; done
    misconfigured "the input $input is '$value', and it can be: $*"
}

number() {
    case $2 in '' | *[!0-9]*) misconfigured "the input $1 is '$2', not a number" ;; esac
}

image_name() { # input, value, hint
    case $2 in
        '' | \$*) misconfigured "the input $1 is empty: $3" ;;
        *[!a-z0-9._/:-]*)
            misconfigured "the input $1 is '$2': an image name has lower-case letters, digits and . _ - /"
            ;;
        */*) ;;
        *) misconfigured "the input $1 is '$2': $3" ;;
    esac
    case ${2##*/} in *:*) misconfigured "the input $1 is '$2': the tag belongs in the input tags" ;; esac
}

# Code under review gets no image: merge requests and pull requests, those of forks among them, only build.
push_or_only_build() {
    case ${CI_PIPELINE_SOURCE-}:${GITHUB_EVENT_NAME-} in
        merge_request_event:* | external_pull_request_event:*) say never ;;
        *:pull_request | *:pull_request_target) say never ;;
        *) say always ;;
    esac
}

# builder: docker, buildx or buildah; the image is built once and stays in its store until it is pushed.

find_builder() {
    if [ "$builder" = buildah ]; then
        command -v buildah >/dev/null \
            || misconfigured "there is no buildah here: take an image that has it, quay.io/buildah/stable"
        export BUILDAH_ISOLATION="${BUILDAH_ISOLATION:-chroot}" STORAGE_DRIVER="${STORAGE_DRIVER:-vfs}"
        return
    fi
    command -v docker >/dev/null \
        || misconfigured "there is no docker here: take an image that has it, such as docker:cli"
    waited=0
    name_service
    until docker version >"$work/engine" 2>&1; do # a docker:dind service needs some seconds
        [ "$waited" -lt "${DUAL_PUSH_INPUT_ENGINE_WAIT:-30}" ] \
            || misconfigured "no Docker Engine answers ($(tail -n 1 "$work/engine")): the job needs the" \
                "docker:dind service on a privileged runner, or the runner's own socket, or builder buildah"
        waited=$((waited + 1))
        sleep 1
        name_service
    done
    if [ "$provenance" != none ] || [ "${platforms#*,}" != "$platforms" ]; then
        # Either makes an index of the image, which only this store of the Engine holds.
        case $(docker info --format '{{.DriverStatus}}') in
            *io.containerd.snapshotter*) ;;
            *)
                misconfigured "this Docker Engine cannot hold an image of several platforms, or one with" \
                    "provenance: take docker:29-dind, or switch on the containerd image store, or take builder" \
                    "buildah"
                ;;
        esac
    fi
}

# The docker:cli image looks for the service when it starts, which can be before the service has certificates.
name_service() {
    certificates=${DOCKER_TLS_CERTDIR:-/certs}/client
    case ${DOCKER_HOST-} in
        '' | tcp://docker:2375)
            [ -s "$certificates/ca.pem" ] && [ ! -S /var/run/docker.sock ] || return 0
            export DOCKER_HOST=tcp://docker:2376 DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH="$certificates"
            ;;
    esac
}

build() {
    built="dual-push:${work##*/}" # a name of its own, since the Engine may be shared
    set -- --file "$dockerfile"
    [ -z "${DUAL_PUSH_INPUT_TARGET-}" ] || set -- "$@" --target "$DUAL_PUSH_INPUT_TARGET"
    [ -z "$platforms" ] || set -- "$@" --platform "$platforms"
    while IFS= read -r line; do # one in a line: values have spaces
        [ -z "$line" ] || set -- "$@" --build-arg "$line"
    done <<LINES
${DUAL_PUSH_INPUT_BUILD_ARGS-}
LINES
    case $builder in
        docker)
            export BUILDX_NO_DEFAULT_ATTESTATIONS=1
            docker --config "$build_config" build "$@" --tag "$built" "$context"
            ;;
        buildx) build_with_buildx "$@" ;;
        buildah) build_with_buildah "$@" ;;
    esac
}

build_with_buildx() {
    case $provenance in
        none) set -- "$@" --provenance=false ;;
        *) set -- "$@" --provenance="mode=$provenance" ;;
    esac
    # A cache that cannot be written is no reason to have no image.
    [ -z "$cache" ] || set -- "$@" --cache-from "type=registry,ref=$cache" \
        --cache-to "type=registry,ref=$cache,mode=max,ignore-error=true"
    docker --config "$build_config" buildx build "$@" --load --tag "$built" "$context"
}

build_with_buildah() {
    case $platforms in
        *,*) set -- "$@" --manifest "$built" ;;
        *) set -- "$@" --tag "$built" ;;
    esac
    if [ -n "$cache" ]; then
        # A cache that does not answer ends this build, so that the next one goes without.
        buildah build --layers --cache-from "$cache" --cache-to "$cache" "$@" "$context" && return
    fi
    buildah build "$@" "$context"
}

# A registry that takes a connection and then says nothing must not keep the other from its turn.
limited() { # seconds, command...
    timeout "$@" && return
    set -- $? "$1"
    case $1 in 124 | 143) say "no end after $2 s" ;; esac # busybox says 143
    return "$1"
}

sign_in() { # host, user; the password on standard input
    case $builder in
        buildah) limited 60 buildah login --username "$2" --password-stdin "$1" ;;
        *) limited 60 docker login --username "$2" --password-stdin "$1" ;;
    esac
}

push_one() { # reference; its digest into $work/digest
    case $builder:$platforms in
        buildah:*,*)
            limited "$push_timeout" buildah manifest push --all --digestfile "$work/digest" "$built" "docker://$1"
            ;;
        buildah:*) limited "$push_timeout" buildah push --digestfile "$work/digest" "$built" "docker://$1" ;;
        *)
            docker tag "$built" "$1" && limited "$push_timeout" docker push "$1" >"$work/pushed"
            set -- $?
            cat "$work/pushed"
            sed -n 's/.*digest: \(sha256:[0-9a-f]*\) size.*/\1/p' "$work/pushed" >"$work/digest"
            return "$1"
            ;;
    esac
}

# Ask for what was pushed by its digest: the tag may have been moved by another pipeline since.
read_back() { # image@digest
    if [ "$builder" = buildah ]; then
        # A pull would do, but after one buildah 1.28 pushes a manifest list nowhere, and says nothing.
        buildah manifest create "$built-back" && buildah manifest add --all "$built-back" "docker://$1"
        set -- $?
        buildah manifest rm "$built-back"
        return "$1"
    fi >/dev/null
    limited "$push_timeout" docker pull --quiet ${platforms:+--platform "${platforms%%,*}"} "$1" >/dev/null
}

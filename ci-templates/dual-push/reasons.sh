# reasons: what stands behind a refusal, and what to do about it.

# One word for what a registry said. Whatever may pass comes first: a login that finds nobody is no refusal.
cause_of() { # log
    case $(tr '[:upper:]' '[:lower:]' <"$1") in
        *'no end after '*) say stuck ;;
        *'connection refused'* | *'no such host'* | *'connection reset'*) say temporary ;;
        *timeout* | *'timed out'* | *toomanyrequests*) say temporary ;;
        *'unable to parse json key'*) say key ;;
        *immutable* | *protected_tag* | *'tag is protected'*) say immutable ;;
        *'does not exist. creating on push'* | *'name unknown'* | *'repository "'*'" not found'*) say missing ;;
        *denied* | *forbidden* | *insufficient_scope*) say denied ;;
        *unauthorized* | *'authentication required'* | *'no basic auth credentials'*) say refused ;;
        *'invalid username/password'*) say refused ;;
        *) say temporary ;;
    esac
}

explain() { # cause, side, image
    host=${3%%/*}
    last_words=$(tail -n 1 "$work/log")
    case $1:$2 in
        temporary:*) say "no usable answer in $attempt attempts; the last words: $last_words" ;;
        stuck:*) say "it did not answer, nor refuse: $last_words" ;;
        key:*)
            say "Google cannot read the key in $key_variable: its text was changed on the way (line breaks," \
                "quotes). Store the file as it is, or in base64"
            ;;
        immutable:*) say "a tag exists there already and may not be moved: push another, or change the rule" ;;
        missing:*)
            say "the repository does not exist. Create it; or, on gcr.io hosts, let the first push do it with" \
                "roles/artifactregistry.createOnPushWriter. gcr.io, us.gcr.io, eu.gcr.io and asia.gcr.io" \
                "are four different ones"
            ;;
        *:gcp) explain_google ;;
        *) explain_gitlab ;;
    esac
}

explain_gitlab() {
    if [ -f "$work/signed-in" ]; then
        say "the login was accepted, but $gitlab_user may not push to $gitlab_image: is that below" \
            "${CI_REGISTRY_IMAGE:-the project}, and is the project's container registry on?"
    else
        say "$host refuses the login of $gitlab_user: $last_words"
    fi
}

explain_google() {
    identity=${account:-this identity} hint=''
    if [ ! -f "$work/signed-in" ]; then
        case $host in
            gcr.io | *.gcr.io | *-docker.pkg.dev) ;;
            *) hint=". $host is no registry of Google's: see the input gcp_image" ;;
        esac
        say "$host refuses the login of $identity (was the key deleted, or the account disabled?):" \
            "$last_words$hint"
        return
    fi
    project=$(say "${key-}" | json_field project_id | tr : /) # example.com:p is example.com/p in a path
    case $gcp_image/ in
        */"$project"/*) ;;
        *) hint=". The key is of project $project: is it the one for this image?" ;;
    esac
    say "the login was accepted, but $identity may not push to $gcp_image: it needs" \
        "roles/artifactregistry.writer there, and the repository must exist$hint"
}

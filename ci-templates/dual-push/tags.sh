# tags: the names that an image gets.

# What was asked for; else the commit, and its branch or tag.
wanted_tags() { # the input
    case $1 in
        auto)
            printf '%.8s\n' "${CI_COMMIT_SHA:-${GITHUB_SHA-}}"
            # A tag has no slash, and no dot or dash in front.
            say "${CI_COMMIT_TAG:-${CI_COMMIT_REF_SLUG:-${GITHUB_REF_NAME-}}}" \
                | sed 's/[^A-Za-z0-9_.-]/-/g; s/^[.-]*//' | cut -c 1-128
            ;;
        *) say "$1" | tr ' ' '\n' ;;
    esac | sed '/^$/d'
}

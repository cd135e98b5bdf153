# key: the JSON key of a service account, in whatever form it is stored.

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

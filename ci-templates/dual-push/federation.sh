# federation: no key at all, but an identity token that Google exchanges for an access token.
# https://cloud.google.com/iam/docs/workload-identity-federation-with-deployment-pipelines

check_federation() {
    case $provider in
        projects/*/locations/global/workloadIdentityPools/*/providers/*) ;;
        *)
            misconfigured "the input wif_provider is '$provider', and not like" \
                "projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER"
            ;;
    esac
    [ -n "${DUAL_PUSH_ID_TOKEN-}${ACTIONS_ID_TOKEN_REQUEST_URL-}" ] \
        || misconfigured "this job has no identity token: GitHub wants 'permissions: id-token: write'," \
            "GitLab the id_tokens of the template"
}

# Asked for just before each push: it lives for an hour.
access_token() {
    scope=https://www.googleapis.com/auth/cloud-platform
    {
        say "{\"audience\": \"//iam.googleapis.com/$provider\", \"scope\": \"$scope\","
        say '"grantType": "urn:ietf:params:oauth:grant-type:token-exchange",'
        say '"requestedTokenType": "urn:ietf:params:oauth:token-type:access_token",'
        say '"subjectTokenType": "urn:ietf:params:oauth:token-type:jwt",'
        say "\"subjectToken\": \"$(id_token)\"}"
    } >"$work/body"
    call "${DUAL_PUSH_INPUT_STS_URL:-https://sts.googleapis.com}/v1/token" "$work/body" >"$work/answer" || return
    json_field access_token <"$work/answer" >"$work/federated"
    [ -s "$work/federated" ] || { no_token "Google's token service" >&2; return 1; }
    [ -n "$account" ] || { cat "$work/federated"; return; }
    say "{\"scope\": [\"$scope\"]}" >"$work/body"
    impersonate="${DUAL_PUSH_INPUT_IAM_URL:-https://iamcredentials.googleapis.com}/v1/projects/-/serviceAccounts"
    call "$impersonate/$account:generateAccessToken" "$work/body" "$work/federated" >"$work/answer" || return
    json_field accessToken <"$work/answer" >"$work/federated"
    [ -s "$work/federated" ] || { no_token "the service account $account" >&2; return 1; }
    cat "$work/federated"
}

id_token() {
    if [ -n "${DUAL_PUSH_ID_TOKEN-}" ]; then
        printf '%s' "$DUAL_PUSH_ID_TOKEN"
    else
        printf '%s' "$ACTIONS_ID_TOKEN_REQUEST_TOKEN" >"$work/bearer"
        call "$ACTIONS_ID_TOKEN_REQUEST_URL&audience=https://iam.googleapis.com/$provider" '' "$work/bearer" \
            | json_field value
    fi
}

# Secrets travel in files. busybox wget takes a header as argument only; it serves where there is no curl, in the
# docker:cli image, where nobody but this job sees the arguments.
call() { # url, file with the body or '', file with the bearer token or nothing
    url=$1 body=$2 bearer=${3-}
    if command -v curl >/dev/null; then
        if [ -n "$bearer" ]; then printf 'header = "Authorization: Bearer %s"\n' "$(cat "$bearer")"; fi \
            | curl --silent --show-error --max-time 30 --config - \
                ${body:+--header "Content-Type: application/json" --data "@$body"} "$url"
    else
        timeout 30 wget -q -O - ${body:+--header "Content-Type: application/json" --post-file "$body"} \
            ${bearer:+--header "Authorization: Bearer $(cat "$bearer")"} "$url"
    fi
}

no_token() {
    said=$(json_field error_description <"$work/answer")
    say "unauthorized: $1 gave no token: ${said:-$(json_field message <"$work/answer")}"
}

# registries: each one on its own, so that one which is down keeps nothing from the other.

# Push all tags, again and again while the reason may pass. The digest, or the reason, is left in $work/SIDE.*
deliver() { # side, image
    attempt=1 delay=$first_delay
    say "== $2"
    while :; do
        { try "$1" "$2" 2>&1 && say "$digest" >"$work/$1.digest" || :; } | tee "$work/log"
        [ ! -s "$work/$1.digest" ] || return 0
        cause=$(cause_of "$work/log")
        [ "$cause" = temporary ] && [ "$attempt" -lt "$attempts" ] || break
        say "attempt $attempt of $attempts failed, the next one in $delay s"
        sleep "$delay"
        attempt=$((attempt + 1)) delay=$((delay < 30 ? delay * 2 : 60))
    done
    explain "$cause" "$1" "$2" >"$work/$1.reason"
    notice warning "$2: $(cat "$work/$1.reason")"
}

try() { # side, image
    rm -f "$work/signed-in" "$work/digest"
    sign_in_to "$1" >"$work/login" 2>&1 || { sed '/^WARNING/d' "$work/login"; return 1; }
    : >"$work/signed-in"
    for tag in $tags; do push_one "$2:$tag" || return; done
    digest=$(cat "$work/digest")
    if [ -z "$digest" ] || ! read_back "$2@$digest"; then
        say "the registry does not have what was pushed to it"
        return 1
    fi
}

# Bash completion for chatroom-ctl: its commands as its own help lists them, and names and addresses as
# the running server knows them.  Installed as bash-completion/completions/chatroom-ctl.

# The values of a key in a JSON answer of the server, one a line; nothing if it does not answer.
_chatroom_ctl_values() { # KEY COMMAND...
    local key=$1
    shift
    "${_chatroom_ctl[@]}" --json "$@" 2>/dev/null | grep -o "\"$key\":\"[^\"]*\"" | cut -d '"' -f 4
}

_chatroom_ctl_complete() {
    local IFS=$' \n' cur=${COMP_WORDS[COMP_CWORD]} cword=$COMP_CWORD command="" argument words="" path i
    local -a word=("${COMP_WORDS[@]}") _chatroom_ctl=("${COMP_WORDS[0]//[\'\"\\]/}")
    if declare -F _get_comp_words_by_ref >/dev/null; then # else a colon parts words
        _get_comp_words_by_ref -n : -w word -c cur -i cword
    fi
    COMPREPLY=()
    for ((i = 1; i < cword; i++)); do
        case ${word[i]} in
        -s) # as typed: with quotes, backslashes, a tilde
            ((++i < cword)) || break
            path=${word[i]//[\'\"\\]/}
            _chatroom_ctl+=(-s "${path/#\~/$HOME}") ;;
        -*) ;;
        *) command=${word[i]}; break ;;
        esac
    done
    argument=$((cword - i)) # of the command; the first is 1
    if [[ -z $command && ${word[cword - 1]} == -s ]]; then
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
    fi
    case $command:$argument in
    :*)
        words=$("${_chatroom_ctl[0]}" -h 2>/dev/null | awk '/^  [a-z]/ { print $1 }')
        [[ $cur == -* ]] && words="-s --json -h -V" ;;
    kick:1 | mute:1 | unmute:1) words=$(_chatroom_ctl_values name who) ;;
    unban:1) words=$(_chatroom_ctl_values address bans) ;;
    loglevel:1) words="error warn info debug" ;;
    esac
    if [[ -n $command && $cur == -* ]]; then
        words="--json"
        case $command in who) words+=" --all" ;; top) words+=" --once" ;; esac
    fi
    for i in $words; do # not compgen -W, which would run what a word contains
        [[ $i == "$cur"* ]] && COMPREPLY+=("$i")
    done
    declare -F __ltrim_colon_completions >/dev/null && __ltrim_colon_completions "$cur"
}

complete -F _chatroom_ctl_complete chatroom-ctl

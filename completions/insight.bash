_insight() {
    mapfile -t COMPREPLY < <(
        _INSIGHT_COMPLETE=bash _INSIGHT_LINE="${COMP_LINE:0:COMP_POINT}" \
            _INSIGHT_BREAKS="$COMP_WORDBREAKS" "$1" 2>/dev/null
    )
}

complete -o default -o nosort -F _insight insight

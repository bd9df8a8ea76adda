#compdef insight

_insight() {
  local line
  local -a offered values shown each_on_a_line
  offered=("${(@f)$(_INSIGHT_COMPLETE=zsh _INSIGHT_LINE="${(j: :)words[1,CURRENT]}" \
    insight 2>/dev/null)}")
  for line in $offered; do
    values+=("${line%%$'\t'*}")
    shown+=("${line#*$'\t'}")
    [[ $line == *$'\t'* ]] && each_on_a_line=(-l)
  done
  if (( $#values )); then
    compadd $each_on_a_line -V insight -d shown -a values
  else
    _files
  fi
}

if [[ $funcstack[1] == _insight ]]; then
  _insight "$@"
else
  compdef _insight insight
fi

#compdef insight

_insight_completion() {
  eval $(env _TYPER_COMPLETE_ARGS="${words[1,$CURRENT]}" _INSIGHT_COMPLETE=complete_zsh insight)
}

compdef _insight_completion insight


function __insight_offered
    set -l line (commandline --cut-at-cursor --current-process | string collect)
    set -l offered (env _INSIGHT_COMPLETE=fish _INSIGHT_LINE=$line insight 2>/dev/null)
    if set -q offered[1]
        printf '%s\n' $offered
    else
        __fish_complete_path (commandline --cut-at-cursor --current-token)
    end
end

complete --command insight --no-files --keep-order --arguments '(__insight_offered)'

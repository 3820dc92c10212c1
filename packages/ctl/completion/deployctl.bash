# completion of deployctl for bash
# It gives the words typed so far, the last one maybe empty or unfinished, to `deployctl __complete`, and reads back a
# line `:words`, `:file` or `:directory`, then the candidates, one a line.
_deployctl() {
  # Readline splits words at ":" and "=" and replaces only what follows: split at blanks, and cut off what is kept.
  local line=${COMP_LINE:0:COMP_POINT} kept= words answer candidate
  read -ra words <<<"$line"
  [[ $line == *[[:blank:]] ]] && words+=('')
  local current=${words[-1]}
  [[ $current == *[:=]* ]] && kept=${current%"${current##*[:=]}"}
  mapfile -t answer < <("${words[0]}" __complete -- "${words[@]:1}" 2>/dev/null)
  COMPREPLY=()
  case ${answer[0]-} in
    :file) mapfile -t COMPREPLY < <(compgen -f -- "${current#"$kept"}"); compopt -o filenames; return ;;
    :directory) mapfile -t COMPREPLY < <(compgen -d -- "${current#"$kept"}"); compopt -o filenames; return ;;
  esac
  for candidate in "${answer[@]:1}"; do
    candidate=${candidate#"$kept"}
    [[ $candidate == *[:=] ]] && compopt -o nospace
    printf -v candidate %q "$candidate"
    COMPREPLY+=("$candidate")
  done
}
complete -F _deployctl deployctl

# completion of deployctl for zsh
# It gives the words typed so far, the last one maybe empty or unfinished, to `deployctl __complete`, and reads back a
# line `:words`, `:file` or `:directory`, then the candidates, one a line.
_deployctl() {
  local -a answer
  answer=("${(@f)$(deployctl __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  case ${answer[1]} in
    :file) _files ;;
    :directory) _files -/ ;;
    :words) shift answer; compadd -Q -S '' -- "${(@q)answer[@]:#*[^:=]}"; compadd -Q -- "${(@q)answer[@]:#*[:=]}" ;;
  esac
}
compdef _deployctl deployctl

# completion of deployctl for fish
# It gives the words typed so far, the last one maybe empty or unfinished, to `deployctl __complete`, and reads back a
# line `:words`, `:file` or `:directory`, then the candidates, one a line.
function __deployctl_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l answer (deployctl __complete -- $words[2..-1] 2>/dev/null)
  switch "$answer[1]"
    case :file
      __fish_complete_path (commandline -ct)
    case :directory
      __fish_complete_directories (commandline -ct)
    case :words
      printf '%s\n' $answer[2..-1]
  end
end
complete -c deployctl -f -a '(__deployctl_complete)'

import type { Offer } from "./completion-words.ts";

export type Shell = "bash" | "zsh" | "fish";

/**
 * What may stand at the cursor, as the scripts read it: what of the disk, what stays in front, and the words, a line each, with
 * what they mean behind a tab.
 */
export function formatOffer({ words, paths, prefix }: Offer): string {
  const lines = words.map(({ text, means }) => (means === undefined ? text : `${text}\t${means}`));
  return `${[paths, prefix, ...lines].join("\n")}\n`;
}

/**
 * A script that completes the command lines of a program in a shell. It asks the program what can come next, and leaves the
 * rest to the shell: paths, quotes, and how words are shown. Nothing that it is told is ever run.
 */
export function completionScript(name: string, shell: Shell): string {
  return scripts[shell].replaceAll("waybill", name);
}

const bash = `# bash completion for waybill; bash 3.2 or newer. Before 4.0, as on macOS, load it by: eval "$(waybill completion bash)"
# Bash learned in 4.0 to be told how words end. Before that, words are listed without what they mean.
_waybill() {
  local line=\${COMP_LINE:0:COMP_POINT} words=() found=() piece text index last=0 tab=$'\\t' old=
  type compopt > /dev/null 2>&1 || old=yes
  # Bash ends words at = and : as well. What stands together in the line is put together again.
  for ((index = 0; index <= COMP_CWORD; index++)); do
    if ((index == 0)) || [[ $line == [[:space:]]* ]]; then
      line=\${line#"\${line%%[![:space:]]*}"}
      last=\${#words[@]}
      words[last]=
    fi
    piece=\${COMP_WORDS[index]}
    ((index < COMP_CWORD)) || piece=$line
    words[last]+=$piece
    line=\${line#"$piece"}
  done
  # Before 4.0 it ends them at spaces alone, and still replaces only what is behind the last = or :.
  [[ -z $old || $piece == [\\"\\']* || $piece != *"$2" ]] || piece=$2
  while IFS= read -r text; do
    found+=("$text")
  done < <(command waybill complete --shell bash -- "\${words[@]}" 2>/dev/null)

  # What bash puts its words behind: the part of the word before the last = or : that is in no quotes.
  local kept=\${words[last]%"$piece"} means=() width=0
  [[ $piece != [=:@]* ]] || kept=\${words[last]}
  for index in "\${!found[@]}"; do
    ((index > 1)) || continue
    text=\${found[1]}\${found[index]%%$tab*}
    [[ $text == "$kept"* ]] || continue
    text=\${text#"$kept"}
    case $piece in
      [\\"\\']*) [[ $text != *[\\"\\'\\\\$\\\`!]* ]] || continue ;;
      *) printf -v text %q "$text" ;;
    esac
    COMPREPLY+=("$text")
    means+=("\${found[index]#*$tab}")
    ((\${#text} <= width)) || width=\${#text}
  done

  case \${found[0]-} in
    files | folders)
      local kind=-f begun=$piece
      [[ \${found[0]} == files ]] || kind=-d
      [[ $piece != [\\"\\']* ]] || begun=\${piece:1}
      if [[ -n $old ]]; then
        while IFS= read -r text; do
          [[ ! -d $text ]] || text+=/
          [[ $piece == [\\"\\']* ]] || printf -v text %q "$text"
          COMPREPLY+=("$text")
        done < <(compgen $kind -- "$begun")
      elif ((\${#COMPREPLY[@]} == 0)); then
        [[ \${found[0]} == files ]] && compopt -o default || compopt -o dirnames
      else
        compopt -o filenames
        while IFS= read -r text; do
          COMPREPLY+=("$text")
        done < <(compgen $kind -- "$piece")
      fi
      ;;
    none)
      # A list is shown, and nothing is put into the line but what its words have in common: there is room for what they mean.
      if ((\${#COMPREPLY[@]} > 1 && (COMP_TYPE == 63 || COMP_TYPE == 33))); then
        for index in "\${!COMPREPLY[@]}"; do
          [[ \${means[index]} != "\${COMPREPLY[index]}" ]] || continue
          printf -v text '%-*s  %s' $width "\${COMPREPLY[index]}" "\${means[index]}"
          COMPREPLY[index]=\${text:0:\${COLUMNS:-80} - 1}
        done
      fi
      ;;
  esac
  [[ -n $old ]] || return 0
  # A word that goes on is a folder; all others are over.
  for index in "\${!COMPREPLY[@]}"; do
    [[ \${COMPREPLY[index]} == */ || $piece == [\\"\\']* ]] || COMPREPLY[index]+=" "
  done
}
if type compopt > /dev/null 2>&1; then complete -F _waybill waybill; else complete -o nospace -F _waybill waybill; fi
`;

const zsh = `#compdef waybill
_waybill() {
  local -a found described plain
  local line
  found=("\${(@f)$(command waybill complete --shell zsh -- "\${(@Q)words[1,CURRENT-1]}" "\${(Q)PREFIX}" 2>/dev/null)}")
  IPREFIX+=$found[2]
  PREFIX=\${PREFIX#"$found[2]"}
  for line in "\${(@)found[3,-1]}"; do
    if [[ $line == *$'\\t'* ]]; then
      described+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
    elif [[ -n $line ]]; then
      plain+=("$line")
    fi
  done
  (( ! $#described )) || _describe waybill described
  (( ! $#plain )) || compadd -a plain
  case $found[1] in
    files) _files ;;
    folders) _path_files -/ ;;
  esac
}
if [[ $funcstack[1] == _waybill ]]; then _waybill; else compdef _waybill waybill; fi
`;

const fish = `# fish completion for waybill
function __waybill_find
  set -g __waybill_words
  set -l last (commandline -ct)
  set -l found (command waybill complete --shell fish -- (commandline -opc) "$last" 2>/dev/null)
  for line in $found[3..]
    set -a __waybill_words "$found[2]$line"
  end
  switch "$found[1]"
    case files
      # Where there is nothing else, fish completes paths by itself.
      set -q __waybill_words[1]; or return 1
      set -a __waybill_words (__fish_complete_path "$last")
    case folders
      set -a __waybill_words (__fish_complete_directories "$last" "")
  end
end
complete -c waybill -n __waybill_find -f -a '$__waybill_words'
`;

const scripts: Readonly<Record<Shell, string>> = { bash, zsh, fish };

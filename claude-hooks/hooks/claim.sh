# Claims callbacks, where there are any. With an empty inbox this shell is all that runs.
# $1: prompt | tool | stop. The inboxes of the session stand in a file of SessionStart's, one a line.
list=$CLAUDE_PLUGIN_DATA/sessions/$CLAUDE_CODE_SESSION_ID
[ -f "$list" ] || exit 0
while IFS= read -r dir <&3; do
  # What waits, and what somebody has claimed who may have died before telling it.
  for file in "$dir"/*.json "${dir%/*}/.claimed/${dir##*/}"/*.claim; do
    [ -e "$file" ] && exec node "$CLAUDE_PLUGIN_ROOT/dist/hooks/start.cjs" claim
  done
done 3<"$list"
[ "$1" = prompt ] || exit 0
# A wake-up (wake.sh) for a callback that was claimed meanwhile: no turn for nothing.
case $(cat) in
*'"prompt":"<task-notification>\n<summary>Handrail: an OpenCode run has ended</summary>'*)
  printf '%s' '{"decision":"block","reason":"Handrail: the report of this run has been delivered already.","hookSpecificOutput":{"hookEventName":"UserPromptSubmit","suppressOriginalPrompt":true}}'
  ;;
esac

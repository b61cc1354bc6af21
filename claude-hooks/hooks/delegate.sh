# Most commands have nothing to do with OpenCode: they cost this shell and no more.
input=$(cat)
case $input in
*'"tool_input":'*opencode*) ;;
*) exit 0 ;;
esac
printf '%s' "$input" | node "$CLAUDE_PLUGIN_ROOT/dist/hooks/delegate.mjs"

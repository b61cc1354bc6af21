# Most commands have nothing to do with OpenCode (`opencode_tasks` is no program): they cost this shell, no more.
input=$(cat)
case $input in
*'"tool_input":'*opencode[!_]*) ;;
*) exit 0 ;;
esac
printf '%s' "$input" | node "$CLAUDE_PLUGIN_ROOT/dist/hooks/start.cjs" delegate

# After a shell command that may have written a task file. Not by `if` in hooks.json: that is asked about the
# command without its redirections (measured), and `printf ... > opencode_tasks/x.txt` would pass unseen.
input=$(cat)
case $input in
*'"tool_input":'*opencode_tasks/*) ;;
*) exit 0 ;;
esac
printf '%s' "$input" | node "$CLAUDE_PLUGIN_ROOT/dist/hooks/task.cjs"

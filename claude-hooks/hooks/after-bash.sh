# After a shell command. $1: the event.
input=$(cat)
case $input in
# What OpenCode prints when it is held and nothing lets it go (1.18.33).
*'Unexpected server error. Check server logs for details.'*)
  printf '{"hookSpecificOutput":{"hookEventName":"%s","additionalContext":"%s"}}' "$1" \
    "Handrail: OpenCode could not start a model, and nothing was written. The commands of this session start it so that only Handrail's plugin lets it work: the plugin is probably missing or does not load. Run 'handrail doctor'."
  ;;
# It may have written a task file. Not by `if` in hooks.json: that is asked about the command without its
# redirections (measured), and a 'printf ... > opencode_tasks/x.txt' would pass unseen.
*'"tool_input":'*opencode_tasks/*)
  printf '%s' "$input" | node "$CLAUDE_PLUGIN_ROOT/dist/hooks/start.cjs" task
  ;;
esac

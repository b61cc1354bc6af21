# Wakes Claude when a callback has come; claiming it is for the hooks whose words reach the model.
# Each callback wakes once: five files are five of these processes, and the plugin may be loaded twice.
list=$CLAUDE_PLUGIN_DATA/sessions/$CLAUDE_CODE_SESSION_ID
[ -f "$list" ] || exit 0
wake=
while IFS= read -r dir <&3; do
  woken=${dir%/*}/.woken/${dir##*/}
  for file in "$dir"/*.json; do
    [ -e "$file" ] || continue
    mkdir -p "$woken" && mkdir "$woken/${file##*/}" 2>/dev/null && wake=yes
  done
done 3<"$list"
[ -n "$wake" ] || exit 0
# asyncRewake: 2 wakes the model (hooks.json has the words).
exit 2

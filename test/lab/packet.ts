/** A coding packet with all that the schema asks for, as JSON. @param more replaces or adds fields */
export function packetJson(id: string, files: readonly string[], more: Record<string, unknown> = {}): string {
  return JSON.stringify({
    packet_version: "v1",
    task_id: id,
    workstream: "feature",
    owner_agent: "fullstack",
    session_key: `coding:${id}`,
    objective: `Work of ${id}`,
    scope: { file_paths: files, module_boundaries: [id] },
    ...more,
  });
}

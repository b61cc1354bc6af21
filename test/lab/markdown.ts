/** A fenced block of a Markdown file. */
export interface CodeBlock {
  file: string;
  /** Of the opening fence. */
  line: number;
  language: string;
  text: string;
}

/** The fenced blocks of a Markdown text, dedented. A block that is never closed is an error. */
export function codeBlocks(file: string, markdown: string): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  let open: (CodeBlock & { indent: number; fence: string }) | undefined;
  for (const [index, line] of markdown.split("\n").entries()) {
    const fence = /^( *)(`{3,})([\w-]*)\s*$/.exec(line);
    if (!open && fence) {
      const [, indent = "", mark = "", language = ""] = fence;
      open = { file, line: index + 1, language, text: "", indent: indent.length, fence: mark };
    } else if (open && fence && fence[3] === "" && fence[2] === open.fence) {
      const { indent: _indent, fence: _fence, ...block } = open;
      blocks.push(block);
      open = undefined;
    } else if (open) open.text += `${line.slice(open.indent)}\n`;
  }
  if (open) throw new Error(`${file}:${open.line}: the block is never closed`);
  return blocks;
}

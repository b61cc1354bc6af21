/** Languages that agents may be required to write to each other in. */
export type Language = "en" | "vi";

/** What the executor is told of it; nothing where English is fine. */
export const LANGUAGE_RULE: Record<Language, string | undefined> = {
  en: undefined,
  // The policy of one team (requirements, opencode-orchestration: A2A language policy).
  vi: "Write everything that is meant for other agents (answers, checkpoints, handoffs, prompts of sub-agents) in Vietnamese. Code, names and files stay as they are.",
};

/** The words of a handoff report. */
export const WORDS = {
  en: {
    handedOver: "Handed over to OpenCode: task",
    lane: { cli: "CLI-direct (opencode run --dir)", serve: "bridge (project-bound serve)" },
    run: "run",
    packet: "Packet",
    none: "none",
    project: "Project",
    server: "server",
    serverStopped: "ended with the task",
    serverStays: "stays",
    agent: "Agent",
    model: "model",
    openCodesChoice: "OpenCode's own choice",
    insteadOf: "instead of",
    callback: "Callback",
    expected: "expected",
    notExpected: "not expected; read it with handrail show",
  },
  vi: {
    handedOver: "Đã bàn giao cho OpenCode: nhiệm vụ",
    lane: { cli: "CLI trực tiếp (opencode run --dir)", serve: "qua cầu nối (serve gắn với dự án)" },
    run: "lượt chạy",
    packet: "Gói công việc",
    none: "không có",
    project: "Dự án",
    server: "máy chủ",
    serverStopped: "đã dừng cùng nhiệm vụ",
    serverStays: "vẫn chạy",
    agent: "Tác nhân",
    model: "mô hình",
    openCodesChoice: "do OpenCode tự chọn",
    insteadOf: "thay cho",
    callback: "Gọi lại",
    expected: "có",
    notExpected: "không; xem bằng handrail show",
  },
} as const satisfies Record<Language, unknown>;

/** Whether a text is certainly not in the language it should be in: Vietnamese is written with its own letters. */
export function isInLanguage(text: string, language: Language): boolean {
  return (
    language === "en" || /[ăâđêôơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹàáãèéìíòóõùúý]/i.test(text)
  );
}

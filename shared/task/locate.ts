export function locateTask(file: string, _root: string, _cwd: string): string {
  return file;
}

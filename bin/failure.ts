/** What the command line says when it cannot go on: one line on stderr and an exit code, 2 for a wrong call, 1 for everything else. */
export class Failure extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

export function usageFailure(message: string, command: string): Failure {
  return new Failure(`${message} (see: kante ${command} --help)`, 2);
}

export function errorCodeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What a front end does for a connection, and how answers are packed into writes or messages. */
export interface Transport {
  /** Hands an answer to the wire; `left` must be called once its bytes are written or dropped. */
  readonly send: (chunks: readonly Uint8Array[], byteLength: number, left: () => void) => void;
  /** Called at most once; answers sent before must still leave. */
  readonly close: (reason: string) => void;
  /** Ends at once; what has not left is dropped. */
  readonly drop: (reason: string) => void;
  /** There may be room again: whoever waits to read may look. */
  readonly onRoom: () => void;
}

/** Neighbours are copied together as long as they stay within `bytesMax`; larger chunks pass as they are. */
export function packChunks(chunks: readonly Uint8Array[], bytesMax: number): Uint8Array[] {
  const packed: Uint8Array[] = [];
  let run: Uint8Array[] = [];
  let runBytes = 0;
  const endRun = (): void => {
    if (run.length === 1 && run[0] !== undefined) packed.push(run[0]);
    else if (run.length > 1) packed.push(join(run, runBytes));
    run = [];
    runBytes = 0;
  };
  for (const chunk of chunks) {
    if (runBytes + chunk.byteLength > bytesMax) endRun();
    run.push(chunk);
    runBytes += chunk.byteLength;
  }
  endRun();
  return packed;
}

function join(chunks: readonly Uint8Array[], byteLength: number): Uint8Array {
  const whole = new Uint8Array(byteLength);
  let position = 0;
  for (const chunk of chunks) {
    whole.set(chunk, position);
    position += chunk.byteLength;
  }
  return whole;
}

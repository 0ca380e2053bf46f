/**
 * The two globals of every runtime (browser, workerd, Node) that this room uses and ECMAScript's own library leaves out.
 */
declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
  decode(bytes: Uint8Array): string;
}

declare class TextEncoder {
  encode(text: string): Uint8Array;
}

declare function structuredClone<Value>(value: Value): Value;

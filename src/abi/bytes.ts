/** Text to bytes and back, without a platform's help. */

export function encodeUtf8(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit > 0x7f) return encodeBeyondAscii(text);
    bytes[index] = unit;
  }
  return bytes;
}

/** Bytes as one character each: what the kernel does with what user space writes. */
export function decodeLatin1(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** Text in UTF-8; what is no UTF-8 is taken as Latin-1. */
export function decodeUtf8(bytes: Uint8Array): string {
  let escaped = '';
  for (const byte of bytes) escaped += byte > 0x7f || byte === PERCENT ? hex(byte) : char(byte);
  try {
    return decodeURIComponent(escaped);
  } catch {
    return decodeLatin1(bytes);
  }
}

const PERCENT = 0x25;

function hex(byte: number): string {
  return `%${byte.toString(16).padStart(2, '0')}`;
}

function char(byte: number): string {
  return String.fromCharCode(byte);
}

function encodeBeyondAscii(text: string): Uint8Array {
  const escaped = encodeURIComponent(text.replace(/[\ud800-\udfff]/gu, '\ufffd'));
  const bytes: number[] = [];
  for (let index = 0; index < escaped.length; index += 1) {
    if (escaped[index] === '%') {
      bytes.push(Number.parseInt(escaped.slice(index + 1, index + 3), 16));
      index += 2;
    } else {
      bytes.push(escaped.charCodeAt(index));
    }
  }
  return Uint8Array.from(bytes);
}

export function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let position = 0;
  for (const part of parts) {
    joined.set(part, position);
    position += part.length;
  }
  return joined;
}

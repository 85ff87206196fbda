/**
 * The object of a unit on the bus: all but letters and digits are written as `_` and two hexadecimal digits, and so is a digit
 * that comes first (`bus_path_encode`, org.freedesktop.systemd1(5)).
 */
export function unitObject(unit: string): string {
  const encode = (byte: number, index: number): string => {
    const character = String.fromCharCode(byte);
    const plain = index === 0 ? /[A-Za-z]/ : /[A-Za-z0-9]/;
    return plain.test(character) ? character : `_${byte.toString(16).padStart(2, "0")}`;
  };
  return `/org/freedesktop/systemd1/unit/${[...Buffer.from(unit)].map(encode).join("")}`;
}

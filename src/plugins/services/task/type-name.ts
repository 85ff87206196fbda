/** The name of the message in an `Any`, which may or may not be written as a URL of googleapis.com. */
export function typeName(typeUrl: string): string {
  const prefix = "type.googleapis.com/";
  return typeUrl.startsWith(prefix) ? typeUrl.slice(prefix.length) : typeUrl;
}

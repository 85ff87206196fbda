/** What a code means to whoever meets it. */
export interface Explanation {
  /** What has happened, or what usually brings it about. */
  readonly cause: string;
  /** What to do about it. */
  readonly cure: string;
}

/** Explanations of an area's codes. */
export type Explanations = Readonly<Record<string, Explanation>>;

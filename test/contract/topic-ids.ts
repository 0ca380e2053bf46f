/** Topics that no other case of a contract uses, so that one coordinator serves them all. */
let lastTopic = 0;

export function newTopicId(): string {
  lastTopic += 1;
  return `00000000-0000-4000-8000-${lastTopic.toString(16).padStart(12, "0")}`;
}

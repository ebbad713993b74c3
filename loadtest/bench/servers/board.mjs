/** What the bare servers keep: each topic's last message, and who listens. */
import { initialValue, topicNames } from './side.mjs';

/** @template Client */
export function createBoard() {
  /** @type {Map<string, { json: string, clients: Set<Client> }>} */
  const topics = new Map(
    topicNames.map((topic) => [topic, { json: JSON.stringify(initialValue(topic)), clients: new Set() }]),
  );
  const topicOf = (/** @type {string} */ name) => {
    const topic = topics.get(name);
    if (!topic) throw new Error(`no topic ${name}`);
    return topic;
  };

  return {
    /** Adds a listener and returns the topic's last message. */
    join(/** @type {string} */ name, /** @type {Client} */ client) {
      const topic = topicOf(name);
      topic.clients.add(client);
      return topic.json;
    },
    leave(/** @type {Client} */ client) {
      for (const { clients } of topics.values()) clients.delete(client);
    },
    /** Keeps a value and returns its text and whom it is for. */
    post(/** @type {string} */ name, /** @type {object} */ value) {
      const topic = topicOf(name);
      topic.json = JSON.stringify(value);
      return topic;
    },
  };
}

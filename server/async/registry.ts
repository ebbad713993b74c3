import type { Task } from './task.js';

const live = new Set<Task<unknown>>();

/** Every task that has not ended, oldest first; `owner` links them to a tree. A copy: changing it changes nothing. */
export function liveTasks(): Task<unknown>[] {
  return [...live];
}

/** Enters a task that begins. */
export function register(task: Task<unknown>): void {
  live.add(task);
}

/** Strikes out a task that ended. */
export function deregister(task: Task<unknown>): void {
  live.delete(task);
}

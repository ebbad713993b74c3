import { liveTasks } from '../async/registry.js';
import type { Task } from '../async/task.js';
import type { HttpRequest } from '../loop/policy.js';
import type { EdgeContext } from './context.js';
import { type Exchange, reply } from './exchange.js';
import { problem } from './problem.js';

/** A live task as `GET /debug/tasks` shows it. */
interface TaskNode {
  id: number;
  name: string;
  /** The name of the task that cancels and awaits it; `null` for a root. */
  owner: string | null;
  /** `cancelling`: it was asked to stop and has not ended yet. */
  state: 'pending' | 'cancelling';
  /** Milliseconds. */
  age: number;
  tasks: TaskNode[];
}

const LOOPBACK_ADDRESS = /^(127(\.\d{1,3}){3}|::1|0:0:0:0:0:0:0:1)$/;
/** A name that another machine's DNS may point here is no sign of a local request (DNS rebinding). */
const LOOPBACK_HOST = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i;

/**
 * `GET /debug/tasks`: the tree of this process's live tasks, oldest first, as JSON or, where `text/plain` is asked
 * for, as indented lines. Only for a request that was made on this machine; to any other there is nothing here (404).
 */
export function showTasks(context: EdgeContext, exchange: Exchange): void {
  const { request } = exchange;
  if (!isLocal(request)) {
    reply(
      context,
      exchange,
      problem('bad_request', `there is nothing at ${request.path}: see GET /topics`, 404),
    );
    return;
  }
  const tree = treeOf(liveTasks());
  const asText = /\btext\/plain\b/i.test(request.header('accept') ?? '');
  const headers = {
    'content-type': asText ? 'text/plain; charset=utf-8' : 'application/json',
    'cache-control': 'no-store',
  };
  const body = asText ? linesOf(tree).join('') : `${JSON.stringify(tree, undefined, 2)}\n`;
  reply(context, exchange, { status: 200, headers, body });
}

/** Whether a request comes from this machine and says of no proxy that it was passed on (RFC 7239). */
function isLocal(request: HttpRequest): boolean {
  return (
    LOOPBACK_ADDRESS.test(request.remoteAddress) &&
    LOOPBACK_HOST.test(request.header('host') ?? '') &&
    request.header('forwarded') === undefined &&
    request.header('x-forwarded-for') === undefined
  );
}

function treeOf(tasks: readonly Task<unknown>[]): TaskNode[] {
  const nodes = new Map(tasks.map((task) => [task, nodeOf(task)]));
  const roots: TaskNode[] = [];
  for (const [task, node] of nodes) {
    const owner = task.owner && nodes.get(task.owner);
    (owner?.tasks ?? roots).push(node);
  }
  return roots;
}

function nodeOf({ id, name, owner, cancelling, age }: Task<unknown>): TaskNode {
  const state = cancelling ? 'cancelling' : 'pending';
  return { id, name, owner: owner?.name ?? null, state, age: Math.round(age), tasks: [] };
}

function linesOf(nodes: readonly TaskNode[], indent = ''): string[] {
  return nodes.flatMap(({ name, state, age, tasks }) => [
    `${indent}${name}  ${state}  ${(age / 1000).toFixed(1)} s\n`,
    ...linesOf(tasks, `${indent}  `),
  ]);
}
